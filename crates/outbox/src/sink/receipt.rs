//! The receipt of a delivered notification.

/// A provider's reference to a delivered notification, which the sink needs for threads and edits.
///
/// The outbox keeps it with the group and hands it to the sink with the next occasion of that group; it does not look
/// inside. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    recipient: String,
    reference: String,
}

impl Receipt {
    /// Makes a receipt: for whom, and what the provider calls the message there
    /// (a Slack `channel/ts`, a Telegram message id, a Message-ID).
    pub fn new(recipient: impl Into<String>, reference: impl Into<String>) -> Self {
        Self { recipient: recipient.into(), reference: reference.into() }
    }

    /// Returns the recipient that the notification went to.
    #[must_use]
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Returns the provider's name of the message.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }
}
