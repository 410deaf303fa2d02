//! The log files as a program sees them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod by_field;
mod console;
mod forks;
mod layer;
mod locks;
mod paths;
mod peers;
mod processes;
mod programs;
mod real;
mod trouble;
