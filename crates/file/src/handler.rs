//! The handler of a log file.

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tracing_core::LevelFilter;
use watchfire_core::{EventView, Flushed, Handler, HandlerLayer, HandlerLimits, Severity, Stack, clock};

use crate::{
    FileCounts,
    current::Current,
    flush_target::{FlushTarget, with_line},
    format::Renderer,
    shared::FileShared,
    time::Zone,
};

/// The layer that writes events to a file; made by [`LogFile::layer`](crate::LogFile::layer).
pub type FileLayer = HandlerLayer<FileHandler>;

/// A handler that writes events to a file. Clones share the file: keep one to rotate, reopen or flush it, or to read its counters.
///
/// When the last clone goes, what waits is written.
#[derive(Clone)]
pub struct FileHandler(Arc<HandlerOwner>);

pub(crate) struct HandlerOwner {
    pub(crate) writer: Arc<Current>,
    pub(crate) format: Renderer,
    pub(crate) zone: Zone,
    pub(crate) level: LevelFilter,
    pub(crate) flush_on: Severity,
    pub(crate) stacks: Option<Severity>,
    pub(crate) limits: Option<HandlerLimits>,
}

/// How long the last owner waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(2);

impl FileHandler {
    pub(crate) fn new(owner: HandlerOwner) -> Self {
        Self(Arc::new(owner))
    }

    /// Rotates the file now, unless it is empty. Returns when that is done, or at the deadline.
    pub fn rotate(&self, deadline: Instant) -> Flushed {
        self.0.writer.with(|writer| writer.rotate(deadline)).unwrap_or(Flushed::TimedOut)
    }

    /// Opens the file anew with the next line, as after a SIGHUP.
    pub fn reopen(&self) {
        if let Some(writer) = self.0.writer.used() {
            writer.reopen();
        }
    }

    /// Returns the counters.
    #[must_use]
    pub fn counts(&self) -> FileCounts {
        self.0.writer.with(FileShared::counts).unwrap_or_default()
    }

    /// Returns the path of the active file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.writer.path()
    }
}

impl Handler for FileHandler {
    fn handle(&self, event: &EventView<'_>) {
        let at = clock::now();
        with_line(|line| {
            // All of the user's code runs here, before a lock is taken.
            self.render(event, at, line);
            self.accept(line, at, event.severity() >= self.0.flush_on);
        });
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        self.0.writer.flush(deadline)
    }

    fn default_level(&self) -> LevelFilter {
        self.0.level
    }
}

impl FlushTarget for FileHandler {
    fn render(&self, event: &EventView<'_>, at: SystemTime, line: &mut String) {
        let owner = &*self.0;
        let event = &match &owner.limits {
            Some(limits) => event.within(limits),
            None => *event,
        };
        let stack = owner.stacks.filter(|from| event.severity() >= *from).map(|_| Stack::capture());
        owner.format.event(event, at, stack.as_ref(), &owner.zone, line);
    }

    fn accept(&self, line: &str, at: SystemTime, is_urgent: bool) {
        self.0.writer.with(|writer| writer.submit(line, at, is_urgent));
    }
}

impl Drop for HandlerOwner {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.used() {
            let _flushed = writer.flush(clock::instant() + PATIENCE);
            writer.stop();
        }
    }
}

impl fmt::Debug for FileHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileHandler").field("path", &self.path()).finish_non_exhaustive()
    }
}
