#![doc = include_str!("../README.md")]

mod critical;

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "file")]
pub mod format;
#[cfg(all(doctest, feature = "all"))]
mod guides;
pub mod handler;
pub mod prelude;
#[cfg(feature = "outbox")]
pub mod sink;

// Item by item: of a glob the compiler cannot say which feature a name belongs to.
#[cfg(feature = "config")]
pub use watchfire_config::{
    Components, Config, Diagnostics, Handle, RouterLayer, Setup, StackBuilder, init, init_from_env, setup,
    stack,
};
pub use watchfire_core::{
    App, ConfigError, Diagnostic, LayerCounts, LevelTable, Limits, MainError, NameVerdict, Redactor, Rewrite,
    Secret, SelfLog, Severity, UnknownSeverity, conclude,
    process::{is_debug, set_debug},
    run,
};
#[cfg(feature = "file")]
pub use watchfire_file::{
    Compression, Console, ConsoleLayer, Durability, FileCounts, FileLayer, LogFile, MemoryLayer,
    RotationInterval, WhenFull,
};
pub use watchfire_filter as filter;
#[cfg(feature = "outbox")]
pub use watchfire_outbox::{
    ChannelStats, DeliveryPolicy, FlushReport, Health, HealthStatus, MinCount, NotificationPolicy, Outbox,
    OutboxBuilder, OutboxView, QuietHours, QuietNote, Rate, Silence, Stats, UncleanEnd, folder, panic,
};

#[cfg(feature = "email")]
pub use watchfire_email::{Email, EmailBuilder, EmailLayer};
#[cfg(feature = "health")]
pub use watchfire_health as health;
#[cfg(feature = "http")]
pub use watchfire_http::HttpOptions;
#[cfg(feature = "sentry")]
pub use watchfire_sentry::{Sentry, SentryBuilder, SentryLayer};
#[cfg(feature = "slack")]
pub use watchfire_slack::{Slack, SlackBuilder, SlackLayer};
#[cfg(feature = "sms")]
pub use watchfire_sms::{
    Alphabet, DltSlot, Exotel, Segments, Sms, SmsBuilder, SmsLayer, SmsProvider, Twilio,
};
#[cfg(feature = "telegram")]
pub use watchfire_telegram::{Telegram, TelegramBuilder, TelegramLayer};
#[cfg(feature = "tower")]
pub use watchfire_tower as tower;

#[doc(hidden)]
pub use critical::__private;
