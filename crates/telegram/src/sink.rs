//! The sink: renders, delivers and verifies with settings that were checked.

use std::{fmt, time::Duration};

use watchfire_core::ConfigError;
use watchfire_http::{Client, exchange};
use watchfire_outbox::{
    Answers, Delivering, DeliveryPolicy, IntoSink, Notification, NotificationPolicy, Occasion, Sink,
    Verifying,
};

use crate::{
    api,
    config::{TelegramBuilder, TelegramSettings},
    render, verify,
};

/// Telegram chats as a destination of alerts, by a bot.
///
/// [`bot`](Self::bot) begins its settings; `.layer(&outbox)` checks them.
#[derive(Clone, Debug)]
pub struct Telegram {
    settings: TelegramSettings,
    client: Client,
}

/// Groups take 20 messages per minute, counts of edits included (<https://core.telegram.org/bots/faq>).
const GAP: Duration = Duration::from_secs(3);

impl Telegram {
    /// Delivers with a bot's token (`123456789:…`) into a chat: a number such as `-1001234567890`, or `@name` of a public
    /// channel; for a forum's topic its number behind a slash, `-1001234567890/42`.
    pub fn bot(token: impl AsRef<str>, chat: impl fmt::Display) -> TelegramBuilder {
        TelegramBuilder::bot(token.as_ref(), chat.to_string())
    }
}

impl TelegramBuilder {
    /// Checks all settings, and makes the sink.
    ///
    /// # Errors
    ///
    /// If settings are wrong or missing: all problems together. No problem shows a credential.
    pub fn build(self) -> Result<Telegram, ConfigError> {
        let (settings, client) = self.check()?;
        Ok(Telegram { settings, client })
    }
}

impl IntoSink for TelegramBuilder {
    type Sink = Telegram;

    fn into_sink(self) -> Result<Telegram, ConfigError> {
        self.build()
    }
}

impl Sink for Telegram {
    fn kind(&self) -> &'static str {
        "telegram"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(&self.settings, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let request = api::request(&self.settings.methods, notification);
        Box::pin(exchange(&self.client, request, |response| api::judge(notification, response)))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.settings, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.min_gap = GAP;
        policy.can_edit = true;
        policy.notifications = NotificationPolicy::messenger();
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_credential() {
        let telegram =
            Telegram::bot("123456789:planted-token-planted-token-00", "@ops_alerts").build().unwrap();
        assert!(!format!("{telegram:?}").contains("planted"), "{telegram:?}");
    }
}
