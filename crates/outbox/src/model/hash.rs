//! Hash texts into ids that are the same in every build, process and version: FNV-1a of 64 and 128 bits.
//!
//! `DefaultHasher` promises nothing across versions, and ids are compared across restarts.

/// Hashes parts one after the other; each part is closed, so that `["ab", "c"]` and `["a", "bc"]` differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv128(u128);

impl Fnv128 {
    pub(crate) const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    #[must_use]
    pub(crate) fn part(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        self.0 = (self.0 ^ 0xff).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        self
    }

    pub(crate) const fn finish(self) -> u128 {
        self.0
    }

    pub(crate) fn finish_u64(self) -> u64 {
        let [high, low] = [self.0 >> 64, self.0 & u128::from(u64::MAX)];
        u64::try_from(high ^ low).unwrap_or_default()
    }
}
