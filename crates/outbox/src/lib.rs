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

pub use aggregate::{Rate, Silence};
pub use channel::{Channel, SinkExt};
pub use handler::AlertHandler;
pub use model::{
    ChannelStats, FlushReport, Form, GroupId, Notification, NotificationId, Stats, clip, printable,
    refuse_circle,
};
pub use outbox::{Outbox, OutboxBuilder};
pub use sink::{
    Counts, Delivering, DeliveryPolicy, Fact, IntoSink, Mention, MessageContent, MinCount,
    NotificationPolicy, Occasion, OccasionKind, Outcome, Outlook, QuietHours, QuietNote, Reason, Receipt,
    Scope, Section, Sink, format_duration, format_timestamp, one_line,
};
pub use spool::folder;
pub use worker::{Answers, Health, HealthStatus, UncleanEnd, Verdict, Verified, Verifying, verify};
