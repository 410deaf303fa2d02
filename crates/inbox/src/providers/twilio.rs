//! Twilio's Messages: <https://www.twilio.com/docs/messaging/api/message-resource>.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::sms::{Segments, field, is_e164};
use super::{Canned, Context, HttpProvider, Judgement, Reply, Request};
use crate::demo::Demo;
use crate::record::{Described, Provider, ViewPart, headline};

/// Characters, whatever the encoding.
const BODY_MOST: usize = 1_600;

#[derive(Default)]
pub(crate) struct Twilio {
    count: u64,
}

impl HttpProvider for Twilio {
    fn provider(&self) -> Provider {
        Provider::Twilio
    }

    fn claims(&self, path: &str) -> bool {
        path.starts_with("/2010-04-01/")
    }

    fn describe(&self, request: &Request) -> Option<Described> {
        if request.method == "GET" {
            return None;
        }
        let form = request.form();
        let body = field(&form, "Body");
        let mut entry = Described {
            recipients: vec![field(&form, "To").to_owned()],
            title: headline(body),
            ..Described::default()
        };
        for (name, value) in form.iter().filter(|(name, _)| name != "Body") {
            entry.view.fact(name, value.as_str());
            if !PARAMETERS.contains(&name.as_str()) {
                entry.notes.push(format!("Twilio knows no parameter {name} and ignores it"));
            }
        }
        entry.view.fact("Segments", Segments::of(body).describe());
        entry.view.parts.push(ViewPart::Text { title: "Text".to_owned(), text: body.to_owned() });
        Some(entry)
    }

    fn judge(&mut self, request: &Request, context: &Context<'_>) -> Judgement {
        if request.method == "GET" {
            return match look(request) {
                Ok(body) => Judgement::accepted(Reply::json(200, &body)),
                Err(reply) => Judgement::refused(reply),
            };
        }
        match self.create(request, context) {
            Ok((sid, reply)) => Judgement { key: Some(sid), ..Judgement::accepted(reply) },
            Err(reply) => Judgement::refused(reply),
        }
    }

    fn canned(&self, _request: &Request, answer: Canned) -> Reply {
        match answer {
            Canned::RateLimited { retry_after } => {
                error(429, 20429, "Too Many Requests").retry_after(retry_after)
            }
            Canned::BadCredentials => bad_credentials(),
            Canned::Broken { status: 503 } => error(503, 20503, "Service unavailable"),
            Canned::Broken { status } => error(status, 20500, "Internal Server Error"),
            Canned::TooLarge => error(413, 20413, "Request entity too large"),
        }
    }
}

impl Twilio {
    fn create(&mut self, request: &Request, context: &Context<'_>) -> Result<(String, Reply), Reply> {
        credentials(request)?;
        if request.path != format!("/2010-04-01/Accounts/{}/Messages.json", Demo::TWILIO_ACCOUNT) {
            return Err(error(404, 20404, &format!("The requested resource {} was not found", request.path)));
        }
        if request.method != "POST" {
            return Err(error(405, 20004, "Method not allowed"));
        }
        let form = match request.media_type().as_str() {
            "application/x-www-form-urlencoded" => request.form(),
            // Another body is read as if no parameter had been given.
            _ => Vec::new(),
        };
        check(&form, context)?;
        self.count += 1;
        let sid = format!("SM{:032x}", self.count);
        let reply = Reply::new(201, "application/json", created(&form, &sid, context.now).to_string());
        Ok((sid, reply))
    }
}

/// Returns who asks.
fn credentials(request: &Request) -> Result<String, Reply> {
    let known = [(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN), (Demo::TWILIO_KEY, Demo::TWILIO_KEY_SECRET)];
    let (user, password) = request.basic().unwrap_or_default();
    match known.contains(&(user.as_str(), password.as_str())) {
        true => Ok(user),
        false => Err(bad_credentials()),
    }
}

/// The account (<https://www.twilio.com/docs/iam/api/account>) and its list of messages, which is always empty.
fn look(request: &Request) -> Result<Value, Reply> {
    let user = credentials(request)?;
    let account = format!("/2010-04-01/Accounts/{}", Demo::TWILIO_ACCOUNT);
    match request.path.strip_prefix(&account) {
        // A standard key reads everything but accounts and keys.
        Some(".json") if user != Demo::TWILIO_ACCOUNT => Err(bad_credentials()),
        Some(".json") => Ok(json!({
            "auth_token": Demo::TWILIO_TOKEN,
            "friendly_name": "inbox",
            "owner_account_sid": Demo::TWILIO_ACCOUNT,
            "sid": Demo::TWILIO_ACCOUNT,
            "status": "active",
            "type": "Full",
            "uri": format!("{account}.json"),
        })),
        Some("/Messages.json") => Ok(json!({
            "end": 0,
            "first_page_uri": format!("{account}/Messages.json?{}&Page=0", request.query),
            "messages": [],
            "next_page_uri": null,
            "page": 0,
            "page_size": 1,
            "previous_page_uri": null,
            "start": 0,
            "uri": format!("{account}/Messages.json?{}", request.query),
        })),
        _ => Err(error(404, 20404, &format!("The requested resource {} was not found", request.path))),
    }
}

const PARAMETERS: [&str; 27] = [
    "To",
    "From",
    "Body",
    "MessagingServiceSid",
    "StatusCallback",
    "ApplicationSid",
    "MaxPrice",
    "ProvideFeedback",
    "Attempt",
    "ValidityPeriod",
    "ForceDelivery",
    "ContentRetention",
    "AddressRetention",
    "SmartEncoded",
    "PersistentAction",
    "TrafficType",
    "ShortenUrls",
    "ScheduleType",
    "SendAt",
    "SendAsMms",
    "ContentVariables",
    "RiskCheck",
    "MediaUrl",
    "ContentSid",
    "MessageIntent",
    "Tags",
    "ContentLanguage",
];

fn check(form: &[(String, String)], context: &Context<'_>) -> Result<(), Reply> {
    let (to, from, body) = (field(form, "To"), field(form, "From"), field(form, "Body"));
    let service = field(form, "MessagingServiceSid");
    let bad = |code: u32, message: String| Err(error(400, code, &message));
    if to.is_empty() {
        return bad(21604, "A 'To' phone number is required.".to_owned());
    }
    if from.is_empty() && service.is_empty() {
        return bad(21603, "A 'From' phone number is required.".to_owned());
    }
    if body.is_empty() {
        return bad(21602, "Message body is required.".to_owned());
    }
    if !is_e164(to) {
        return bad(21211, format!("The 'To' number {to} is not a valid phone number."));
    }
    if !from.is_empty() && !is_sender(from) {
        let text = "is not a valid phone number, shortcode, or alphanumeric sender ID.";
        return bad(21212, format!("The 'From' number {from} {text}"));
    }
    if !from.is_empty() && from != Demo::TWILIO_FROM {
        let text = "is not a valid, SMS-capable inbound phone number or short code for your account.";
        return bad(21606, format!("The From phone number {from} {text}"));
    }
    if !service.is_empty() && service != Demo::TWILIO_SERVICE {
        return bad(21701, "The Messaging Service does not exist".to_owned());
    }
    if body.chars().count() > BODY_MOST {
        return bad(21617, "The concatenated message body exceeds the 1600 character limit.".to_owned());
    }
    let callback = field(form, "StatusCallback");
    let host = callback.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if !callback.is_empty() && (host.is_empty() || host.contains('_')) {
        return bad(21609, format!("The StatusCallback URL {callback} is not a valid URL."));
    }
    let validity = field(form, "ValidityPeriod");
    if !validity.is_empty() && !validity.parse().is_ok_and(|seconds: u32| (1..=36_000).contains(&seconds)) {
        return bad(20001, "ValidityPeriod is a number of seconds from 1 to 36000".to_owned());
    }
    if context.refuses(to) {
        return bad(21610, "Attempt to send to unsubscribed recipient".to_owned());
    }
    Ok(())
}

fn created(form: &[(String, String)], sid: &str, now: SystemTime) -> Value {
    let (from, service) = (field(form, "From"), field(form, "MessagingServiceSid"));
    let body = field(form, "Body");
    let date =
        jiff::Timestamp::try_from(now).map(|at| at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{sid}", Demo::TWILIO_ACCOUNT);
    let or_null = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    // A messaging service picks the sender later, and with it the segments.
    let (status, segments) = match service {
        "" => ("queued", Segments::of(body).count.to_string()),
        _ => ("accepted", "0".to_owned()),
    };
    json!({
        "account_sid": Demo::TWILIO_ACCOUNT,
        "api_version": "2010-04-01",
        "body": body,
        "date_created": date.clone().unwrap_or_default(),
        "date_sent": null,
        "date_updated": date.unwrap_or_default(),
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "from": or_null(from),
        "messaging_service_sid": or_null(service),
        "num_media": "0",
        "num_segments": segments,
        "price": null,
        "price_unit": null,
        "sid": sid,
        "status": status,
        "subresource_uris": { "media": format!("{uri}/Media.json") },
        "to": field(form, "To"),
        "uri": format!("{uri}.json"),
    })
}

/// A number, a short code, or an alphanumeric sender with a letter.
fn is_sender(from: &str) -> bool {
    let short = (5..=6).contains(&from.len()) && from.bytes().all(|b| b.is_ascii_digit());
    let name = from.len() <= 11
        && from.bytes().any(|b| b.is_ascii_alphabetic())
        && from.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ');
    is_e164(from) || short || name
}

fn error(status: u16, code: u32, message: &str) -> Reply {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status,
    });
    Reply::new(status, "application/json", body.to_string())
}

fn bad_credentials() -> Reply {
    let body = json!({
        "code": 20003,
        "message": "Authentication Error - invalid username",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
        "detail": "Your AccountSid or AuthToken was incorrect.",
    });
    Reply::new(401, "application/json", body.to_string())
        .header("WWW-Authenticate", "Basic realm=\"Twilio API\"")
}
