//! Exotel's `Sms/send`: <https://developer.exotel.com/docs/sms-api/api-reference/send-sms>.

use std::{
    fmt,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::Value;
use watchfire_core::{ConfigError, Problems, Secret};
use watchfire_http::{Endpoint, Request, Response, by_status, check_token};
use watchfire_outbox::{Notification, Outcome, Reason, Receipt, Scope, Verdict};

use crate::{
    answer::in_words,
    number::{INDIA, is_e164},
    segments::{Alphabet, Segments},
    template::{DltSlot, Template},
};

/// The SID of no message.
const NOBODYS: &str = "00000000000000000000000000000000";

/// An account at Exotel, with the sender and what was registered for India (DLT).
#[derive(Clone)]
#[must_use]
pub struct Exotel {
    account: String,
    key: Secret,
    token: Secret,
    api_url: String,
    from: Option<String>,
    dlt: Option<(String, String)>,
    template: Option<String>,
    slots: Vec<DltSlot>,
}

/// An account that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    endpoint: Endpoint,
    /// The details of a message that is not there.
    question: Endpoint,
    key: Secret,
    token: Secret,
    from: String,
    registered: Option<Registered>,
}

/// The registered text with which operators in India compare each SMS.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    entity: String,
    id: String,
    pub(crate) template: Template,
}

impl Exotel {
    /// Takes the account's SID, an API key and its token.
    pub fn new(account_sid: impl Into<String>, key: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            account: account_sid.into(),
            key: Secret::new(key),
            token: Secret::new(token),
            api_url: "https://api.exotel.com".to_owned(),
            from: None,
            dlt: None,
            template: None,
            slots: Vec::new(),
        }
    }

    /// Sets the address of the API: `https://api.exotel.com` (Singapore, the default), `https://api.in.exotel.com`
    /// (Mumbai), a stand-in on loopback or your own gateway.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// Sends from a registered header of 6 letters, or from an ExoPhone.
    pub fn from(mut self, sender: impl Into<String>) -> Self {
        self.from = Some(sender.into());
        self
    }

    /// Names the ids of the entity and of the template that are registered (DLT). India needs both.
    pub fn dlt(mut self, entity_id: impl Into<String>, template_id: impl Into<String>) -> Self {
        self.dlt = Some((entity_id.into(), template_id.into()));
        self
    }

    /// Sets the text of the template exactly as it is registered, with its `{#var#}`, `{#alphanumeric#}`, `{#numeric#}`.
    ///
    /// An SMS that differs from it elsewhere is taken by Exotel and dropped by the operator. Several variables in a row
    /// hold one value, of up to 30 characters each. See [`slots`](Self::slots) for what stands in them.
    pub fn template(mut self, text: impl Into<String>) -> Self {
        self.template = Some(text.into());
        self
    }

    /// Says what stands in each variable, in their order, several in a row being one.
    ///
    /// Default, by their number: the title; the headline and the title; these and the group; the severity, the program,
    /// the title and the group. A `{#numeric#}` gets the count.
    pub fn slots(mut self, slots: impl IntoIterator<Item = DltSlot>) -> Self {
        self.slots = slots.into_iter().collect();
        self
    }

    pub(crate) fn check(self, max_segments: usize) -> Result<Account, ConfigError> {
        let mut problems = Problems::new();
        let is_good = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        problems.check(is_good(&self.account), "sms.exotel.account_sid", "expected letters and digits");
        problems.keep(check_token("sms.exotel.key", self.key.expose()));
        problems.keep(check_token("sms.exotel.token", self.token.expose()));
        let from = problems.keep(match &self.from {
            None => Err(ConfigError::new("sms.exotel.from", "is missing; expected a header or an ExoPhone")),
            Some(from) if is_header(from) || is_e164(from) => Ok(from.clone()),
            Some(_) => {
                Err(ConfigError::new("sms.exotel.from", "expected a header of 6 letters, or an ExoPhone"))
            }
        });
        let base = problems.keep(Endpoint::parse("sms.exotel.api_url", &self.api_url));
        let registered = problems.keep(self.registered(max_segments));
        problems.finish(|| {
            // With `.json` the answer is JSON; errors of their gateways may be XML all the same.
            let below = base?.join(&format!("v1/Accounts/{}", self.account));
            let endpoint = below.join("Sms/send.json");
            let question = below.join(&format!("SMS/Messages/{NOBODYS}.json"));
            let (key, token) = (self.key, self.token);
            Some(Account { endpoint, question, key, token, from: from?, registered: registered? })
        })
    }

    fn registered(&self, max_segments: usize) -> Result<Option<Registered>, ConfigError> {
        let mut problems = Problems::new();
        let fields = ["sms.exotel.dlt.entity_id", "sms.exotel.dlt.template_id"];
        if let Some((entity, template)) = &self.dlt {
            for (field, id) in fields.into_iter().zip([entity, template]) {
                let is_id = (6..=30).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
                problems.check(is_id, field, "expected the digits of the registered id");
            }
        }
        let template =
            self.template.as_ref().and_then(|text| problems.keep(Template::parse(text, &self.slots)));
        if let Some(least) = template.as_ref().map(Template::least) {
            let reason =
                format!("takes {least} segments before its variables; set max_segments to at least that");
            problems.check(least <= max_segments, "sms.exotel.template", reason);
        }
        match (&self.dlt, &self.template) {
            (Some(_), Some(_)) | (None, None) => {}
            (Some(_), None) => {
                problems.check(false, "sms.exotel.template", "is missing beside the ids of .dlt(..)");
            }
            (None, Some(_)) => problems.check(false, "sms.exotel.dlt", "is missing beside the template"),
        }
        let registered = self.dlt.clone().zip(template);
        let registered = registered.map(|((entity, id), template)| Registered { entity, id, template });
        problems.finish(|| Some(registered))
    }
}

fn is_header(text: &str) -> bool {
    (3..=11).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl fmt::Debug for Exotel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Before it was checked, any of the texts may be the token.
        f.debug_struct("Exotel").finish_non_exhaustive()
    }
}

impl Account {
    /// Returns the template, where one is needed.
    pub(crate) fn registered_for(&self, number: &str) -> Option<&Registered> {
        self.registered.as_ref().filter(|_| number.starts_with(INDIA))
    }

    pub(crate) fn check_india(&self) -> Result<(), ConfigError> {
        match self.registered {
            Some(_) => Ok(()),
            None => Err(ConfigError::new(
                "sms.exotel.dlt",
                "numbers in India need the ids and the text of a registered template; expected .dlt(..) and .template(..)",
            )),
        }
    }

    /// Makes the request that sends nothing: the details of a message that nobody sent, which an account that is known
    /// is answered with 200 (<https://developer.exotel.com/docs/sms-api/api-reference/sms-details>).
    pub(crate) fn question(&self) -> Request {
        Request::get(&self.question).basic(self.key.expose(), &self.token)
    }

    pub(crate) fn request(&self, notification: &Notification) -> Request {
        let body = String::from_utf8_lossy(notification.body());
        let encoding = match Segments::of(&body).alphabet {
            Alphabet::Gsm7 => "plain",
            Alphabet::Ucs2 => "unicode",
        };
        let id = notification.id().to_string();
        let mut form = vec![
            ("From", self.from.as_str()),
            ("To", notification.recipient()),
            ("Body", body.as_ref()),
            ("EncodingType", encoding),
            ("SmsType", "transactional"),
            // Comes back in the reports of the account.
            ("CustomField", id.as_str()),
        ];
        if let Some(registered) = self.registered_for(notification.recipient()) {
            form.extend([
                ("DltEntityId", registered.entity.as_str()),
                ("DltTemplateId", registered.id.as_str()),
            ]);
        }
        Request::post_form(&self.endpoint, form).basic(self.key.expose(), &self.token).once()
    }
}

/// Says what Exotel's answer to [`Account::question`] means.
pub(crate) fn verdict(response: &Response) -> Verdict {
    let answer = ExotelAnswer::read(response);
    let reason = match &answer.text {
        Some(text) => Reason::new(format_args!("HTTP {}: {} {text}", response.status(), answer.code)),
        None => response.reason(),
    };
    match (response.status(), answer.code.as_str()) {
        (200..=299, _) => Verdict::Accepted(Reason::new("the key and the account")),
        (400, "34001") | (401..=403, _) => Verdict::Refused(
            reason.advised(Some("are the key, its token and the account's SID right, and is it this host?")),
        ),
        (404, _) => Verdict::Untold(reason.advised(Some(
            "an account that is known is mostly answered 200: is its SID right, and is it this host?",
        ))),
        _ => Verdict::Unreachable(reason),
    }
}

/// Says what Exotel's answer means, by its status first: "do not rely on Message" (support article 48282).
pub(crate) fn judge(notification: &Notification, response: &Response) -> Outcome {
    let answer = ExotelAnswer::read(response);
    let reason = match &answer.text {
        Some(text) => Reason::new(format_args!("HTTP {}: {} {text}", response.status(), answer.code)),
        None => response.reason(),
    };
    match (response.status(), answer.code.as_str()) {
        (200..=299, _) if answer.refused => Outcome::Rejected(reason),
        (200..=299, _) => match answer.sid {
            Some(sid) => Outcome::Delivered(Some(Receipt::new(notification.recipient(), sid))),
            None => Outcome::Ambiguous(reason),
        },
        // Sent before under the same id, says their page.
        (409, _) => Outcome::Delivered(None),
        // A trial account's ten SMS: a limit that never ends.
        (429, "40404") => Outcome::Held(reason),
        // Above the rate for SMS the answer is 503 (code 40405), with or without a hint.
        (429 | 503, _) => Outcome::RateLimited { wait: wait(response), scope: Scope::Channel, reason },
        (502, _) => Outcome::Transient(reason),
        // Nothing says whether it was processed.
        (500 | 504, _) => Outcome::Ambiguous(reason),
        // Key or token malformed; the sender; what is registered.
        (
            400,
            "34001" | "40204" | "40205" | "40206" | "40210" | "40300" | "40301" | "INVALID_DLT_TEMPLATE",
        ) => Outcome::Held(reason),
        (400, "40203") => Outcome::RecipientRefused(reason),
        (400, "INVALID_PARAMETER") if answer.text.as_deref().is_some_and(|text| text.contains("'To'")) => {
            Outcome::RecipientRefused(reason)
        }
        _ => in_words(by_status(response), reason),
    }
}

/// The content of an answer, in JSON or in XML.
#[derive(Debug, Default, PartialEq, Eq)]
struct ExotelAnswer {
    sid: Option<String>,
    /// A number on old pages, a word on new ones; empty if there is none.
    code: String,
    text: Option<String>,
    /// The answer is an exception, or the SMS failed at once.
    refused: bool,
}

impl ExotelAnswer {
    fn read(response: &Response) -> Self {
        let text = response.text();
        if text.starts_with('<') {
            return Self::of_xml(&text);
        }
        serde_json::from_str::<Value>(&text).map(|json| Self::of_json(&json)).unwrap_or_default()
    }

    fn of_json(json: &Value) -> Self {
        if let Some(exception) = json.get("RestException") {
            let code = match exception.get("Code") {
                Some(Value::String(code)) => code.clone(),
                Some(Value::Number(code)) => code.to_string(),
                _ => String::new(),
            };
            let text = exception.get("Message").and_then(Value::as_str).map(str::to_owned);
            return Self { sid: None, code, text, refused: true };
        }
        // One number's SMS is an object; of several, and sometimes of one, there is a list.
        let message = json.get("SMSMessage").unwrap_or(json);
        let message = message.as_array().and_then(|list| list.first()).unwrap_or(message);
        let message = message.get("SMSMessage").unwrap_or(message);
        let field = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
        let status = field("Status").unwrap_or_default();
        Self { sid: field("Sid"), refused: status.starts_with("failed"), ..Self::default() }
    }

    fn of_xml(xml: &str) -> Self {
        let element = |name: &str| {
            let (_, after) = xml.split_once(&format!("<{name}>"))?;
            let (inside, _) = after.split_once(&format!("</{name}>"))?;
            Some(inside.trim().to_owned())
        };
        Self {
            sid: element("Sid"),
            code: element("Code").unwrap_or_default(),
            text: element("Message"),
            refused: xml.contains("<RestException>")
                || element("Status").is_some_and(|status| status.starts_with("failed")),
        }
    }
}

/// Returns how long to wait: what `Retry-After` says, else until `X-RateLimit-Reset` (seconds since 1970), else 60 s.
fn wait(response: &Response) -> Duration {
    let reset = || {
        let at: u64 = response.header("x-ratelimit-reset")?.trim().parse().ok()?;
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(at))?;
        at.duration_since(response.received()).ok().filter(|wait| *wait <= Duration::from_secs(3600))
    };
    response.retry_after().or_else(reset).unwrap_or(Duration::from_secs(60))
}

#[cfg(test)]
mod tests;
