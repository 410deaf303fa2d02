//! Write out what waits, and wait for it: on call and at the end of the process.

use std::{sync::atomic::Ordering, time::Instant};

use watchfire_core::{Flushed, clock, process::AtExit};

use super::{
    EXIT_LEAST, EXIT_PATIENCE, FIRST_PAUSE, FileShared, Io, NAP,
    locks::{lock, try_lock},
};
use crate::Durability;

impl FileShared {
    /// Writes what waits now, at the latest until `deadline`; tries again what fails.
    pub(crate) fn flush(&self, deadline: Instant) -> Flushed {
        self.flush_until(deadline, |_| true)
    }

    /// Rotates with what waits now in the old file.
    pub(crate) fn rotate(&self, deadline: Instant) -> Flushed {
        let flushed = self.flush(deadline);
        lock(&self.io).output.rotate_soon();
        flushed.and(self.flush_until(deadline, |io| !io.output.rotates_soon()))
    }

    /// Others may go on writing meanwhile: only what was there at the beginning is waited for.
    fn flush_until(&self, deadline: Instant, is_done: impl Fn(&Io) -> bool) -> Flushed {
        let (accepted, missing) = {
            let front = self.front();
            (front.accepted, front.missing)
        };
        // The line that says what is missing is one more.
        let accepted = accepted + u64::from(missing > 0);
        loop {
            let mut nap = NAP;
            if let Some(mut io) = try_lock(&self.io) {
                io.retry_at = None;
                self.drain(&mut io, true);
                if self.written.load(Ordering::Relaxed) >= accepted && is_done(&io) {
                    let syncs =
                        matches!(self.pace.durability, Durability::SyncEvery(_) | Durability::SyncOnError);
                    if !syncs {
                        return Flushed::Yes;
                    }
                    match io.output.sync() {
                        Ok(()) => return Flushed::Yes,
                        Err(trouble) => self.report(&trouble, clock::instant()),
                    }
                }
                if io.is_in_trouble {
                    nap = FIRST_PAUSE / 5;
                }
            }
            if clock::instant() >= deadline {
                return Flushed::TimedOut;
            }
            std::thread::park_timeout(nap);
        }
    }
}

impl AtExit for FileShared {
    fn at_exit(&self, began: Instant) {
        // The thread that ends may hold the lock itself, so it is only tried.
        let _flushed = self.flush(clock::after(began, EXIT_PATIENCE).max(clock::instant() + EXIT_LEAST));
    }
}
