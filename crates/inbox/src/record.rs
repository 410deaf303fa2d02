//! The record of each message, and its readable view.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use crate::markup::Markup;

/// One provider of the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// A submission server: STARTTLS, implicit TLS, AUTH.
    Smtp,
    /// Slack's incoming webhook.
    SlackWebhook,
    /// Slack's Web API: `chat.postMessage`, `chat.update`, `auth.test`.
    SlackApi,
    /// Telegram's Bot API: `sendMessage`, `editMessageText`, `getMe`, `getChat`.
    Telegram,
    /// Twilio's `Messages.json`, and the account.
    Twilio,
    /// Exotel's `Sms/send`, and the details of a message.
    Exotel,
    /// Sentry's envelope endpoint.
    Sentry,
}

impl Provider {
    /// All providers, in the order of the page.
    pub const ALL: [Self; 7] = [
        Self::Smtp,
        Self::SlackWebhook,
        Self::SlackApi,
        Self::Telegram,
        Self::Twilio,
        Self::Exotel,
        Self::Sentry,
    ];

    /// Gives the name used in JSON and in URLs, such as `slack-webhook`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::SlackWebhook => "slack-webhook",
            Self::SlackApi => "slack-api",
            Self::Telegram => "telegram",
            Self::Twilio => "twilio",
            Self::Exotel => "exotel",
            Self::Sentry => "sentry",
        }
    }

    /// Gives the name shown to people, such as `Slack webhook`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Smtp => "Mail",
            Self::SlackWebhook => "Slack webhook",
            Self::SlackApi => "Slack Web API",
            Self::Telegram => "Telegram",
            Self::Twilio => "SMS over Twilio",
            Self::Exotel => "SMS over Exotel",
            Self::Sentry => "Sentry",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, UnknownProvider> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| UnknownProvider(name.to_owned()))
    }
}

/// A name that is no provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProvider(String);

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no provider is called {:?}; the providers are", self.0)?;
        for (index, provider) in Provider::ALL.into_iter().enumerate() {
            write!(f, "{} {provider}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownProvider {}

/// The provider's verdict on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageVerdict {
    /// The provider has it; holds the answer that was given, or why none was.
    Accepted(String),
    /// The provider refused it; holds the answer that was given.
    Refused(String),
    /// Neither: the connection hung or broke before the provider took the message; holds the fault.
    Unanswered(String),
}

impl MessageVerdict {
    /// Tells whether the provider has the message.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// Gives the answer in one line, such as `429 ratelimited`.
    #[must_use]
    pub fn answer(&self) -> &str {
        match self {
            Self::Accepted(answer) | Self::Refused(answer) | Self::Unanswered(answer) => answer,
        }
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Refused(_) => "refused",
            Self::Unanswered(_) => "unanswered",
        }
    }
}

/// One message that reached a provider, accepted or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Counts from 1 over all providers.
    pub number: u64,
    /// Where it arrived.
    pub provider: Provider,
    /// When it arrived.
    pub at: SystemTime,
    /// Addresses, channels, chats or phone numbers.
    pub recipients: Vec<String>,
    /// One line: a subject, a heading, or the first line of the text.
    pub title: String,
    /// The provider's verdict.
    pub verdict: MessageVerdict,
    /// The request line and headers, or the SMTP envelope. Values of credentials are not kept.
    pub head: Vec<(String, String)>,
    /// The body as it came over the wire: a mail after dot-unstuffing, an HTTP body before decompression.
    pub raw: Vec<u8>,
    /// How it reads.
    pub view: View,
    /// Remarks on allowed but unwise content, in one line each.
    pub notes: Vec<String>,
    /// The provider's own id: ts, message id, Message-ID, sid, event id.
    pub key: Option<String>,
    /// The id of the message that this one answers (a thread).
    pub thread: Option<String>,
    /// The number of the message that this one edits.
    pub edits: Option<u64>,
    /// The number of the newest edit of this message.
    pub edited_by: Option<u64>,
}

impl Received {
    /// Gives the raw body as text, damaged bytes replaced.
    #[must_use]
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Parses the raw body as JSON; `None` when it is none.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.raw).ok()
    }

    /// Gives a header of the request or a line of the envelope; names are compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Gives a line of the readable view's table, such as `Subject` of a mail or `Segments` of an SMS.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.view.facts.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Gives everything a person would read, without markup: title, facts and parts, each on lines of its own.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.title.clone();
        for (name, value) in &self.view.facts {
            text.push_str(&format!("\n{name}: {value}"));
        }
        for part in &self.view.parts {
            text.push('\n');
            text.push_str(part.text());
        }
        text
    }
}

/// The readable view of a message: a table and some parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct View {
    /// Name and value, in reading order.
    pub facts: Vec<(String, String)>,
    /// The text after the table.
    pub parts: Vec<ViewPart>,
}

impl View {
    pub(crate) fn fact(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.facts.push((name.to_owned(), value));
        }
    }
}

/// One part of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewPart {
    /// Text as it stands.
    Text {
        /// Its title.
        title: String,
        /// The text.
        text: String,
    },
    /// A foreign HTML document; shown in a sandbox only.
    Html {
        /// Its title.
        title: String,
        /// The document's source.
        html: String,
    },
    /// Rendered by the provider from the provider's own markup.
    Rendered {
        /// Its title.
        title: String,
        /// The text without markup.
        text: String,
        /// The same as safe HTML.
        html: Markup,
    },
}

impl ViewPart {
    /// Gives the heading of the part.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::Text { title, .. } | Self::Html { title, .. } | Self::Rendered { title, .. } => title,
        }
    }

    /// Gives the length of all that is kept of it.
    pub(crate) fn source_len(&self) -> usize {
        match self {
            Self::Text { text, .. } => text.len(),
            Self::Html { html, .. } => html.len(),
            Self::Rendered { text, html, .. } => text.len() + html.as_str().len(),
        }
    }

    /// Gives the part as text; for HTML its source.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text { text, .. } | Self::Rendered { text, .. } => text,
            Self::Html { html, .. } => html,
        }
    }
}

/// A provider's description of a request before judging it.
#[derive(Debug, Default)]
pub(crate) struct Described {
    pub(crate) recipients: Vec<String>,
    pub(crate) title: String,
    pub(crate) view: View,
    pub(crate) notes: Vec<String>,
}

/// The first line of a text that has one, at most 120 characters.
pub(crate) fn headline(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut short: String = line.chars().take(120).collect();
    if short.len() < line.len() {
        short.push('\u{2026}');
    }
    short
}
