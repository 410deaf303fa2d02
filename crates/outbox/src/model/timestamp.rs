//! Points in time, as the spool writes them.

use std::{
    fmt,
    ops::{Add, Sub},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use watchfire_core::process;

/// A point in time, in milliseconds of Unix time, on a clock that follows elapsed time.
///
/// Unix time, because it is written into file names and must mean the same after a restart. Elapsed time, because a wall
/// clock is set: the conversions from and to [`SystemTime`] add and subtract the steps of the wall clock since the
/// process began, so that people read the time that they know.
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

impl Timestamp {
    /// Takes a time as it is, without the steps of the wall clock: for files, which other processes read.
    pub(crate) fn of_unix(at: SystemTime) -> Self {
        Self::default() + at.duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Returns the time as it is, without the steps of the wall clock.
    pub(crate) fn to_unix(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }

    fn moved_by(self, millis: i64) -> Self {
        Self(self.0.saturating_add_signed(millis))
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
        Self::of_unix(at).moved_by(process::wall_step().saturating_neg())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(at: Timestamp) -> Self {
        at.moved_by(process::wall_step()).to_unix()
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}
