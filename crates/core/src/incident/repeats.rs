//! Knows which events only say again what a panic on the same thread has said: a panic is one alert.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use tracing_core::field::{Field, Visit};

use crate::{EventView, append, clock, cut};

/// How long after the panic's hook an event of its thread may be about it.
const SOON: Duration = Duration::from_secs(5);
/// How much of a panic's text is looked for in other texts.
const TEXT: usize = 200;
/// A shorter text says nothing: it may be in any other.
const LEAST: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum PanicState {
    /// No panic on this thread.
    Idle,
    /// The hook that was there before ours runs.
    InHook,
    /// A panic on this thread may be recent.
    After,
}

struct Last {
    at: Instant,
    text: String,
}

thread_local! {
    static STATE: Cell<PanicState> = const { Cell::new(PanicState::Idle) };
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Notes that a panic of this thread is reported.
pub(super) fn note(message: &str) {
    let first_line = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let last = Last { at: clock::instant(), text: cut(first_line, TEXT).to_owned() };
    LAST.try_with(|known| known.replace(Some(last))).ok();
    STATE.try_with(|state| state.set(PanicState::After)).unwrap_or_default();
}

/// Runs the hook that was there before ours: what it logs is about the panic.
pub(super) fn in_hook(hook: impl FnOnce()) {
    let before = STATE.try_with(|state| state.replace(PanicState::InHook)).unwrap_or(PanicState::Idle);
    hook();
    // The standard hook prints a stack, which may take seconds.
    let refresh = |last: &RefCell<Option<Last>>| {
        if let Some(last) = &mut *last.borrow_mut() {
            last.at = clock::instant();
        }
    };
    LAST.try_with(refresh).unwrap_or_default();
    STATE.try_with(|state| state.set(before)).unwrap_or_default();
}

/// Tells whether a panic with this text is the second half of one that was reported: it reached a function that cannot
/// unwind, or a destructor panicked during it, and now the process aborts.
pub(super) fn is_its_end(message: &str) -> bool {
    // The texts of core::panicking::{panic_cannot_unwind, panic_in_cleanup}; `PanicHookInfo::can_unwind` is unstable.
    const ENDS: [&str; 2] =
        ["panic in a function that cannot unwind", "panic in a destructor during cleanup"];
    ENDS.contains(&message) && is_recent()
}

/// Tells whether an event only says again what a panic on this thread has said: the hook that was there before ours
/// emits it, or whoever caught the panic does soon after it.
pub(crate) fn is_repeated(event: &EventView<'_>) -> bool {
    match STATE.try_with(Cell::get) {
        Err(_) | Ok(PanicState::Idle) => false,
        Ok(PanicState::InHook) => true,
        Ok(PanicState::After) if !is_recent() => {
            STATE.try_with(|state| state.set(PanicState::Idle)).unwrap_or_default();
            false
        }
        Ok(PanicState::After) => event.target().starts_with("tower_http::catch_panic") || quotes(event),
    }
}

fn is_recent() -> bool {
    let since = LAST.try_with(|last| last.borrow().as_ref().map(|last| last.at)).ok().flatten();
    since.is_some_and(|at| clock::instant().saturating_duration_since(at) < SOON)
}

/// Tells whether the message or a field has the panic's text.
fn quotes(event: &EventView<'_>) -> bool {
    let text = LAST.try_with(|last| last.borrow().as_ref().map(|last| last.text.clone())).ok().flatten();
    let Some(text) = text.filter(|text| text.len() >= LEAST) else { return false };
    let mut search = Search { text: &text, room: String::new(), is_found: false };
    event.record(&mut search);
    search.is_found
}

struct Search<'a> {
    text: &'a str,
    room: String,
    is_found: bool,
}

impl Visit for Search<'_> {
    fn record_debug(&mut self, _field: &Field, value: &dyn std::fmt::Debug) {
        self.room.clear();
        append(&mut self.room, 8_192, format_args!("{value:?}"));
        self.is_found |= self.room.contains(self.text);
    }

    fn record_str(&mut self, _field: &Field, value: &str) {
        self.is_found |= cut(value, 8_192).contains(self.text);
    }
}
