#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]
//! The promises of the crate.

mod arrival;
mod broken;
mod emit;
mod explain;
mod golden;
mod reload;
