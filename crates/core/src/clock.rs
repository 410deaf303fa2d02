//! Read the clocks. This is the one file of core that does; everything else takes the time as an argument.

use std::time::{Duration, Instant, SystemTime};

/// The longest span that a deadline is set for: 30 years, which every clock can count to.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

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

/// Returns the time `span` after `from`. A span of more than 30 years, such as [`Duration::MAX`], counts as 30 years: an
/// `Instant` cannot hold every sum, and its `+` panics.
#[must_use]
pub fn after(from: Instant, span: Duration) -> Instant {
    from + span.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_has_a_deadline() {
        let now = instant();
        assert_eq!(after(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        assert_eq!(after(now, Duration::MAX), now + LONGEST);
        assert_eq!(after(now, Duration::ZERO), now);
    }
}
