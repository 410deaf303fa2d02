//! The trait of what takes formatted lines, and the buffer they are formatted in.

use std::{cell::Cell, time::SystemTime};

use watchfire_core::{EventView, Handler};

/// A handler that takes formatted lines: [`FileHandler`](crate::FileHandler) and [`ConsoleHandler`](crate::ConsoleHandler).
pub trait FlushTarget: Handler {
    /// Appends the event as a line.
    #[doc(hidden)]
    fn render(&self, event: &EventView<'_>, at: SystemTime, line: &mut String);
    /// Takes one line.
    #[doc(hidden)]
    fn accept(&self, line: &str, at: SystemTime, is_urgent: bool);
}

/// A buffer larger than this is given back to the allocator, so that one huge line does not stay for ever.
const KEEP: usize = 65_536;

/// Lends a reused buffer.
pub(crate) fn with_line(work: impl FnOnce(&mut String)) {
    thread_local! {
        static LINE: Cell<String> = const { Cell::new(String::new()) };
    }
    let mut line = LINE.try_with(Cell::take).unwrap_or_default();
    line.clear();
    work(&mut line);
    if line.capacity() <= KEEP {
        LINE.try_with(|slot| slot.set(line)).ok();
    }
}
