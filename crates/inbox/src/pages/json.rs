//! Messages as JSON.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::record::{Received, ViewPart};

/// The entry of a message in the list.
pub(crate) fn summary(record: &Received) -> Value {
    json!({
        "number": record.number,
        "provider": record.provider.name(),
        "at": rfc3339(record.at),
        "recipients": record.recipients,
        "title": record.title,
        "verdict": record.verdict.word(),
        "answer": record.verdict.answer(),
        "key": record.key,
        "thread": record.thread,
        "edits": record.edits,
        "edited_by": record.edited_by,
        "text": record.text(),
    })
}

/// All that is known of a message.
pub(crate) fn full(record: &Received) -> Value {
    let mut value = summary(record);
    if let Value::Object(map) = &mut value {
        map.insert("notes".to_owned(), json!(record.notes));
        map.insert("head".to_owned(), pairs(&record.head));
        map.insert("facts".to_owned(), pairs(&record.view.facts));
        map.insert("parts".to_owned(), record.view.parts.iter().map(part).collect());
        match std::str::from_utf8(&record.raw) {
            Ok(text) => map.insert("raw".to_owned(), json!(text)),
            Err(_) => map.insert("raw_base64".to_owned(), json!(STANDARD.encode(&record.raw))),
        };
    }
    value
}

pub(crate) fn rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|at| format!("{at:.3}")).unwrap_or_default()
}

/// Names may repeat, so each pair is an object of its own.
fn pairs(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn part(part: &ViewPart) -> Value {
    let kind = match part {
        ViewPart::Text { .. } => "text",
        ViewPart::Html { .. } => "html",
        ViewPart::Rendered { .. } => "rendered",
    };
    let mut map = Map::new();
    map.insert("kind".to_owned(), json!(kind));
    map.insert("title".to_owned(), json!(part.title()));
    map.insert("text".to_owned(), json!(part.text()));
    Value::Object(map)
}
