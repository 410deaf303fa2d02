//! Hand alerts from the program's threads to the courier: bounded by count, never waiting.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

/// Is the hand-off between any number of threads and the one courier.
pub(crate) struct Queue<T> {
    waiting: Mutex<VecDeque<T>>,
    capacity: usize,
    /// Whether the courier sleeps without looking at the queue: only then does a push wake it, by a system call.
    asleep: AtomicBool,
    wake: Notify,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { waiting: Mutex::default(), capacity, asleep: AtomicBool::new(true), wake: Notify::new() }
    }

    /// Puts one in; gives it back if the queue is full.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= self.capacity {
                return Err(item);
            }
            waiting.push_back(item);
        }
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Takes all out.
    pub(crate) fn take(&self) -> VecDeque<T> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Wakes the courier, for another reason than an item.
    pub(crate) fn nudge(&self) {
        self.asleep.store(false, Ordering::Release);
        self.wake.notify_one();
    }

    /// Says that the courier is about to sleep; `false` if there is something to do after all.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::Release);
        // An item pushed before the store found the courier awake and woke nobody: look once more.
        if self.len() > 0 {
            self.asleep.store(false, Ordering::Release);
            return false;
        }
        true
    }

    pub(crate) fn woken(&self) -> impl Future<Output = ()> + '_ {
        self.wake.notified()
    }
}
