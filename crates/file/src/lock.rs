//! The lock between the processes that write to one log and rotate it: only ever tried, never waited for.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::fs::{Filesystem, LockFile, Stat};

/// The lock file of one log, opened once.
///
/// A process without the lock writes all the same; only renaming, removing and cutting files waits for it.
pub(crate) struct LogLock {
    path: PathBuf,
    /// Whether a thread of this process has it: the open file is shared, and cannot tell threads apart.
    is_held: AtomicBool,
    state: Mutex<LockState>,
}

#[derive(Default)]
struct LockState {
    file: Option<Arc<dyn LockFile>>,
    /// When a lock file that could not be opened is tried again.
    retry_at: Option<Instant>,
    failure: Option<(io::ErrorKind, String)>,
}

/// The outcome of one attempt.
pub(crate) enum Attempt {
    Held(Guard),
    /// Somebody else holds it.
    Busy,
    /// It cannot be had, for this reason.
    Failed(io::Error),
}

/// A lock that is held until this is dropped.
pub(crate) struct Guard {
    lock: Arc<LogLock>,
    file: Option<Arc<dyn LockFile>>,
    lockless: Option<io::Error>,
}

impl Guard {
    /// Returns why nobody else is kept away: the file system has no locks.
    pub(crate) fn lockless(&self) -> Option<&io::Error> {
        self.lockless.as_ref()
    }
}

/// How long a lock file that could not be opened is left alone.
const PAUSE: Duration = Duration::from_secs(5);

impl LogLock {
    pub(crate) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, is_held: AtomicBool::new(false), state: Mutex::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tries to get the lock. `log` says what a new lock file should look like.
    pub(crate) fn attempt(
        self: &Arc<Self>,
        fs: &dyn Filesystem,
        log: Option<&Stat>,
        instant: Instant,
    ) -> Attempt {
        if self.is_held.swap(true, Ordering::Acquire) {
            return Attempt::Busy;
        }
        // From here on the guard gives it back, whatever happens.
        let mut guard = Guard { lock: Arc::clone(self), file: None, lockless: None };
        for is_second_time in [false, true] {
            let file = match self.file(fs, log, instant) {
                Ok(file) => file,
                Err(error) => return Attempt::Failed(error),
            };
            match file.try_lock() {
                Ok(true) => guard.file = Some(Arc::clone(&file)),
                Ok(false) => return Attempt::Busy,
                // A file system without locks: one process at a time is all that it can have, and enough for most.
                Err(error) if is_lockless(&error) => {
                    guard.lockless = Some(error);
                    return Attempt::Held(guard);
                }
                Err(error) => return Attempt::Failed(error),
            }
            // Somebody who removed the lock file made others lock another one.
            if is_second_time || file.is_at(&self.path) {
                return Attempt::Held(guard);
            }
            file.unlock();
            guard.file = None;
            self.state.lock().unwrap_or_else(PoisonError::into_inner).file = None;
        }
        Attempt::Busy
    }

    fn file(
        &self,
        fs: &dyn Filesystem,
        log: Option<&Stat>,
        instant: Instant,
    ) -> io::Result<Arc<dyn LockFile>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &state.file {
            return Ok(Arc::clone(file));
        }
        if let (Some(at), Some((kind, text))) = (state.retry_at, &state.failure)
            && instant < at
        {
            return Err(io::Error::new(*kind, text.clone()));
        }
        match fs.lock_file(&self.path, log) {
            Ok(file) => {
                let file: Arc<dyn LockFile> = file.into();
                state.file = Some(Arc::clone(&file));
                (state.retry_at, state.failure) = (None, None);
                Ok(file)
            }
            Err(error) => {
                state.retry_at = Some(instant + PAUSE);
                state.failure = Some((error.kind(), error.to_string()));
                Err(error)
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            file.unlock();
        }
        self.lock.is_held.store(false, Ordering::Release);
    }
}

/// Tells whether an error means that the file system has no locks: NFS without its lock service says `ENOLCK`, others
/// `EINVAL`, `EBADF`, `ENOSYS` or `EOPNOTSUPP`.
fn is_lockless(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let codes = [Errno::NOLCK, Errno::INVAL, Errno::BADF, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];
        if codes.iter().any(|code| error.raw_os_error() == Some(code.raw_os_error())) {
            return true;
        }
    }
    error.kind() == io::ErrorKind::Unsupported
}
