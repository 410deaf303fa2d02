//! Ask Slack whether it knows the token; a webhook can be asked nothing.

use serde_json::Value;
use watchfire_http::{Client, Request, Response, ask, reach};
use watchfire_outbox::{Answers, Reason, Verdict};

use crate::{
    api,
    config::{Bot, Destination},
};

/// Only the host of a webhook can be tried, and nothing of a channel: no method says whether a message would
/// be taken, but the one that sends it.
pub(crate) async fn verify(destination: &Destination, client: &Client, answers: &Answers) {
    match destination {
        Destination::Webhook(address) => {
            let why = "whether the webhook still works, only a message would show";
            answers.expect("webhook");
            answers.add("webhook", reach(client, address, why).await);
        }
        Destination::Bot(bot) => {
            answers.expect("bot");
            let untold =
                || Verdict::Untold(Reason::new("whether the bot may post there, only a message would show"));
            bot.channels.iter().for_each(|channel| answers.add(channel, untold()));
            answers.add("bot", ask(client, question(bot), judge).await);
        }
    }
}

/// `auth.test` needs no scope: <https://docs.slack.dev/reference/methods/auth.test/>.
fn question(bot: &Bot) -> Request {
    Request::post_json(&bot.methods.test, "{}").bearer(&bot.token)
}

fn judge(response: &Response) -> Verdict {
    let Ok(answer) = serde_json::from_slice::<Value>(response.body()) else {
        return Verdict::Unreachable(Reason::new(format_args!("expected JSON, got {}", response.reason())));
    };
    let string = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    if response.is_success() && answer.get("ok") == Some(&Value::Bool(true)) {
        let who = format!("`{}` in the workspace `{}`", string("user"), string("team"));
        return Verdict::Accepted(Reason::new(who));
    }
    Verdict::of(api::refusal(&answer, response), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_every_kind_of_answer() {
        let known = r#"{"ok":true,"url":"https://a.slack.com/","team":"A","user":"fire","team_id":"T1","user_id":"U1"}"#;
        let cases = [
            (200, known, "accepted", "`fire` in the workspace `A`"),
            (200, r#"{"ok":false,"error":"invalid_auth"}"#, "refused", "xoxb-"),
            (200, r#"{"ok":false,"error":"account_inactive"}"#, "refused", "install the app"),
            (200, r#"{"ok":false,"error":"request_timeout"}"#, "unreachable", "request_timeout"),
            (429, r#"{"ok":false,"error":"ratelimited"}"#, "unreachable", "429"),
            (200, "<html>a proxy's page", "unreachable", "expected JSON"),
            (503, "<html>", "unreachable", "503"),
        ];
        for (status, body, word, part) in cases {
            let verdict = judge(&Response::new(status, body));
            assert_eq!(verdict.as_str(), word, "{body}");
            assert!(verdict.reason().as_str().contains(part), "{body}: {verdict:?}");
        }
    }
}
