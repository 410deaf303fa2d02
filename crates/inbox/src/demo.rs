//! The credentials that the providers take. They are public and open nothing.

/// The credentials and addresses that the providers take, everything else is refused.
///
/// They have the shape of real ones so that a configuration accepts them, and open nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Demo;

impl Demo {
    /// The SMTP user.
    pub const SMTP_USER: &'static str = "demo";
    /// The SMTP password.
    pub const SMTP_PASSWORD: &'static str = "inbox-demo-password";
    /// The path of the Slack webhook.
    pub const SLACK_WEBHOOK_PATH: &'static str = "/services/T0INBOX00/B0INBOX00/inboxDemoInboxDemoInbox0";
    /// The Slack bot token.
    pub const SLACK_TOKEN: &'static str = "xoxb-inbox-demo-token";
    /// The Slack channel that the bot is in.
    pub const SLACK_CHANNEL: &'static str = "C0INBOX00";
    /// The name of that channel.
    pub const SLACK_CHANNEL_NAME: &'static str = "alerts";
    /// The Telegram bot token.
    pub const TELEGRAM_TOKEN: &'static str = "123456789:inbox-demo-token-inbox-demo-tokens0";
    /// The Telegram group with forum topics that the bot is in.
    pub const TELEGRAM_CHAT: i64 = -1_001_234_567_890;
    /// A topic of that group.
    pub const TELEGRAM_THREAD: i64 = 42;
    /// A second Telegram chat, without topics.
    pub const TELEGRAM_PRIVATE_CHAT: i64 = 987_654_321;
    /// A Telegram channel that the bot may post to.
    pub const TELEGRAM_CHANNEL: &'static str = "@inbox_alerts";
    /// The Twilio account.
    pub const TWILIO_ACCOUNT: &'static str = "AC00000000000000000000000000000042";
    /// The Twilio auth token.
    pub const TWILIO_TOKEN: &'static str = "inbox0demo0auth0token00000000042";
    /// A Twilio API key of that account.
    pub const TWILIO_KEY: &'static str = "SK00000000000000000000000000000042";
    /// That key's secret.
    pub const TWILIO_KEY_SECRET: &'static str = "inbox0demo0key0secret00000000042";
    /// The Twilio number that the account owns.
    pub const TWILIO_FROM: &'static str = "+15005550006";
    /// The Twilio messaging service of the account.
    pub const TWILIO_SERVICE: &'static str = "MG00000000000000000000000000000042";
    /// The Exotel account.
    pub const EXOTEL_ACCOUNT: &'static str = "inboxdemo1";
    /// The Exotel API key.
    pub const EXOTEL_KEY: &'static str = "inboxdemokey00000000000000000042";
    /// The Exotel API token.
    pub const EXOTEL_TOKEN: &'static str = "inboxdemotoken000000000000000042";
    /// The Exotel sender header.
    pub const EXOTEL_FROM: &'static str = "WFIRED";
    /// The Sentry public key.
    pub const SENTRY_KEY: &'static str = "0123456789abcdef0123456789abcdef";
    /// The Sentry project.
    pub const SENTRY_PROJECT: &'static str = "42";
}
