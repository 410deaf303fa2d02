//! The values that all other folders share: ids, timestamps, notifications, queued messages, counts and texts.

pub(crate) mod failover;
mod group_id;
pub(crate) mod hash;
pub(crate) mod notification;
pub(crate) mod queued_message;
pub(crate) mod random;
pub(crate) mod stats;
pub(crate) mod text;
pub(crate) mod ticket;
pub(crate) mod timestamp;

pub use self::text::{clip, printable};
pub use failover::refuse_circle;
pub use group_id::GroupId;
pub use notification::{Form, Notification, NotificationId};
pub use stats::{ChannelStats, FlushReport, Stats};
