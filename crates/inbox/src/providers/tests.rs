//! The providers' own rates, with time as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Context, HttpProvider, Request, slack_api, slack_webhook, telegram};
use crate::demo::Demo;
use crate::store::Store;

fn statuses(provider: &mut dyn HttpProvider, path: &str, body: &Value, millis: &[u64]) -> Vec<u16> {
    let store = Store::default();
    let at = |millis: u64| -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(millis)
    };
    let headers = [
        ("content-type".to_owned(), "application/json; charset=utf-8".to_owned()),
        ("authorization".to_owned(), format!("Bearer {}", Demo::SLACK_TOKEN)),
    ];
    millis
        .iter()
        .map(|millis| {
            let request = Request {
                method: "POST".to_owned(),
                path: path.to_owned(),
                query: String::new(),
                headers: headers.to_vec(),
                body: Bytes::from(body.to_string()),
                at: at(*millis),
            };
            let context =
                Context { store: &store, provider: provider.provider(), paced: true, now: at(*millis) };
            provider.judge(&request, &context).reply.status
        })
        .collect()
}

#[test]
fn slack_takes_one_message_per_second() {
    let times = [0, 999, 1_000, 1_500, 2_000];
    let expected = [200, 429, 200, 429, 200];
    let body = json!({"channel": Demo::SLACK_CHANNEL, "text": "x"});
    let mut hook = slack_webhook::SlackWebhook::default();
    assert_eq!(statuses(&mut hook, Demo::SLACK_WEBHOOK_PATH, &body, &times), expected);
    let mut api = slack_api::SlackApi::default();
    assert_eq!(statuses(&mut api, "/api/chat.postMessage", &body, &times), expected);
}

#[test]
fn telegram_takes_20_per_minute_and_group() {
    let path = format!("/bot{}/sendMessage", Demo::TELEGRAM_TOKEN);
    let mut times: Vec<u64> = (0..21).map(|second| second * 1_000).collect();
    times.push(60_000);
    let mut expected = vec![200; 20];
    expected.extend([429, 200]);
    let mut provider = telegram::Telegram::default();
    let group = json!({"chat_id": Demo::TELEGRAM_CHAT, "text": "x"});
    assert_eq!(statuses(&mut provider, &path, &group, &times), expected);
    let private = json!({"chat_id": Demo::TELEGRAM_PRIVATE_CHAT, "text": "x"});
    assert_eq!(
        statuses(&mut provider, &path, &private, &times),
        [200; 22],
        "a private chat has no such limit"
    );
}
