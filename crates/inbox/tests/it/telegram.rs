//! Telegram's Bot API over real sockets.

use serde_json::{Value, json};
use watchfire_inbox::{Demo, Fault, Inbox, Provider};

use crate::net::{HttpAnswer, post_json};

fn call(inbox: &Inbox, method: &str, body: &Value) -> HttpAnswer {
    post_json(inbox, &format!("/bot{}/{method}", Demo::TELEGRAM_TOKEN), &body.to_string())
}

fn send(inbox: &Inbox, text: &str, mode: &str) -> HttpAnswer {
    call(inbox, "sendMessage", &json!({"chat_id": Demo::TELEGRAM_CHAT, "text": text, "parse_mode": mode}))
}

#[test]
fn takes_html_and_shows_the_text() {
    let inbox = Inbox::start().unwrap();
    let source = "<b>down</b>: &lt;shop&gt;\n<blockquote expandable><pre>at main</pre></blockquote>";
    let result = send(&inbox, source, "HTML").json();
    assert_eq!((result["ok"].as_bool(), result["result"]["message_id"].as_i64()), (Some(true), Some(1)));
    let kept = inbox.accepted(Provider::Telegram);
    assert_eq!(kept[0].title, "down: <shop>");
    assert_eq!(kept[0].recipients, [Demo::TELEGRAM_CHAT.to_string()]);
    assert_eq!(kept[0].key.as_deref(), Some("-1001234567890/1"));
}

#[test]
fn refuses_in_the_words_of_the_server() {
    let inbox = Inbox::start().unwrap();
    let chat = Demo::TELEGRAM_CHAT;
    let emoji = "😀".repeat(2048);
    let cases = [
        (json!({"text": "x"}), 400, "Bad Request: chat_id is empty"),
        (json!({"chat_id": 7, "text": "x"}), 400, "Bad Request: chat not found"),
        (json!({"chat_id": chat}), 400, "Bad Request: message text is empty"),
        (json!({"chat_id": chat, "text": " \n"}), 400, "Bad Request: message text is empty"),
        (
            json!({"chat_id": chat, "text": "<b> </b>", "parse_mode": "html"}),
            400,
            "Bad Request: message text is empty",
        ),
        (json!({"chat_id": chat, "text": "x".repeat(4097)}), 400, "Bad Request: message is too long"),
        (json!({"chat_id": chat, "text": format!("{emoji}x")}), 400, "Bad Request: message is too long"),
        (
            json!({"chat_id": chat, "text": "Vec<T>", "parse_mode": "HTML"}),
            400,
            "Bad Request: can't parse entities: Unsupported start tag \"t\" at byte offset 3",
        ),
        (
            json!({"chat_id": chat, "text": "a.b", "parse_mode": "MarkdownV2"}),
            400,
            "Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        (
            json!({"chat_id": chat, "text": "x", "parse_mode": "bold"}),
            400,
            "Bad Request: unsupported parse_mode",
        ),
        (
            json!({"chat_id": chat, "text": "x", "message_thread_id": 1}),
            400,
            "Bad Request: message thread not found",
        ),
        (
            json!({"chat_id": chat, "text": "x", "reply_parameters": {"message_id": 99}}),
            400,
            "Bad Request: message to be replied not found",
        ),
    ];
    for (body, status, description) in cases {
        let answer = call(&inbox, "sendMessage", &body);
        let expected = json!({"ok": false, "error_code": status, "description": description});
        assert_eq!((answer.status, answer.json()), (status, expected));
    }
    let good = [
        json!({"chat_id": chat, "text": emoji}),
        json!({"chat_id": chat, "text": format!("<b>{}</b>", "&lt;".repeat(4096)), "parse_mode": "HTML"}),
        json!({"chat_id": chat, "text": "x", "message_thread_id": Demo::TELEGRAM_THREAD}),
        json!({"chat_id": Demo::TELEGRAM_PRIVATE_CHAT, "text": "no forum: ignored", "message_thread_id": 9}),
        json!({"chat_id": Demo::TELEGRAM_CHANNEL, "text": "x"}),
        json!({"chat_id": chat, "text": "x", "reply_parameters": {"message_id": 99, "allow_sending_without_reply": true}}),
    ];
    for body in good {
        assert_eq!(call(&inbox, "sendMessage", &body).status, 200, "{body}");
    }
}

#[test]
fn tells_wrong_tokens_from_malformed_ones() {
    let inbox = Inbox::start().unwrap();
    let body = json!({"chat_id": 1, "text": "x"}).to_string();
    for (path, status, description) in [
        ("/bot1:wrong/sendMessage", 401, "Unauthorized"),
        ("/botnonsense/sendMessage", 404, "Not Found"),
        ("/bot123456789:inbox-demo-token-inbox-demo-tokens0/nothing", 404, "Not Found"),
    ] {
        let answer = post_json(&inbox, path, &body);
        assert_eq!((answer.status, answer.json()["description"].as_str()), (status, Some(description)));
    }
    assert_eq!(call(&inbox, "getMe", &json!({})).json()["result"]["is_bot"], true);
    assert_eq!(
        call(&inbox, "getChat", &json!({"chat_id": Demo::TELEGRAM_CHAT})).json()["result"]["is_forum"],
        true
    );
}

#[test]
fn edits_once_and_says_when_nothing_changed() {
    let inbox = Inbox::start().unwrap();
    send(&inbox, "<b>x1</b>", "HTML");
    let edit = |text: &str, id: i64| {
        let body =
            json!({"chat_id": Demo::TELEGRAM_CHAT, "message_id": id, "text": text, "parse_mode": "HTML"});
        call(&inbox, "editMessageText", &body).json()["description"].as_str().map(str::to_owned)
    };
    assert_eq!(edit("<b>x2</b>", 1), None);
    assert!(edit("<b>x2</b>", 1).unwrap().starts_with("Bad Request: message is not modified: "));
    assert_eq!(edit("x2", 1), None, "other markup is a change");
    assert_eq!(edit("x", 9).unwrap(), "Bad Request: message to edit not found");
    assert_eq!(inbox.accepted(Provider::Telegram)[0].edited_by, Some(4));
}

#[test]
fn moves_a_group_and_limits_a_token() {
    let inbox = Inbox::start().unwrap();
    let to = -1_009_999_999_999;
    inbox.fail(Provider::Telegram, Fault::Migrate { from: Demo::TELEGRAM_CHAT, to }.always()).unwrap();
    let answer = send(&inbox, "x", "").json();
    assert_eq!(answer["description"], "Bad Request: group chat was upgraded to a supergroup chat");
    assert_eq!(answer["parameters"]["migrate_to_chat_id"], to);
    assert_eq!(call(&inbox, "sendMessage", &json!({"chat_id": to, "text": "x"})).status, 200);
    inbox.fail(Provider::Telegram, Fault::RateLimit { retry_after: Some(35) }.times(1)).unwrap();
    let limited = send(&inbox, "x", "");
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("35")));
    assert_eq!(limited.json()["parameters"], json!({"retry_after": 35}));
    inbox
        .fail(
            Provider::Telegram,
            Fault::RefuseRecipient { address: Demo::TELEGRAM_PRIVATE_CHAT.to_string() }.always(),
        )
        .unwrap();
    let blocked = call(&inbox, "sendMessage", &json!({"chat_id": Demo::TELEGRAM_PRIVATE_CHAT, "text": "x"}));
    assert_eq!(
        (blocked.status, blocked.json()["description"].as_str()),
        (403, Some("Forbidden: bot was blocked by the user"))
    );
}
