//! Mail over real connections, to an inbox on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bench;
mod conformance;
mod delivery;
mod outcomes;
mod verify;
