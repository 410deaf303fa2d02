//! The thread of a file: it writes, rotates by the clock, and prunes.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use watchfire_core::clock;

use super::{FileShared, HIGH, locks::lock};
use crate::{
    Durability,
    plan::{LogLocation, WriteTrouble},
    prune,
    retention::Keep,
    rotation::Period,
    time::seconds,
};

/// How often the thread looks for a hang-up signal.
const LOOK_FOR_HANGUP: Duration = Duration::from_millis(250);
const LONG_SLEEP: Duration = Duration::from_secs(3600);
/// A clock that gains more than this was set.
const STEP: Duration = Duration::from_secs(600);
/// How long nothing is removed for its age after that.
const DOUBT: Duration = Duration::from_secs(3600);
const TIDY_AGAIN: Duration = Duration::from_secs(10);

impl FileShared {
    /// Runs the thread: writes, rotates by the clock, prunes.
    pub(crate) fn run(&self) {
        watchfire_core::mute_thread();
        let mut tidy_at: Option<Instant> = None;
        let mut had_lines = false;
        loop {
            let is_stopped = self.wait(tidy_at, had_lines);
            let mut io = lock(&self.io);
            if self.hangup.as_ref().is_some_and(|flag| flag.swap(false, Ordering::Relaxed)) {
                io.output.close();
            }
            let before = self.written.load(Ordering::Relaxed);
            self.drain(&mut io, false);
            had_lines = self.written.load(Ordering::Relaxed) != before;
            let instant = clock::instant();
            if let Err(trouble) = io.output.tick(clock::now(), instant) {
                self.report(&trouble, instant);
            }
            self.after_write(&mut io, instant);
            let is_untidy = io.output.take_untidy() || tidy_at.is_some_and(|at| instant >= at);
            let place = io.output.place();
            drop(io);
            if is_untidy {
                tidy_at = self.tidy(place.as_deref()).then(|| instant + TIDY_AGAIN);
            }
            if is_stopped {
                return;
            }
        }
    }

    /// Sleeps until there is something to do. Returns whether the file is to be closed.
    ///
    /// After a turn that `had_lines` it only naps: while there is traffic no caller pays for a wake-up, which costs
    /// 2 to 20 µs.
    pub(super) fn wait(&self, tidy_at: Option<Instant>, had_lines: bool) -> bool {
        let (retry_at, is_untidy, sync_at) = {
            let io = lock(&self.io);
            let sync_at = match self.pace.durability {
                Durability::SyncEvery(every) if io.output.is_unsynced() => Some(io.last_sync + every),
                _ => None,
            };
            (io.retry_at, io.output.is_untidy(), sync_at)
        };
        let mut front = self.front();
        if front.is_stopped {
            return true;
        }
        if is_untidy || front.is_urgent {
            return false;
        }
        let now = clock::instant();
        let left = |at: Instant| at.saturating_duration_since(now);
        let mut sleep = LONG_SLEEP;
        for at in [retry_at, tidy_at, sync_at].into_iter().flatten() {
            sleep = sleep.min(left(at));
        }
        if self.hangup.is_some() {
            sleep = sleep.min(LOOK_FOR_HANGUP);
        }
        let (second, _) = seconds(clock::now());
        if front.period != Period::ALWAYS {
            // Woken a little late is on time; a clock that is set is noticed within the hour.
            let until = u64::try_from(front.period.until.saturating_sub(second)).unwrap_or(0);
            let next =
                if until == 0 { self.plan.period(clock::now()).until.saturating_sub(second) } else { 0 };
            let until = until.max(u64::try_from(next).unwrap_or(0));
            sleep = sleep.min(Duration::from_secs(until) + Duration::from_millis(5));
        }
        if had_lines && retry_at.is_none() && front.batch.is_empty() {
            // What comes meanwhile has waited as long as it may when the nap is over.
            let nap = sleep.min(self.pace.flush_every);
            front = self.wake.wait_timeout(front, nap).unwrap_or_else(PoisonError::into_inner).0;
            return front.is_stopped;
        }
        if front.batch.is_empty() {
            front.is_asleep = true;
            front = self.wake.wait_timeout(front, sleep).unwrap_or_else(PoisonError::into_inner).0;
            front.is_asleep = false;
        }
        let is_high = front.batch.len() >= HIGH && retry_at.is_none();
        if !front.batch.is_empty() && !front.is_stopped && !front.is_urgent && !is_high {
            // Gathers what comes in the meantime, so that many lines make one write.
            let gather = if retry_at.is_some() { sleep } else { self.pace.flush_every };
            front = self.wake.wait_timeout(front, gather).unwrap_or_else(PoisonError::into_inner).0;
        }
        front.is_stopped
    }

    /// Removes and compresses. Returns whether it has to be tried again.
    pub(super) fn tidy(&self, place: Option<&LogLocation>) -> bool {
        let Some(place) = place else { return false };
        let keep = self.trusted_keep();
        match prune::run(&*self.fs, &self.plan, place, keep, clock::now()) {
            Ok(()) => false,
            Err(WriteTrouble::Busy | WriteTrouble::Full) => true,
            Err(trouble) => {
                self.report(&trouble, clock::instant());
                true
            }
        }
    }

    /// Returns what is kept; without regard to age for a while after the clock was set forward, since then everything
    /// seems old.
    fn trusted_keep(&self) -> Keep {
        let (now, instant) = (clock::now(), clock::instant());
        let mut last = lock(&self.last_tidy);
        let expected = last.wall + instant.saturating_duration_since(last.at);
        if now.duration_since(expected).is_ok_and(|step| step > STEP) {
            last.age_counts_from = Some(instant + DOUBT);
        }
        (last.wall, last.at) = (now, instant);
        let mut keep = self.plan.keep;
        if last.age_counts_from.is_some_and(|from| instant < from) {
            keep.age = None;
        }
        keep
    }
}
