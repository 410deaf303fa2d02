//! Read the clocks. This is the one file of core that does; everything else takes the time as an argument.

use std::time::{Instant, SystemTime};

/// Returns the wall-clock time, for stamps that people read.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the clock file")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Returns the monotonic time, for deadlines and intervals.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the clock file")]
pub fn instant() -> Instant {
    Instant::now()
}
