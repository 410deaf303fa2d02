//! The outbox of watchfire: how alerts travel.
//!
//! A [`Sink`] renders and delivers; an [`AlertHandler`] feeds it through the [`Outbox`], whose courier thread groups,
//! spools, retries, degrades and delivers. The program's threads only push into a bounded queue.

mod notification;
mod occasion;
mod outcome;
mod page;
mod policy;
mod receipt;
mod sink;

mod channel;
mod gate;
mod group;
mod handler;
mod health;
mod noise;
mod outbox;
pub mod panic;
mod stats;

mod chance;
mod channels;
mod courier;
mod delivery;
mod dispatch;
mod failover;
pub mod folder;
mod handoff;
mod hash;
mod letter;
mod moment;
mod panics;
mod queue;
mod receipts;
mod shared;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod sim;
mod spool;
mod text;

pub use channel::Channel;
pub use failover::refuse_circle;
pub use group::GroupId;
pub use handler::AlertHandler;
pub use health::{Health, HealthStatus};
pub use noise::{MinCount, Noise, QuietHours, QuietNote, Rate, Silence};
pub use notification::{Form, Notification, NotificationId};
pub use occasion::{Counts, Mention, Occasion, OccasionKind, Outlook};
pub use outbox::{Outbox, OutboxBuilder};
pub use outcome::{Outcome, Reason, Scope};
pub use page::{Fact, Page, Section, one_line, span_text, stamp};
pub use policy::Policy;
pub use receipt::Receipt;
pub use sink::{Answers, Delivering, Sink, Verdict, Verified, Verifying, verify};
pub use stats::{ChannelStats, FlushReport, Stats};
pub use text::{clip, legible};
