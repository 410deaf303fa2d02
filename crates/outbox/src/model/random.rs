//! Draw random numbers, for jitter and for names: the one place that does.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns 32 random bits.
pub(crate) fn bits() -> u32 {
    // Seeded by the operating system once, and different at every call: good enough for jitter, not for secrets.
    u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or_default()
}

/// Returns a number in 0..1.
pub(crate) fn draw() -> f64 {
    f64::from(bits()) / f64::from(u32::MAX)
}
