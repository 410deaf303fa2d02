//! The thread of a file: it writes, and rotates by the clock.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use watchfire_core::clock;

use super::{FileShared, HIGH, locks::lock};
use crate::{Durability, rotation::Period, time::seconds};

/// How often the thread looks for a hang-up signal.
const LOOK_FOR_HANGUP: Duration = Duration::from_millis(250);
const LONG_SLEEP: Duration = Duration::from_secs(3600);

impl FileShared {
    /// Runs the thread: writes, rotates by the clock.
    pub(crate) fn run(self: &Arc<Self>) {
        watchfire_core::mute_thread();
        self.has_runner(true);
        let _running = Running(self);
        let mut had_lines = false;
        loop {
            let is_stopped = self.wait(had_lines);
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
            if self.housekeeping.is_due(io.output.is_untidy(), instant) {
                io.output.take_untidy();
                let place = io.output.place();
                drop(io);
                self.keep_house_beside(place);
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
    pub(super) fn wait(&self, had_lines: bool) -> bool {
        let (retry_at, house_at, sync_at) = {
            let io = lock(&self.io);
            let sync_at = match self.pace.durability {
                Durability::SyncEvery(every) if io.output.is_unsynced() => Some(io.last_sync + every),
                _ => None,
            };
            (io.retry_at, self.housekeeping.next(io.output.is_untidy()), sync_at)
        };
        let mut front = self.front();
        if front.is_stopped {
            return true;
        }
        let now = clock::instant();
        if front.is_urgent || house_at.is_some_and(|at| at <= now) {
            return false;
        }
        let left = |at: Instant| at.saturating_duration_since(now);
        let mut sleep = LONG_SLEEP;
        for at in [retry_at, house_at, sync_at].into_iter().flatten() {
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
            // Lines that come meanwhile have waited long enough when the nap is over.
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
}

/// Notes the end of the thread, also by a panic: callers then write themselves.
struct Running<'a>(&'a FileShared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Release);
        self.0.waiters.wake();
    }
}
