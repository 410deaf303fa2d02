//! Alerts to Slack: through an incoming webhook, or with a bot token into several channels, with digests in the thread
//! of the first alert and counts edited into it.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//! use watchfire_outbox::{Outbox, SinkExt};
//! use watchfire_slack::Slack;
//!
//! let outbox = Outbox::start("shop")?;
//! # let url = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/notARealSecretNotARealOne";
//! let _subscriber = tracing_subscriber::registry()
//!     .with(Slack::webhook(url).mention("@here").layer(&outbox)?);
//! # Ok::<_, watchfire_core::ConfigError>(())
//! ```
//!
//! Whatever an alert holds, the message is one that Slack takes and that pings nobody but those who are configured.
//! Vendor's pages: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>,
//! <https://docs.slack.dev/reference/methods/chat.postMessage/>, <https://docs.slack.dev/reference/block-kit/blocks/>.

mod api;
mod config;
mod render;
mod sink;
mod verify;

pub use config::SlackBuilder;
pub use sink::Slack;
pub use watchfire_http::HttpOptions;

/// The layer that `.layer(&outbox)?` returns, for a program's registry.
pub type SlackLayer = watchfire_core::HandlerLayer<watchfire_outbox::AlertHandler<Slack>>;
