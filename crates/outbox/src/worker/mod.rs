//! The threads of the outbox, and what they share with the threads of the program.

pub(crate) mod attempt_runner;
pub(crate) mod buffer_pool;
pub(crate) mod ending;
pub(crate) mod handoff;
mod health;
pub(crate) mod isolated_sink;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
pub(crate) mod panics;
pub(crate) mod producer;
pub(crate) mod queue;
mod recipients;
pub(crate) mod run_marker;
pub(crate) mod shared;
pub(crate) mod spool_wait;
mod ticker;
mod verify;
pub(crate) mod worker_loop;

pub use health::{Health, HealthStatus};
pub use run_marker::UncleanEnd;
pub use verify::verify;
