//! Keep our own work from being captured by our own layers, and a nested event from entering twice.

use std::cell::Cell;

thread_local! {
    /// Bit 0: this thread is inside one of our `on_event`s. Bit 1: this thread works for us for good.
    static STATE: Cell<u8> = const { Cell::new(0) };
}

const INSIDE: u8 = 1;
const MUTED: u8 = 2;

/// Marks the present thread as one of ours: no handler layer captures anything that it emits from now on.
///
/// The worker and its name-resolution threads do so. Other people's layers still see these events.
/// A scoped `NoSubscriber` would slow down every thread of the process; a thread-local flag does not.
pub fn mute_thread() {
    // A thread whose locals are gone emits nothing any more.
    STATE.try_with(|state| state.set(state.get() | MUTED)).unwrap_or_default();
}

/// Runs `work` as if inside one of our layers: what it emits on this thread is not captured.
///
/// Returns `None` without running it if this thread is inside already.
pub fn quietly<R>(work: impl FnOnce() -> R) -> Option<R> {
    let _inside = Inside::enter()?;
    Some(work())
}

pub(crate) fn is_inside() -> bool {
    STATE.try_with(|state| state.get() & INSIDE != 0).unwrap_or(false)
}

/// Is held while one of our layers handles an event on this thread.
pub(crate) struct Inside;

impl Inside {
    /// Enters, unless the thread is inside already or muted.
    pub(crate) fn enter() -> Option<Self> {
        let entered = STATE.try_with(|state| {
            let before = state.get();
            if before == 0 {
                state.set(INSIDE);
            }
            before == 0
        });
        match entered {
            // The thread is ending and its locals are gone: an event of a destructor is still an event.
            Err(_) => Some(Self),
            Ok(true) => Some(Self),
            // Not `unwrap_or(Some(Self))` anywhere here: a guard made and dropped by mistake would clear the flag.
            Ok(false) => None,
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        STATE.try_with(|state| state.set(state.get() & !INSIDE)).unwrap_or_default();
    }
}
