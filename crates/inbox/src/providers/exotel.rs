//! Exotel's `Sms/send`: <https://developer.exotel.com/docs/sms-api/api-reference/send-sms>.
//!
//! `.json` is answered in JSON; without it the answer is XML below `<TwilioResponse>`.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::sms::{Segments, field, is_e164};
use super::{Canned, Context, HttpProvider, Judgement, Reply, Request};
use crate::demo::Demo;
use crate::markup::Markup;
use crate::record::{Described, Provider, ViewPart, headline};

const BODY_MOST: usize = 2_000;
/// Dates are Indian, without a zone.
const IST: Duration = Duration::from_secs(5 * 3_600 + 1_800);

#[derive(Default)]
pub(crate) struct Exotel {
    count: u64,
}

impl HttpProvider for Exotel {
    fn provider(&self) -> Provider {
        Provider::Exotel
    }

    fn claims(&self, path: &str) -> bool {
        path.starts_with("/v1/Accounts/")
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
                entry.notes.push(format!("Exotel documents no parameter {name}"));
            }
        }
        let segments = Segments::of(body);
        entry.view.fact("Segments", segments.describe());
        if segments.count > 10 {
            entry.notes.push("more than the 10 segments that the documentation allows".to_owned());
        }
        if field(&form, "Priority") == "high" {
            entry.notes.push("priority high is for one-time passwords only".to_owned());
        }
        entry.view.parts.push(ViewPart::Text { title: "Text".to_owned(), text: body.to_owned() });
        Some(entry)
    }

    fn judge(&mut self, request: &Request, context: &Context<'_>) -> Judgement {
        match self.send(request, context) {
            Ok((sid, body)) => {
                Judgement { key: Some(sid), ..Judgement::accepted(answer(request, 200, &body)) }
            }
            Err(refusal) => Judgement::refused(exception(request, &refusal)),
        }
    }

    fn canned(&self, request: &Request, answer: Canned) -> Reply {
        match answer {
            Canned::RateLimited { retry_after: Some(seconds) } => {
                let text = format!("Rate limit exceeded. Try again in {seconds} seconds.");
                exception(request, &ExotelRefusal::new(429, json!(40402), &text))
                    .retry_after(Some(seconds))
                    .header("X-RateLimit-Limit", 200)
                    .header("X-RateLimit-Remaining", 0)
            }
            // The older pages answer SMS above the rate with 503 and no hint.
            Canned::RateLimited { retry_after: None } => {
                exception(request, &ExotelRefusal::new(503, json!(40405), "Throttle limit exceeded"))
            }
            Canned::BadCredentials => exception(request, &ExotelRefusal::unauthorised()),
            Canned::Broken { status: 500 } => {
                exception(request, &ExotelRefusal::new(500, json!(35000), "Internal Server Error"))
            }
            Canned::Broken { status } => {
                Reply::new(status, "text/html", format!("<html><body>{status}</body></html>"))
            }
            Canned::TooLarge => {
                exception(request, &ExotelRefusal::new(413, Value::Null, "Request too large"))
            }
        }
    }
}

impl Exotel {
    fn send(&mut self, request: &Request, context: &Context<'_>) -> Result<(String, Value), ExotelRefusal> {
        let (key, token) = request.basic().ok_or_else(ExotelRefusal::unauthorised)?;
        let malformed = |part: &str| part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric());
        if malformed(&key) || malformed(&token) {
            return Err(ExotelRefusal::new(400, json!(34001), "Malformed API key or token"));
        }
        if (key.as_str(), token.as_str()) != (Demo::EXOTEL_KEY, Demo::EXOTEL_TOKEN) {
            return Err(ExotelRefusal::unauthorised());
        }
        let (account, method) = request
            .path
            .strip_prefix("/v1/Accounts/")
            .and_then(|rest| rest.split_once('/'))
            .unwrap_or_default();
        if account != Demo::EXOTEL_ACCOUNT {
            return Err(ExotelRefusal::new(403, json!(34009), "Account does not belong to this API key"));
        }
        if request.method == "GET" && method.starts_with("SMS/Messages/") {
            // No message is kept, and one that is not there is no error.
            return Ok((String::new(), json!({ "Message": "No matching results" })));
        }
        if !matches!(method, "Sms/send" | "Sms/send.json") {
            return Err(ExotelRefusal::new(404, Value::Null, "Not Found"));
        }
        if request.method != "POST" {
            return Err(ExotelRefusal::new(405, Value::Null, "Method Not Allowed"));
        }
        let form = request.form();
        check(&form, context)?;
        self.count += 1;
        let sid = format!("{:032x}", self.count);
        let date = ist(context.now);
        let body = json!({ "SMSMessage": {
            "Sid": sid,
            "AccountSid": Demo::EXOTEL_ACCOUNT,
            "From": field(&form, "From"),
            "To": field(&form, "To"),
            "Body": field(&form, "Body"),
            "Status": "queued",
            "DateCreated": date,
            "DateUpdated": date,
            "DateSent": null,
            "Price": null,
            "Uri": format!("/v1/Accounts/{}/SMS/Messages/{sid}", Demo::EXOTEL_ACCOUNT),
        }});
        Ok((sid, body))
    }
}

const PARAMETERS: [&str; 13] = [
    "From",
    "To",
    "Body",
    "EncodingType",
    "Priority",
    "SmsType",
    "DltEntityId",
    "DltTemplateId",
    "StatusCallback",
    "StatusCallbackContentType",
    "CustomField",
    "ShortenUrl",
    "ShortenUrlParams",
];

/// A `RestException`.
struct ExotelRefusal {
    status: u16,
    code: Value,
    text: String,
}

impl ExotelRefusal {
    fn new(status: u16, code: Value, text: &str) -> Self {
        Self { status, code, text: text.to_owned() }
    }

    fn unauthorised() -> Self {
        Self::new(401, json!(34010), "Authentication failed. Invalid API Key or Token.")
    }
}

fn check(form: &[(String, String)], context: &Context<'_>) -> Result<(), ExotelRefusal> {
    let bad = |code: Value, text: &str| Err(ExotelRefusal::new(400, code, text));
    let (from, to, body) = (field(form, "From"), field(form, "To"), field(form, "Body"));
    if from.is_empty() {
        return bad(json!(40210), "From is mandatory");
    }
    if from != Demo::EXOTEL_FROM {
        return bad(json!(40206), "From is no sender of this account");
    }
    if !is_e164(to) {
        return bad(json!("INVALID_PARAMETER"), "Invalid 'To' number format. Expected E.164 format.");
    }
    if body.is_empty() {
        return bad(json!(40200), "Message body is empty");
    }
    if body.chars().count() > BODY_MOST {
        return bad(json!(40202), "Message body is invalid");
    }
    match field(form, "EncodingType") {
        "" | "unicode" => {}
        "plain" if Segments::of(body).gsm => {}
        "plain" => {
            let text = "Message contains Unicode characters but EncodingType is set to 'plain'.";
            return bad(json!("ENCODING_MISMATCH"), text);
        }
        _ => return bad(json!(40209), "EncodingType is not set correctly"),
    }
    if !matches!(field(form, "SmsType"), "" | "transactional" | "transactional_opt_in" | "promotional") {
        return bad(json!(40204), "SmsType is not set correctly");
    }
    if !matches!(field(form, "Priority"), "" | "normal" | "high") {
        return bad(json!("INVALID_PARAMETER"), "Priority is not set correctly");
    }
    let is_id = |id: &str| (6..=30).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    if to.starts_with("+91") {
        if !is_id(field(form, "DltEntityId")) {
            return bad(json!("INVALID_PARAMETER"), "DltEntityId is mandatory for SMS to India");
        }
        if !is_id(field(form, "DltTemplateId")) {
            return bad(
                json!("INVALID_DLT_TEMPLATE"),
                "Invalid DltTemplateId. Template not found or not approved.",
            );
        }
    }
    if context.refuses(to) {
        return bad(json!(40203), "All destination numbers are invalid");
    }
    Ok(())
}

fn ist(now: SystemTime) -> String {
    let local = jiff::Timestamp::try_from(now + IST);
    local.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

fn exception(request: &Request, refusal: &ExotelRefusal) -> Reply {
    let mut body = json!({ "Status": refusal.status, "Message": refusal.text });
    if let (Some(map), false) = (body.as_object_mut(), refusal.code.is_null()) {
        map.insert("Code".to_owned(), refusal.code.clone());
    }
    answer(request, refusal.status, &json!({ "RestException": body }))
}

fn answer(request: &Request, status: u16, body: &Value) -> Reply {
    if request.path.ends_with(".json") {
        return Reply::new(status, "application/json", body.to_string());
    }
    let mut xml = Markup::new();
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TwilioResponse>\n");
    element(&mut xml, body, 1);
    xml.raw("</TwilioResponse>\n");
    Reply::new(status, "application/xml", xml.as_str())
}

/// The members of an object as elements; the names are this file's.
fn element(xml: &mut Markup, value: &Value, depth: usize) {
    let Some(map) = value.as_object() else { return };
    for (name, value) in map {
        xml.text(&" ".repeat(depth));
        xml.raw("<").text(name).raw(">");
        match value {
            Value::Object(_) => {
                xml.raw("\n");
                element(xml, value, depth + 1);
                xml.text(&" ".repeat(depth));
            }
            Value::String(text) => {
                xml.text(text);
            }
            Value::Null => {}
            other => {
                xml.text(&other.to_string());
            }
        }
        xml.raw("</").text(name).raw(">\n");
    }
}
