//! The clock of the worker: wall-clock time that never goes back.

use std::time::{Duration, Instant};

use watchfire_core::clock;

use crate::model::Timestamp;

/// A wall clock that never goes back.
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
