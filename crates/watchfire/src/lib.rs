//! Logging and alerting layers for `tracing`: rolling files, mail to the admins, Slack, Telegram, SMS, Sentry.
//!
//! Each is a `tracing_subscriber::Layer`, composed per target with `RUST_LOG`-style directives and filters. The alert
//! layers share one [`Outbox`] that never blocks the program, says each thing once, and loses nothing it accepted.
//!
//! ```no_run
//! use watchfire::{LogFile, Outbox, Slack, prelude::*};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let outbox = Outbox::start("shop")?;
//! tracing_subscriber::registry()
//!     .with(LogFile::daily("shop.log").layer()?)
//!     .with(Slack::webhook(std::env::var("SLACK_WEBHOOK")?)?.layer(&outbox)?)
//!     .init();
//! # Ok(()) }
//! ```
//!
//! This crate only re-exports; each channel is a feature of its name, and `file` is on by default.

pub use watchfire_core::{
    Alert, App, Capture, ConfigError, EventView, Field, Flushed, Handler, HandlerLayer, LayerCounts,
    LevelTable, Limits, Memory, Null, Redactor, Secret, SelfLog, Severity, SpanFacts, SpanNode, Stack, Value,
    critical,
    process::{is_debug, set_debug},
};
pub use watchfire_filter as filter;

#[cfg(feature = "file")]
pub use watchfire_file::*;
#[cfg(feature = "outbox")]
pub use watchfire_outbox::*;

#[cfg(feature = "email")]
pub use watchfire_email::*;
#[cfg(feature = "sentry")]
pub use watchfire_sentry::*;
#[cfg(feature = "slack")]
pub use watchfire_slack::*;
#[cfg(feature = "sms")]
pub use watchfire_sms::*;
#[cfg(feature = "telegram")]
pub use watchfire_telegram::*;

/// Brings the traits into scope: `.with(..)`, `.init()`, `.layer(&outbox)`.
pub mod prelude {
    pub use tracing_subscriber::prelude::*;

    #[cfg(feature = "outbox")]
    pub use watchfire_outbox::Sink as _;
}
