use std::{fmt, time::Duration};

use crate::Receipt;

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

/// Is what a provider or a library said, in one line, of at most 500 bytes, without a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(String);

/// The most bytes of a [`Reason`].
const LONGEST: usize = 500;

impl Reason {
    /// Takes a text, such as the beginning of an answer: what looks like a secret and registered credentials are masked,
    /// control characters become spaces, the rest is cut.
    pub fn new(text: impl fmt::Display) -> Self {
        let text = text.to_string();
        let redactor = watchfire_core::Redactor::default();
        let masked = redactor.clean(&text);
        let line: String = masked.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self(watchfire_core::cut(line.trim(), LONGEST).to_owned())
    }

    /// Adds what a person can do about it, if anything; that is never cut off, what was said before it is.
    #[must_use]
    pub fn advised(self, advice: Option<&str>) -> Self {
        match advice {
            Some(advice) => {
                let said = watchfire_core::cut(&self.0, LONGEST.saturating_sub(advice.len() + 2));
                Self::new(format_args!("{said}; {advice}"))
            }
            None => self,
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
