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

/// Returns the time since some moment before the start of the process, suspends of the machine included where the system
/// counts them (Linux).
#[must_use]
pub fn uptime() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        since_boot()
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        static FIRST: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let first = *FIRST.get_or_init(instant);
        instant().saturating_duration_since(first)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(
    unsafe_code,
    reason = "std has no clock that counts suspends; clock_gettime(2) writes into a value of ours"
)]
fn since_boot() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of `now`, which outlives the call.
    unsafe {
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now);
    }
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), nanos)
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
    fn uptime_runs_as_the_monotonic_clock_does() {
        let (began, before) = (instant(), uptime());
        std::thread::yield_now();
        let (passed, after) = (uptime().checked_sub(before), began.elapsed());
        assert!(
            passed.is_some_and(|passed| passed <= after + Duration::from_secs(1)),
            "{passed:?} {after:?}"
        );
    }

    #[test]
    fn every_span_has_a_deadline() {
        let now = instant();
        assert_eq!(after(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        assert_eq!(after(now, Duration::MAX), now + LONGEST);
        assert_eq!(after(now, Duration::ZERO), now);
    }
}
