//! Ask Telegram whether it knows the token, and the bot each chat.

use serde_json::{Value, json};
use watchfire_http::{Client, Request, Response, ask};
use watchfire_outbox::{Answers, Reason, Verdict};

use crate::{
    api,
    config::{Chat, Methods, TelegramSettings},
};

/// `getMe` is made for testing a token, `getChat` tells of a chat that the bot can see:
/// <https://core.settings.org/bots/api#getme>, <https://core.settings.org/bots/api#getchat>. Of a topic nothing can be
/// asked, and of a chat not whether the bot may write there.
pub(crate) async fn verify(settings: &TelegramSettings, client: &Client, answers: &Answers) {
    answers.expect("bot");
    settings.chats.iter().for_each(|chat| answers.expect(chat.to_string()));
    let methods = &settings.methods;
    let bot = ask(client, Request::post_json(&methods.me, "{}"), |response| judge("", response, bot)).await;
    // A wrong token would be reported again for each chat.
    let goes_on = matches!(bot, Verdict::Accepted(_));
    answers.add("bot", bot);
    for chat in settings.chats.iter().filter(|_| goes_on) {
        let name = chat.to_string();
        let verdict =
            ask(client, question(methods, chat), |response| judge(&name, response, self::chat)).await;
        answers.add(name, verdict);
    }
}

fn question(methods: &Methods, chat: &Chat) -> Request {
    let id = chat.id.parse::<i64>().map_or_else(|_| Value::from(chat.id.as_str()), Value::from);
    Request::post_json(&methods.chat, json!({ "chat_id": id }).to_string())
}

fn judge(recipient: &str, response: &Response, who: fn(&Value) -> String) -> Verdict {
    let Ok(answer) = serde_json::from_slice::<Value>(response.body()) else {
        return match response.is_success() {
            true => {
                Verdict::Unreachable(Reason::new(format_args!("expected JSON, got {}", response.reason())))
            }
            false => Verdict::of(api::unreadable(response), ""),
        };
    };
    match (response.is_success() && answer.get("ok") == Some(&Value::Bool(true)), answer.get("result")) {
        (true, Some(result)) => Verdict::Accepted(Reason::new(who(result))),
        _ => Verdict::of(api::refusal(recipient, &answer, response), ""),
    }
}

fn bot(user: &Value) -> String {
    format!("@{}", text(user, "username"))
}

/// A group and a channel have a title, a person has a first name.
fn chat(chat: &Value) -> String {
    let name = [text(chat, "title"), text(chat, "first_name")].into_iter().find(|name| !name.is_empty());
    format!("{} `{}`", text(chat, "type"), name.unwrap_or("without a title"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_every_kind_of_answer() {
        let chat = self::chat as fn(&Value) -> String;
        let cases = [
            (
                200,
                r#"{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"F","username":"fire_bot"}}"#,
                bot as fn(&Value) -> String,
                "accepted",
                "@fire_bot",
            ),
            (
                200,
                r#"{"ok":true,"result":{"id":-1001,"type":"supergroup","title":"Ops"}}"#,
                chat,
                "accepted",
                "supergroup `Ops`",
            ),
            (
                200,
                r#"{"ok":true,"result":{"id":1,"type":"private","first_name":"Ada"}}"#,
                chat,
                "accepted",
                "private `Ada`",
            ),
            (
                401,
                r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
                bot,
                "refused",
                "@BotFather",
            ),
            (404, r#"{"ok":false,"error_code":404,"description":"Not Found"}"#, bot, "refused", "mistyped"),
            (
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
                chat,
                "refused",
                "-100",
            ),
            (
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1002}}"#,
                chat,
                "refused",
                "it is now -1002",
            ),
            (
                429,
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}"#,
                bot,
                "unreachable",
                "retry after 3",
            ),
            (502, "<html>", bot, "unreachable", "502"),
            (200, "<html>", bot, "unreachable", "expected JSON"),
        ];
        for (status, body, who, word, part) in cases {
            let verdict = judge("-1001", &Response::new(status, body), who);
            assert_eq!(verdict.as_str(), word, "{body}");
            assert!(verdict.reason().as_str().contains(part), "{body}: {verdict:?}");
        }
    }
}
