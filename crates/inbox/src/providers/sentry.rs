//! Sentry's envelope endpoint, answering as Relay does: <https://develop.sentry.dev/sdk/>.

mod envelope;
mod event;

use std::io::Read as _;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use serde_json::{Value, json};

use super::{Canned, Context, HttpProvider, Judgement, Reply, Request};
use crate::demo::Demo;
use crate::recent::Recent;
use crate::record::{Described, Provider, ViewPart};

use envelope::SentryEnvelope;

const ENVELOPE_MOST: usize = 200 << 20;
const EVENT_MOST: usize = 1 << 20;
const CLIENT_REPORT_MOST: usize = 4 << 10;
const QUOTA: &str = "Sentry dropped data due to a quota or internal rate limit being reached. This will not affect your \
application. See https://docs.sentry.io/product/accounts/quotas/ for more information.";

#[derive(Default)]
pub(crate) struct Sentry {
    seen: Recent<String, ()>,
}

impl HttpProvider for Sentry {
    fn provider(&self) -> Provider {
        Provider::Sentry
    }

    /// A self-hosted Sentry may live below a prefix of several segments.
    fn claims(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        matches!(segments.as_slice(), [.., "api", _, "envelope"])
    }

    fn describe(&self, request: &Request) -> Option<Described> {
        let mut entry =
            Described { recipients: vec![format!("project {}", project(request))], ..Described::default() };
        let parsed = decompress(request).ok().and_then(|bytes| SentryEnvelope::parse(&bytes).ok());
        let Some(envelope) = parsed else {
            entry.notes.push("the envelope cannot be read".to_owned());
            return Some(entry);
        };
        if envelope.header("sent_at").is_empty() {
            entry.notes.push("no sent_at: the clock's drift cannot be corrected".to_owned());
        }
        if request.header("user-agent").is_none() {
            entry.notes.push("no User-Agent".to_owned());
        }
        entry.title = envelope.items.first().map(|item| item.kind().to_owned()).unwrap_or_default();
        for item in &envelope.items {
            match (item.kind(), item.json()) {
                ("event", Some(event)) => event::describe(&event, &mut entry),
                (kind, Some(value)) => entry.view.parts.push(ViewPart::Text {
                    title: format!("Item {kind}"),
                    text: serde_json::to_string_pretty(&value).unwrap_or_default(),
                }),
                (kind, None) => entry.view.parts.push(ViewPart::Text {
                    title: format!("Item {kind}, {} bytes", item.payload.len()),
                    text: String::from_utf8_lossy(&item.payload).into_owned(),
                }),
            }
        }
        let headers = serde_json::to_string_pretty(&envelope.headers).unwrap_or_default();
        entry.view.parts.push(ViewPart::Text { title: "Envelope headers".to_owned(), text: headers });
        Some(entry)
    }

    fn judge(&mut self, request: &Request, _context: &Context<'_>) -> Judgement {
        match accept(request) {
            Ok(id) => {
                let mut judgement = Judgement::accepted(Reply::json(200, &json!({ "id": id })));
                if !id.is_empty() && !self.seen.insert(id.clone(), ()) {
                    judgement.notes.push("this event_id came before; Sentry keeps one of them".to_owned());
                }
                judgement.key = Some(id);
                judgement
            }
            Err(reply) => Judgement::refused(reply),
        }
    }

    fn canned(&self, _request: &Request, answer: Canned) -> Reply {
        match answer {
            Canned::RateLimited { retry_after: None } => Reply::new(429, "text/plain", ""),
            Canned::RateLimited { retry_after: Some(seconds) } => problem(429, QUOTA, None)
                .retry_after(Some(seconds))
                .header("X-Sentry-Rate-Limits", format!("{seconds}::organization:inbox")),
            Canned::BadCredentials => rejected(),
            Canned::Broken { status: 503 } => problem(503, "failed to queue envelope", None),
            Canned::Broken { status } => problem(status, "internal server error", None),
            Canned::TooLarge => problem(413, "request content exceeded size limits", None),
        }
    }

    fn body_limit(&self) -> usize {
        ENVELOPE_MOST
    }
}

fn accept(request: &Request) -> Result<String, Reply> {
    if request.method != "POST" {
        return Err(problem(405, "method not allowed", None));
    }
    if request.body.is_empty() {
        return Err(problem(400, "empty request body", None));
    }
    let bytes = decompress(request)?;
    let envelope = SentryEnvelope::parse(&bytes).map_err(|cause| invalid(&cause))?;
    authorise(request, &envelope)?;
    let events: Vec<_> = envelope.items.iter().filter(|item| item.kind() == "event").collect();
    for item in &envelope.items {
        let most = match item.kind() {
            "event" | "transaction" => EVENT_MOST,
            "client_report" => CLIENT_REPORT_MOST,
            _ => ENVELOPE_MOST,
        };
        if item.payload.len() > most {
            let kind = item.kind();
            let link = "https://develop.sentry.dev/sdk/envelopes/#size-limits";
            return Err(problem(
                413,
                &format!("envelope exceeded size limits for type '{kind}' ({link})"),
                None,
            ));
        }
    }
    // Relay finds some of these only after its answer; here the sender shall hear of them.
    if events.len() > 1 {
        return Err(invalid("more than one event"));
    }
    let id = envelope.header("event_id").replace('-', "").to_ascii_lowercase();
    let Some(event) = events.first() else { return Ok(id) };
    if !event.json().is_some_and(|event| event.is_object()) {
        return Err(problem(400, "invalid JSON data", None));
    }
    if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(problem(400, "invalid event id", None));
    }
    Ok(id)
}

/// Header, query or DSN in the envelope; all that are given must agree.
fn authorise(request: &Request, envelope: &SentryEnvelope) -> Result<(), Reply> {
    let header = request.header("x-sentry-auth").map(|value| {
        let fields = value.strip_prefix("Sentry ").unwrap_or_default();
        let key = fields.split(',').find_map(|field| field.trim().strip_prefix("sentry_key="));
        key.unwrap_or_default().to_owned()
    });
    let query = form_urlencoded::parse(request.query.as_bytes())
        .find(|(name, _)| name == "sentry_key")
        .map(|(_, value)| value.into_owned());
    let dsn = match envelope.header("dsn") {
        "" => None,
        dsn => {
            let (user, place) =
                dsn.split_once("://").and_then(|(_, rest)| rest.split_once('@')).unwrap_or_default();
            if place.rsplit('/').next() != Some(project(request)) {
                return Err(rejected());
            }
            Some(user.split(':').next().unwrap_or_default().to_owned())
        }
    };
    let given: Vec<String> = [header, query, dsn].into_iter().flatten().collect();
    if given.is_empty() || given.iter().all(String::is_empty) {
        return Err(problem(401, "missing authorization information", None));
    }
    if given.iter().any(|key| key != Demo::SENTRY_KEY) || project(request) != Demo::SENTRY_PROJECT {
        return Err(rejected());
    }
    Ok(())
}

fn project(request: &Request) -> &str {
    request.path.trim_matches('/').rsplit('/').nth(1).unwrap_or_default()
}

/// Undoes gzip and deflate; Relay also takes br and zstd, this provider does not.
fn decompress(request: &Request) -> Result<Vec<u8>, Reply> {
    let limit = u64::try_from(ENVELOPE_MOST).unwrap_or(u64::MAX) + 1;
    let mut bytes = Vec::new();
    let body = request.body.as_ref();
    let read = match request.header("content-encoding").unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(body.to_vec()),
        "gzip" => MultiGzDecoder::new(body).take(limit).read_to_end(&mut bytes),
        "deflate" => ZlibDecoder::new(body).take(limit).read_to_end(&mut bytes),
        _ => return Err(problem(400, "invalid compression format", None)),
    };
    match read {
        Err(_) => Err(problem(400, "invalid compression format", None)),
        Ok(_) if bytes.len() > ENVELOPE_MOST => {
            Err(problem(413, "request content exceeded size limits", None))
        }
        Ok(_) => Ok(bytes),
    }
}

fn invalid(cause: &str) -> Reply {
    problem(400, "invalid event envelope", Some(cause))
}

fn rejected() -> Reply {
    problem(403, "event submission rejected with_reason: ProjectId", None)
}

fn problem(status: u16, detail: &str, cause: Option<&str>) -> Reply {
    let body = match cause {
        Some(cause) => json!({ "detail": detail, "causes": [cause] }),
        None => json!({ "detail": detail }),
    };
    Reply::new(status, "application/json", Value::to_string(&body))
}
