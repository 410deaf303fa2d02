use std::{
    fmt,
    ops::{Add, Sub},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use watchfire_core::clock;

/// Is a point in time as the delivery and the spool count it: milliseconds of Unix time.
///
/// Unix time, because it is written into file names and must mean the same after a restart. In a process it comes from
/// a [`Ticker`], which never goes back.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub(crate) const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns how long ago `earlier` was; nothing if it lies in the future.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        Self::default() + at.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl From<Timestamp> for SystemTime {
    fn from(at: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_millis(at.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Tells the time to the worker: wall-clock time that never goes back.
///
/// It follows the monotonic clock. A wall clock that was set back is ignored until the process ends, or pauses would
/// last for ever; one that ran ahead (set by NTP after the boot, or a suspended machine) is taken over.
#[derive(Debug)]
pub(crate) struct Ticker {
    anchor: (Instant, Timestamp),
}

/// A wall clock that is ahead by less than this is drift.
const DRIFT: Duration = Duration::from_secs(2);

impl Ticker {
    pub(crate) fn start() -> Self {
        Self { anchor: (clock::instant(), clock::now().into()) }
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        self.at(clock::instant(), clock::now().into())
    }

    fn at(&mut self, instant: Instant, wall: Timestamp) -> Timestamp {
        let steady = self.anchor.1 + instant.saturating_duration_since(self.anchor.0);
        if wall > steady + DRIFT {
            self.anchor = (instant, wall);
            return wall;
        }
        steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back_and_follows_a_clock_that_ran_ahead() {
        let begin = clock::instant();
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        let wall = Timestamp::from_millis(1_700_000_000_000);
        let mut ticker = Ticker { anchor: (begin, wall) };
        // (seconds of the monotonic clock, wall clock, what is told)
        let cases = [
            (1, wall + second, wall + second),
            (2, wall - hour, wall + second * 2),
            (3, wall + second * 4, wall + second * 3),
            (4, wall + hour, wall + hour),
            (5, wall - hour, wall + hour + second),
        ];
        for (seconds, wall, told) in cases {
            assert_eq!(ticker.at(begin + second * seconds, wall), told, "after {seconds} s");
        }
    }
}
