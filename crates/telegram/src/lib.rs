//! Alerts to Telegram chats, groups, forum topics and channels, as a bot.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//! use watchfire_outbox::{Outbox, SinkExt};
//! use watchfire_telegram::Telegram;
//!
//! let outbox = Outbox::start("shop")?;
//! # let token = "123456789:not-a-real-token-not-a-real-token-00";
//! let telegram = Telegram::bot(token, "-1001234567890").also_to("-1001234567890/42");
//! let _subscriber = tracing_subscriber::registry().with(telegram.layer(&outbox)?);
//! # Ok::<_, watchfire_core::ConfigError>(())
//! ```
//!
//! Texts of alerts stand in code, where Telegram looks for no mentions, links and commands.
//! Vendor's page: <https://core.telegram.org/bots/api>.

mod api;
mod config;
mod render;
mod sink;
mod verify;

pub use config::TelegramBuilder;
pub use sink::Telegram;
pub use watchfire_http::HttpOptions;

/// The layer that `.layer(&outbox)?` returns, for a program's registry.
pub type TelegramLayer = watchfire_core::HandlerLayer<watchfire_outbox::AlertHandler<Telegram>>;
