//! What the outbox promises, from outside.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

mod backlog;
mod callers;
mod contained;
mod ends;
mod guide;
mod memory;
#[cfg(feature = "metrics")]
mod metered;
mod muted;
mod noise;
mod secrets;
mod sinks;
mod slow_disk;
#[cfg(all(unix, feature = "sim"))]
mod starved;
#[cfg(all(unix, feature = "signals"))]
mod time_to_exit;
#[cfg(all(unix, feature = "signals"))]
mod unclean_ends;
