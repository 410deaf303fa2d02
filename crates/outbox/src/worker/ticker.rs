//! The clock of the worker: elapsed time, and how far the wall clock was set meanwhile.

use std::time::{Duration, SystemTime};

use watchfire_core::{clock, process};

use crate::model::Timestamp;

/// The clock of the worker.
///
/// It follows elapsed time, suspends included: a wall clock that is set ages no message and makes no pause longer. A
/// wall clock that differs for a while is noted, for quiet hours, silences, and the times that people read.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    steps: WallSteps,
}

/// A wall clock that differs by less than this is drift.
const DRIFT: i64 = 2_000;
/// How long a step of the wall clock has to last: a glitch of seconds must not end a silence.
const SETTLED: Duration = Duration::from_secs(30);

/// The steps of the wall clock.
#[derive(Debug, Default)]
struct WallSteps {
    settled: i64,
    /// A new step, and since when it lasts.
    new: Option<(i64, Timestamp)>,
}

impl Ticker {
    pub(crate) fn now(&mut self) -> Timestamp {
        let steady = process::steady_now();
        let now = Timestamp::of_unix(steady);
        process::note_wall_step(self.steps.note(now, millis_between(steady, clock::now())));
        now
    }
}

impl WallSteps {
    /// Notes by how many milliseconds the wall clock is ahead; returns by how many it is for good.
    fn note(&mut self, now: Timestamp, ahead: i64) -> i64 {
        let is_near = |known: i64| ahead.abs_diff(known) <= DRIFT.unsigned_abs();
        self.new = match self.new {
            _ if is_near(self.settled) => None,
            Some((step, since)) if is_near(step) => Some((step, since)),
            _ => Some((ahead, now)),
        };
        if self.new.is_some_and(|(_, since)| now.since(since) >= SETTLED) {
            (self.settled, self.new) = (ahead, None);
        }
        self.settled
    }
}

fn millis_between(from: SystemTime, to: SystemTime) -> i64 {
    let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    match to.duration_since(from) {
        Ok(ahead) => millis(ahead),
        Err(behind) => -millis(behind.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_when_it_has_lasted_and_a_glitch_does_not() {
        let hour = 3_600_000;
        let start = Timestamp::from_millis(1_700_000_000_000);
        // (seconds, how far the wall clock is ahead, what counts)
        let cases = [
            (0, 0, 0),
            (1, hour, 0),
            (4, 0, 0),
            (10, -hour, 0),
            (30, -hour + 900, 0),
            (39, -hour, 0),
            (40, -hour, -hour),
            (41, -hour - 1_500, -hour),
            (50, 12 * hour, -hour),
            (60, 0, -hour),
            (79, 0, -hour),
            (90, 0, 0),
            (91, i64::MAX, 0),
            (121, i64::MAX, i64::MAX),
        ];
        let mut steps = WallSteps::default();
        for (seconds, ahead, counts) in cases {
            assert_eq!(steps.note(start + Duration::from_secs(seconds), ahead), counts, "after {seconds} s");
        }
    }

    #[test]
    fn steps_are_told_apart_by_their_sign() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        assert_eq!(millis_between(at, at + Duration::from_secs(2)), 2_000);
        assert_eq!(millis_between(at, at - Duration::from_secs(2)), -2_000);
    }
}
