//! The end of a program: one deadline for all steps that wait, and whether the wait is of any use.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use watchfire_core::clock;

/// How long after a step the next one still belongs to the same end: a program that dropped its handle early and went on
/// has its whole time when it ends.
const SAME_END: Duration = Duration::from_secs(60);

/// The waits at the end of a program: the handle is dropped, the outbox is dropped, the process exits.
///
/// Each step has a limit. What the steps before it have waited counts towards it, so that all of them together wait as
/// long as the largest limit, and not as long as the sum.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// How long the steps so far have waited, and when the last one was over.
    waited: Mutex<Option<(Duration, Instant)>>,
    /// Until when the present step waits.
    by: Mutex<Option<Instant>>,
    /// Set by the worker: nothing that waits can be delivered by then, or what can is safe in the spool.
    is_in_vain: AtomicBool,
}

impl Ending {
    /// Begins a step that may wait for `limit` in all, less what other outboxes have waited `before`; returns until when.
    pub(crate) fn begin(&self, limit: Duration, before: Duration, now: Instant) -> Instant {
        let by = clock::after(now, limit.saturating_sub(self.waited(now).max(before)));
        self.is_in_vain.store(false, Ordering::Release);
        *self.by.lock().unwrap_or_else(PoisonError::into_inner) = Some(by);
        by
    }

    /// Ends the step that began at `began`; returns how long all steps have waited.
    pub(crate) fn finish(&self, began: Instant, now: Instant) -> Duration {
        let total = self.waited(began) + now.saturating_duration_since(began);
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) = Some((total, now));
        total
    }

    fn waited(&self, now: Instant) -> Duration {
        let waited = *self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = waited.filter(|(_, over)| now.saturating_duration_since(*over) < SAME_END);
        recent.map_or(Duration::ZERO, |(span, _)| span)
    }

    /// Returns until when the present step waits, if there is one.
    pub(crate) fn by(&self) -> Option<Instant> {
        *self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether anything can still be delivered by then.
    pub(crate) fn note(&self, is_in_vain: bool) {
        self.is_in_vain.store(is_in_vain, Ordering::Release);
    }

    pub(crate) fn is_in_vain(&self) -> bool {
        self.is_in_vain.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn steps_of_one_end_share_their_time() {
        let start = clock::instant();
        // (steps: seconds until it begins, its limit, how long it waits, how long it may)
        let cases: [&[(u32, Duration, u32, u32)]; 5] = [
            &[(0, S * 5, 5, 5), (0, S * 5, 0, 0), (0, S * 2, 0, 0)],
            &[(0, S * 5, 1, 5), (0, S * 2, 1, 1)],
            &[(0, Duration::ZERO, 0, 0), (3, S * 2, 2, 2)],
            &[(0, S * 5, 5, 5), (3_600, S * 2, 2, 2)],
            &[(0, S * 5, 5, 5), (59, S * 8, 3, 3), (59, S * 8, 0, 0)],
        ];
        for steps in cases {
            let (ending, mut now) = (Ending::default(), start);
            for (pause, limit, waits, may) in steps {
                now += S * *pause;
                assert_eq!(ending.begin(*limit, Duration::ZERO, now), now + S * *may, "{steps:?}");
                let began = now;
                now += S * *waits;
                ending.finish(began, now);
            }
        }
        let ending = Ending::default();
        assert_eq!(ending.begin(S * 5, S * 3, start), start + S * 2, "another outbox has waited");
        assert_eq!(ending.begin(Duration::MAX, Duration::ZERO, start), clock::after(start, Duration::MAX));
    }
}
