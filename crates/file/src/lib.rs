//! Log files and console as operators expect them.
//!
//! [`LogFile`] writes events to a file that is rotated by time or size, as text or JSON lines, without a runtime.
//! Formatting happens on the caller's thread into a reused buffer; one small thread per file writes what has gathered.

mod backlog;
mod config;
mod console;
mod gap;
mod memory;
mod pump;
mod python;

mod format;
mod numbers;
mod record;
mod time;

mod by_field;
mod current;
mod flush_target;
mod handler;
mod shared;

mod archives;
mod batch;
mod compression;
mod durability;
mod fs;
mod lock;
mod order;
mod output;
mod pack;
mod plan;
mod prune;
mod retention;
mod rotation;

pub use compression::Compression;
pub use config::LogFile;
pub use console::{Console, ConsoleHandler, ConsoleLayer};
pub use durability::{Durability, FileCounts, WhenFull};
pub use flush_target::FlushTarget;
pub use format::{Format, Json, JsonKey, Logfmt, Pretty, SpanStyle, Template, Text};
pub use handler::{FileHandler, FileLayer};
pub use memory::{MemoryHandler, MemoryLayer};
pub use record::{FieldValue, Record, SpanFields};
pub use rotation::RotationInterval;
