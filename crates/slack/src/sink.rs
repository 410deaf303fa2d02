//! The sink: renders, delivers and verifies with settings that were checked.

use std::time::Duration;

use watchfire_core::ConfigError;
use watchfire_http::{Client, exchange};
use watchfire_outbox::{
    Answers, Delivering, DeliveryPolicy, IntoSink, Notification, NotificationPolicy, Occasion, Sink,
    Verifying,
};

use crate::{
    api,
    config::{Destination, SlackBuilder, SlackSettings},
    render, verify,
};

/// Slack as a destination of alerts, by an incoming webhook or with a bot token.
///
/// [`webhook`](Self::webhook) and [`bot`](Self::bot) begin its settings; `.layer(&outbox)` checks them.
#[derive(Clone, Debug)]
pub struct Slack {
    settings: SlackSettings,
    client: Client,
}

/// Slack takes one message per second and channel, and beyond that may show none although it said `ok`
/// (<https://docs.slack.dev/apis/web-api/rate-limits/>).
const GAP: Duration = Duration::from_millis(1100);

impl Slack {
    /// Delivers through an incoming webhook: `https://hooks.slack.com/services/T…/B…/…`, or a compatible server's. Plain
    /// `http` is taken for loopback only.
    ///
    /// A webhook can neither thread nor edit; digests come as messages of their own.
    pub fn webhook(url: impl AsRef<str>) -> SlackBuilder {
        SlackBuilder::webhook(url.as_ref())
    }

    /// Delivers with a bot token (`xoxb-…`, scope `chat:write`) into a channel: an id such as `C0123ABCD`, or a name.
    ///
    /// Ids are safer: a channel that is renamed keeps its id.
    pub fn bot(token: impl AsRef<str>, channel: impl Into<String>) -> SlackBuilder {
        SlackBuilder::bot(token.as_ref(), channel.into())
    }
}

impl SlackBuilder {
    /// Checks all settings, and makes the sink.
    ///
    /// # Errors
    ///
    /// If settings are wrong or missing: all problems together. No problem shows a credential.
    pub fn build(self) -> Result<Slack, ConfigError> {
        let (settings, client) = self.check()?;
        Ok(Slack { settings, client })
    }
}

impl IntoSink for SlackBuilder {
    type Sink = Slack;

    fn into_sink(self) -> Result<Slack, ConfigError> {
        self.build()
    }
}

impl Sink for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(&self.settings, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let destination = &self.settings.destination;
        let request = api::request(destination, notification);
        let judge = |response: &_| api::judge(destination, notification, response);
        Box::pin(exchange(&self.client, request, judge))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.settings.destination, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.min_gap = GAP;
        policy.can_edit = matches!(self.settings.destination, Destination::Bot(_));
        policy.notifications =
            if policy.can_edit { NotificationPolicy::chat() } else { NotificationPolicy::webhook() };
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook";

    #[test]
    fn debug_shows_no_credential() {
        let bot = Slack::bot("xoxb-planted-token", "C0123ABCD").also_to("#ops").build().unwrap();
        for shown in [format!("{bot:?}"), format!("{:?}", Slack::webhook(URL).build().unwrap())] {
            assert!(!shown.contains("planted"), "{shown}");
        }
    }

    #[test]
    fn only_a_bot_can_edit() {
        assert!(!Slack::webhook(URL).build().unwrap().policy().can_edit);
        assert!(Slack::bot("xoxb-planted-token", "C1").build().unwrap().policy().can_edit);
    }
}
