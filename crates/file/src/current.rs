//! The writer of this process: the child of a fork has the memory of its parent and none of its threads.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use watchfire_core::{
    Flushed,
    process::{self, AtExit},
};

use crate::{
    plan::{WriteTrouble, reason},
    shared::{FileShared, Start, WriterParts},
};

/// The writer, made anew in the child of a fork.
pub(crate) struct Current {
    shared: ArcSwap<FileShared>,
    parts: WriterParts,
}

impl Current {
    /// Opens the file. The file system may take `patience` for it.
    pub(crate) fn new(parts: WriterParts, patience: Duration) -> Result<Self, WriteTrouble> {
        process::watch_forks();
        let shared = Arc::new(opened(&parts, Start::Process, patience)?);
        Ok(Self { shared: ArcSwap::new(shared), parts })
    }

    /// Starts the thread of the file, if it is to have one.
    pub(crate) fn start_thread(&self) -> std::io::Result<()> {
        let runner = self.shared.load_full();
        if runner.pace.has_thread {
            let thread = std::thread::Builder::new().name("watchfire-file".to_owned());
            runner.has_runner(true);
            let failed = Arc::clone(&runner);
            thread.spawn(move || runner.run()).inspect_err(|_| failed.has_runner(false))?;
        }
        Ok(())
    }

    /// Returns the writer, if this process has used it.
    pub(crate) fn used(&self) -> Option<Arc<FileShared>> {
        let shared = self.shared.load_full();
        (shared.forks == process::forks()).then_some(shared)
    }

    /// Hands the writer of this process to `work`. `None` in a child that cannot open the file.
    ///
    /// The parent writes the lines that waited at the fork. Its locks may be held for ever in the child,
    /// and its files may be closed and their numbers used by others: the child leaves all of that alone.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&FileShared) -> R) -> Option<R> {
        let found = self.shared.load();
        if found.forks == process::forks() {
            return Some(work(&found));
        }
        self.renewed(&found).map(|fresh| work(&fresh))
    }

    fn renewed(&self, found: &Arc<FileShared>) -> Option<Arc<FileShared>> {
        let fresh = match opened(&self.parts, Start::Child, self.parts.pace.block_at_most) {
            Ok(fresh) => Arc::new(fresh),
            Err(trouble) => {
                let path = self.parts.plan.path.display();
                let reason = reason(&trouble);
                process::say_once_after_fork(&format!(
                    "{path}: this child of a fork cannot log: {reason}; set up logging after the fork"
                ));
                found.lost_after_fork.fetch_add(1, Ordering::Relaxed);
                return None;
            }
        };
        let before = self.shared.compare_and_swap(found, Arc::clone(&fresh));
        if Arc::ptr_eq(&before, found) {
            // Never dropped: see above.
            let _kept = Arc::into_raw(Arc::clone(found));
            if let Err(error) = self.start_thread() {
                process::say_once_after_fork(&format!(
                    "the thread of a log file could not be started after a fork: {error}; lines are written late"
                ));
            }
            return Some(fresh);
        }
        // Another thread of the child was faster.
        drop(fresh);
        Some(self.shared.load_full())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.parts.plan.path.clone()
    }

    /// Writes what waits in this process.
    pub(crate) fn flush(&self, deadline: Instant) -> Flushed {
        self.used().map_or(Flushed::Yes, |shared| shared.flush(deadline))
    }
}

/// Opens the file. A file system that hangs, hangs a thread that nobody waits for.
fn opened(parts: &WriterParts, start: Start, patience: Duration) -> Result<FileShared, WriteTrouble> {
    if !parts.pace.has_thread {
        return FileShared::new(parts.clone(), start);
    }
    let (done, is_done) = mpsc::channel();
    let own = parts.clone();
    let thread = std::thread::Builder::new().name("watchfire-open".to_owned());
    let started = thread.spawn(move || {
        watchfire_core::mute_thread();
        done.send(FileShared::new(own, start)).ok();
    });
    if started.is_err() {
        return FileShared::new(parts.clone(), start);
    }
    is_done.recv_timeout(patience).unwrap_or_else(|_| {
        let reason = format!("the file system has not answered for {} s", patience.as_secs_f64());
        Err(WriteTrouble::new("open", io::Error::new(io::ErrorKind::TimedOut, reason)))
    })
}

impl AtExit for Current {
    fn at_exit(&self, began: Instant) {
        if let Some(shared) = self.used() {
            shared.at_exit(began);
        }
    }
}
