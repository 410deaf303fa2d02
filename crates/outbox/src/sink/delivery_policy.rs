//! The patience and pace of a channel towards its provider.

use std::time::Duration;

use crate::NotificationPolicy;

/// How long a message may be on its way before it counts as held up.
pub(crate) const OVERDUE: Duration = Duration::from_secs(60);

/// Says how patient and how fast the outbox is with a channel. Each sink has its own defaults.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeliveryPolicy {
    /// How long one attempt may take. Default 15 s.
    pub timeout: Duration,
    /// The first pause of the backoff; it doubles at each attempt, with full jitter. Default 1 s.
    pub backoff_base: Duration,
    /// The longest pause of the backoff. Default 5 min.
    pub backoff_cap: Duration,
    /// How old an alert may become before it is no longer sent by itself. Default 12 h.
    pub max_age: Duration,
    /// The least time between two messages to one recipient. Default none.
    pub min_gap: Duration,
    /// After how many failures in a row a destination is left alone for a while. Default 5.
    pub breaker_after: u32,
    /// How long it is left alone at first; then one message is a trial, and the time doubles when that fails too.
    /// Default 30 s.
    pub breaker_wait: Duration,
    /// How long it is left alone at most. Default 10 min.
    pub breaker_cap: Duration,
    /// Whether an attempt that may have arrived is repeated, marked as a possible duplicate. Default yes.
    pub retry_ambiguous: bool,
    /// Whether the provider can change a message that was delivered. Default no.
    pub can_edit: bool,
    /// How much the channel may speak. Default [`NotificationPolicy::default`].
    pub notifications: NotificationPolicy,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(300),
            max_age: Duration::from_secs(12 * 3600),
            min_gap: Duration::ZERO,
            breaker_after: 5,
            breaker_wait: Duration::from_secs(30),
            breaker_cap: Duration::from_secs(600),
            retry_ambiguous: true,
            can_edit: false,
            notifications: NotificationPolicy::default(),
        }
    }
}
