//! Twilio's Messages: <https://www.twilio.com/docs/messaging/api/message-resource>.

use std::{fmt, time::Duration};

use serde_json::Value;
use watchfire_core::{ConfigError, Problems, Secret};
use watchfire_http::{Endpoint, Request, Response, by_status, check_token};
use watchfire_outbox::{Notification, Outcome, Reason, Receipt, Scope, Verdict};

use crate::{answer::in_words, number::is_e164};

/// An account at Twilio, with the sender that SMS come from.
#[derive(Clone)]
#[must_use]
pub struct Twilio {
    account: String,
    user: String,
    password: Secret,
    from: Option<String>,
    service: Option<String>,
    place: Option<(String, String)>,
    api_url: Option<String>,
    validity: Duration,
}

/// An account that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    endpoint: Endpoint,
    /// The questions that these credentials allow.
    question: Endpoint,
    user: String,
    password: Secret,
    sender: Sender,
    validity: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sender {
    From(String),
    Service(String),
}

impl Twilio {
    /// Takes the account's SID (`AC…`) and its auth token.
    pub fn new(account_sid: impl Into<String>, auth_token: impl Into<String>) -> Self {
        let account = account_sid.into();
        Self::with_key(account.clone(), account, auth_token)
    }

    /// Takes the account's SID (`AC…`), and the SID (`SK…`) and the secret of an API key, which can be revoked alone.
    pub fn with_key(
        account_sid: impl Into<String>,
        key_sid: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        Self {
            account: account_sid.into(),
            user: key_sid.into(),
            password: Secret::new(secret),
            from: None,
            service: None,
            place: None,
            api_url: None,
            validity: Duration::from_secs(3600),
        }
    }

    /// Sends from a number (`+15005550006`), a short code, or a name of up to 11 letters and digits.
    pub fn from(mut self, sender: impl Into<String>) -> Self {
        self.from = Some(sender.into());
        self
    }

    /// Sends from a messaging service (`MG…`), which chooses the number.
    pub fn messaging_service(mut self, sid: impl Into<String>) -> Self {
        self.service = Some(sid.into());
        self
    }

    /// Sends through a region, such as `dublin` and `ie1`; credentials are of one region only. Default: the United States.
    ///
    /// Both are needed: the hosts without an edge were switched off in April 2026.
    pub fn region(mut self, edge: impl Into<String>, region: impl Into<String>) -> Self {
        self.place = Some((edge.into(), region.into()));
        self
    }

    /// Sets the address of the API, for a stand-in on loopback or your own gateway. Default: `https://api.twilio.com`.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// Sets for how long Twilio and the networks may try, from 1 s to 10 h. Default 1 h; Twilio's own is 10 h.
    pub fn validity(mut self, validity: Duration) -> Self {
        self.validity = validity;
        self
    }

    pub(crate) fn check(self) -> Result<Account, ConfigError> {
        let mut problems = Problems::new();
        let has_account = problems.keep(check_sid("sms.twilio.account_sid", "AC", &self.account)).is_some();
        if self.user != self.account {
            problems.keep(check_sid("sms.twilio.key_sid", "SK", &self.user));
        }
        problems.keep(check_token("sms.twilio.auth_token", self.password.expose()));
        let sender = problems.keep(self.sender());
        let is_in_range = (1..=36_000).contains(&self.validity.as_secs());
        problems.check(is_in_range, "sms.twilio.validity", "expected 1 s to 10 h");
        let base = problems.keep(self.base());
        let Self { account, user, password, validity, .. } = self;
        problems.finish(|| {
            let base = base.filter(|_| has_account)?;
            let below = base.join(&format!("2010-04-01/Accounts/{account}"));
            let endpoint = below.join("Messages.json");
            // Only the account's own token and main keys may read the account; any key that sends may read messages, but
            // for restricted ones: <https://www.twilio.com/docs/iam/api-keys/key-resource-v1#types-of-keys>.
            let question = match user == account {
                true => base.join(&format!("2010-04-01/Accounts/{account}.json")),
                false => endpoint.with_query("PageSize=1"),
            };
            Some(Account { endpoint, question, user, password, sender: sender?, validity })
        })
    }

    fn sender(&self) -> Result<Sender, ConfigError> {
        let wrong = |reason: &str| Err(ConfigError::new("sms.twilio.from", reason));
        match (&self.from, &self.service) {
            (Some(from), None) if is_sender(from) => Ok(Sender::From(from.clone())),
            (Some(_), None) => wrong(
                "expected a number such as `+15005550006`, a short code, or up to 11 letters and digits",
            ),
            (None, Some(service)) => check_sid("sms.twilio.messaging_service", "MG", service)
                .map(|()| Sender::Service(service.clone())),
            (None, None) => wrong("is missing; expected .from(..) or .messaging_service(..)"),
            (Some(_), Some(_)) => wrong("expected either .from(..) or .messaging_service(..)"),
        }
    }

    fn base(&self) -> Result<Endpoint, ConfigError> {
        match (&self.api_url, &self.place) {
            (Some(url), _) => Endpoint::parse("sms.twilio.api_url", url),
            (None, Some((edge, region))) if is_label(edge) && is_label(region) => {
                Endpoint::parse("sms.twilio.region", &format!("https://api.{edge}.{region}.twilio.com"))
            }
            (None, Some(_)) => Err(ConfigError::new(
                "sms.twilio.region",
                "expected an edge and a region such as `dublin` and `ie1`",
            )),
            (None, None) => Endpoint::parse("sms.twilio.api_url", "https://api.twilio.com"),
        }
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Before it was checked, any of the texts may be the token.
        f.debug_struct("Twilio").finish_non_exhaustive()
    }
}

impl Account {
    /// Makes the request that sends nothing: the account itself (<https://www.twilio.com/docs/iam/api/account>), or with
    /// a key one message of its list.
    pub(crate) fn question(&self) -> Request {
        Request::get(&self.question).basic(self.user.clone(), &self.password)
    }

    pub(crate) fn request(&self, notification: &Notification) -> Request {
        let validity = self.validity.as_secs().to_string();
        let body = String::from_utf8_lossy(notification.body());
        let (name, sender) = match &self.sender {
            Sender::From(number) => ("From", number.as_str()),
            Sender::Service(sid) => ("MessagingServiceSid", sid.as_str()),
        };
        let form = [
            ("To", notification.recipient()),
            (name, sender),
            ("Body", body.as_ref()),
            ("ValidityPeriod", validity.as_str()),
        ];
        Request::post_form(&self.endpoint, form).basic(self.user.clone(), &self.password).once()
    }
}

/// Says what Twilio's answer to [`Account::question`] means. Nothing of an answer is shown but named fields: that about
/// the account holds its token.
pub(crate) fn verdict(account: &Account, response: &Response) -> Verdict {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    if !response.is_success() {
        return Verdict::of(by_code(code(&body, "code"), &body, response), "");
    }
    if body.get("messages").is_some_and(Value::is_array) {
        return Verdict::Accepted(Reason::new(format_args!("the key {}", account.user)));
    }
    let Some(status) = text("status").filter(|_| text("sid").is_some()) else {
        return Verdict::Unreachable(Reason::new(format_args!(
            "HTTP {} and not what Twilio answers; is it Twilio that answers?",
            response.status()
        )));
    };
    let name = format!("the account `{}`", text("friendly_name").unwrap_or_default());
    match (status, text("type")) {
        ("active", Some("Trial")) => Verdict::Accepted(Reason::new(format_args!(
            "{name}, a trial account: it sends to verified numbers only"
        ))),
        ("active", _) => Verdict::Accepted(Reason::new(name)),
        _ => Verdict::Refused(Reason::new(format_args!("{name} is {status}"))),
    }
}

/// Says what Twilio's answer means. The codes: <https://www.twilio.com/docs/api/errors>.
pub(crate) fn judge(notification: &Notification, response: &Response) -> Outcome {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if response.is_success() {
        return match body.get("sid").and_then(Value::as_str) {
            Some(sid)
                if !matches!(
                    body.get("status").and_then(Value::as_str),
                    Some("failed" | "undelivered" | "canceled")
                ) =>
            {
                Outcome::Delivered(Some(Receipt::new(notification.recipient(), sid)))
            }
            Some(_) => by_code(code(&body, "error_code"), &body, response),
            // Something between us and Twilio said yes to something.
            None => Outcome::Ambiguous(response.reason()),
        };
    }
    by_code(code(&body, "code"), &body, response)
}

fn by_code(code: Option<u64>, body: &Value, response: &Response) -> Outcome {
    let reason = match (code, body.get("message").and_then(Value::as_str)) {
        (Some(code), Some(text)) => Reason::new(format_args!("HTTP {}: {code} {text}", response.status())),
        _ => response.reason(),
    };
    let wait = |usual: u64, scope: Scope| Outcome::RateLimited {
        wait: response.retry_after().unwrap_or(Duration::from_secs(usual)),
        scope,
        reason: reason.clone(),
    };
    match (code, response.status()) {
        (Some(20003 | 20005 | 20006 | 20403), _) | (_, 401..=403) => Outcome::Held(reason),
        // Above the account's number of requests at a time; never processed.
        (Some(20429), _) | (_, 429) => wait(60, Scope::Channel),
        // The sender's queue is full; rates of messaging services and channels; a daily limit.
        (Some(21611 | 14107 | 63017 | 63018), _) => wait(300, Scope::Channel),
        (Some(63038), _) => wait(3600, Scope::Channel),
        // The number: invalid, in a region that is not enabled, not reachable from here, unsubscribed, no mobile, not
        // verified for a trial account.
        (Some(21211 | 21214 | 21217 | 21408 | 21604 | 21608 | 21610 | 21612 | 21614), _) => {
            Outcome::RecipientRefused(reason)
        }
        // The body: too long.
        (Some(21605 | 21617), _) => Outcome::Degrade(reason),
        // The account or the sender: sender wrong or not able, messaging service wrong or empty.
        (Some(21212 | 21603 | 21606 | 21607 | 21609 | 21659 | 21660 | 21661 | 21701 | 21703..=21705), _) => {
            Outcome::Held(reason)
        }
        (Some(20503), _) | (_, 503) => Outcome::Transient(reason),
        // Creating a message is not idempotent, and nothing says whether it was processed.
        (_, 500 | 502 | 504) => Outcome::Ambiguous(reason),
        (_, 200..=299) => Outcome::Rejected(reason),
        _ => in_words(by_status(response), reason),
    }
}

/// Twilio's codes are numbers; nothing else is one.
fn code(body: &Value, name: &str) -> Option<u64> {
    body.get(name).and_then(Value::as_u64)
}

fn check_sid(field: &'static str, kind: &str, sid: &str) -> Result<(), ConfigError> {
    let good = sid
        .strip_prefix(kind)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    match good {
        true => Ok(()),
        // Somebody may have given a token here.
        false => Err(ConfigError::new(field, format!("expected `{kind}` and 32 letters and digits"))),
    }
}

fn is_sender(text: &str) -> bool {
    let is_short = (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let is_name = (1..=11).contains(&text.len())
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" +-_&".contains(&b));
    is_e164(text) || is_short || is_name
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests;
