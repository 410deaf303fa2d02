//! Write out what waits, and wait for it: on call and at the end of the process.

use std::{sync::atomic::Ordering, time::Instant};

use watchfire_core::{Flushed, clock, process::AtExit};

use super::{EXIT_LEAST, EXIT_PATIENCE, FIRST_PAUSE, FileShared, NAP, locks::try_lock};
use crate::Durability;

impl FileShared {
    /// Writes what waits now, at the latest until `deadline`; tries again what fails.
    pub(crate) fn flush(&self, deadline: Instant) -> Flushed {
        self.flush_until(deadline, || true)
    }

    /// Rotates with what waits now in the old file.
    pub(crate) fn rotate(&self, deadline: Instant) -> Flushed {
        let flushed = self.flush(deadline);
        let wish = self.requests.ask_for_rotation();
        flushed.and(self.flush_until(deadline, || self.requests.has_rotated(wish)))
    }

    /// Others may go on writing meanwhile: only what was there at the beginning is waited for.
    fn flush_until(&self, deadline: Instant, is_done: impl Fn() -> bool) -> Flushed {
        let (accepted, missing) = {
            let front = self.front();
            (front.accepted, front.missing)
        };
        // The line that says what is missing is one more.
        let accepted = accepted + u64::from(missing > 0);
        let syncs = matches!(self.pace.durability, Durability::SyncEvery(_) | Durability::SyncOnError);
        let is_there = || {
            let durable = !syncs || self.requests.synced.load(Ordering::SeqCst) >= accepted;
            durable && self.written.load(Ordering::SeqCst) >= accepted && is_done()
        };
        loop {
            self.requests.ask_for_flush();
            let mut nap = FIRST_PAUSE / 5;
            if self.is_running.load(Ordering::Acquire) {
                // The thread of the file does it: a disk that hangs must not hang the caller.
                self.front().is_urgent = true;
                self.wake.notify_one();
            } else if let Some(mut io) = try_lock(&self.io) {
                self.drain(&mut io, true);
                if !io.is_in_trouble {
                    nap = NAP;
                }
            }
            let until = deadline.min(clock::after(clock::instant(), nap));
            if self.waiters.wait_until(until, is_there) {
                return Flushed::Yes;
            }
            if clock::instant() >= deadline {
                return Flushed::TimedOut;
            }
        }
    }
}

impl AtExit for FileShared {
    fn at_exit(&self, began: Instant) {
        // The thread that ends may hold the lock itself, so it is only tried.
        let _flushed = self.flush(clock::after(began, EXIT_PATIENCE).max(clock::instant() + EXIT_LEAST));
    }
}
