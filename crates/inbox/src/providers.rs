//! The providers: one file per provider. Another joins with a file, a line in [`http_providers`] and its name in `Provider`.

mod blocks;
mod exotel;
mod sentry;
mod slack_api;
mod slack_webhook;
mod sms;
pub(crate) mod smtp;
mod telegram;
mod twilio;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::fault::Fault;
use crate::record::{Described, MessageVerdict, Provider};
use crate::store::Store;

/// All providers that speak HTTP.
pub(crate) fn http_providers() -> Vec<Box<dyn HttpProvider>> {
    vec![
        Box::new(slack_webhook::SlackWebhook::default()),
        Box::new(slack_api::SlackApi::default()),
        Box::new(telegram::Telegram::default()),
        Box::new(twilio::Twilio::default()),
        Box::new(exotel::Exotel::default()),
        Box::new(sentry::Sentry::default()),
    ]
}

/// A provider that is spoken to over HTTP.
pub(crate) trait HttpProvider {
    fn provider(&self) -> Provider;

    /// Tells whether a request to this path is for this provider.
    fn claims(&self, path: &str) -> bool;

    /// Reads a request as a message, as far as it can be read; `None` when it is a question, not a message.
    fn describe(&self, request: &Request) -> Option<Described>;

    /// Decides as the provider would, and keeps what the provider would keep.
    fn judge(&mut self, request: &Request, context: &Context<'_>) -> Judgement;

    /// Gives one of the answers that every provider has.
    fn canned(&self, request: &Request, answer: Canned) -> Reply;

    /// The largest body that is read, in bytes.
    fn body_limit(&self) -> usize {
        4 << 20
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Canned {
    RateLimited { retry_after: Option<u64> },
    BadCredentials,
    Broken { status: u16 },
    TooLarge,
}

/// The services of the inbox to a provider that judges.
pub(crate) struct Context<'a> {
    pub(crate) store: &'a Store,
    pub(crate) provider: Provider,
    /// Whether the provider's own rate limits hold.
    pub(crate) paced: bool,
    pub(crate) now: SystemTime,
}

impl Context<'_> {
    pub(crate) fn refuses(&self, recipient: &str) -> bool {
        self.store
            .take(self.provider, |fault| matches!(fault, Fault::RefuseRecipient { address } if address.eq_ignore_ascii_case(recipient)))
            .is_some()
    }

    pub(crate) fn moved(&self, chat: i64) -> Option<i64> {
        let target = Cell::new(None);
        self.store.take(self.provider, |fault| {
            matches!(fault, Fault::Migrate { from, to } if *from == chat && { target.set(Some(*to)); true })
        });
        target.get()
    }

    /// Tells whether an armed fault moves some chat to this one.
    pub(crate) fn is_move_target(&self, chat: i64) -> bool {
        self.store
            .armed()
            .iter()
            .any(|(_, plan)| matches!(plan.fault, Fault::Migrate { to, .. } if to == chat))
    }
}

#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) reply: Reply,
    pub(crate) accepted: bool,
    pub(crate) key: Option<String>,
    pub(crate) thread: Option<String>,
    pub(crate) edits: Option<String>,
    /// Facts that only the provider's memory has.
    pub(crate) notes: Vec<String>,
}

impl Judgement {
    pub(crate) fn accepted(reply: Reply) -> Self {
        Self { reply, accepted: true, key: None, thread: None, edits: None, notes: Vec::new() }
    }

    pub(crate) fn refused(reply: Reply) -> Self {
        Self { accepted: false, ..Self::accepted(reply) }
    }

    pub(crate) fn verdict(&self) -> MessageVerdict {
        let summary = self.reply.summary();
        if self.accepted { MessageVerdict::Accepted(summary) } else { MessageVerdict::Refused(summary) }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) at: SystemTime,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The media type in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// User and password of HTTP Basic.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let bytes = STANDARD.decode(self.header("authorization")?.strip_prefix("Basic ")?).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), media_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    #[must_use]
    pub(crate) fn retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.header("Retry-After", seconds),
            None => self,
        }
    }

    /// The status and the beginning of the body in one line.
    pub(crate) fn summary(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(300).collect();
        format!("{} {short}", self.status).trim_end().to_owned()
    }
}
