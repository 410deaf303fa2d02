//! The settings: collected by the builder, and checked all at once.

use std::path::{Path, PathBuf};

use watchfire_core::{ConfigError, Problems, Secret};
use watchfire_http::{Client, Endpoint, HttpOptions, check_token};

/// The settings of a [`Slack`](crate::Slack) in the making; `.layer(&outbox)` or [`build`](Self::build) checks them.
#[derive(Clone, Debug)]
#[must_use]
pub struct SlackBuilder {
    given: SlackInput,
    channels: Vec<String>,
    api_url: Option<String>,
    mentions: Vec<String>,
    username: Option<String>,
    icon_emoji: Option<String>,
    http: HttpOptions,
    ca_files: Vec<PathBuf>,
}

/// The way to Slack as it was given.
#[derive(Clone, Debug)]
enum SlackInput {
    Webhook(Secret),
    Bot(Secret),
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub(crate) struct SlackSettings {
    pub(crate) destination: Destination,
    pub(crate) username: Option<String>,
    pub(crate) icon_emoji: Option<String>,
    pub(crate) mentions: Vec<Mention>,
}

#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// Posts into the one channel that was chosen when the webhook was made.
    Webhook(Endpoint),
    Bot(Box<Bot>),
}

#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) token: Secret,
    pub(crate) methods: Methods,
    pub(crate) channels: Vec<String>,
}

/// The endpoints of the methods.
#[derive(Clone, Debug)]
pub(crate) struct Methods {
    pub(crate) post: Endpoint,
    pub(crate) update: Endpoint,
    pub(crate) test: Endpoint,
}

/// The usual address of the Web API.
const API: &str = "https://slack.com/api";

impl SlackBuilder {
    pub(crate) fn webhook(url: &str) -> Self {
        Self::of(SlackInput::Webhook(Secret::new(url.trim())), Vec::new())
    }

    pub(crate) fn bot(token: &str, channel: String) -> Self {
        Self::of(SlackInput::Bot(Secret::new(token.trim())), vec![channel])
    }

    fn of(given: SlackInput, channels: Vec<String>) -> Self {
        Self {
            given,
            channels,
            api_url: None,
            mentions: Vec::new(),
            username: None,
            icon_emoji: None,
            http: HttpOptions::new(),
            ca_files: Vec::new(),
        }
    }

    /// Delivers into one more channel. A webhook has one channel only.
    pub fn also_to(mut self, channel: impl Into<String>) -> Self {
        self.channels.push(channel.into());
        self
    }

    /// Mentions somebody in first alerts and storms: `@here`, `@channel`, `@everyone`, a user's id (`U…`, `W…`) or a
    /// user group's (`S…`). Slack takes ids only, not names.
    ///
    /// Nothing else can mention anybody, whatever an alert's text holds.
    pub fn mention(mut self, whom: impl Into<String>) -> Self {
        self.mentions.push(whom.into());
        self
    }

    /// Sets the name that the message is from, of 1 to 80 characters. Needs the scope `chat:write.customize`, or a legacy
    /// webhook.
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.username = Some(name.into());
        self
    }

    /// Sets the picture beside the message: an emoji's name such as `:fire:`. Needs the same scope as
    /// [`username`](Self::username).
    pub fn icon_emoji(mut self, name: impl Into<String>) -> Self {
        self.icon_emoji = Some(name.into());
        self
    }

    /// Sets the address of the Web API, up to and with `/api`: for GovSlack, or a stand-in on loopback. A webhook has
    /// none, because its own address is complete. Default: `https://slack.com/api`.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// Sets how Slack is reached: timeouts, proxy, authorities.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Trusts the authorities of a PEM file as well as those of the system and of [`http`](Self::http).
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_files.push(path.as_ref().to_owned());
        self
    }

    pub(crate) fn check(self) -> Result<(SlackSettings, Client), ConfigError> {
        let mut problems = Problems::new();
        let destination = problems.keep(match &self.given {
            SlackInput::Webhook(url) => self.check_webhook(url),
            SlackInput::Bot(token) => self.check_bot(token),
        });
        let mut mentions: Vec<Mention> = Vec::new();
        for whom in &self.mentions {
            let mention = problems.keep(Mention::parse(whom.trim()));
            mentions.extend(mention.filter(|mention| !mentions.contains(mention)));
        }
        let username = self.username.map(|name| problems.keep(check_username(name)));
        let icon_emoji = self.icon_emoji.map(|name| problems.keep(check_emoji(&name)));
        let http = self.ca_files.iter().fold(self.http, HttpOptions::ca_file);
        let client = problems.keep(http.client("slack"));
        problems.finish(|| {
            let settings = SlackSettings {
                destination: destination?,
                username: username.flatten(),
                icon_emoji: icon_emoji.flatten(),
                mentions,
            };
            Some((settings, client?))
        })
    }

    fn check_webhook(&self, url: &Secret) -> Result<Destination, ConfigError> {
        let mut problems = Problems::new();
        let reason = "a webhook posts into its own channel only; use Slack::bot for several";
        problems.check(self.channels.is_empty(), "slack.channel", reason);
        problems.check(
            self.api_url.is_none(),
            "slack.api_url",
            "is for a bot; a webhook's address is complete",
        );
        let endpoint = problems.keep(Endpoint::secret("slack.webhook", url.expose()));
        let has_path = endpoint.as_ref().is_none_or(|endpoint| endpoint.path().len() > 1);
        problems.check(
            has_path,
            "slack.webhook",
            "expected the whole address, with its path, as Slack shows it once",
        );
        problems.finish(|| Some(Destination::Webhook(endpoint?)))
    }

    fn check_bot(&self, token: &Secret) -> Result<Destination, ConfigError> {
        let mut problems = Problems::new();
        problems.keep(check_token("slack.token", token.expose()));
        let is_token = !token.expose().starts_with("https:");
        problems.check(
            is_token,
            "slack.token",
            "expected a token; for a webhook's address use Slack::webhook",
        );
        let mut channels: Vec<String> = Vec::new();
        for channel in &self.channels {
            let channel = problems.keep(channel_name(channel));
            channels.extend(channel.filter(|channel| !channels.contains(channel)));
        }
        let methods = problems.keep(Methods::at(self.api_url.as_deref().unwrap_or(API)));
        problems.finish(|| {
            Some(Destination::Bot(Box::new(Bot { token: token.clone(), methods: methods?, channels })))
        })
    }
}

fn check_username(name: String) -> Result<String, ConfigError> {
    if name.trim().is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(ConfigError::new("slack.username", "expected 1 to 80 characters in one line"));
    }
    Ok(name)
}

fn check_emoji(name: &str) -> Result<String, ConfigError> {
    let bare = name.trim().trim_matches(':');
    let is_good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '\'' | ':');
    if bare.is_empty() || !bare.chars().all(is_good) {
        return Err(ConfigError::new("slack.icon_emoji", "expected an emoji's name such as `:fire:`"));
    }
    Ok(format!(":{bare}:"))
}

/// A mention as Slack reads it: `<!here>`, `<@U…>`, `<!subteam^S…>`.
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
        let base = Endpoint::parse("slack.api_url", api)?;
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
    use crate::Slack;

    const URL: &str = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook";

    #[test]
    fn names_the_field_that_is_wrong_and_shows_no_credential() {
        let hook = || Slack::webhook(URL);
        let bot = || Slack::bot("xoxb-planted-token", "C0123ABCD");
        let cases = [
            (Slack::webhook("planted"), "slack.webhook"),
            (Slack::webhook("http://hooks.slack.com/services/planted"), "slack.webhook"),
            (Slack::webhook("https://hooks.slack.com"), "slack.webhook"),
            (Slack::bot("", "C1"), "slack.token"),
            (Slack::bot("xoxb planted", "C1"), "slack.token"),
            (Slack::bot(URL, "C1"), "slack.token"),
            (Slack::bot("xoxb-planted-token", ""), "slack.channel"),
            (Slack::bot("xoxb-planted-token", "C1").also_to("#"), "slack.channel"),
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
            (hook().http(HttpOptions::new().proxy("planted")), "slack.proxy"),
        ];
        for (i, (builder, field)) in cases.into_iter().enumerate() {
            assert!(!format!("{builder:?}").contains("planted"), "case {i}");
            let error = builder.check().expect_err(field);
            assert_eq!(error.field(), field, "case {i}");
            assert_eq!(error.diagnostics().len(), 1, "case {i}: {error}");
            assert!(!format!("{error} {error:?}").contains("planted"), "case {i}: {error}");
        }
    }

    #[test]
    fn all_problems_come_back_together() {
        let builder = Slack::bot("", "C1")
            .also_to("two words")
            .ca_file("/nowhere/ca.pem")
            .http(HttpOptions::new().proxy("nowhere"))
            .api_url("slack")
            .icon_emoji("")
            .username("")
            .mention("ada")
            .mention("bob");
        let error = builder.check().unwrap_err();
        let paths: Vec<_> = error.diagnostics().map(|problem| problem.path().to_owned()).collect();
        let expected = [
            "token",
            "channel",
            "api_url",
            "mention",
            "mention",
            "username",
            "icon_emoji",
            "ca_file",
            "proxy",
        ];
        assert_eq!(paths, expected.map(|path| format!("slack.{path}")), "{error}");
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
            let (settings, _) = Slack::webhook(URL).mention(given).check().unwrap();
            assert_eq!(settings.mentions, [Mention(expected.to_owned())]);
        }
    }
}
