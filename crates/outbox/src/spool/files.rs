//! The file system operations that the spool needs.

use std::io;

/// The file system operations that the spool needs. Paths are relative to the spool's folder, with `/`.
///
/// Two implementors: the disk, and the simulator's, which crashes at every step and loses what was not synced.
pub(crate) trait Files {
    /// Makes a new file, for its owner only, and forces its content to the disk. Fails if there is one.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Renames a file, replacing one that is there; of several who try, one succeeds.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Forces the names in a folder to the disk.
    fn sync(&self, folder: &str) -> io::Result<()>;
    /// Lists the names in a folder, in no order.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Reads a file of at most `most` bytes.
    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>>;
}

/// The folders of a spool.
pub(crate) const FOLDERS: [&str; 11] = [
    "tmp",
    "new",
    "cur",
    "dead",
    "damaged",
    "silences",
    "state/owners",
    "state/receipts",
    "state/moved",
    "state/groups",
    "state/kept",
];
