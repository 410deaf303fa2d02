//! The bounded queue between callers and the worker.

use std::collections::VecDeque;

use tokio::sync::Notify;
use watchfire_core::process;

use crate::worker::handoff::Handoff;

/// The hand-off between the program's threads and the worker, which sleeps in its runtime.
pub(crate) struct Queue<T> {
    handoff: Handoff<T>,
    wake: Notify,
    /// How often the process was forked when the queue was made.
    forks: u32,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { handoff: Handoff::new(capacity), wake: Notify::new(), forks: process::forks() }
    }

    /// Puts one in; gives it back if the queue is full.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        self.handoff.push(item, || self.wake())
    }

    /// As [`push`](Self::push), without ever waiting for a lock.
    pub(crate) fn try_push(&self, item: T) -> Result<(), T> {
        self.handoff.try_push(item, || self.wake())
    }

    /// Takes all out.
    pub(crate) fn take(&self, into: &mut VecDeque<T>) {
        self.handoff.take(into);
    }

    pub(crate) fn len(&self) -> usize {
        self.handoff.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.handoff.is_full()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.handoff.capacity()
    }

    /// Wakes the worker, for another reason than an item.
    pub(crate) fn nudge(&self) {
        self.handoff.wake_up();
        self.wake();
    }

    /// Wakes the worker. Not from a forked child: the entry of the sleeping worker is on its stack, which the C library
    /// has given to another thread of the child by then.
    fn wake(&self) {
        if process::forks() == self.forks {
            self.wake.notify_one();
        }
    }

    /// Says that the worker is about to sleep; `false` if there is something to do after all.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.handoff.fall_asleep()
    }

    pub(crate) fn woken(&self) -> impl Future<Output = ()> + '_ {
        self.wake.notified()
    }
}
