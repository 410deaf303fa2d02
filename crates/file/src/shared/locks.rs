//! Take locks without hanging, and run what is a user's under them.

use std::{
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    time::Duration,
};

use watchfire_core::{caught, clock};

/// Locks; what a panic left behind is whole, since nothing in the locked sections panics half-way.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn lock_within<T>(mutex: &Mutex<T>, patience: Duration) -> Option<MutexGuard<'_, T>> {
    let found = try_lock(mutex);
    if found.is_some() || patience.is_zero() {
        return found;
    }
    let deadline = clock::instant() + patience;
    loop {
        std::thread::park_timeout(Duration::from_micros(20));
        match try_lock(mutex) {
            None if clock::instant() < deadline => {}
            found => return found,
        }
    }
}

pub(super) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Runs a user's code while the file is locked: what it logs does not come back here, and a panic ends with it.
pub(super) fn calmly<R>(work: impl FnOnce() -> R) -> Option<R> {
    let mut work = Some(work);
    let mut run = || work.take().and_then(caught);
    match watchfire_core::quietly(&mut run) {
        Some(done) => done,
        // This thread is inside a handler already, and as quiet.
        None => run(),
    }
}
