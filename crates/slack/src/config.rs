use std::{path::Path, time::Duration};

use watchfire_core::{ConfigError, Secret};
use watchfire_http::{Address, Client, HttpOptions, check_token, exchange};
use watchfire_outbox::{
    Answers, Delivering, DeliveryPolicy, Notification, NotificationPolicy, Occasion, Sink, Verifying,
};

use crate::{api, render, verify};

/// Delivers alerts to Slack.
///
/// Made by [`webhook`](Self::webhook) or [`bot`](Self::bot); every setting is checked when it is made.
#[derive(Clone, Debug)]
#[must_use]
pub struct Slack {
    pub(crate) door: Door,
    pub(crate) username: Option<String>,
    pub(crate) icon_emoji: Option<String>,
    pub(crate) mentions: Vec<Mention>,
    client: Client,
}

#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// Posts into the one channel that was chosen when the webhook was made.
    Webhook(Address),
    Bot(Box<Bot>),
}

#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) token: Secret,
    pub(crate) methods: Methods,
    pub(crate) channels: Vec<String>,
}

/// The addresses of the methods.
#[derive(Clone, Debug)]
pub(crate) struct Methods {
    pub(crate) post: Address,
    pub(crate) update: Address,
    pub(crate) test: Address,
}

/// Where the Web API lives.
const API: &str = "https://slack.com/api";
/// Slack takes one message per second and channel, and beyond that may show none although it said `ok`
/// (<https://docs.slack.dev/apis/web-api/rate-limits/>).
const GAP: Duration = Duration::from_millis(1100);

impl Slack {
    /// Delivers through an incoming webhook: `https://hooks.slack.com/services/T…/B…/…`, or a compatible server's.
    ///
    /// A webhook can neither thread nor edit; digests come as messages of their own.
    ///
    /// # Errors
    ///
    /// If it is no `https` address (or `http` to loopback). The error does not show it.
    pub fn webhook(url: impl AsRef<str>) -> Result<Self, ConfigError> {
        let address = Address::secret("slack.webhook", url.as_ref())?;
        if address.path().len() <= 1 {
            return Err(ConfigError::new(
                "slack.webhook",
                "expected the whole address, as Slack shows it once, with its path",
            ));
        }
        Ok(Self::through(Door::Webhook(address)))
    }

    /// Delivers with a bot token (`xoxb-…`, scope `chat:write`) into a channel: an id such as `C0123ABCD`, or a name.
    ///
    /// Ids are safer: a channel that is renamed keeps its id.
    ///
    /// # Errors
    ///
    /// If the token cannot be one, or the channel is neither an id nor a name. The error does not show the token.
    pub fn bot(token: impl Into<String>, channel: impl AsRef<str>) -> Result<Self, ConfigError> {
        let token = token.into();
        let token = token.trim();
        let secret = Secret::new(token);
        check_token("slack.token", token)?;
        if token.starts_with("https:") {
            return Err(ConfigError::new(
                "slack.token",
                "expected a token; for a webhook's address use Slack::webhook",
            ));
        }
        let methods = Methods::at(API)?;
        let channels = vec![channel_name(channel.as_ref())?];
        Ok(Self::through(Door::Bot(Box::new(Bot { token: secret, methods, channels }))))
    }

    fn through(door: Door) -> Self {
        Self { door, username: None, icon_emoji: None, mentions: Vec::new(), client: Client::default() }
    }

    /// Delivers into one more channel.
    ///
    /// # Errors
    ///
    /// If the channel is neither an id nor a name, or this is a webhook, which has one channel only.
    pub fn also_to(mut self, channel: impl AsRef<str>) -> Result<Self, ConfigError> {
        let channel = channel_name(channel.as_ref())?;
        let Door::Bot(bot) = &mut self.door else {
            let reason = "a webhook posts into its own channel only; use Slack::bot for several";
            return Err(ConfigError::new("slack.channel", reason));
        };
        if !bot.channels.contains(&channel) {
            bot.channels.push(channel);
        }
        Ok(self)
    }

    /// Mentions somebody in first alerts and storms: `@here`, `@channel`, `@everyone`, a user's id (`U…`, `W…`) or a
    /// user group's (`S…`).
    ///
    /// Nothing else can mention anybody, whatever an alert's text holds.
    ///
    /// # Errors
    ///
    /// If it is none of these; Slack takes ids only, not names.
    pub fn mention(mut self, whom: impl AsRef<str>) -> Result<Self, ConfigError> {
        let mention = Mention::parse(whom.as_ref().trim())?;
        if !self.mentions.contains(&mention) {
            self.mentions.push(mention);
        }
        Ok(self)
    }

    /// Sets the name that the message is from. Needs the scope `chat:write.customize`, or a legacy webhook.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than 80 characters, or holds control characters.
    pub fn username(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        let name = name.into();
        if name.trim().is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(ConfigError::new("slack.username", "expected 1 to 80 characters"));
        }
        self.username = Some(name);
        Ok(self)
    }

    /// Sets the picture beside the message: an emoji's name such as `:fire:`. Needs what [`username`](Self::username) needs.
    ///
    /// # Errors
    ///
    /// If it is no emoji's name.
    pub fn icon_emoji(mut self, name: impl AsRef<str>) -> Result<Self, ConfigError> {
        let bare = name.as_ref().trim().trim_matches(':');
        let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '\'' | ':');
        if bare.is_empty() || !bare.chars().all(good) {
            return Err(ConfigError::new("slack.icon_emoji", "expected an emoji's name such as `:fire:`"));
        }
        self.icon_emoji = Some(format!(":{bare}:"));
        Ok(self)
    }

    /// Sets where the Web API lives, up to and with `/api`: for GovSlack, or a stand-in on loopback. Default:
    /// `https://slack.com/api`.
    ///
    /// # Errors
    ///
    /// If it is no `https` address (or `http` to loopback), or this is a webhook.
    pub fn api_url(mut self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        let Door::Bot(bot) = &mut self.door else {
            return Err(ConfigError::new(
                "slack.api_url",
                "is for a bot token; a webhook's address is complete",
            ));
        };
        bot.methods = Methods::at(url.as_ref())?;
        Ok(self)
    }

    /// Sets how Slack is reached: timeouts, proxy, authorities.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.client = Client::new(options);
        self
    }

    /// Trusts the authorities of a PEM file as well as the system's.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or holds no usable certificate.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        self.client = self.client.trusting("slack.ca_file", path)?;
        Ok(self)
    }
}

impl Sink for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(self, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let request = api::request(&self.door, notification);
        let judge = |response: &_| api::judge(&self.door, notification, response);
        Box::pin(exchange(&self.client, request, judge))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.door, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.min_gap = GAP;
        policy.can_edit = matches!(self.door, Door::Bot(_));
        policy.notifications =
            if policy.can_edit { NotificationPolicy::chat() } else { NotificationPolicy::webhook() };
        policy
    }
}

/// Is a mention as Slack reads it: `<!here>`, `<@U…>`, `<!subteam^S…>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention(String);

impl Mention {
    fn parse(whom: &str) -> Result<Self, ConfigError> {
        let name = whom.trim_start_matches(['@', '!']);
        let is_id =
            name.len() >= 3 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        match name.as_bytes().first() {
            _ if matches!(name, "here" | "channel" | "everyone") => Ok(Self(format!("<!{name}>"))),
            Some(b'U' | b'W') if is_id => Ok(Self(format!("<@{name}>"))),
            Some(b'S') if is_id => Ok(Self(format!("<!subteam^{name}>"))),
            _ => {
                let reason = format!(
                    "`{whom}`: expected @here, @channel, @everyone, or an id such as U012ABCDE or S012ABCDE"
                );
                Err(ConfigError::new("slack.mention", reason))
            }
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Methods {
    fn at(api: &str) -> Result<Self, ConfigError> {
        let base = Address::parse("slack.api_url", api)?;
        Ok(Self {
            post: base.join("chat.postMessage"),
            update: base.join("chat.update"),
            test: base.join("auth.test"),
        })
    }
}

fn channel_name(text: &str) -> Result<String, ConfigError> {
    let name = text.trim();
    let bare = name.trim_start_matches(['#', '@']);
    if bare.is_empty() || name.len() > 100 || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(ConfigError::new(
            "slack.channel",
            "expected a channel's id such as C0123ABCD, or its name",
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook";

    #[test]
    fn names_the_field_that_is_wrong_and_shows_no_credential() {
        let hook = || Slack::webhook(URL).unwrap();
        let bot = || Slack::bot("xoxb-planted-token", "C0123ABCD").unwrap();
        let cases = [
            (Slack::webhook("planted"), "slack.webhook"),
            (Slack::webhook("http://hooks.slack.com/services/planted"), "slack.webhook"),
            (Slack::webhook("https://hooks.slack.com"), "slack.webhook"),
            (Slack::bot("", "C1"), "slack.token"),
            (Slack::bot("xoxb planted", "C1"), "slack.token"),
            (Slack::bot(URL, "C1"), "slack.token"),
            (Slack::bot("xoxb-planted-token", ""), "slack.channel"),
            (Slack::bot("xoxb-planted-token", "#"), "slack.channel"),
            (Slack::bot("xoxb-planted-token", "two words"), "slack.channel"),
            (hook().also_to("C1"), "slack.channel"),
            (hook().api_url("https://slack.com/api"), "slack.api_url"),
            (bot().api_url("http://slack.com/api"), "slack.api_url"),
            (hook().mention("ada"), "slack.mention"),
            (hook().mention("<!here>"), "slack.mention"),
            (hook().mention(""), "slack.mention"),
            (hook().mention("U1>"), "slack.mention"),
            (hook().username(" "), "slack.username"),
            (hook().username("a\nb"), "slack.username"),
            (hook().icon_emoji("::"), "slack.icon_emoji"),
            (hook().icon_emoji("https://example.com/a.png"), "slack.icon_emoji"),
            (hook().ca_file("/nowhere/ca.pem"), "slack.ca_file"),
        ];
        for (i, (made, field)) in cases.into_iter().enumerate() {
            let error = made.expect_err(field);
            assert_eq!(error.field(), field, "case {i}");
            assert!(!format!("{error} {error:?}").contains("planted"), "case {i}: {error}");
        }
    }

    #[test]
    fn composes_mentions() {
        let cases = [
            ("@here", "<!here>"),
            ("channel", "<!channel>"),
            ("@everyone", "<!everyone>"),
            ("U012ABCDE", "<@U012ABCDE>"),
            ("@W012ABCDE", "<@W012ABCDE>"),
            ("S012ABCDE", "<!subteam^S012ABCDE>"),
        ];
        for (given, expected) in cases {
            assert_eq!(
                Slack::webhook(URL).unwrap().mention(given).unwrap().mentions,
                [Mention(expected.to_owned())]
            );
        }
    }

    #[test]
    fn debug_shows_no_credential() {
        let slack = Slack::bot("xoxb-planted-token", "C0123ABCD").unwrap().also_to("#ops").unwrap();
        for shown in [format!("{slack:?}"), format!("{:?}", Slack::webhook(URL).unwrap())] {
            assert!(!shown.contains("planted"), "{shown}");
        }
    }

    #[test]
    fn only_a_bot_can_edit() {
        assert!(!Slack::webhook(URL).unwrap().policy().can_edit);
        assert!(Slack::bot("xoxb-planted-token", "C1").unwrap().policy().can_edit);
    }
}
