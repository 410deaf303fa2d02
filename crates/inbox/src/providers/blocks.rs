//! Slack messages: the limits of text, blocks and attachments, and how they read.
//!
//! The limits are those of Block Kit's reference and of `@slack/types`; lengths count characters as sent, that is
//! after escaping.

mod check;
mod render;

use std::time::{Duration, SystemTime};

use serde_json::Value;

pub(crate) use check::{BlockRefusal, check};
pub(crate) use render::mrkdwn_plain;

use crate::record::{Described, View, ViewPart, headline};

/// The page of Slack's front end when it is down.
pub(crate) const BROKEN_PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Server Error | Slack</title></head>\
<body><h1>Server Error</h1></body></html>";

/// Reads a message; anything that is not understood is left out.
pub(crate) fn entry(message: &Value) -> Described {
    let text = string(message, "text");
    let (html, plain) = render::message(message);
    let mut view = View::default();
    view.fact("Thread", string(message, "thread_ts"));
    view.fact("User name", string(message, "username"));
    view.fact("Notification text", mrkdwn_plain(text));
    view.parts.push(ViewPart::Rendered { title: "Message".to_owned(), text: plain.clone(), html });
    if let Ok(pretty) = serde_json::to_string_pretty(message) {
        view.parts.push(ViewPart::Text { title: "Payload".to_owned(), text: pretty });
    }
    let title = if text.is_empty() { headline(&plain) } else { headline(&mrkdwn_plain(text)) };
    let mut notes = Vec::new();
    if text.is_empty() {
        notes.push("no `text`: notifications and screen readers have nothing to say".to_owned());
    }
    if text.chars().count() > 4_000 {
        notes.push("`text` is over 4,000 characters: Slack splits it into several messages".to_owned());
    }
    Described { recipients: Vec::new(), title, view, notes }
}

pub(crate) fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Slack allows one message per second and channel.
pub(crate) fn too_soon(last: SystemTime, now: SystemTime) -> bool {
    now.duration_since(last).is_ok_and(|passed| passed < Duration::from_secs(1))
}
