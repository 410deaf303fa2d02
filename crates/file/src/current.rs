//! The writer of this process: the child of a fork has the memory of its parent and none of its threads.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Instant,
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
    pub(crate) fn new(parts: WriterParts) -> Result<Self, WriteTrouble> {
        process::watch_forks();
        let shared = Arc::new(FileShared::new(parts.clone(), Start::Process)?);
        Ok(Self { shared: ArcSwap::new(shared), parts })
    }

    /// Starts the thread of the file, if it is to have one.
    pub(crate) fn start_thread(&self) -> std::io::Result<()> {
        let runner = self.shared.load_full();
        if runner.pace.has_thread {
            let thread = std::thread::Builder::new().name("watchfire-file".to_owned());
            thread.spawn(move || runner.run())?;
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
    /// What waited in the parent at the fork is the parent's, who writes it. Its locks may be held for ever in the child,
    /// and its files may be closed and their numbers used by others: the child leaves all of that alone.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&FileShared) -> R) -> Option<R> {
        let found = self.shared.load();
        if found.forks == process::forks() {
            return Some(work(&found));
        }
        self.renewed(&found).map(|fresh| work(&fresh))
    }

    fn renewed(&self, found: &Arc<FileShared>) -> Option<Arc<FileShared>> {
        let fresh = match FileShared::new(self.parts.clone(), Start::Child) {
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

impl AtExit for Current {
    fn at_exit(&self, began: Instant) {
        if let Some(shared) = self.used() {
            shared.at_exit(began);
        }
    }
}
