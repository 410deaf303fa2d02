//! The file system as rotation, retention and compression need it; a test replaces it with one that fails at will.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

mod disk;

pub(crate) use disk::RealDisk;

/// The operations on files. None of them waits for another process, a reader of a pipe, or a terminal.
pub(crate) trait Filesystem: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn Handle>>;
    /// Looks at what is at a path now, following links.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Finds the file that a path leads to.
    fn resolve(&self, path: &Path) -> io::Result<Resolved>;
    /// Lists the names in a folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<FolderEntry>>;
    /// Renames a file onto a name that is free; fails with `AlreadyExists` if it is not.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file, replacing what has the name.
    fn replace(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file or a link.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and those above it.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Points a symbolic link to a file of the same folder, replacing an older link but nothing else.
    fn link(&self, target: &str, link: &Path) -> io::Result<()>;
    /// Makes renames in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Waits for a moment, before something is tried again.
    fn nap(&self) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    /// Opens the lock file at a path; makes it, with the permissions and the owner of the log, if it is missing.
    fn lock_file(&self, path: &Path, log: Option<&Stat>) -> io::Result<Box<dyn LockFile>>;
}

/// An open file.
pub(crate) trait Handle: Send {
    /// Writes some of the bytes; where the file is opened for appending, at its end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Reads some bytes.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;
    /// Tells whether the file is empty or ends with a whole line; if that cannot be read, that it does.
    fn ends_line(&mut self) -> bool;
    /// Returns where the last write, of so many bytes, has begun, if that can be told.
    fn last_start(&mut self, written: usize) -> Option<u64>;
    /// Reads one byte, if that can be done.
    fn byte_at(&self, at: u64) -> Option<u8>;
    /// Looks at the open file, wherever its name has gone.
    fn stat(&self) -> io::Result<Stat>;
    /// Cuts the file.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// Makes the content durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Tries to lock the file itself against everybody; `false` if another process holds a lock on it.
    fn try_lock(&self) -> io::Result<bool>;
    /// Tries to lock the file itself against those who lock it alone; `false` if one of them holds it.
    fn try_lock_shared(&self) -> io::Result<bool>;
    /// Ends a lock on the file itself.
    fn unlock(&self);
    /// Sets when it was last written to.
    fn set_modified(&mut self, at: SystemTime) -> io::Result<()>;
    /// Waits until a full pipe or a stopped terminal takes bytes again; at once for a file.
    fn wait_until_writable(&self, at_most: Duration);
}

/// An open lock file.
pub(crate) trait LockFile: Send + Sync {
    /// Tries to lock it; `false` if somebody else holds a lock on it.
    fn try_lock(&self) -> io::Result<bool>;
    /// Ends the lock, also for those who share the open file after a fork.
    fn unlock(&self);
    /// Tells whether the file at the path is still this one.
    fn is_at(&self, path: &Path) -> bool;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// For appending, made if missing, then with exactly these permissions.
    Append(Option<u32>),
    /// As `Append`, but what is there must not be a link.
    AppendPlain(Option<u32>),
    /// Made anew, must not be there, with these permissions.
    New(Option<u32>),
    /// A plain file, for reading.
    Read,
}

/// A file as a file system describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Tells files apart, whatever their names: device and inode. `None` where the system has no such thing.
    pub(crate) id: Option<(u64, u64)>,
    pub(crate) kind: FileKind,
    pub(crate) len: u64,
    pub(crate) modified: SystemTime,
    /// The permission bits, where the system has them.
    pub(crate) mode: Option<u32>,
    /// User and group, where the system has them.
    pub(crate) owner: Option<(u32, u32)>,
    /// How many names the file has.
    pub(crate) links: u64,
}

/// The kind of file at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    File,
    Pipe,
    /// A terminal, `/dev/null` and the like.
    Device,
    Other,
}

/// A name in a folder.
#[derive(Clone, Debug)]
pub(crate) struct FolderEntry {
    pub(crate) name: String,
    /// `None` for what is not a plain file: a folder, a link, a device.
    pub(crate) stat: Option<Stat>,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) path: PathBuf,
    /// Whether it is a link of a user who may not decide where we write: neither root, nor this process's user, nor
    /// the folder's owner.
    pub(crate) is_strangers: bool,
    /// Whether it names a descriptor of a process, as `/dev/stdout` does: whatever that is, others gave it its name.
    pub(crate) is_descriptor: bool,
}

#[cfg(test)]
pub(crate) mod fake;
