//! Make requests and judge answers; both are pure.

use std::time::Duration;

use serde_json::{Map, Value};
use watchfire_http::{Request, Response, by_status, rate_limited};
use watchfire_outbox::{Notification, Outcome, Reason, Receipt, Scope};

use crate::config::{Chat, Methods};

#[cfg(test)]
mod tests;

pub(crate) fn request(methods: &Methods, notification: &Notification) -> Request {
    // Our own rendering, or of a version of ours before this one.
    let mut payload = serde_json::from_slice::<Map<String, Value>>(notification.body()).unwrap_or_default();
    let edits = payload.contains_key("message_id");
    let Chat { id, topic } = Chat::read(notification.recipient());
    let id = id.parse::<i64>().map_or_else(|_| Value::from(id), Value::from);
    payload.insert("chat_id".to_owned(), id);
    if edits {
        return Request::post_json(&methods.edit, Value::Object(payload).to_string());
    }
    if let Some(topic) = topic {
        payload.insert("message_thread_id".to_owned(), topic.into());
    }
    if notification.is_possible_duplicate()
        && let Some(text) = payload.get_mut("text")
    {
        *text = format!("(possible duplicate)\n{}", text.as_str().unwrap_or_default()).into();
    }
    Request::post_json(&methods.send, Value::Object(payload).to_string())
}

/// Says what the server's answer means: by its parameters and description, else by the status.
pub(crate) fn judge(notification: &Notification, response: &Response) -> Outcome {
    let Ok(answer) = serde_json::from_slice::<Value>(response.body()) else {
        return match response.is_success() {
            true => Outcome::Ambiguous(Reason::new(format_args!("expected JSON, got {}", response.reason()))),
            false => unreadable(response),
        };
    };
    let at = |path: &str| answer.pointer(path);
    let recipient = notification.recipient();
    if response.is_success() && at("/ok") == Some(&Value::Bool(true)) {
        let id = at("/result/message_id").and_then(Value::as_i64);
        return Outcome::Delivered(id.map(|id| Receipt::new(recipient, id.to_string())));
    }
    refusal(recipient, &answer, response)
}

/// Says what an answer means that is none of success.
pub(crate) fn refusal(recipient: &str, answer: &Value, response: &Response) -> Outcome {
    let at = |path: &str| answer.pointer(path);
    let description = at("/description").and_then(Value::as_str).unwrap_or_default();
    let reason = if description.is_empty() { response.reason() } else { Reason::new(description) };
    let reason = reason.advised(advice(response.status(), description));
    let chat = Chat::read(recipient);
    if let Some(id) = at("/parameters/migrate_to_chat_id").and_then(Value::as_i64) {
        let to = Chat { id: id.to_string(), ..chat }.to_string();
        return Outcome::Moved { to, reason };
    }
    match (response.status(), meaning(description)) {
        (429, _) => {
            let wait = at("/parameters/retry_after").and_then(Value::as_u64).map(Duration::from_secs);
            match wait {
                // The limit is of the bot, and asking on for another chat prolongs it.
                Some(wait) => Outcome::RateLimited { wait, scope: Scope::Channel, reason },
                None => rate_limited(response, Scope::Channel),
            }
        }
        (400, Some(Meaning::Unchanged)) => Outcome::Delivered(None),
        (400, Some(Meaning::Plainer)) => Outcome::Degrade(reason),
        // The topic is gone, the chat is not.
        (400, Some(Meaning::NoTopic)) if chat.topic.is_some() => Outcome::Moved { to: chat.id, reason },
        (403, _) | (400, Some(Meaning::NoChat)) => Outcome::RecipientRefused(reason),
        // 401: the token was revoked; 404: it never was one, or the server is another.
        (401 | 404, _) => Outcome::Held(reason),
        (200..=299, _) => Outcome::Unknown(reason),
        _ => by_status(response),
    }
}

/// Says what an answer means that is no JSON.
pub(crate) fn unreadable(response: &Response) -> Outcome {
    match by_status(response) {
        Outcome::Held(reason) => Outcome::Held(reason.advised(advice(response.status(), ""))),
        outcome => outcome,
    }
}

/// Says what helps, if it is somebody's to help.
fn advice(status: u16, description: &str) -> Option<&'static str> {
    let description = description.to_ascii_lowercase();
    let said = |part: &str| description.contains(part);
    Some(match status {
        401 => "the token is wrong or was revoked: ask @BotFather for the bot's token",
        404 => {
            "the token is mistyped (it reads 123456789:AA...), or another server answers at the API's address"
        }
        403 if said("blocked by the user") => "the user has to unblock the bot",
        403 if said("initiate conversation") => "the user has to start the bot first (/start)",
        403 if said("deactivated") || said("deleted") => "choose another chat",
        403 => "add the bot to the chat, and let it post there",
        400 if said("chat not found") || said("peer_id_invalid") => {
            "is the chat's id right (of supergroups and channels it begins with -100), and is the bot a member?"
        }
        400 if said("rights") || said("chat_write_forbidden") || said("chat_restricted") => {
            "let the bot post there, in a channel as an administrator"
        }
        400 if said("deactivated") => "choose another chat",
        _ => return None,
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    /// The edit would have changed nothing.
    Unchanged,
    Plainer,
    NoTopic,
    NoChat,
}

/// The descriptions of tdlib/telegram-bot-api; those of its upstream stay in capitals.
const DESCRIPTIONS: &[(&str, Meaning)] = &[
    ("message is not modified", Meaning::Unchanged),
    ("can't parse entities", Meaning::Plainer),
    ("message is too long", Meaning::Plainer),
    ("message text is empty", Meaning::Plainer),
    ("message to edit not found", Meaning::Plainer),
    ("message can't be edited", Meaning::Plainer),
    ("message to be replied not found", Meaning::Plainer),
    ("message thread not found", Meaning::NoTopic),
    ("topic_closed", Meaning::NoTopic),
    ("topic_deleted", Meaning::NoTopic),
    ("chat not found", Meaning::NoChat),
    ("chat_id is empty", Meaning::NoChat),
    ("not enough rights", Meaning::NoChat),
    ("have no rights to send", Meaning::NoChat),
    ("chat_write_forbidden", Meaning::NoChat),
    ("chat_restricted", Meaning::NoChat),
    ("peer_id_invalid", Meaning::NoChat),
    ("user not found", Meaning::NoChat),
    ("group chat was deactivated", Meaning::NoChat),
];

fn meaning(description: &str) -> Option<Meaning> {
    let description = description.to_ascii_lowercase();
    DESCRIPTIONS.iter().find(|(part, _)| description.contains(part)).map(|(_, meaning)| *meaning)
}
