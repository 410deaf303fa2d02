//! Brings the traits into scope: `.with(..)`, `.init()`, `.layer(&outbox)`.

pub use tracing_subscriber::prelude::*;

#[cfg(feature = "outbox")]
pub use watchfire_outbox::{Sink as _, SinkExt as _};
