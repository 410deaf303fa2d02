use std::time::UNIX_EPOCH;

use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{GroupId, Occasion, OccasionKind, Sink};

use super::*;
use crate::Slack;

fn hook() -> Slack {
    Slack::webhook("https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook")
        .unwrap()
}

fn bot() -> Slack {
    Slack::bot("xoxb-planted-token", "C024BE91L").unwrap()
}

fn notification(slack: &Slack, kind: OccasionKind) -> Notification {
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
    let receipts = [Receipt::new("C024BE91L", "C024BE91L/1503435956.000247")];
    let occasion = Occasion::first(&alert, "slack", GroupId::from_u64(1), UNIX_EPOCH)
        .of_kind(kind, 1)
        .receipts(&receipts);
    slack.render(&occasion).remove(0)
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(None) => "delivered".to_owned(),
        Outcome::Delivered(Some(receipt)) => {
            format!("delivered {} {}", receipt.recipient(), receipt.reference())
        }
        Outcome::Transient(_) => "transient".to_owned(),
        Outcome::Ambiguous(_) => "ambiguous".to_owned(),
        Outcome::Degrade(_) => "degrade".to_owned(),
        Outcome::Held(_) => "held".to_owned(),
        Outcome::RecipientRefused(_) => "refused".to_owned(),
        Outcome::RateLimited { wait, scope, .. } => format!("wait {} {scope:?}", wait.as_secs()),
        other => format!("{other:?}"),
    }
}

/// What webhooks are known to answer: status, body, what follows.
const WEBHOOK: &[(u16, &str, &str)] = &[
    (200, "ok", "delivered"),
    (200, " ok\n", "delivered"),
    (200, "<html>captive portal</html>", "transient"),
    (200, "", "transient"),
    (302, "", "held"),
    (400, "invalid_payload", "degrade"),
    (400, "invalid_blocks", "degrade"),
    (400, "invalid_blocks_format", "degrade"),
    (400, "no_text", "degrade"),
    (400, "missing_text_or_fallback_or_attachments", "degrade"),
    (400, "too_many_attachments", "degrade"),
    (400, "user_not_found", "held"),
    (400, "invalid_token", "held"),
    (400, "something_new", "degrade"),
    (403, "invalid_token", "held"),
    (403, "action_prohibited", "held"),
    (403, "posting_to_general_channel_denied", "held"),
    (403, "team_disabled", "held"),
    (404, "channel_not_found", "held"),
    (404, "no_service", "held"),
    (404, "no_service_id", "held"),
    (404, "no_active_hooks", "held"),
    (404, "no_team", "held"),
    (410, "channel_is_archived", "held"),
    (410, "something_new", "held"),
    (429, "", "wait 1 Channel"),
    (429, "rate_limited", "wait 1 Channel"),
    (500, "rollup_error", "transient"),
    (
        500,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Server Error | Slack</title></head></html>",
        "transient",
    ),
    (503, "", "wait 1 Channel"),
    (418, "", "transient"),
];

/// What the Web API is known to answer.
const METHOD: &[(u16, &str, &str)] = &[
    (
        200,
        r#"{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247"}"#,
        "delivered C024BE91L C024BE91L/1503435956.000247",
    ),
    (
        200,
        r#"{"ok":true,"channel":"C024BE91L","ts":"1.2","response_metadata":{"warnings":["message_truncated"]}}"#,
        "delivered C024BE91L C024BE91L/1.2",
    ),
    (200, r#"{"ok":true}"#, "delivered"),
    (
        200,
        r#"{"ok":false,"error":"invalid_blocks","errors":["must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]}"#,
        "degrade",
    ),
    (200, r#"{"ok":false,"error":"msg_blocks_too_long"}"#, "degrade"),
    (200, r#"{"ok":false,"error":"msg_too_long"}"#, "degrade"),
    (200, r#"{"ok":false,"error":"no_text"}"#, "degrade"),
    (200, r#"{"error":"too_many_attachments","ok":false}"#, "degrade"),
    (200, r#"{"error":"cant_update_message","ok":false}"#, "degrade"),
    (200, r#"{"ok":false,"error":"message_not_found"}"#, "degrade"),
    (200, r#"{"ok":false,"error":"edit_window_closed"}"#, "degrade"),
    (200, r#"{"ok":false,"error":"cannot_reply_to_message"}"#, "degrade"),
    (200, r#"{"ok":false,"error":"channel_not_found"}"#, "refused"),
    (200, r#"{"ok":false,"error":"not_in_channel"}"#, "refused"),
    (200, r#"{"ok":false,"error":"is_archived"}"#, "refused"),
    (200, r#"{"ok":false,"error":"restricted_action_read_only_channel"}"#, "refused"),
    (200, r#"{"ok":false,"error":"invalid_auth"}"#, "held"),
    (200, r#"{"ok":false,"error":"invalid_auth","warning":"missing_charset"}"#, "held"),
    (200, r#"{"ok":false,"error":"not_authed"}"#, "held"),
    (200, r#"{"ok":false,"error":"token_revoked"}"#, "held"),
    (200, r#"{"ok":false,"error":"account_inactive"}"#, "held"),
    (
        200,
        r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"incoming-webhook"}"#,
        "held",
    ),
    (200, r#"{"ok":false,"error":"fatal_error"}"#, "ambiguous"),
    (200, r#"{"ok":false,"error":"internal_error"}"#, "ambiguous"),
    (200, r#"{"ok":false,"error":"service_unavailable"}"#, "transient"),
    (200, r#"{"ok":false,"error":"request_timeout"}"#, "transient"),
    (200, r#"{"ok":false,"error":"ratelimited"}"#, "wait 1 Channel"),
    (200, r#"{"ok":false,"error":"message_limit_exceeded"}"#, "wait 1 Channel"),
    (429, r#"{"ok":false,"error":"ratelimited"}"#, "wait 1 Channel"),
    (429, "", "wait 1 Channel"),
    (200, r#"{"ok":false,"error":"something_new"}"#, "transient"),
    (200, r#"{"ok":false}"#, "transient"),
    (200, "[]", "transient"),
    (200, "<html>", "ambiguous"),
    (500, "<!DOCTYPE html>", "transient"),
    (502, "<!DOCTYPE html>", "transient"),
    (403, "<html>a proxy</html>", "held"),
];

#[test]
fn every_known_answer_has_its_outcome() {
    for (slack, answers) in [(hook(), WEBHOOK), (bot(), METHOD)] {
        let notification = notification(&slack, OccasionKind::First);
        for (status, body, expected) in answers {
            let response = Response::new(*status, *body).with_header("Retry-After", "1");
            assert_eq!(word(&judge(&slack.door, &notification, &response)), *expected, "{status} {body}");
        }
    }
}

#[test]
fn says_where_the_blocks_are_wrong_and_which_scope_is_missing() {
    let slack = bot();
    let notification = notification(&slack, OccasionKind::First);
    for (body, expected) in [
        (
            r#"{"ok":false,"error":"invalid_blocks","errors":["a [json-pointer:/b]","c"]}"#,
            "invalid_blocks: a [json-pointer:/b]; c",
        ),
        (
            r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#,
            "missing_scope: needs the scope chat:write",
        ),
    ] {
        let outcome = judge(&slack.door, &notification, &Response::new(200, body));
        assert!(format!("{outcome:?}").contains(expected), "{outcome:?}");
    }
}

#[test]
fn posts_where_it_belongs_and_shows_no_credential() {
    let cases = [
        (hook(), OccasionKind::First, "/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook"),
        (hook(), OccasionKind::Edit, "/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook"),
        (bot(), OccasionKind::First, "/api/chat.postMessage"),
        (bot(), OccasionKind::Digest, "/api/chat.postMessage"),
        (bot(), OccasionKind::Edit, "/api/chat.update"),
    ];
    for (slack, kind, path) in cases {
        let request = request(&slack.door, &notification(&slack, kind));
        assert_eq!(request.address().path(), path);
        assert!(!format!("{request:?}").contains("planted"), "{request:?}");
        assert!(!String::from_utf8_lossy(request.body()).contains("planted"));
    }
}

#[test]
fn marks_a_possible_duplicate() {
    let mut payload = json!({ "text": "no stock", "blocks": [{ "type": "divider" }] });
    mark(&mut payload);
    assert_eq!(payload["text"], "(possible duplicate) no stock");
    assert_eq!(payload["blocks"][1]["type"], "context");
    let mut plain = json!({ "text": "no stock" });
    mark(&mut plain);
    assert_eq!(plain, json!({ "text": "(possible duplicate) no stock" }));
}
