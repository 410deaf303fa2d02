//! What one attempt to deliver a notification came to.

use std::time::Duration;

use crate::{Reason, Receipt};

/// Says what one attempt to deliver a notification means for what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The provider took it. A receipt is kept with the notification's group, for threads and edits.
    Delivered(Option<Receipt>),
    /// The provider took it, and asks to wait before the next one. The wait is kept as that of a rate limit.
    DeliveredThenWait {
        /// As of a delivery.
        receipt: Option<Receipt>,
        /// How long; clamped to between 1 s and 24 h by the outbox.
        wait: Duration,
        /// Who has to wait.
        scope: Scope,
    },
    /// It may go well later: a connection that failed, a 5xx, a 4yz. Tried again with backoff.
    Transient(Reason),
    /// An answer that nobody foresaw. Tried again with backoff like a transient one; the third time it is taken for
    /// something that does not pass by itself, and held.
    Unknown(Reason),
    /// The provider asks to wait. `scope` says who has to.
    RateLimited {
        /// How long; clamped to between 1 s and 24 h by the outbox.
        wait: Duration,
        /// Who has to wait.
        scope: Scope,
        /// What the provider said.
        reason: Reason,
    },
    /// The provider refuses this rendering. Tried again one step plainer, at once.
    Degrade(Reason),
    /// The provider refuses this recipient for good; the others are not touched.
    RecipientRefused(Reason),
    /// The recipient has a new address (a Telegram group that became a supergroup). Sent there, and remembered.
    Moved {
        /// The new address.
        to: String,
        /// What the provider said.
        reason: Reason,
    },
    /// The channel cannot deliver until somebody changes something: credentials, a deleted channel, an empty account.
    /// The notification is held, and tried again after a restart, a reload, or a long while.
    Held(Reason),
    /// It may or may not have arrived: the connection broke after the last byte and before the answer.
    Ambiguous(Reason),
    /// The provider refuses this notification for good, in any form. It becomes a dead letter.
    Rejected(Reason),
}

/// Says who has to wait at a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// This recipient only.
    Recipient,
    /// The whole channel.
    Channel,
}
