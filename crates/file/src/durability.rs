//! When lines leave the program, what a full buffer does, and the counters.

use std::time::Duration;

/// The moment at which lines leave the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Lines are handed to the operating system some milliseconds later in one piece, and at once from the severity of
    /// `flush_on` on. `abort` and `kill -9` may lose those milliseconds. The default.
    Buffered,
    /// Each line is handed to the operating system before the call returns: nothing is lost unless the machine fails.
    EachLine,
    /// As `Buffered`; and the file is made durable on the disk (`fdatasync`) this often, while there is something new.
    SyncEvery(Duration),
    /// As `Buffered`; and the file is made durable on the disk after each line from the severity of `flush_on` on.
    SyncOnError,
}

/// The counters of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileCounts {
    /// Records that are in the file.
    pub written: u64,
    /// Records that were dropped because the file could not be written to and the buffer was full.
    pub dropped: u64,
    /// How often a caller had to wait for room in the buffer.
    pub waits: u64,
    /// How often an attempt to write failed.
    pub failures: u64,
    /// How often the file was rotated by this process.
    pub rotations: u64,
}

/// The action of a caller that finds the buffer full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Waits for room, at most for `block_at_most`; then its line is dropped and counted. Once a wait was in vain,
    /// nobody waits until the file takes lines again. The default.
    Block,
    /// Drops its line and counts it.
    Drop,
}

#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) durability: Durability,
    pub(crate) flush_every: Duration,
    /// Bytes that may wait.
    pub(crate) capacity: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) block_at_most: Duration,
    pub(crate) has_thread: bool,
}
