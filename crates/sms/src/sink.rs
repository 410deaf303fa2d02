//! The sink: renders, delivers and verifies with settings that were checked.

use std::time::Duration;

use watchfire_core::{ConfigError, HandlerLayer};
use watchfire_http::{Client, exchange};
use watchfire_outbox::{
    AlertHandler, Answers, Delivering, DeliveryPolicy, IntoSink, Notification, NotificationPolicy, Occasion,
    Outcome, Reason, Sink, Verifying,
};

use crate::{
    api,
    config::{SmsBuilder, SmsSettings},
    render, verify,
};

/// The layer that `.layer(&outbox)?` returns, for a program's registry.
pub type SmsLayer = HandlerLayer<AlertHandler<Sms>>;

/// Telephone numbers as a destination of alerts, each through the provider that its prefix leads to.
///
/// [`to`](Self::to) begins its settings; `.layer(&outbox)` checks them.
#[derive(Clone, Debug)]
pub struct Sms {
    settings: SmsSettings,
    client: Client,
}

impl Sms {
    /// Names the numbers, in the international form (E.164): `+436601234567`. Spaces and hyphens are removed.
    pub fn to<N: Into<String>>(numbers: impl IntoIterator<Item = N>) -> SmsBuilder {
        SmsBuilder::to(numbers.into_iter().map(Into::into).collect())
    }
}

impl SmsBuilder {
    /// Checks all settings, and makes the sink.
    ///
    /// # Errors
    ///
    /// If a number is not in the international form, has no route, or leads to India through Exotel without a registered
    /// template; or if a provider's setting is wrong or missing: all problems together. No problem shows a credential.
    pub fn build(self) -> Result<Sms, ConfigError> {
        let (settings, client) = self.check()?;
        Ok(Sms { settings, client })
    }
}

impl IntoSink for SmsBuilder {
    type Sink = Sms;

    fn into_sink(self) -> Result<Sms, ConfigError> {
        self.build()
    }
}

impl Sink for Sms {
    fn kind(&self) -> &'static str {
        "sms"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(&self.settings, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let Some(carrier) = self.settings.carrier_for(notification.recipient()) else {
            // From a spool of another configuration.
            let outcome = Outcome::Held(Reason::new("no provider has a route to this number any more"));
            return Box::pin(std::future::ready(outcome));
        };
        let request = api::request(carrier, notification);
        Box::pin(exchange(&self.client, request, |response| api::judge(carrier, notification, response)))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.settings.routes, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.max_age = Duration::from_secs(15 * 60);
        policy.backoff_cap = Duration::from_secs(60);
        // Neither provider knows an idempotency key, and each SMS costs money.
        policy.retry_ambiguous = false;
        policy.notifications = NotificationPolicy::sms();
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Twilio;

    #[test]
    fn nothing_that_may_have_arrived_is_paid_twice() {
        let twilio = Twilio::new("AC00000000000000000000000000000001", "planted-twilio-token");
        let sms = Sms::to(["+436601234567"]).twilio(twilio.from("+15005550006")).build().unwrap();
        assert!(!sms.policy().retry_ambiguous);
        assert_eq!(sms.policy().max_age, Duration::from_secs(900));
    }
}
