//! The values that all other folders share: ids, timestamps, notifications, queued messages, counts and texts.

mod failover;
mod group_id;
mod group_summary;
pub(crate) mod hash;
mod notification;
mod queued_message;
pub(crate) mod random;
mod reason;
mod silence;
pub(crate) mod stats;
pub(crate) mod text;
mod ticket;
mod timestamp;

pub use failover::{circle_reason, failover_circle};
pub use group_id::GroupId;
pub use group_summary::{Counts, GroupSummary, Mention, OccasionKind, Outlook};
pub use notification::{Form, Notification, NotificationId};
pub use reason::Reason;
pub use silence::Silence;
pub(crate) use {
    failover::{FailOver, refuse_circle},
    group_summary::SummarySource,
    notification::Rendering,
    queued_message::QueuedMessage,
    ticket::{DeliveryState, QueueKey, Ticket},
    timestamp::Timestamp,
};
