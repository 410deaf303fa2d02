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
    by_field::ByField,
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
    pub(crate) writer: LogWriter,
    pub(crate) format: Renderer,
    pub(crate) zone: Zone,
    pub(crate) level: LevelFilter,
    pub(crate) flush_on: Severity,
    pub(crate) stacks: Option<Severity>,
    pub(crate) limits: Option<HandlerLimits>,
}

/// The file of a handler, or those of the values of a field.
pub(crate) enum LogWriter {
    One(Arc<Current>),
    Each(Arc<ByField>),
}

/// How long the last owner waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(2);

impl FileHandler {
    pub(crate) fn new(owner: HandlerOwner) -> Self {
        Self(Arc::new(owner))
    }

    /// Rotates the file now, unless it is empty; all that are open, where the path has a field. Returns when that is
    /// done, or at the deadline.
    pub fn rotate(&self, deadline: Instant) -> Flushed {
        let mut all = None;
        self.each(&mut |writer| {
            let rotated = writer.rotate(deadline);
            all = Some(all.unwrap_or(Flushed::Yes).and(rotated));
        });
        match (&self.0.writer, all) {
            (_, Some(rotated)) => rotated,
            (LogWriter::One(_), None) => Flushed::TimedOut,
            (LogWriter::Each(_), None) => Flushed::Yes,
        }
    }

    /// Opens the file anew with the next line, as after a SIGHUP.
    pub fn reopen(&self) {
        self.each(&mut |writer| writer.reopen());
    }

    /// Returns the counters, of all files where the path has a field.
    #[must_use]
    pub fn counts(&self) -> FileCounts {
        match &self.0.writer {
            LogWriter::One(writer) => writer.with(FileShared::counts).unwrap_or_default(),
            LogWriter::Each(files) => files.counts(),
        }
    }

    /// Returns the path of the active file; where the path has a field, of the one for events without it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match &self.0.writer {
            LogWriter::One(writer) => writer.path(),
            LogWriter::Each(files) => files.path_without_fields(),
        }
    }

    fn each(&self, work: &mut dyn FnMut(&FileShared)) {
        match &self.0.writer {
            LogWriter::One(writer) => {
                writer.with(work);
            }
            LogWriter::Each(files) => files.each(work),
        }
    }
}

impl Handler for FileHandler {
    fn handle(&self, event: &EventView<'_>) {
        let at = clock::now();
        with_line(|line| {
            // All of the user's code runs here, before a lock is taken.
            self.render(event, at, line);
            let is_urgent = event.severity() >= self.0.flush_on;
            match &self.0.writer {
                LogWriter::One(_) => self.accept(line, at, is_urgent),
                LogWriter::Each(files) => files.accept(&files.path_of(event), line, at, is_urgent),
            }
        });
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        match &self.0.writer {
            LogWriter::One(writer) => writer.flush(deadline),
            LogWriter::Each(files) => files.flush(deadline),
        }
    }

    fn default_level(&self) -> LevelFilter {
        self.0.level
    }
}

impl FlushTarget for FileHandler {
    fn render(&self, event: &EventView<'_>, at: SystemTime, line: &mut String) {
        let owner = &*self.0;
        let limited;
        let event = match &owner.limits {
            Some(limits) => {
                limited = event.within(limits);
                &limited
            }
            None => event,
        };
        let stack = owner.stacks.filter(|from| event.severity() >= *from).map(|_| Stack::capture());
        owner.format.event(event, at, stack.as_ref(), &owner.zone, line);
    }

    fn accept(&self, line: &str, at: SystemTime, is_urgent: bool) {
        match &self.0.writer {
            LogWriter::One(writer) => {
                writer.with(|writer| writer.submit(line, at, is_urgent));
            }
            // A line that a memory has kept is no event any more.
            LogWriter::Each(files) => {
                files.accept(&files.path_without_fields().to_string_lossy(), line, at, is_urgent);
            }
        }
    }
}

impl Drop for HandlerOwner {
    fn drop(&mut self) {
        match &self.writer {
            LogWriter::One(writer) => {
                if let Some(writer) = writer.used() {
                    let _flushed = writer.flush(clock::instant() + PATIENCE);
                    writer.stop();
                }
            }
            LogWriter::Each(files) => files.close_all(PATIENCE),
        }
    }
}

impl fmt::Debug for FileHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileHandler").field("path", &self.path()).finish_non_exhaustive()
    }
}
