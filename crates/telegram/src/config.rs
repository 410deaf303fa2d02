//! The settings: collected by the builder, and checked all at once.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use watchfire_core::{ConfigError, Problems, Secret};
use watchfire_http::{Client, Endpoint, HttpOptions};

/// The settings of a [`Telegram`](crate::Telegram) in the making; `.layer(&outbox)` or [`build`](Self::build) checks
/// them.
#[derive(Clone, Debug)]
#[must_use]
pub struct TelegramBuilder {
    token: Secret,
    chats: Vec<String>,
    sound: Sound,
    api_url: Option<String>,
    http: HttpOptions,
    ca_files: Vec<PathBuf>,
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub(crate) struct TelegramSettings {
    pub(crate) methods: Methods,
    pub(crate) chats: Vec<Chat>,
    pub(crate) sound: Sound,
}

/// Whether a message makes a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sound {
    Usual,
    Silent,
}

/// The endpoints of the methods, which hold the token in their path.
#[derive(Clone, Debug)]
pub(crate) struct Methods {
    pub(crate) send: Endpoint,
    pub(crate) edit: Endpoint,
    pub(crate) me: Endpoint,
    pub(crate) chat: Endpoint,
}

const API: &str = "https://api.telegram.org";
/// The topic that every forum has. Naming it is refused with "message thread not found".
const GENERAL: i64 = 1;

impl TelegramBuilder {
    pub(crate) fn bot(token: &str, chat: String) -> Self {
        let token = token.trim();
        // Its second half alone is a credential too, whatever is wrong with the whole.
        let _registered = token.split_once(':').map(|(_, rest)| Secret::new(rest));
        Self {
            token: Secret::new(token),
            chats: vec![chat],
            sound: Sound::Usual,
            api_url: None,
            http: HttpOptions::new(),
            ca_files: Vec::new(),
        }
    }

    /// Delivers into one more chat, or topic.
    pub fn also_to(mut self, chat: impl fmt::Display) -> Self {
        self.chats.push(chat.to_string());
        self
    }

    /// Delivers without sound.
    pub fn silent(mut self) -> Self {
        self.sound = Sound::Silent;
        self
    }

    /// Sets the address of the API server: your own (tdlib/telegram-bot-api), or a stand-in on loopback. Default:
    /// `https://api.telegram.org`.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// Sets how Telegram is reached: timeouts, proxy, authorities.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Trusts the authorities of a PEM file as well as those of the system and of [`http`](Self::http).
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_files.push(path.as_ref().to_owned());
        self
    }

    pub(crate) fn check(self) -> Result<(TelegramSettings, Client), ConfigError> {
        let mut problems = Problems::new();
        let reason =
            "expected a bot's token as BotFather shows it: a number, a colon, and some 35 letters and digits";
        problems.check(is_token(self.token.expose()), "telegram.token", reason);
        let mut chats: Vec<Chat> = Vec::new();
        for chat in &self.chats {
            let chat = problems.keep(Chat::parse(chat));
            chats.extend(chat.filter(|chat| !chats.contains(chat)));
        }
        let methods = problems.keep(Methods::at(self.api_url.as_deref().unwrap_or(API), &self.token));
        let http = self.ca_files.iter().fold(self.http, HttpOptions::ca_file);
        let client = problems.keep(http.client("telegram"));
        problems.finish(|| Some((TelegramSettings { methods: methods?, chats, sound: self.sound }, client?)))
    }
}

fn is_token(token: &str) -> bool {
    let (number, rest) = token.split_once(':').unwrap_or_default();
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && rest.len() >= 20
        && rest.bytes().all(is_good)
}

impl Methods {
    fn at(api: &str, token: &Secret) -> Result<Self, ConfigError> {
        let base = Endpoint::parse("telegram.api_url", api)?.join(&format!("bot{}", token.expose()));
        Ok(Self {
            send: base.join("sendMessage"),
            edit: base.join("editMessageText"),
            me: base.join("getMe"),
            chat: base.join("getChat"),
        })
    }
}

/// A chat, and a topic of it: `-1001234567890`, `@name`, `-1001234567890/42`. Its text is the recipient's name.
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
    use crate::Telegram;

    const TOKEN: &str = "123456789:planted-token-planted-token-00";

    #[test]
    fn names_the_field_that_is_wrong_and_shows_no_credential() {
        let good = || Telegram::bot(TOKEN, "-1001234567890");
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
            (good().http(HttpOptions::new().proxy("planted")), "telegram.proxy"),
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
        let telegram = Telegram::bot(TOKEN, -1_001_234_567_890_i64).also_to("-1001234567890");
        assert_eq!(telegram.check().unwrap().0.chats.len(), 1);
    }

    #[test]
    fn all_problems_come_back_together() {
        let builder = Telegram::bot("", "ops").also_to("0").api_url("telegram").ca_file("/nowhere/ca.pem");
        let error = builder.check().unwrap_err();
        let paths: Vec<_> = error.diagnostics().map(|problem| problem.path().to_owned()).collect();
        // Both chats are wrong in the same words.
        assert_eq!(paths, ["token", "chat", "api_url", "ca_file"].map(|path| format!("telegram.{path}")));
    }
}
