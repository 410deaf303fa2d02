//! What was configured, for everybody who touches the files; and what may go wrong with them.

use std::{
    fmt, io,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use crate::{
    Compression,
    fs::{Filesystem, Lock},
    retention::Keep,
    rotation::{Names, Period},
};

/// Says where a file is and how it is rotated and kept.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) folder: PathBuf,
    pub(crate) path: PathBuf,
    pub(crate) names: Names,
    pub(crate) max_size: Option<u64>,
    pub(crate) at_start: bool,
    pub(crate) keep: Keep,
    pub(crate) compression: Option<Compression>,
    pub(crate) mode: Option<u32>,
    pub(crate) link: Option<PathBuf>,
    /// Whether renames are made durable too.
    pub(crate) sync_renames: bool,
}

impl Plan {
    /// Tells whether a lock file is needed: not where nothing is ever renamed or removed.
    fn rotates(&self) -> bool {
        self.names.schedule.is_some()
            || self.max_size.is_some()
            || self.at_start
            || self.compression.is_some()
            || !self.keep.is_all()
    }

    /// Tries to keep the other processes, and the other threads of this one, from writing and renaming.
    pub(crate) fn lock(
        &self,
        fs: &dyn Filesystem,
        even_if_unneeded: bool,
    ) -> Result<Option<Box<dyn Lock>>, Trouble> {
        if !self.rotates() && !even_if_unneeded {
            return Ok(None);
        }
        let path = self.folder.join(self.names.lock());
        let locked = match fs.lock(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs.make_folder(&self.folder).map_err(|error| Trouble::new("make its folder", error))?;
                fs.lock(&path)
            }
            tried => tried,
        };
        match locked {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => Err(Trouble::Busy),
            Err(error) => Err(Trouble::new("lock", error)),
        }
    }

    /// Waits for the lock a little, as nobody holds it for long.
    pub(crate) fn lock_soon(&self, fs: &dyn Filesystem) -> Result<Option<Box<dyn Lock>>, Trouble> {
        for _ in 0..200 {
            match self.lock(fs, true) {
                Err(Trouble::Busy) => std::thread::park_timeout(Duration::from_millis(1)),
                done => return done,
            }
        }
        Err(Trouble::Busy)
    }

    /// Returns the period of a file that was last written to at `modified`.
    pub(crate) fn period(&self, at: SystemTime) -> Period {
        self.names.schedule.as_ref().map_or(Period::ALWAYS, |schedule| schedule.period(at))
    }
}

/// Says why nothing, or not everything, was written. What was not written is still in the batch.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Another process holds the lock; try again in a moment.
    Busy,
    /// The file system refused to do something.
    Io { doing: &'static str, error: io::Error },
}

impl Trouble {
    pub(crate) fn new(doing: &'static str, error: io::Error) -> Self {
        Self::Io { doing, error }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another process holds the lock"),
            Self::Io { doing, error } => write!(f, "cannot {doing}: {error}"),
        }
    }
}

/// Says what is wrong with a path, for an error of configuration.
pub(crate) fn reason(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("{trouble}; expected a folder that this process may write to")
        }
        trouble => trouble.to_string(),
    }
}
