//! Types for your own sinks: implement [`Sink`] for a type, say in `render` what your provider is to be
//! told and in `deliver` how it is carried there, and `.layer(&outbox)` makes a layer of it.
//!
//! The spool, grouping, retries, budgets and failover are the outbox's, for your sink as for those of this crate.

pub use watchfire_core::Problems;
pub use watchfire_outbox::{
    AlertHandler, Answers, Channel, Counts, Delivering, Fact, Form, GroupId, GroupSummary, IntoSink, Link,
    Mention, MessageContent, Notification, NotificationId, Occasion, OccasionKind, Outcome, Outlook, Reason,
    Receipt, Scope, Section, Sink, SinkExt, Verdict, Verified, Verifying, clip, format_duration,
    format_timestamp, one_line, printable, verify,
};
