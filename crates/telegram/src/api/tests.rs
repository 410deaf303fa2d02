//! Tests of Telegram's responses.

use std::time::UNIX_EPOCH;

use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{GroupId, Occasion, OccasionKind, Sink};
use watchfire_testing::{Class, check_answers};

use super::*;
use crate::Telegram;

const TOKEN: &str = "123456789:planted-token-planted-token-00";

fn notification(chat: &str, kind: OccasionKind) -> Notification {
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
    let receipts = [Receipt::new(chat, "4711")];
    let occasion = Occasion::first(&alert, "telegram", GroupId::from_u64(1), UNIX_EPOCH)
        .of_kind(kind, 1)
        .receipts(&receipts);
    Telegram::bot(TOKEN, chat).build().unwrap().render(&occasion).remove(0)
}

/// The known answers of the server: status, description, outcome for a topic of a group.
const ANSWERS: &[(u16, &str, Class<'_>)] = &[
    (400, "Bad Request: chat_id is empty", Class::RecipientRefused),
    (400, "Bad Request: chat not found", Class::RecipientRefused),
    (400, "Bad Request: private chat not found", Class::RecipientRefused),
    (400, "Bad Request: not enough rights to send text messages to the chat", Class::RecipientRefused),
    (400, "Bad Request: have no rights to send a message", Class::RecipientRefused),
    (400, "Bad Request: CHAT_WRITE_FORBIDDEN", Class::RecipientRefused),
    (400, "Bad Request: message text is empty", Class::Degrade),
    (400, "Bad Request: message is too long", Class::Degrade),
    (
        400,
        "Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\\\'",
        Class::Degrade,
    ),
    (
        400,
        "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \\\"b\\\"",
        Class::Degrade,
    ),
    (
        400,
        "Bad Request: can't parse entities: Unsupported start tag \\\"Vec\\\" at byte offset 12",
        Class::Degrade,
    ),
    (400, "Bad Request: message to be replied not found", Class::Degrade),
    (400, "Bad Request: message to edit not found", Class::Degrade),
    (400, "Bad Request: message can't be edited", Class::Degrade),
    (400, "Bad Request: something new", Class::Degrade),
    (
        400,
        "Bad Request: message is not modified: specified new message content and reply markup are exactly the same",
        Class::Delivered,
    ),
    (400, "Bad Request: message thread not found", Class::Moved("-1001234567890")),
    (400, "Bad Request: TOPIC_CLOSED", Class::Moved("-1001234567890")),
    (401, "Unauthorized", Class::Held),
    (401, "Unauthorized: invalid token specified", Class::Held),
    (404, "Not Found", Class::Held),
    (403, "Forbidden: bot was blocked by the user", Class::RecipientRefused),
    (403, "Forbidden: user is deactivated", Class::RecipientRefused),
    (403, "Forbidden: bot was kicked from the supergroup chat", Class::RecipientRefused),
    (403, "Forbidden: bot is not a member of the channel chat", Class::RecipientRefused),
    (403, "Forbidden: bot can't initiate conversation with a user", Class::RecipientRefused),
    (403, "Forbidden: the group chat was deleted", Class::RecipientRefused),
    (409, "Conflict: terminated by other getUpdates request", Class::Unknown),
    (413, "Request Entity Too Large", Class::Degrade),
    (421, "Misdirected Request", Class::Transient),
    (429, "Too Many Requests: retry after 35", Class::Wait(7)),
    (500, "Internal Server Error", Class::Transient),
    (502, "Bad Gateway", Class::Transient),
];

#[test]
fn every_known_answer_has_its_outcome() {
    let notification = notification("-1001234567890/42", OccasionKind::First);
    let respond = |status: u16, description: &str| {
        let body = format!(r#"{{"ok":false,"error_code":{status},"description":"{description}"}}"#);
        Response::new(status, body).with_header("Retry-After", "7")
    };
    let table = ANSWERS.iter().map(|(status, text, class)| (*text, respond(*status, text), *class));
    check_answers(|response| judge(&notification, response), table);
    let whole = [
        (
            200,
            r#"{"ok":true,"result":{"message_id":4711,"chat":{"id":-1001234567890}}}"#,
            Class::Receipt("4711"),
        ),
        (200, r#"{"ok":true,"result":true}"#, Class::Delivered),
        (200, r#"{"ok":false}"#, Class::Unknown),
        (200, "<html>", Class::Ambiguous),
        (
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1009876543210}}"#,
            Class::Moved("-1009876543210/42"),
        ),
        (
            429,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#,
            Class::Wait(35),
        ),
        (404, "<html>no such page</html>", Class::Held),
        (502, "<html>bad gateway</html>", Class::Transient),
    ];
    let table = whole.map(|(status, body, class)| (body, Response::new(status, body), class));
    check_answers(|response| judge(&notification, response), table);
}

#[test]
fn a_chat_without_a_topic_cannot_lose_it() {
    let body = r#"{"ok":false,"error_code":400,"description":"Bad Request: message thread not found"}"#;
    let outcome = judge(&notification("-1001234567890", OccasionKind::First), &Response::new(400, body));
    assert_eq!(Class::of(&outcome), Class::Degrade);
}

#[test]
fn addresses_the_recipient_of_the_moment() {
    let cases = [
        (
            "-1001234567890",
            OccasionKind::First,
            "sendMessage",
            serde_json::json!(-1_001_234_567_890_i64),
            None,
        ),
        (
            "-1001234567890/42",
            OccasionKind::First,
            "sendMessage",
            serde_json::json!(-1_001_234_567_890_i64),
            Some(42),
        ),
        (
            "-1001234567890/1",
            OccasionKind::First,
            "sendMessage",
            serde_json::json!(-1_001_234_567_890_i64),
            None,
        ),
        ("@ops_alerts", OccasionKind::Digest, "sendMessage", serde_json::json!("@ops_alerts"), None),
        (
            "-1001234567890/42",
            OccasionKind::Edit,
            "editMessageText",
            serde_json::json!(-1_001_234_567_890_i64),
            None,
        ),
    ];
    let methods = Telegram::bot(TOKEN, "1").check().unwrap().0.methods;
    for (chat, kind, method, id, topic) in cases {
        let request = request(&methods, &notification(chat, kind));
        assert_eq!(request.endpoint().path(), format!("/bot{TOKEN}/{method}"));
        let payload: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(payload["chat_id"], id);
        assert_eq!(payload.get("message_thread_id").and_then(Value::as_i64), topic);
        assert_eq!(payload.get("message_id").is_some(), kind == OccasionKind::Edit);
        let shown = format!("{request:?} {}", String::from_utf8_lossy(request.body()));
        assert!(!shown.contains("planted"), "{shown}");
    }
}

#[test]
fn what_somebody_has_to_change_is_said_and_never_cut_off() {
    let long = format!("Forbidden: {}", "x".repeat(900));
    let cases = [
        (401, "Unauthorized", "Unauthorized; the token is wrong or was revoked"),
        (404, "Not Found", "Not Found; the token is mistyped"),
        (403, "Forbidden: bot was kicked from the supergroup chat", "; add the bot to the chat"),
        (403, "Forbidden: bot was blocked by the user", "; the user has to unblock the bot"),
        (403, "Forbidden: bot can't initiate conversation with a user", "(/start)"),
        (403, &long, "; add the bot to the chat, and let it post there"),
        (400, "Bad Request: chat not found", "begins with -100"),
        (400, "Bad Request: not enough rights to send text messages to the chat", "; let the bot post there"),
    ];
    for (status, description, expected) in cases {
        let body = format!(r#"{{"ok":false,"error_code":{status},"description":"{description}"}}"#);
        let outcome =
            judge(&notification("-1001234567890", OccasionKind::First), &Response::new(status, body));
        let (Outcome::Held(reason) | Outcome::RecipientRefused(reason)) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(reason.as_str().contains(expected) && reason.as_str().len() <= 500, "{reason}");
    }
    let page =
        judge(&notification("1", OccasionKind::First), &Response::new(404, "<html>no such page</html>"));
    assert!(format!("{page:?}").contains("another server answers"), "{page:?}");
}
