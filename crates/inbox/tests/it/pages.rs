//! The pages show what came, and never as markup of their own; faults are armed from outside.

use serde_json::json;
use watchfire_inbox::{Demo, Inbox, Provider};

use crate::net::{Smtp, get, http, post_json};

#[test]
fn escapes_everything_foreign() {
    let inbox = Inbox::start().unwrap();
    let evil = "<script>alert(1)</script>\"' & <img src=x onerror=alert(1)>";
    let blocks = json!([{"type": "header", "text": {"type": "plain_text", "text": evil}}]);
    post_json(&inbox, Demo::SLACK_WEBHOOK_PATH, &json!({"text": evil, "blocks": blocks}).to_string());
    let link = json!({"text": "<javascript:alert(1)|click> <https://example.com/?a=1&amp;b=2|fine>"});
    post_json(&inbox, Demo::SLACK_WEBHOOK_PATH, &link.to_string());
    let mail = format!(
        "Subject: {evil}\r\nFrom: a@example.com\r\nContent-Type: text/html\r\n\r\n{evil}\"></iframe>"
    );
    Smtp::ready(&inbox).send(&["ada@example.com"], mail.as_bytes());
    for path in ["/", "/messages/1", "/messages/2", "/messages/3"] {
        let page = get(&inbox, path);
        assert_eq!(page.status, 200);
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{path}");
        assert!(!page.body.contains("href=\"javascript:"), "{path}");
    }
    let page = get(&inbox, "/messages/2").body;
    assert!(page.contains("href=\"https://example.com/?a=1&amp;b=2\">fine</a>"), "{page}");
    let page = get(&inbox, "/messages/3").body;
    assert_eq!(page.matches("</iframe>").count(), 1, "the mail cannot leave its frame");
    assert!(page.contains("<iframe sandbox=\"\" srcdoc=\"&lt;script&gt;"), "{page}");
}

#[test]
fn a_slack_bar_has_its_colour_and_no_other_style() {
    let inbox = Inbox::start().unwrap();
    let cases = [
        ("#7B0D0D", Some("style=\"border-color: #7B0D0D\"")),
        ("7b0d0d", Some("style=\"border-color: #7b0d0d\"")),
        ("#f00", Some("style=\"border-color: #f00\"")),
        ("danger", None),
        ("#f00;background:url(http://example.com)", None),
        ("#12345", None),
    ];
    for (number, (colour, style)) in cases.into_iter().enumerate() {
        let attachment = json!({"color": colour, "text": "down"});
        post_json(
            &inbox,
            Demo::SLACK_WEBHOOK_PATH,
            &json!({"text": "x", "attachments": [attachment]}).to_string(),
        );
        let page = get(&inbox, &format!("/messages/{}", number + 1)).body;
        assert!(page.contains("data-color="), "{page}");
        match style {
            Some(style) => assert!(page.contains(style), "{colour}: {page}"),
            None => assert!(!page.contains("style=\""), "{colour}: {page}"),
        }
    }
}

#[test]
fn a_slack_text_object_is_read_with_its_entities_decoded_once() {
    let inbox = Inbox::start().unwrap();
    let text = "Vec&lt;T&gt; &amp;amp; &quot;";
    let blocks = json!([
        {"type": "header", "text": {"type": "plain_text", "text": text}},
        {"type": "section", "text": {"type": "plain_text", "text": text}},
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "context", "elements": [{"type": "plain_text", "text": text}]},
    ]);
    post_json(&inbox, Demo::SLACK_WEBHOOK_PATH, &json!({"text": text, "blocks": blocks}).to_string());
    let received = inbox.received(Provider::SlackWebhook).remove(0);
    assert_eq!(received.title, "Vec<T> &amp; &quot;");
    let read = received.view.parts[0].text();
    assert_eq!(read.matches("Vec<T> &amp; &quot;").count(), 4, "{read}");
    let page = get(&inbox, "/messages/1").body;
    assert!(page.contains("<h3>Vec&lt;T&gt; &amp;amp; &amp;quot;</h3>"), "{page}");
}

#[test]
fn arms_and_clears_faults_over_http() {
    let inbox = Inbox::start().unwrap();
    let hook = || post_json(&inbox, Demo::SLACK_WEBHOOK_PATH, r#"{"text":"x"}"#);
    let plans =
        r#"[{"fault":"rate_limit","retry_after":2,"times":1},{"fault":"status","status":503,"body":"down"}]"#;
    let armed = post_json(&inbox, "/faults/slack-webhook", plans);
    assert_eq!(armed.json()["slack-webhook"].as_array().map(Vec::len), Some(2));
    assert_eq!((hook().status, hook().body), (429, "down".to_owned()));
    assert_eq!(hook().status, 503);
    assert_eq!(http(&inbox, "DELETE", "/faults/slack-webhook", &[], b"").unwrap().status, 200);
    assert_eq!(hook().body, "ok");
    let cases = [
        ("/faults/slack", r#"{"fault":"hang"}"#, 404, "no provider is called"),
        ("/faults/smtp", r#"{"fault":"explode"}"#, 400, "unknown variant `explode`"),
        ("/faults/smtp", r#"{"fault":"rate_limit","retry_afer":2}"#, 400, "retry_afer"),
        ("/faults/smtp", r#"{"fault":"reply","at":"rcpt","reply":"no"}"#, 400, "a reply is three digits"),
        ("/faults/sentry", r#"{"fault":"close_during_data"}"#, 400, "for the provider smtp only"),
    ];
    for (path, body, status, text) in cases {
        let answer = post_json(&inbox, path, body);
        assert!(answer.status == status && answer.body.contains(text), "{path} {body}: {}", answer.body);
    }
    assert!(inbox.faults().is_empty(), "a refused plan arms nothing");
    assert_eq!(http(&inbox, "DELETE", "/messages", &[], b"").unwrap().status, 204);
    assert!(inbox.received(Provider::SlackWebhook).is_empty());
    assert_eq!(get(&inbox, "/messages/1.json").status, 404);
}

#[test]
fn gives_a_message_as_json_and_raw() {
    let inbox = Inbox::start().unwrap();
    post_json(&inbox, Demo::SLACK_WEBHOOK_PATH, r#"{"text":"x"}"#);
    let full = get(&inbox, "/messages/1.json").json();
    assert_eq!(full["raw"], r#"{"text":"x"}"#);
    assert!(full["head"].to_string().contains("POST /services/(not kept)"), "{full}");
    assert_eq!(get(&inbox, "/messages/1.raw").body, r#"{"text":"x"}"#);
    assert_eq!(get(&inbox, "/messages.json?verdict=refused").json(), json!([]));
    assert_eq!(get(&inbox, "/messages.json?rom=x").status, 400);
}
