use std::{fmt, path::Path, time::Duration};

use watchfire_core::{ConfigError, Secret};
use watchfire_http::{Address, Client, HttpOptions, exchange};
use watchfire_outbox::{
    Answers, Delivering, DeliveryPolicy, Notification, NotificationPolicy, Occasion, Sink, Verifying,
};

use crate::{api, render, verify};

/// Delivers alerts to Telegram chats as a bot.
///
/// Made by [`bot`](Self::bot); every setting is checked when it is made.
#[derive(Clone, Debug)]
#[must_use]
pub struct Telegram {
    token: Secret,
    pub(crate) methods: Methods,
    pub(crate) chats: Vec<Chat>,
    pub(crate) silent: bool,
    client: Client,
}

/// The addresses of the methods, which hold the token in their path.
#[derive(Clone, Debug)]
pub(crate) struct Methods {
    pub(crate) send: Address,
    pub(crate) edit: Address,
    pub(crate) me: Address,
    pub(crate) chat: Address,
}

const API: &str = "https://api.telegram.org";
/// Groups take 20 messages per minute, counts of edits included (<https://core.telegram.org/bots/faq>).
const GAP: Duration = Duration::from_secs(3);
/// The topic that every forum has. Naming it is refused with "message thread not found".
const GENERAL: i64 = 1;

impl Telegram {
    /// Delivers with a bot's token into a chat: a number such as `-1001234567890`, or `@name` of a public channel; for
    /// a forum's topic its number behind a slash, `-1001234567890/42`.
    ///
    /// # Errors
    ///
    /// If the token is not of the form `123456789:…`, or the chat is neither a number nor a name. The error does not
    /// show the token.
    pub fn bot(token: impl Into<String>, chat: impl fmt::Display) -> Result<Self, ConfigError> {
        let token = token.into();
        let token = token.trim();
        let secret = Secret::new(token);
        let (number, rest) = token.split_once(':').unwrap_or_default();
        let _ = Secret::new(rest);
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if number.is_empty()
            || !number.bytes().all(|byte| byte.is_ascii_digit())
            || rest.len() < 20
            || !rest.bytes().all(good)
        {
            let reason = "expected a bot's token as BotFather shows it: a number, a colon, and some 35 letters and digits";
            return Err(ConfigError::new("telegram.token", reason));
        }
        let methods = Methods::at(API, &secret)?;
        let chats = vec![Chat::parse(&chat.to_string())?];
        Ok(Self { token: secret, methods, chats, silent: false, client: Client::default() })
    }

    /// Delivers into one more chat, or topic.
    ///
    /// # Errors
    ///
    /// If it is neither a number nor a name.
    pub fn also_to(mut self, chat: impl fmt::Display) -> Result<Self, ConfigError> {
        let chat = Chat::parse(&chat.to_string())?;
        if !self.chats.contains(&chat) {
            self.chats.push(chat);
        }
        Ok(self)
    }

    /// Delivers without sound.
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Sets the API server, for one of your own (tdlib/telegram-bot-api), or a stand-in on loopback. Default:
    /// `https://api.telegram.org`.
    ///
    /// # Errors
    ///
    /// If it is no `https` address (or `http` to loopback).
    pub fn api_url(mut self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.methods = Methods::at(url.as_ref(), &self.token)?;
        Ok(self)
    }

    /// Sets how Telegram is reached: timeouts, proxy, authorities.
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
        self.client = self.client.trusting("telegram.ca_file", path)?;
        Ok(self)
    }
}

impl Sink for Telegram {
    fn kind(&self) -> &'static str {
        "telegram"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(self, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let request = api::request(&self.methods, notification);
        Box::pin(exchange(&self.client, request, |response| api::judge(notification, response)))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(self, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.min_gap = GAP;
        policy.can_edit = true;
        policy.notifications = NotificationPolicy::messenger();
        policy
    }
}

impl Methods {
    fn at(api: &str, token: &Secret) -> Result<Self, ConfigError> {
        let base = Address::parse("telegram.api_url", api)?.join(&format!("bot{}", token.expose()));
        Ok(Self {
            send: base.join("sendMessage"),
            edit: base.join("editMessageText"),
            me: base.join("getMe"),
            chat: base.join("getChat"),
        })
    }
}

/// Is a chat, and a topic of it: `-1001234567890`, `@name`, `-1001234567890/42`. Its text is the recipient's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chat {
    pub(crate) id: String,
    pub(crate) topic: Option<i64>,
}

impl Chat {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let chat = Self::read(text.trim());
        let name = chat.id.strip_prefix('@');
        let is_name = name.is_some_and(|name| {
            name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        // Ids exceed 32 bits.
        let is_number = chat.id.parse::<i64>().is_ok_and(|id| id != 0);
        if is_name || is_number {
            return Ok(chat);
        }
        let reason = "expected a chat's number such as -1001234567890, or a public channel's @name, and for a topic its number behind a slash";
        Err(ConfigError::new("telegram.chat", reason))
    }

    /// Reads a recipient's name.
    pub(crate) fn read(recipient: &str) -> Self {
        if let Some((id, topic)) = recipient.rsplit_once('/')
            && let Ok(topic) = topic.parse::<i64>()
            && topic > 0
        {
            return Self { id: id.to_owned(), topic: (topic != GENERAL).then_some(topic) };
        }
        Self { id: recipient.to_owned(), topic: None }
    }
}

impl fmt::Display for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.topic {
            Some(topic) => write!(f, "{}/{topic}", self.id),
            None => f.write_str(&self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "123456789:planted-token-planted-token-00";

    #[test]
    fn names_the_field_that_is_wrong_and_shows_no_credential() {
        let good = || Telegram::bot(TOKEN, "-1001234567890").unwrap();
        let cases = [
            (Telegram::bot("", "1"), "telegram.token"),
            (Telegram::bot("planted-token-planted-token-00", "1"), "telegram.token"),
            (Telegram::bot("planted:token-planted-token-00", "1"), "telegram.token"),
            (Telegram::bot("123456789:planted", "1"), "telegram.token"),
            (Telegram::bot("123456789:planted-token/planted-token-00", "1"), "telegram.token"),
            (Telegram::bot(TOKEN, ""), "telegram.chat"),
            (Telegram::bot(TOKEN, "0"), "telegram.chat"),
            (Telegram::bot(TOKEN, "alerts"), "telegram.chat"),
            (Telegram::bot(TOKEN, "@a"), "telegram.chat"),
            (Telegram::bot(TOKEN, "@two words"), "telegram.chat"),
            (Telegram::bot(TOKEN, "-1001234567890/"), "telegram.chat"),
            (Telegram::bot(TOKEN, "-1001234567890/x"), "telegram.chat"),
            (Telegram::bot(TOKEN, "99999999999999999999"), "telegram.chat"),
            (good().also_to("https://t.me/alerts"), "telegram.chat"),
            (good().api_url("http://telegram.example.com"), "telegram.api_url"),
            (good().api_url("telegram"), "telegram.api_url"),
            (good().ca_file("/nowhere/ca.pem"), "telegram.ca_file"),
        ];
        for (i, (made, field)) in cases.into_iter().enumerate() {
            let error = made.expect_err(field);
            assert_eq!(error.field(), field, "case {i}");
            assert!(!format!("{error} {error:?}").contains("planted"), "case {i}: {error}");
        }
    }

    #[test]
    fn reads_chats_and_topics() {
        let cases = [
            ("-1001234567890", "-1001234567890", None),
            (" 987654321 ", "987654321", None),
            ("@ops_alerts", "@ops_alerts", None),
            ("-1001234567890/42", "-1001234567890", Some(42)),
            ("-1001234567890/1", "-1001234567890", None),
        ];
        for (text, id, topic) in cases {
            assert_eq!(Chat::parse(text).unwrap(), Chat { id: id.to_owned(), topic }, "{text}");
        }
        let telegram = Telegram::bot(TOKEN, -1_001_234_567_890_i64).unwrap();
        assert_eq!(telegram.also_to("-1001234567890").unwrap().chats.len(), 1);
    }

    #[test]
    fn debug_shows_no_credential() {
        let shown = format!("{:?}", Telegram::bot(TOKEN, "@ops_alerts").unwrap());
        assert!(!shown.contains("planted"), "{shown}");
    }
}
