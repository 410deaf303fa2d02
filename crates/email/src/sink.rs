//! The sink: renders, delivers and verifies with settings that were checked.

use std::{fmt, time::Duration};

use watchfire_core::{ConfigError, HandlerLayer};
use watchfire_outbox::{
    AlertHandler, Answers, Delivering, DeliveryPolicy, IntoSink, Notification, NotificationPolicy, Occasion,
    Sink, Verifying,
};

use crate::{
    config::{EmailBuilder, EmailSettings},
    render,
    transport::Transport,
    verify,
};

/// The layer that `.layer(&outbox)?` returns, for a program's registry.
pub type EmailLayer = HandlerLayer<AlertHandler<Email>>;

/// The admins as a destination of alerts, each by a separate mail.
///
/// [`to`](Self::to) begins its settings; `.layer(&outbox)` checks them.
pub struct Email {
    settings: EmailSettings,
    transport: Transport,
}

impl Email {
    /// Names the admins: `ada@example.com` or `Ada <ada@example.com>`, at least one.
    pub fn to<A: Into<String>>(admins: impl IntoIterator<Item = A>) -> EmailBuilder {
        EmailBuilder::to(admins.into_iter().map(Into::into).collect())
    }
}

impl EmailBuilder {
    /// Checks all settings, and makes the sink.
    ///
    /// # Errors
    ///
    /// If settings are wrong or missing: all problems together. No problem shows the password.
    pub fn build(self) -> Result<Email, ConfigError> {
        let settings = self.check()?;
        let transport = Transport::new(&settings);
        Ok(Email { settings, transport })
    }
}

impl IntoSink for EmailBuilder {
    type Sink = Email;

    fn into_sink(self) -> Result<Email, ConfigError> {
        self.build()
    }
}

impl Sink for Email {
    fn kind(&self) -> &'static str {
        "email"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::mails(&self.settings, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(self.transport.deliver(&self.settings.from.email, notification))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.transport, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        // A server that knows us only from the second time on wants minutes, and mail is not the fastest channel anyway.
        policy.backoff_base = Duration::from_secs(5);
        policy.backoff_cap = Duration::from_secs(15 * 60);
        policy.timeout = self.transport.longest();
        policy.notifications = NotificationPolicy::mail();
        policy
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Email").field(&self.settings).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_goes_between_threads() {
        fn goes<T: Send + Sync + 'static>() {}
        goes::<Email>();
        goes::<EmailBuilder>();
    }
}
