//! The outbox of watchfire: how alerts travel.
//!
//! A [`Sink`] renders and delivers; an [`AlertHandler`] feeds it through the [`Outbox`], whose worker thread groups,
//! spools, retries, degrades and delivers. The program's threads only push into a bounded queue.

mod aggregate;
mod channel;
mod delivery;
mod handler;
mod model;
mod outbox;
pub mod panic;
mod pipeline;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod sim;
mod sink;
mod spool;
mod worker;

pub use channel::{Channel, SinkExt};
pub use handler::AlertHandler;
pub use model::stats::{ChannelStats, FlushReport, Stats};
pub use model::text::{clip, format_duration, format_timestamp, one_line, printable};
pub use model::{
    Counts, Form, GroupId, GroupSummary, Mention, Notification, NotificationId, OccasionKind, Outlook,
    Reason, Silence, circle_reason, failover_circle,
};
pub use outbox::{Outbox, OutboxBuilder, OutboxView};
pub use sink::{
    Answers, Delivering, DeliveryPolicy, Fact, IntoSink, Link, MessageContent, MinCount, NotificationPolicy,
    Occasion, Outcome, QuietHours, QuietNote, Rate, Receipt, Scope, Section, Sink, Verdict, Verified,
    Verifying, link_refusal,
};
pub use spool::folder;
pub use worker::{Health, HealthStatus, UncleanEnd, verify};
