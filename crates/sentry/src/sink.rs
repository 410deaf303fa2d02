//! The sink: renders, delivers and verifies with settings that were checked.

use std::time::Duration;

use watchfire_core::{ConfigError, clock};
use watchfire_http::{Client, exchange};
use watchfire_outbox::{
    Answers, Delivering, DeliveryPolicy, IntoSink, Notification, NotificationPolicy, Occasion, Sink,
    Verifying,
};

use crate::{
    api,
    config::{SentryBuilder, SentrySettings},
    render, verify,
};

/// A project at Sentry, or at a compatible server, as a destination of alerts.
///
/// [`dsn`](Self::dsn) begins its settings; `.layer(&outbox)` checks them.
#[derive(Clone, Debug)]
pub struct Sentry {
    settings: SentrySettings,
    client: Client,
}

impl Sentry {
    /// Delivers to the project of a DSN: `https://<key>@<host>/<project>`, as the project's settings show it. The path
    /// may have a prefix, as that of a server of one's own, and the key a secret behind it, as that of an old DSN. Plain
    /// `http` is taken for loopback only.
    pub fn dsn(dsn: impl AsRef<str>) -> SentryBuilder {
        SentryBuilder::dsn(dsn.as_ref())
    }
}

impl SentryBuilder {
    /// Checks all settings, and makes the sink.
    ///
    /// # Errors
    ///
    /// If settings are wrong or missing: all problems together. No problem shows a credential.
    pub fn build(self) -> Result<Sentry, ConfigError> {
        let (settings, client) = self.check()?;
        Ok(Sentry { settings, client })
    }
}

impl IntoSink for SentryBuilder {
    type Sink = Sentry;

    fn into_sink(self) -> Result<Sentry, ConfigError> {
        self.build()
    }
}

impl Sink for Sentry {
    fn kind(&self) -> &'static str {
        "sentry"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(&self.settings, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let request = api::request(&self.settings.project, notification, clock::now());
        Box::pin(exchange(&self.client, request, api::judge))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.settings.project, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        // Sentry groups by itself, and is lenient about old events.
        policy.notifications = NotificationPolicy::tracker();
        policy.max_age = Duration::from_secs(24 * 3600);
        policy
    }
}
