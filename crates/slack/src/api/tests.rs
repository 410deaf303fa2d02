//! Tests of Slack's responses.

use std::time::UNIX_EPOCH;

use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{GroupId, Occasion, OccasionKind};
use watchfire_testing::{Class, check_answers};

use super::*;
use crate::{Slack, config::SlackSettings, render};

fn hook() -> SlackSettings {
    Slack::webhook("https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook")
        .check()
        .unwrap()
        .0
}

fn bot() -> SlackSettings {
    Slack::bot("xoxb-planted-token", "C024BE91L").check().unwrap().0
}

fn notification(slack: &SlackSettings, kind: OccasionKind) -> Notification {
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
    let receipts = [Receipt::new("C024BE91L", "C024BE91L/1503435956.000247")];
    let occasion = Occasion::first(&alert, "slack", GroupId::from_u64(1), UNIX_EPOCH)
        .of_kind(kind, 1)
        .receipts(&receipts);
    render::notifications(slack, &occasion).remove(0)
}

/// The known answers of webhooks: status, body, outcome.
const WEBHOOK: &[(u16, &str, Class<'_>)] = &[
    (200, "ok", Class::Delivered),
    (200, " ok\n", Class::Delivered),
    (200, "<html>captive portal</html>", Class::Unknown),
    (200, "", Class::Unknown),
    (302, "", Class::Held),
    (400, "invalid_payload", Class::Degrade),
    (400, "invalid_blocks", Class::Degrade),
    (400, "invalid_blocks_format", Class::Degrade),
    (400, "no_text", Class::Degrade),
    (400, "missing_text_or_fallback_or_attachments", Class::Degrade),
    (400, "too_many_attachments", Class::Degrade),
    (400, "user_not_found", Class::Held),
    (400, "invalid_token", Class::Held),
    (400, "something_new", Class::Degrade),
    (403, "invalid_token", Class::Held),
    (403, "action_prohibited", Class::Held),
    (403, "posting_to_general_channel_denied", Class::Held),
    (403, "team_disabled", Class::Held),
    (404, "channel_not_found", Class::Held),
    (404, "no_service", Class::Held),
    (404, "no_service_id", Class::Held),
    (404, "no_active_hooks", Class::Held),
    (404, "no_team", Class::Held),
    (410, "channel_is_archived", Class::Held),
    (410, "something_new", Class::Held),
    (429, "", Class::Wait(1)),
    (429, "rate_limited", Class::Wait(1)),
    (500, "rollup_error", Class::Transient),
    (
        500,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Server Error | Slack</title></head></html>",
        Class::Transient,
    ),
    (503, "", Class::Wait(1)),
    (418, "", Class::Unknown),
];

/// The known answers of the Web API.
const METHOD: &[(u16, &str, Class<'_>)] = &[
    (
        200,
        r#"{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247"}"#,
        Class::Receipt("C024BE91L/1503435956.000247"),
    ),
    (
        200,
        r#"{"ok":true,"channel":"C024BE91L","ts":"1.2","response_metadata":{"warnings":["message_truncated"]}}"#,
        Class::Receipt("C024BE91L/1.2"),
    ),
    (200, r#"{"ok":true}"#, Class::Delivered),
    (
        200,
        r#"{"ok":false,"error":"invalid_blocks","errors":["must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]}"#,
        Class::Degrade,
    ),
    (200, r#"{"ok":false,"error":"msg_blocks_too_long"}"#, Class::Degrade),
    (200, r#"{"ok":false,"error":"msg_too_long"}"#, Class::Degrade),
    (200, r#"{"ok":false,"error":"no_text"}"#, Class::Degrade),
    (200, r#"{"error":"too_many_attachments","ok":false}"#, Class::Degrade),
    (200, r#"{"error":"cant_update_message","ok":false}"#, Class::Degrade),
    (200, r#"{"ok":false,"error":"message_not_found"}"#, Class::Degrade),
    (200, r#"{"ok":false,"error":"edit_window_closed"}"#, Class::Degrade),
    (200, r#"{"ok":false,"error":"cannot_reply_to_message"}"#, Class::Degrade),
    (200, r#"{"ok":false,"error":"channel_not_found"}"#, Class::RecipientRefused),
    (200, r#"{"ok":false,"error":"not_in_channel"}"#, Class::RecipientRefused),
    (200, r#"{"ok":false,"error":"is_archived"}"#, Class::RecipientRefused),
    (200, r#"{"ok":false,"error":"restricted_action_read_only_channel"}"#, Class::RecipientRefused),
    (200, r#"{"ok":false,"error":"invalid_auth"}"#, Class::Held),
    (200, r#"{"ok":false,"error":"invalid_auth","warning":"missing_charset"}"#, Class::Held),
    (200, r#"{"ok":false,"error":"not_authed"}"#, Class::Held),
    (200, r#"{"ok":false,"error":"token_revoked"}"#, Class::Held),
    (200, r#"{"ok":false,"error":"account_inactive"}"#, Class::Held),
    (
        200,
        r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"incoming-webhook"}"#,
        Class::Held,
    ),
    (200, r#"{"ok":false,"error":"fatal_error"}"#, Class::Ambiguous),
    (200, r#"{"ok":false,"error":"internal_error"}"#, Class::Ambiguous),
    (200, r#"{"ok":false,"error":"service_unavailable"}"#, Class::Transient),
    (200, r#"{"ok":false,"error":"request_timeout"}"#, Class::Transient),
    (200, r#"{"ok":false,"error":"ratelimited"}"#, Class::Wait(1)),
    (200, r#"{"ok":false,"error":"message_limit_exceeded"}"#, Class::Wait(1)),
    (429, r#"{"ok":false,"error":"ratelimited"}"#, Class::Wait(1)),
    (429, "", Class::Wait(1)),
    (200, r#"{"ok":false,"error":"something_new"}"#, Class::Unknown),
    (200, r#"{"ok":false}"#, Class::Unknown),
    (200, "[]", Class::Unknown),
    (200, "<html>", Class::Ambiguous),
    (500, "<!DOCTYPE html>", Class::Transient),
    (502, "<!DOCTYPE html>", Class::Transient),
    (403, "<html>a proxy</html>", Class::Held),
];

#[test]
fn every_known_answer_has_its_outcome() {
    for (slack, answers) in [(hook(), WEBHOOK), (bot(), METHOD)] {
        let notification = notification(&slack, OccasionKind::First);
        let respond = |status: u16, body: &str| Response::new(status, body).with_header("Retry-After", "1");
        let table = answers.iter().map(|(status, body, class)| (*body, respond(*status, body), *class));
        check_answers(|response| judge(&slack.destination, &notification, response), table);
    }
}

#[test]
fn any_success_of_a_compatible_server_counts() {
    let settings = |url: &str| Slack::webhook(url).check().unwrap().0;
    let other = "https://chat.example.com/hooks/0123456789abcdef";
    let own = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook";
    let alike = "https://hooks.notslack.com/hooks/0123456789abcdef";
    let cases = [
        (other, 200, r#"{"success":true}"#, true),
        (other, 200, r#"{"ok":true}"#, true),
        (other, 200, "ok", true),
        (other, 200, "", true),
        (other, 201, "created", true),
        (other, 204, "", true),
        (alike, 200, "sent", true),
        (other, 200, r#"{"success":false,"error":"no channel"}"#, false),
        (other, 200, r#"{"ok":false}"#, false),
        (other, 200, "<!DOCTYPE html><title>Sign in</title>", false),
        (other, 200, "invalid_payload", false),
        (own, 200, r#"{"ok":true}"#, false),
        (own, 204, "", false),
    ];
    for (url, status, body, expected) in cases {
        let settings = settings(url);
        let notification = notification(&settings, OccasionKind::First);
        let outcome = judge(&settings.destination, &notification, &Response::new(status, body));
        assert_eq!(outcome == Outcome::Delivered(None), expected, "{url} {status} {body}: {outcome:?}");
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
        let outcome = judge(&slack.destination, &notification, &Response::new(200, body));
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
        let request = request(&slack.destination, &notification(&slack, kind));
        assert_eq!(request.endpoint().path(), path);
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

#[test]
fn what_somebody_has_to_change_is_said_and_never_cut_off() {
    let cases = [
        (hook(), 403, "invalid_token".to_owned(), "HTTP 403: invalid_token; the webhook was revoked"),
        (hook(), 404, "no_service".to_owned(), "set its URL"),
        (hook(), 404, "channel_not_found".to_owned(), "a webhook for another channel"),
        (hook(), 410, "channel_is_archived".to_owned(), "unarchive the channel"),
        (hook(), 404, "x".repeat(900), "is it Slack that answers?"),
        (bot(), 200, r#"{"ok":false,"error":"channel_not_found"}"#.to_owned(), "(/invite)?"),
        (bot(), 200, r#"{"ok":false,"error":"invalid_auth"}"#.to_owned(), "copy the app's bot token"),
        (
            bot(),
            200,
            r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#.to_owned(),
            "missing_scope: needs the scope chat:write; add the scope to the app, and install it again",
        ),
    ];
    for (slack, status, body, expected) in cases {
        let notification = notification(&slack, OccasionKind::First);
        let outcome = judge(&slack.destination, &notification, &Response::new(status, body));
        let (Outcome::Held(reason) | Outcome::RecipientRefused(reason)) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(reason.as_str().contains(expected) && reason.as_str().len() <= 500, "{reason}");
    }
}

#[test]
fn whatever_waits_for_somebody_says_for_what() {
    for (slack, answers) in [(hook(), WEBHOOK), (bot(), METHOD)] {
        let notification = notification(&slack, OccasionKind::First);
        for (status, body, class) in answers {
            let outcome = judge(&slack.destination, &notification, &Response::new(*status, *body));
            if let Outcome::Held(reason) | Outcome::RecipientRefused(reason) = outcome {
                // A page of a proxy before the Web API explains itself.
                assert!(reason.as_str().contains("; ") || body.contains("proxy"), "{class:?} {reason}");
            }
        }
    }
}
