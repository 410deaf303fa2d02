//! Hand items from any number of threads to one: bounded by count, never waiting, waking only who sleeps.
//!
//! No runtime in here, so that all interleavings can be tried: `RUSTFLAGS="--cfg watchfire_loom" cargo test -p
//! watchfire-outbox --lib handoff --release`.

use std::collections::VecDeque;

#[cfg(watchfire_loom)]
use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
#[cfg(not(watchfire_loom))]
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

pub(crate) struct Handoff<T> {
    waiting: Mutex<VecDeque<T>>,
    /// As many as wait, to be read without the lock.
    count: AtomicUsize,
    capacity: usize,
    /// Whether the taker sleeps without looking: only then does a push wake it, by a system call.
    asleep: AtomicBool,
}

impl<T> Handoff<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(VecDeque::new()),
            count: AtomicUsize::new(0),
            capacity,
            asleep: AtomicBool::new(true),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Tells whether a push would find no room, without a lock; by the time of the push it may be otherwise.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Puts one in, and calls `wake` if the taker sleeps; gives it back if there is no room.
    pub(crate) fn push(&self, item: T, wake: impl FnOnce()) -> Result<(), T> {
        let waiting = lock(&self.waiting);
        self.put(waiting, item, wake)
    }

    /// As [`push`](Self::push), but gives it back too if another thread is at it: for a thread that must not wait.
    pub(crate) fn try_push(&self, item: T, wake: impl FnOnce()) -> Result<(), T> {
        match self.waiting.try_lock() {
            Ok(waiting) => self.put(waiting, item, wake),
            Err(_) => Err(item),
        }
    }

    fn put(&self, mut waiting: MutexGuard<'_, VecDeque<T>>, item: T, wake: impl FnOnce()) -> Result<(), T> {
        if waiting.len() >= self.capacity {
            return Err(item);
        }
        waiting.push_back(item);
        self.count.store(waiting.len(), Ordering::Release);
        // Under the lock, which orders it with `fall_asleep`: either the taker sees the item when it looks once more,
        // or it has said before that it sleeps. Written only then, so that all pushes but one only read.
        let sleeps = self.asleep.load(Ordering::Relaxed);
        if sleeps {
            self.asleep.store(false, Ordering::Relaxed);
        }
        drop(waiting);
        if sleeps {
            wake();
        }
        Ok(())
    }

    /// Takes all out, into an empty buffer whose room is used again.
    pub(crate) fn take(&self, into: &mut VecDeque<T>) {
        let mut waiting = lock(&self.waiting);
        // A buffer that was not used keeps its place: both have room after one use each.
        if !waiting.is_empty() {
            std::mem::swap(&mut *waiting, into);
            self.count.store(waiting.len(), Ordering::Release);
        }
    }

    /// Says that the taker is awake, whoever woke it.
    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Says that the taker is about to sleep; `false` if there is something to take after all.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::Relaxed);
        // An item pushed before found the taker awake and woke nobody: look once more, under the lock.
        if lock(&self.waiting).is_empty() {
            return true;
        }
        self.wake_up();
        false
    }
}

#[cfg(not(watchfire_loom))]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(watchfire_loom)]
#[expect(clippy::unwrap_used, reason = "loom's locks are never poisoned")]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

#[cfg(all(test, not(watchfire_loom)))]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_wakes_only_who_sleeps() {
        let handoff = Handoff::new(2);
        let mut woken = 0;
        assert_eq!(handoff.push(1, || woken += 1), Ok(()));
        assert_eq!(handoff.push(2, || woken += 1), Ok(()));
        assert_eq!(handoff.push(3, || woken += 1), Err(3));
        assert_eq!(handoff.try_push(3, || woken += 1), Err(3));
        assert!(handoff.is_full());
        assert!(!handoff.fall_asleep(), "there is something to take");
        let mut taken = VecDeque::new();
        handoff.take(&mut taken);
        assert_eq!(taken, [1, 2]);
        assert_eq!(handoff.push(4, || woken += 1), Ok(()));
        assert_eq!(woken, 1, "the taker had just taken");
        taken.clear();
        handoff.take(&mut taken);
        assert!(handoff.fall_asleep());
        assert_eq!(handoff.push(5, || woken += 1), Ok(()));
        assert_eq!(woken, 2);
    }
}

#[cfg(all(test, watchfire_loom))]
mod all_interleavings {
    use loom::{sync::Arc, sync::Notify, thread};

    use super::*;

    /// Two threads push, one takes and sleeps in between: whatever the order, nothing is lost and nobody sleeps beside
    /// a full queue. A lost wake-up is a deadlock, which loom finds.
    #[test]
    fn no_item_is_lost_and_no_wake_up_either() {
        // All orders with up to three preemptions: beyond that it takes hours.
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let handoff = Arc::new((Handoff::new(2), Notify::new()));
            let pushers: Vec<_> = (0..2_usize)
                .map(|i| {
                    let handoff = Arc::clone(&handoff);
                    thread::spawn(move || handoff.0.push(i, || handoff.1.notify()).unwrap())
                })
                .collect();
            let mut all = Vec::new();
            let mut taken = VecDeque::new();
            while all.len() < 2 {
                handoff.0.take(&mut taken);
                all.extend(taken.drain(..));
                if all.len() < 2 && handoff.0.fall_asleep() {
                    handoff.1.wait();
                }
            }
            pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
            all.sort_unstable();
            assert_eq!(all, [0, 1]);
        });
    }

    /// One more than fits: exactly one comes back, whatever the order.
    #[test]
    fn what_does_not_fit_comes_back() {
        loom::model(|| {
            let handoff = Arc::new(Handoff::new(1));
            let other = {
                let handoff = Arc::clone(&handoff);
                thread::spawn(move || handoff.push(1, || ()).is_ok())
            };
            let mine = handoff.push(2, || ()).is_ok();
            let other = other.join().unwrap();
            let mut taken = VecDeque::new();
            handoff.take(&mut taken);
            assert!(mine ^ other);
            assert_eq!(taken.len(), 1);
            assert_eq!(handoff.len(), 0);
        });
    }
}
