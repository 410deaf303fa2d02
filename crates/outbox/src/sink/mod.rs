//! The contract that a sink implements, and all that it is given and returns.

mod content;
mod contract;
mod delivery_policy;
mod notification_policy;
mod occasion;
mod outcome;
#[cfg(test)]
pub(crate) mod paper;
mod quiet_hours;
mod rate;
mod receipt;
pub(crate) mod verification;

pub(crate) use content::what_happened;
pub use content::{Fact, Link, MessageContent, Section, link_refusal};
pub use contract::{Delivering, IntoSink, Sink};
pub use delivery_policy::DeliveryPolicy;
pub(crate) use delivery_policy::OVERDUE;
pub use notification_policy::{MinCount, NotificationPolicy, QuietNote};
pub use occasion::Occasion;
pub use outcome::{Outcome, Scope};
pub use quiet_hours::QuietHours;
pub use rate::Rate;
pub use receipt::Receipt;
pub use verification::{Answers, Verdict, Verified, Verifying};
