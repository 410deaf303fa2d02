//! The Slack webhook refuses what Slack refuses, in Slack's words.

use serde_json::json;
use watchfire_inbox::{Demo, Fault, Inbox, MessageVerdict, Provider};

use crate::net::{PATIENCE, get, http, post_json};

fn section(text: &str) -> serde_json::Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

#[test]
fn takes_a_message_and_keeps_it() {
    let inbox = Inbox::start().unwrap();
    let body = json!({"text": "payment failed", "blocks": [section("*payment* failed &lt;42&gt;")]});
    let answer = post_json(&inbox, Demo::SLACK_WEBHOOK_PATH, &body.to_string());
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    assert_eq!(answer.header("content-type"), Some("text/plain;charset=utf-8"));
    let kept = inbox.wait_for(Provider::SlackWebhook, 1, PATIENCE).unwrap();
    assert_eq!(kept[0].title, "payment failed");
    assert_eq!(kept[0].json(), Some(body));
    assert!(kept[0].text().contains("*payment* failed <42>"), "{}", kept[0].text());
    let list = get(&inbox, "/messages.json?provider=slack-webhook").json();
    assert_eq!(
        (list[0]["title"].as_str(), list[0]["verdict"].as_str()),
        (Some("payment failed"), Some("accepted"))
    );
    assert_eq!(get(&inbox, "/messages.json?provider=smtp").json(), json!([]));
}

#[test]
fn refuses_with_the_words_of_the_vendor() {
    let inbox = Inbox::start().unwrap();
    let path = Demo::SLACK_WEBHOOK_PATH;
    let blocks = |blocks: serde_json::Value| json!({"text": "x", "blocks": blocks}).to_string();
    let header = |text: &str, kind: &str| json!([{"type": "header", "text": {"type": kind, "text": text}}]);
    let fields = |count: usize, length: usize| {
        let field = json!({"type": "mrkdwn", "text": "f".repeat(length)});
        json!([{"type": "section", "fields": vec![field; count]}])
    };
    let context = |count: usize| json!([{"type": "context", "elements": vec![json!({"type": "mrkdwn", "text": "c"}); count]}]);
    let attachments = |count: usize| json!({"attachments": vec![json!({"text": "a"}); count]}).to_string();
    let cases = [
        ("not JSON", path, "{".to_owned(), 400, "invalid_payload"),
        ("no object", path, "[]".to_owned(), 400, "invalid_payload"),
        ("no text", path, "{}".to_owned(), 400, "no_text"),
        ("blank text", path, r#"{"text":"  "}"#.to_owned(), 400, "no_text"),
        ("50 blocks", path, blocks(json!(vec![section("x"); 50])), 200, "ok"),
        ("51 blocks", path, blocks(json!(vec![section("x"); 51])), 400, "invalid_blocks"),
        ("section of 3000", path, blocks(json!([section(&"é".repeat(3000))])), 200, "ok"),
        ("section of 3001", path, blocks(json!([section(&"x".repeat(3001))])), 400, "invalid_blocks"),
        ("empty section", path, blocks(json!([section("")])), 400, "invalid_blocks"),
        ("header of 150", path, blocks(header(&"x".repeat(150), "plain_text")), 200, "ok"),
        ("header of 151", path, blocks(header(&"x".repeat(151), "plain_text")), 400, "invalid_blocks"),
        ("header in mrkdwn", path, blocks(header("x", "mrkdwn")), 400, "invalid_blocks"),
        ("10 fields of 1100", path, blocks(fields(10, 1100)), 200, "ok"),
        ("11 fields", path, blocks(fields(11, 1)), 400, "invalid_blocks"),
        ("field of 2001", path, blocks(fields(1, 2001)), 400, "invalid_blocks"),
        ("10 in context", path, blocks(context(10)), 200, "ok"),
        ("11 in context", path, blocks(context(11)), 400, "invalid_blocks"),
        (
            "12,001 characters in all",
            path,
            blocks(json!([
                section(&"x".repeat(3000)),
                section(&"x".repeat(3000)),
                section(&"x".repeat(3000)),
                section(&"x".repeat(3000)),
                section("x")
            ])),
            400,
            "invalid_blocks",
        ),
        ("unknown block", path, blocks(json!([{"type": "sectoin"}])), 400, "invalid_blocks"),
        ("100 attachments", path, attachments(100), 200, "ok"),
        ("101 attachments", path, attachments(101), 400, "too_many_attachments"),
        (
            "other team",
            "/services/T1/B0INBOX00/inboxDemoInboxDemoInbox0",
            r#"{"text":"x"}"#.to_owned(),
            404,
            "no_team",
        ),
        (
            "other hook",
            "/services/T0INBOX00/B1/inboxDemoInboxDemoInbox0",
            r#"{"text":"x"}"#.to_owned(),
            404,
            "no_service",
        ),
        (
            "other secret",
            "/services/T0INBOX00/B0INBOX00/wrong",
            r#"{"text":"x"}"#.to_owned(),
            403,
            "invalid_token",
        ),
    ];
    for (name, path, body, status, word) in cases {
        let answer = post_json(&inbox, path, &body);
        assert_eq!((answer.status, answer.body.as_str()), (status, word), "{name}");
    }
}

#[test]
fn fails_as_told_and_recovers() {
    let inbox = Inbox::start().unwrap();
    let post = || http(&inbox, "POST", Demo::SLACK_WEBHOOK_PATH, &[], br#"{"text":"x"}"#);
    inbox.fail(Provider::SlackWebhook, Fault::RateLimit { retry_after: Some(7) }.times(2)).unwrap();
    inbox
        .fail(Provider::SlackWebhook, Fault::Status { status: 500, body: None, headers: Vec::new() }.times(1))
        .unwrap();
    inbox.fail(Provider::SlackWebhook, Fault::BadCredentials.times(1)).unwrap();
    inbox.fail(Provider::SlackWebhook, Fault::Reset { at: None }.times(1)).unwrap();
    inbox.fail(Provider::SlackWebhook, Fault::ResetAfterAccept.times(1)).unwrap();
    for _ in 0..2 {
        let answer = post().unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    }
    assert_eq!(post().unwrap().body, "rollup_error");
    assert_eq!(post().unwrap().body, "invalid_token");
    assert!(post().is_err(), "reset before the message was taken");
    assert!(post().is_err(), "reset after it was taken");
    assert_eq!(post().unwrap().body, "ok");
    let verdicts: Vec<_> = inbox.received(Provider::SlackWebhook).into_iter().map(|r| r.verdict).collect();
    assert!(matches!(verdicts[4], MessageVerdict::Unanswered(_)), "{verdicts:?}");
    assert!(verdicts[5].is_accepted() && verdicts[6].is_accepted(), "{verdicts:?}");
    assert_eq!(inbox.accepted(Provider::SlackWebhook).len(), 2);
}

#[test]
fn hangs_with_and_without_the_message() {
    let inbox = Inbox::start().unwrap();
    inbox.fail(Provider::SlackWebhook, Fault::Hang { at: None }.times(1)).unwrap();
    inbox.fail(Provider::SlackWebhook, Fault::HangAfterAccept.times(1)).unwrap();
    std::thread::scope(|scope| {
        let post = || http(&inbox, "POST", Demo::SLACK_WEBHOOK_PATH, &[], br#"{"text":"x"}"#);
        // Both callers wait until their own patience ends; the inbox knows at once.
        let callers = [scope.spawn(post), scope.spawn(post)];
        let seen = inbox.wait_for_attempts(Provider::SlackWebhook, 2, PATIENCE).unwrap();
        let accepted = seen.iter().filter(|record| record.verdict.is_accepted()).count();
        assert_eq!((seen.len(), accepted), (2, 1));
        inbox.stop();
        assert!(callers.into_iter().all(|caller| caller.join().unwrap().is_err()));
    });
}
