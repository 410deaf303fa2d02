//! Random numbers from a seed.

use std::time::Duration;

/// Draws numbers from a seed: `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Clone, Debug)]
pub(super) struct SimRandom(u64);

impl SimRandom {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Returns a number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// Tells yes so many times of a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.bits() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }

    /// Returns one of several.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let len = u64::try_from(of.len()).unwrap_or(u64::MAX);
        of.get(usize::try_from(self.below(len)).unwrap_or_default())
    }

    /// Returns a time span: mostly short, now and then hours or days.
    pub(super) fn span(&mut self) -> Duration {
        let millis = match self.below(100) {
            0..40 => self.below(1_000),
            40..70 => self.below(60_000),
            70..90 => self.below(15 * 60_000),
            90..98 => self.below(3 * 3_600_000),
            _ => self.below(3 * 86_400_000),
        };
        Duration::from_millis(millis)
    }
}
