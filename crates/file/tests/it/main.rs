//! What a program sees of its log files.
#![expect(clippy::unwrap_used, reason = "tests")]

mod console;
mod forks;
mod layer;
mod locks;
mod paths;
mod peers;
mod processes;
mod programs;
mod trouble;
