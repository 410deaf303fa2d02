//! Alerts to Sentry, and to servers that speak its protocol (Relay, Bugsink, GlitchTip).
//!
//! ```
//! use tracing_subscriber::prelude::*;
//! use watchfire_outbox::{Outbox, SinkExt};
//! use watchfire_sentry::Sentry;
//!
//! let outbox = Outbox::start("shop")?;
//! # let dsn = "https://0123456789abcdef0123456789abcdef@o1.ingest.us.sentry.io/42";
//! let _subscriber = tracing_subscriber::registry()
//!     .with(Sentry::dsn(dsn).tag("region", "eu").tag_fields(["tenant"]).layer(&outbox)?);
//! # Ok::<_, watchfire_core::ConfigError>(())
//! ```
//!
//! Where what an alert knows is found in the event:
//!
//! | of the alert | in the event |
//! |---|---|
//! | severity | `level`; CRITICAL is `fatal`, TRACE is `debug` |
//! | message | `logentry` |
//! | error and its causes | `exception`, the root cause first; the stack is with the outermost |
//! | fields named `tags.x`, and those of [`SentryBuilder::tag_fields`] | tag `x` |
//! | fields `trace_id` and `span_id`, of 32 and 16 hexadecimal digits | context `trace` |
//! | other fields | `extra` |
//! | fields of the spans | context `spans`, the outermost first |
//! | target | `logger` |
//! | release, environment, host | `release`, `environment`, `server_name`, made such that Sentry keeps them |
//! | group | `fingerprint`, so that Sentry's issue is our group |
//!
//! The event's id is that of the notification: what is sent twice is shown once. Unlike an SDK, the outbox waits for a
//! server that is down or has had enough, and sends the same event later.
//! Vendor's pages: <https://develop.sentry.dev/sdk/>, <https://github.com/getsentry/relay>.

mod api;
mod config;
mod event;
mod render;
mod sink;
mod verify;

pub use config::SentryBuilder;
pub use sink::Sentry;
pub use watchfire_http::HttpOptions;

/// The layer that `.layer(&outbox)?` returns, for a program's registry.
pub type SentryLayer = watchfire_core::HandlerLayer<watchfire_outbox::AlertHandler<Sentry>>;
