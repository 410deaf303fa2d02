#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
//! The promises of the crate.

mod arrival;
mod broken;
mod emit;
mod ending;
mod explain;
mod golden;
mod guide;
mod interest;
mod log_files;
mod meaning;
mod panics;
mod policy;
mod random;
mod redaction;
mod reload;
mod rewrite;
mod routing;
mod sample;
mod send;
mod watched;
