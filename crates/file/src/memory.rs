//! A handler that holds lines back until one of a level comes.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use watchfire_core::{EventView, Flushed, Handler, HandlerLayer, Severity, clock};

use crate::flush_target::{FlushTarget, with_line};

/// The layer that holds events back until one of a level comes; made by [`MemoryHandler::layer`].
pub type MemoryLayer<T> = HandlerLayer<MemoryHandler<T>>;

/// A handler that keeps the last lines and hands them on to a file or the console when an event of a level comes: Python's
/// `MemoryHandler`.
///
/// So a file of errors has the DEBUG lines that led to each. Without a filter the layer receives everything.
///
/// ```
/// use watchfire_file::{LogFile, MemoryHandler};
/// # fn main() -> Result<(), watchfire_core::ConfigError> {
/// # let folder = tempfile::tempdir().map_err(|error| watchfire_core::ConfigError::new("test", error.to_string()))?;
/// # let path = folder.path().join("trouble.log");
/// let layer = MemoryHandler::new(LogFile::daily(path).handler()?).capacity(200).layer();
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
pub struct MemoryHandler<T: FlushTarget> {
    target: T,
    capacity: usize,
    flush_level: Severity,
    flush_when_full: bool,
    flush_on_close: bool,
    held: Mutex<VecDeque<(SystemTime, String)>>,
}

impl<T: FlushTarget> MemoryHandler<T> {
    /// Keeps lines for `target`, which formats them.
    pub fn new(target: T) -> Self {
        Self {
            target,
            capacity: 100,
            flush_level: Severity::Error,
            flush_when_full: false,
            flush_on_close: true,
            held: Mutex::default(),
        }
    }

    /// Sets how many lines are kept. Default: 100.
    #[must_use]
    pub fn capacity(mut self, lines: usize) -> Self {
        self.capacity = lines;
        self
    }

    /// Sets the severity from which on everything is handed on. Default: ERROR.
    #[must_use]
    pub fn flush_level(mut self, severity: Severity) -> Self {
        self.flush_level = severity;
        self
    }

    /// Hands everything on when the capacity is reached, as Python does. Default: the oldest line is forgotten.
    #[must_use]
    pub fn flush_when_full(mut self) -> Self {
        self.flush_when_full = true;
        self
    }

    /// Forgets the remaining lines when the handler is dropped. Default: they are handed on, as in Python.
    #[must_use]
    pub fn without_flush_on_close(mut self) -> Self {
        self.flush_on_close = false;
        self
    }

    /// Returns the layer.
    pub fn layer(self) -> MemoryLayer<T> {
        HandlerLayer::new(self)
    }

    fn hand_on(&self) {
        let lines = std::mem::take(&mut *self.held());
        for (at, line) in lines {
            self.target.accept(&line, at, false);
        }
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<(SystemTime, String)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: FlushTarget> Handler for MemoryHandler<T> {
    fn handle(&self, event: &EventView<'_>) {
        let at = clock::now();
        with_line(|line| {
            self.target.render(event, at, line);
            if event.severity() >= self.flush_level {
                self.hand_on();
                self.target.accept(line, at, true);
                return;
            }
            let mut held = self.held();
            held.push_back((at, line.clone()));
            let is_full = held.len() > self.capacity;
            if is_full && !self.flush_when_full {
                held.pop_front();
            }
            drop(held);
            if is_full && self.flush_when_full {
                self.hand_on();
            }
        });
    }

    /// Flushes the target only: what is held back stays so.
    fn flush(&self, deadline: Instant) -> Flushed {
        self.target.flush(deadline)
    }
}

impl<T: FlushTarget> Drop for MemoryHandler<T> {
    fn drop(&mut self) {
        if self.flush_on_close {
            self.hand_on();
        }
    }
}

impl<T: FlushTarget> fmt::Debug for MemoryHandler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryHandler").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
