//! Slack's Web API: what is refused, and what is remembered.

use serde_json::{Value, json};
use watchfire_inbox::{Demo, Fault, Inbox, Provider};

use crate::net::{HttpAnswer, http};

fn call(inbox: &Inbox, method: &str, body: &Value) -> HttpAnswer {
    let bearer = format!("Bearer {}", Demo::SLACK_TOKEN);
    let headers = [("Content-Type", "application/json; charset=utf-8"), ("Authorization", bearer.as_str())];
    http(inbox, "POST", &format!("/api/{method}"), &headers, body.to_string().as_bytes()).unwrap()
}

fn post(inbox: &Inbox, body: &Value) -> Value {
    call(inbox, "chat.postMessage", body).json()
}

fn rich(text: &str) -> Value {
    json!([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}]}])
}

#[test]
fn posts_edits_and_threads() {
    let inbox = Inbox::start().unwrap();
    let first = post(&inbox, &json!({"channel": "#alerts", "text": "once"}));
    assert_eq!((first["ok"].as_bool(), first["channel"].as_str()), (Some(true), Some(Demo::SLACK_CHANNEL)));
    let ts = first["ts"].as_str().unwrap();
    let reply = post(&inbox, &json!({"channel": Demo::SLACK_CHANNEL, "text": "below", "thread_ts": ts}));
    assert_eq!(reply["message"]["thread_ts"].as_str(), Some(ts));
    let update = json!({"channel": Demo::SLACK_CHANNEL, "ts": ts, "text": "twice"});
    assert_eq!(call(&inbox, "chat.update", &update).json()["text"], "twice");
    let kept = inbox.accepted(Provider::SlackApi);
    assert_eq!(kept.len(), 3);
    assert_eq!((kept[0].edited_by, kept[2].edits), (Some(3), Some(1)));
    assert_eq!(kept[1].thread.as_deref(), Some(ts));
    assert_eq!(call(&inbox, "auth.test", &json!({})).json()["user"], "watchfire");
    assert_eq!(inbox.received(Provider::SlackApi).len(), 3, "auth.test is no message");
}

#[test]
fn refuses_with_200_and_a_word() {
    let inbox = Inbox::start().unwrap();
    let channel = Demo::SLACK_CHANNEL;
    let section =
        |length: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}});
    let cases = [
        (json!({"channel": "C404", "text": "x"}), "channel_not_found"),
        (json!({"text": "x"}), "channel_not_found"),
        (json!({"channel": channel}), "no_text"),
        (json!({"channel": channel, "text": "x", "blocks": vec![section(3000); 5]}), "msg_blocks_too_long"),
        (json!({"channel": channel, "text": "x", "blocks": [section(3001)]}), "invalid_blocks"),
        (json!({"channel": channel, "attachments": vec![json!({"text": "a"}); 101]}), "too_many_attachments"),
        (json!({"channel": channel, "text": "x", "thread_ts": "1.2"}), "cannot_reply_to_message"),
        (json!({"channel": channel, "text": "x", "markdown_text": "y"}), "markdown_text_conflict"),
        (
            json!({"channel": channel, "text": "x", "metadata": {"event_type": "a"}}),
            "invalid_metadata_format",
        ),
    ];
    for (body, word) in cases {
        let answer = call(&inbox, "chat.postMessage", &body);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (200, Some(word)));
    }
    let detail = post(&inbox, &json!({"channel": channel, "text": "x", "blocks": [section(3001)]}));
    assert_eq!(
        detail["errors"],
        json!(["must be less than 3001 characters [json-pointer:/blocks/0/text/text]"])
    );
    let cut = post(&inbox, &json!({"channel": channel, "text": "x".repeat(40_001)}));
    assert_eq!(cut["response_metadata"]["warnings"], json!(["message_truncated"]));
    assert_eq!(call(&inbox, "chat.nothing", &json!({})).json()["error"], "unknown_method");
}

#[test]
fn refuses_updates_that_slack_refuses() {
    let inbox = Inbox::start().unwrap();
    let channel = Demo::SLACK_CHANNEL;
    let posted = post(&inbox, &json!({"channel": channel, "text": "x", "blocks": rich("x")}));
    let ts = posted["ts"].as_str().unwrap();
    let plain = json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]);
    let cases = [
        (json!({"channel": "#alerts", "ts": ts, "text": "y"}), "channel_not_found"),
        (json!({"channel": channel, "ts": "1.1", "text": "y"}), "message_not_found"),
        (json!({"channel": channel, "ts": ts, "text": "y".repeat(4001)}), "msg_too_long"),
        (json!({"channel": channel, "ts": ts, "text": "y", "blocks": plain}), "block_mismatch"),
    ];
    for (body, word) in cases {
        assert_eq!(call(&inbox, "chat.update", &body).json()["error"], word);
    }
    let good = json!({"channel": channel, "ts": ts, "text": "y".repeat(4000), "blocks": rich("y")});
    assert_eq!(call(&inbox, "chat.update", &good).json()["ok"], true);
}

#[test]
fn wants_the_token_in_a_header_and_a_charset() {
    let inbox = Inbox::start().unwrap();
    let body = json!({"channel": Demo::SLACK_CHANNEL, "text": "x", "token": Demo::SLACK_TOKEN}).to_string();
    let send = |headers: &[(&str, &str)], body: &str| {
        http(&inbox, "POST", "/api/chat.postMessage", headers, body.as_bytes()).unwrap().json()
    };
    let bearer = format!("Bearer {}", Demo::SLACK_TOKEN);
    let json_type = ("Content-Type", "application/json");
    assert_eq!(send(&[json_type], &body)["error"], "not_authed");
    assert_eq!(send(&[json_type, ("Authorization", "Bearer xoxb-other")], &body)["error"], "invalid_auth");
    let warned = send(&[json_type, ("Authorization", &bearer)], &body);
    assert_eq!((warned["ok"].as_bool(), warned["warning"].as_str()), (Some(true), Some("missing_charset")));
    assert_eq!(send(&[json_type, ("Authorization", &bearer)], "{")["error"], "invalid_json");
    let form = format!("token={}&channel=alerts&text=x", Demo::SLACK_TOKEN);
    assert_eq!(send(&[("Content-Type", "application/x-www-form-urlencoded")], &form)["ok"], true);
    let kept = inbox.received(Provider::SlackApi);
    assert!(
        kept.iter().all(|r| r.head.iter().all(|(_, value)| !value.contains(Demo::SLACK_TOKEN))),
        "no credential is kept"
    );
}

#[test]
fn limits_with_a_json_body() {
    let inbox = Inbox::start().unwrap();
    inbox.fail(Provider::SlackApi, Fault::RateLimit { retry_after: Some(3) }.times(1)).unwrap();
    let answer = call(&inbox, "chat.postMessage", &json!({"channel": "alerts", "text": "x"}));
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3")));
    assert_eq!(answer.json(), json!({"ok": false, "error": "ratelimited"}));
}
