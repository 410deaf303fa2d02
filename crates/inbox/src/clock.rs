//! The one file of this crate that reads a clock.

use std::time::{Instant, SystemTime};

#[expect(clippy::disallowed_methods, reason = "the named clock file of this crate")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

#[expect(clippy::disallowed_methods, reason = "the named clock file of this crate")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
