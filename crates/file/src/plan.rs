//! The configuration as everybody who touches the files needs it, and the errors that touching them may bring.

use std::{
    borrow::Cow,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use watchfire_core::clock;

use crate::{
    Compression,
    fs::{Filesystem, Stat},
    lock::{Attempt, Guard, LogLock},
    retention::Keep,
    rotation::{FileNames, NamePattern, Period},
};

/// Where a file is and how it is rotated and kept, as configured.
#[derive(Clone, Debug)]
pub(crate) struct FilePlan {
    /// The path that was configured, which may be a link.
    pub(crate) path: PathBuf,
    /// The names of the files if the path is not a link.
    pub(crate) names: FileNames,
    pub(crate) name_pattern: Option<NamePattern>,
    pub(crate) max_size: Option<u64>,
    pub(crate) at_start: bool,
    pub(crate) keep: Keep,
    pub(crate) compression: Option<Compression>,
    pub(crate) mode: Option<u32>,
    pub(crate) link: Option<PathBuf>,
    /// Whether renames are made durable too.
    pub(crate) sync_renames: bool,
}

impl FilePlan {
    /// Tells whether files are ever renamed, removed or compressed.
    pub(crate) fn rotates(&self) -> bool {
        self.names.schedule.is_some()
            || self.max_size.is_some()
            || self.at_start
            || self.compression.is_some()
            || !self.keep.is_all()
    }

    /// Returns the period that `at` lies in.
    pub(crate) fn period(&self, at: SystemTime) -> Period {
        self.names.schedule.as_ref().map_or(Period::ALWAYS, |schedule| schedule.period(at))
    }

    /// Returns the folder of the configured path.
    pub(crate) fn folder(&self) -> &Path {
        folder_of(&self.path)
    }
}

/// The place of the log's files: beside the file that the configured path leads to.
pub(crate) struct LogLocation {
    pub(crate) folder: PathBuf,
    pub(crate) path: PathBuf,
    pub(crate) names: FileNames,
    lock: Arc<LogLock>,
}

impl LogLocation {
    /// Makes the place of a plan whose path leads to `path`. `None` if that does not name a file we could name others after.
    pub(crate) fn new(plan: &FilePlan, path: &Path) -> Option<Arc<Self>> {
        let base = path.file_name()?.to_str()?.to_owned();
        let names =
            FileNames::new(base, plan.names.schedule.clone()).with_pattern(plan.name_pattern.as_ref());
        let folder = folder_of(path).to_owned();
        let lock = LogLock::new(folder.join(names.lock()));
        Some(Arc::new(Self { folder, path: path.to_owned(), names, lock }))
    }

    /// Tries to keep the other processes, and the other threads of this one, from renaming and removing.
    pub(crate) fn lock(&self, fs: &dyn Filesystem, log: Option<&Stat>, instant: Instant) -> Attempt {
        self.lock.attempt(fs, log, instant)
    }

    /// Waits for the lock a little, as those who obey it never hold it for long.
    pub(crate) fn lock_soon(&self, fs: &dyn Filesystem) -> Result<Guard, WriteTrouble> {
        for _ in 0..200 {
            match self.lock(fs, None, clock::instant()) {
                Attempt::Held(guard) => return Ok(guard),
                Attempt::Busy => fs.nap(),
                Attempt::Failed(error) => return Err(self.cannot_lock(error)),
            }
        }
        Err(WriteTrouble::Busy)
    }

    /// Says that several processes cannot share the log.
    pub(crate) fn has_no_locks(&self, error: io::Error) -> WriteTrouble {
        let path = self.lock.path().display();
        WriteTrouble::new(
            format!("lock {path}: the file system has no locks, so let only one process write to the log"),
            error,
        )
    }

    /// Says that the lock cannot be had.
    pub(crate) fn cannot_lock(&self, error: io::Error) -> WriteTrouble {
        WriteTrouble::new(format!("rotate without locking {}", self.lock.path().display()), error)
    }
}

impl fmt::Debug for LogLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("path", &self.path).finish_non_exhaustive()
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The reason why nothing, or not everything, was written. What was not written is still in the batch.
#[derive(Debug)]
pub(crate) enum WriteTrouble {
    /// Somebody else holds the lock; try again in a moment.
    Busy,
    /// A pipe or a terminal takes nothing more for now.
    Full,
    /// The file system refused to do something.
    Io { doing: Cow<'static, str>, error: io::Error },
}

impl WriteTrouble {
    pub(crate) fn new(doing: impl Into<Cow<'static, str>>, error: io::Error) -> Self {
        Self::Io { doing: doing.into(), error }
    }
}

impl fmt::Display for WriteTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another process holds the lock"),
            Self::Full => f.write_str("it takes nothing at the moment"),
            Self::Io { doing, error } => write!(f, "cannot {doing}: {error}"),
        }
    }
}

/// Says what is wrong with a path, for an error of configuration.
pub(crate) fn reason(trouble: &WriteTrouble) -> String {
    match trouble {
        WriteTrouble::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("{trouble}; expected a file and a folder that this process may write to")
        }
        trouble => trouble.to_string(),
    }
}
