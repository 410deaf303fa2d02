//! Make requests and judge answers; both are pure.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use watchfire_http::{Request, Response, by_status};
use watchfire_outbox::{Notification, Outcome, Reason, Scope, format_timestamp};

use crate::config::Project;

#[cfg(test)]
mod tests;

/// Puts the event into an envelope (<https://develop.sentry.dev/sdk/data-model/envelopes/>).
///
/// `sent_at` is that of this attempt: Relay shifts all times of an event by the difference to its own clock, so the time
/// of an earlier attempt would date the event wrongly.
pub(crate) fn request(project: &Project, notification: &Notification, sent_at: SystemTime) -> Request {
    let event = notification.body();
    let head = json!({ "event_id": notification.id().to_string(), "sent_at": format_timestamp(sent_at) });
    let item = json!({ "type": "event", "content_type": "application/json", "length": event.len() });
    let mut body = format!("{head}\n{item}\n").into_bytes();
    body.extend_from_slice(event);
    body.push(b'\n');
    Request::post(&project.endpoint, "application/x-sentry-envelope", body)
        .header("x-sentry-auth", project.auth.expose())
}

/// Says what Sentry's answer means.
///
/// | answer | outcome |
/// |---|---|
/// | 2xx | delivered |
/// | 2xx with a limit for events in `X-Sentry-Rate-Limits` | delivered, and the channel waits |
/// | 2xx with a body that is no JSON: a proxy's page | transient |
/// | 429 | the channel waits: by `X-Sentry-Rate-Limits`, else by `Retry-After`, else 60 s |
/// | 400, 413 | degrade: the event is malformed or too large |
/// | 401, 403, 404 | held: the key or the project is wrong, or disabled |
/// | 5xx | transient; or the channel waits, where a limit is told |
///
/// Waiting for a 5xx is against the rule for SDKs; `docs/decisions` says why we do.
pub(crate) fn judge(response: &Response) -> Outcome {
    let scope = Scope::Channel;
    let limit = response.header("x-sentry-rate-limits").and_then(limit_of_events);
    match (by_status(response), limit) {
        (Outcome::Delivered(_), _) if !is_answer(response) => {
            Outcome::Unknown(Reason::new(format_args!("expected JSON, got {}", response.reason())))
        }
        (Outcome::Delivered(receipt), Some(wait)) => Outcome::DeliveredThenWait { receipt, wait, scope },
        (Outcome::Transient(_) | Outcome::Unknown(_) | Outcome::RateLimited { .. }, Some(wait)) => {
            Outcome::RateLimited { wait, scope, reason: reason(response) }
        }
        (Outcome::RateLimited { wait, scope, .. }, None) => {
            Outcome::RateLimited { wait, scope, reason: reason(response) }
        }
        (Outcome::Transient(_), None) => Outcome::Transient(reason(response)),
        (Outcome::Unknown(_), None) => Outcome::Unknown(reason(response)),
        (Outcome::Degrade(_), _) => Outcome::Degrade(reason(response)),
        (Outcome::Held(_), _) => Outcome::Held(reason(response)),
        (other, _) => other,
    }
}

/// Relay answers `{"id":"..."}`; some servers that are compatible answer nothing.
fn is_answer(response: &Response) -> bool {
    let text = response.text();
    text.is_empty() || serde_json::from_str::<Value>(&text).is_ok()
}

/// Errors come as `{"detail":"...","causes":["..."]}`.
fn reason(response: &Response) -> Reason {
    let answer = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
    let Some(detail) = answer.get("detail").and_then(Value::as_str) else { return response.reason() };
    let causes =
        answer.get("causes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let texts: Vec<&str> = [detail].into_iter().chain(causes).collect();
    Reason::new(format_args!("HTTP {}: {}", response.status(), texts.join("; ")))
}

/// Returns the longest limit that concerns an event: `seconds:categories:scope:reason:namespaces, ...`
/// (<https://develop.sentry.dev/sdk/expected-features/rate-limiting/>). No category means all of them; a limit of
/// categories that we never send, or do not know, is none of ours.
fn limit_of_events(header: &str) -> Option<Duration> {
    let limit = |text: &str| {
        let mut parts = text.split(':').map(str::trim);
        let seconds: f64 = parts.next()?.parse().ok()?;
        let mut categories = parts.next()?.split(';').map(str::trim);
        // `default` are events without a type, of which the oldest servers speak.
        let ours = categories.any(|category| matches!(category, "" | "error" | "default"));
        Duration::try_from_secs_f64(seconds.ceil()).ok().filter(|wait| ours && !wait.is_zero())
    };
    header.split(',').filter_map(limit).max()
}
