//! What a program sees of its log files.
#![expect(clippy::unwrap_used, reason = "tests")]

mod console;
mod layer;
mod peers;
mod processes;
mod trouble;
