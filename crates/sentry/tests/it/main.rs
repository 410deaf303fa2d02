#![expect(clippy::unwrap_used, reason = "tests")]
//! Sentry: the conformance suite, and delivery over loopback against a server that refuses what Relay refuses.

mod conformance;
mod delivers;
mod verify;
