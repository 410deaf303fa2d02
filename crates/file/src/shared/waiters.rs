//! Wait for the writer within bounds, and ask it for more than to write.

use std::{
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use watchfire_core::clock;

use super::{Io, locks::lock};

/// The callers that wait for progress of the writer.
#[derive(Default)]
pub(super) struct Waiters {
    count: AtomicUsize,
    gate: Mutex<()>,
    moved: Condvar,
}

impl Waiters {
    /// Waits until `is_done`, which is asked after each step of the writer. Returns `false` at the deadline.
    pub(super) fn wait_until(&self, deadline: Instant, is_done: impl Fn() -> bool) -> bool {
        if is_done() {
            return true;
        }
        let mut gate = lock(&self.gate);
        // Counted before the question: the writer counts the waiters after its step.
        self.count.fetch_add(1, Ordering::SeqCst);
        let is_in_time = loop {
            if is_done() {
                break true;
            }
            let left = deadline.saturating_duration_since(clock::instant());
            if left.is_zero() {
                break false;
            }
            gate = self.moved.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        self.count.fetch_sub(1, Ordering::SeqCst);
        is_in_time
    }

    /// Wakes the waiters, which look again.
    pub(super) fn wake(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            drop(lock(&self.gate));
            self.moved.notify_all();
        }
    }
}

/// The wishes that callers have of the writer, and how many of them were served.
#[derive(Default)]
pub(super) struct Requests {
    /// Whether what waits is to be tried at once, and made durable where the durability has that.
    flush: AtomicBool,
    rotations_wanted: AtomicU64,
    rotations_served: AtomicU64,
    /// How many records were made durable.
    pub(super) synced: AtomicU64,
}

impl Requests {
    pub(super) fn ask_for_flush(&self) {
        self.flush.store(true, Ordering::SeqCst);
    }

    /// Returns the number of a wish for a rotation.
    pub(super) fn ask_for_rotation(&self) -> u64 {
        self.rotations_wanted.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn has_rotated(&self, wish: u64) -> bool {
        self.rotations_served.load(Ordering::SeqCst) >= wish
    }

    /// Takes the wishes up. Returns whether a flush was among them.
    pub(super) fn take(&self, io: &mut Io) -> bool {
        let wanted = self.rotations_wanted.load(Ordering::SeqCst);
        if wanted > io.rotation_wish {
            io.rotation_wish = wanted;
            io.output.rotate_soon();
        }
        self.flush.swap(false, Ordering::SeqCst)
    }

    /// Notes what was done of them.
    pub(super) fn serve(&self, io: &Io) {
        if !io.output.rotates_soon() {
            self.rotations_served.store(io.rotation_wish, Ordering::SeqCst);
        }
    }
}
