//! The contract that a sink implements, and all that it is given and returns.

pub(crate) mod content;
mod contract;
mod delivery_policy;
pub(crate) mod notification_policy;
mod occasion;
mod outcome;
#[cfg(test)]
pub(crate) mod paper;
pub(crate) mod quiet_hours;
mod receipt;

pub use content::{Fact, MessageContent, Section, format_duration, format_timestamp, one_line};
pub use contract::{Delivering, IntoSink, Sink};
pub use delivery_policy::DeliveryPolicy;
pub use notification_policy::{MinCount, NotificationPolicy, QuietNote};
pub use occasion::{Counts, Mention, Occasion, OccasionKind, Outlook};
pub use outcome::{Outcome, Reason, Scope};
pub use quiet_hours::QuietHours;
pub use receipt::Receipt;
