//! The pages of the inbox: messages and faults, as JSON and as HTML.

mod detail;
mod json;
mod list;

use serde_json::{Value, json};

use crate::fault::FaultPlan;
use crate::http::Hub;
use crate::markup::Markup;
use crate::providers::{Reply, Request};
use crate::record::{Provider, Received};

/// Answers a request that no provider claims.
pub(crate) fn answer(hub: &Hub, request: &Request) -> Reply {
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET" | "HEAD", []) => list::page(hub, request),
        ("GET" | "HEAD", ["messages.json"]) => messages(hub, request),
        ("GET" | "HEAD", ["messages", file]) => message(hub, file),
        ("DELETE", ["messages" | "messages.json"]) => {
            hub.store.clear();
            Reply::new(204, "text/plain; charset=utf-8", "")
        }
        ("GET", ["faults"]) => Reply::json(200, &faults(hub)),
        ("POST", ["faults", provider]) => arm(hub, provider, request),
        ("DELETE", ["faults", provider]) => disarm(hub, provider),
        ("DELETE", ["faults"]) => {
            Provider::ALL.into_iter().for_each(|provider| hub.store.disarm(provider));
            Reply::json(200, &faults(hub))
        }
        _ => problem(
            404,
            "nothing here; the list is at /, the messages at /messages.json, faults at /faults/{provider}",
        ),
    }
}

fn messages(hub: &Hub, request: &Request) -> Reply {
    let mut records = hub.store.all();
    for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
        match (&*name, value.parse::<Provider>()) {
            ("provider", Ok(provider)) => records.retain(|record| record.provider == provider),
            ("provider", Err(error)) => return problem(400, &error.to_string()),
            ("verdict", _) => records.retain(|record| record.verdict.word() == value),
            ("after", _) => match value.parse::<u64>() {
                Ok(number) => records.retain(|record| record.number > number),
                Err(_) => return problem(400, "after is the number of a message"),
            },
            _ => return problem(400, "the filters are provider, verdict and after"),
        }
    }
    Reply::json(200, &Value::Array(records.iter().map(json::summary).collect()))
}

fn message(hub: &Hub, file: &str) -> Reply {
    let (number, kind) = file.split_once('.').unwrap_or((file, ""));
    let found: Option<Received> = number.parse().ok().and_then(|number| hub.store.get(number));
    let Some(record) = found else { return problem(404, "there is no message of this number") };
    match kind {
        "" => detail::page(hub, &record),
        "json" => Reply::json(200, &json::full(&record)),
        "raw" => Reply::new(200, "text/plain; charset=utf-8", record.raw)
            .header("X-Content-Type-Options", "nosniff"),
        _ => problem(404, "a message is shown as .json or .raw"),
    }
}

fn faults(hub: &Hub) -> Value {
    let armed = hub.store.armed();
    Value::Object(
        Provider::ALL
            .into_iter()
            .map(|provider| {
                let plans: Vec<_> =
                    armed.iter().filter(|(r, _)| *r == provider).map(|(_, plan)| json!(plan)).collect();
                (provider.name().to_owned(), Value::Array(plans))
            })
            .collect(),
    )
}

/// Arms one fault or a list of them; either all of them or none.
fn arm(hub: &Hub, provider: &str, request: &Request) -> Reply {
    let provider: Provider = match provider.parse() {
        Ok(provider) => provider,
        Err(error) => return problem(404, &format!("{error}")),
    };
    let plans: Vec<FaultPlan> = match request.body.first() {
        Some(b'[') => match serde_json::from_slice(&request.body) {
            Ok(plans) => plans,
            Err(error) => return problem(400, &error.to_string()),
        },
        _ => match serde_json::from_slice(&request.body) {
            Ok(plan) => vec![plan],
            Err(error) => return problem(400, &error.to_string()),
        },
    };
    if let Some((plan, reason)) = plans.iter().find_map(|plan| Some((plan, plan.fault.misfit(provider)?))) {
        return problem(400, &format!("fault {} in provider {provider}: {reason}", plan.fault.name()));
    }
    for plan in plans {
        if let Err(error) = hub.store.arm(provider, plan) {
            return problem(400, &error.to_string());
        }
    }
    Reply::json(200, &faults(hub))
}

fn disarm(hub: &Hub, provider: &str) -> Reply {
    match provider.parse() {
        Ok(provider) => {
            hub.store.disarm(provider);
            Reply::json(200, &faults(hub))
        }
        Err(error) => problem(404, &format!("{error}")),
    }
}

fn problem(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "error": text }))
}

/// A whole page; nothing of it may load or run anything.
fn html(title: &str, body: &Markup, refresh: Option<u32>) -> Reply {
    let mut page = Markup::new();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        .text(title)
        .raw("</title>");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    if let Some(seconds) = refresh {
        page.raw("<meta http-equiv=\"refresh\" content=\"").text(&seconds.to_string()).raw("\">");
    }
    page.raw("<style>").raw(STYLE).raw("</style></head><body>").push(body).raw("</body></html>\n");
    Reply::new(200, "text/html; charset=utf-8", page.as_str())
        .header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'",
        )
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "no-referrer")
}

/// Date and time of a message, in UTC, to the second.
fn clock(record: &Received) -> (String, String) {
    let at = json::rfc3339(record.at);
    let (date, time) = at.split_once('T').unwrap_or_default();
    (date.to_owned(), time.chars().take(8).collect())
}

const STYLE: &str = include_str!("pages/style.css");
