//! How a Sentry event reads, and what Sentry would cut or drop of it in silence.

use serde_json::Value;

use crate::record::{Described, ViewPart, headline};

/// Fills the entry from an event payload.
pub(crate) fn describe(event: &Value, entry: &mut Described) {
    let exceptions = list(event, "exception");
    entry.title = title(event, &exceptions);
    for (name, key) in [
        ("Event id", "event_id"),
        ("Level", "level"),
        ("Logger", "logger"),
        ("Platform", "platform"),
        ("Release", "release"),
        ("Environment", "environment"),
        ("Server", "server_name"),
        ("Transaction", "transaction"),
        ("Timestamp", "timestamp"),
    ] {
        entry.view.fact(name, plain(event.get(key)));
    }
    let fingerprint =
        event.get("fingerprint").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    entry.view.fact(
        "Fingerprint",
        fingerprint.iter().map(|part| plain(Some(part))).collect::<Vec<_>>().join(" / "),
    );
    push(entry, "Message", message(event));
    // The payload has the cause first; people read the outermost first.
    let chain: Vec<String> = exceptions.iter().rev().map(exception).collect();
    push(entry, "Exceptions", chain.join("\ncaused by\n"));
    for (title, key) in
        [("Tags", "tags"), ("Extra", "extra"), ("Contexts", "contexts"), ("Request", "request")]
    {
        push(entry, title, table(event.get(key)));
    }
    let crumbs: Vec<String> = list(event, "breadcrumbs").iter().map(breadcrumb).collect();
    push(entry, "Breadcrumbs", crumbs.join("\n"));
    push(entry, "Payload", serde_json::to_string_pretty(event).unwrap_or_default());
    notes(event, &exceptions, &mut entry.notes);
}

fn title(event: &Value, exceptions: &[Value]) -> String {
    match exceptions.last() {
        Some(last) => headline(&format!("{}: {}", plain(last.get("type")), plain(last.get("value")))),
        None => headline(&message(event)),
    }
}

fn message(event: &Value) -> String {
    let entry = event.get("logentry").or_else(|| event.get("message"));
    match entry {
        Some(Value::Object(map)) => plain(map.get("formatted").or_else(|| map.get("message"))),
        other => plain(other),
    }
}

fn exception(exception: &Value) -> String {
    let mut text = format!("{}: {}\n", plain(exception.get("type")), plain(exception.get("value")));
    let frames = exception.get("stacktrace").and_then(|trace| trace.get("frames")).and_then(Value::as_array);
    // The payload has the caller first; the crash site is read first.
    for frame in frames.into_iter().flatten().rev() {
        let file = plain(frame.get("filename").or_else(|| frame.get("abs_path")));
        let own = if frame.get("in_app").and_then(Value::as_bool) == Some(true) { "*" } else { " " };
        text.push_str(&format!(
            " {own} {} at {file}:{}\n",
            plain(frame.get("function")),
            plain(frame.get("lineno"))
        ));
        for (name, value) in frame.get("vars").and_then(Value::as_object).into_iter().flatten() {
            text.push_str(&format!("       {name} = {}\n", plain(Some(value))));
        }
    }
    text
}

fn breadcrumb(crumb: &Value) -> String {
    format!("{} {} {}", plain(crumb.get("timestamp")), plain(crumb.get("level")), plain(crumb.get("message")))
}

fn table(value: Option<&Value>) -> String {
    let lines: Vec<String> = match value {
        Some(Value::Object(map)) => {
            map.iter().map(|(name, value)| format!("{name}: {}", plain(Some(value)))).collect()
        }
        Some(Value::Array(pairs)) => pairs.iter().map(|pair| plain(Some(pair))).collect(),
        _ => Vec::new(),
    };
    lines.join("\n")
}

fn push(entry: &mut Described, title: &str, text: String) {
    if !text.trim().is_empty() {
        entry.view.parts.push(ViewPart::Text { title: title.to_owned(), text });
    }
}

/// Lists come bare or below `values`.
fn list(event: &Value, key: &str) -> Vec<Value> {
    let value = event.get(key);
    let values = value.and_then(|value| value.get("values")).or(value);
    values.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The limits of Relay and of its release parser: beyond them values are cut or dropped without a word.
fn notes(event: &Value, exceptions: &[Value], notes: &mut Vec<String>) {
    if !matches!(plain(event.get("level")).as_str(), "" | "fatal" | "error" | "warning" | "info" | "debug") {
        notes.push("unknown level".to_owned());
    }
    if plain(event.get("platform")) == "rust" {
        notes.push("platform rust is rewritten to other; native passes".to_owned());
    }
    let release = plain(event.get("release"));
    let forbidden = |text: &str| text.chars().any(|c| matches!(c, '/' | '\\') || c.is_control());
    if matches!(release.to_ascii_lowercase().as_str(), "." | ".." | "latest")
        || release.len() > 200
        || forbidden(&release)
    {
        notes.push("this release is dropped".to_owned());
    }
    let environment = plain(event.get("environment"));
    if matches!(environment.to_ascii_lowercase().as_str(), "." | ".." | "none")
        || environment.len() > 64
        || forbidden(&environment)
    {
        notes.push("this environment is dropped".to_owned());
    }
    for (name, value) in event.get("tags").and_then(Value::as_object).into_iter().flatten() {
        let good = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        let value = plain(Some(value));
        if name.is_empty()
            || name.len() > 200
            || !name.chars().all(good)
            || value.chars().count() > 200
            || value.contains('\n')
        {
            notes.push(format!("tag {name:?} is not valid and is dropped"));
        }
    }
    for exception in exceptions {
        if plain(exception.get("value")).chars().count() > 8_192 {
            notes.push("an exception's value is cut at 8,192 characters".to_owned());
        }
        let mechanism = exception.get("mechanism");
        if mechanism.is_some_and(|mechanism| plain(mechanism.get("type")).is_empty()) {
            notes.push("a mechanism without a type is dropped".to_owned());
        }
    }
}
