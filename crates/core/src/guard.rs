//! Keep our own work from being captured by our own layers, and a nested event from entering twice.

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

thread_local! {
    /// Bit 0: this thread is inside one of our `on_event`s. Bit 1: this thread works for us for good.
    static STATE: Cell<u8> = const { Cell::new(0) };
    /// How many [`caught`] are under way on this thread.
    static CATCHING: Cell<i32> = const { Cell::new(0) };
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

/// Runs code that is not ours (a formatter, a callback, a sink) and returns `None` if it panics.
///
/// The panic hook does not report such a panic: the program is not told of it, and goes on. What `work` leaves behind
/// must be safe to look at after an unwind.
pub fn caught<R>(work: impl FnOnce() -> R) -> Option<R> {
    count_catching(1);
    let done = catch_unwind(AssertUnwindSafe(work)).map_err(discard).ok();
    count_catching(-1);
    done
}

/// Drops the payload of a panic, which is not ours either: its drop may panic.
#[cold]
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        #[expect(clippy::mem_forget, reason = "a payload whose drop panics with another payload: no end")]
        std::mem::forget(again);
    }
}

fn count_catching(step: i32) {
    CATCHING.try_with(|depth| depth.set(depth.get().wrapping_add(step))).unwrap_or_default();
}

/// Tells whether a panic on this thread is caught by [`caught`]: never where a panic aborts.
pub(crate) fn is_catching() -> bool {
    cfg!(panic = "unwind") && CATCHING.try_with(|depth| depth.get() > 0).unwrap_or(false)
}

pub(crate) fn is_inside() -> bool {
    STATE.try_with(|state| state.get() & INSIDE != 0).unwrap_or(false)
}

pub(crate) fn is_muted() -> bool {
    STATE.try_with(|state| state.get() & MUTED != 0).unwrap_or(false)
}

/// A guard that is held while one of our layers handles an event on this thread.
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
            // `unwrap_or(Some(Self))` is wrong anywhere here: a guard made and dropped by mistake would clear the flag.
            Ok(false) => None,
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        STATE.try_with(|state| state.set(state.get() & !INSIDE)).unwrap_or_default();
    }
}
