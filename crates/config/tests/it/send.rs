//! A manual alert reaches every channel, redacted, or its failure is reported.

use std::time::Duration;

use watchfire_config::{Config, ManualAlert};
use watchfire_core::Severity;
use watchfire_inbox::{Demo, Fault, Inbox, Provider};

const PATIENCE: Duration = Duration::from_secs(20);

/// Every channel of the inbox; only Slack is named by a logger.
fn all(inbox: &Inbox) -> Config {
    let text = format!(
        r#"
[app]
name = "shop"
[handlers.slack]
type = "slack"
webhook = "{}"
quiet_hours = "00:00-24:00"
[handlers.telegram]
type = "telegram"
token = "{}"
chats = ["{}", "{}"]
api_url = "{}"
[handlers.sms]
type = "sms"
to = ["+436601234567", "+436601234568"]
twilio = {{ account_sid = "{}", auth_token = "{}", from = "{}", {} = "{}" }}
[handlers.sentry]
type = "sentry"
dsn = "{}"
[handlers.file]
type = "null"
[root]
handlers = ["slack", "file"]
"#,
        inbox.slack_webhook_url(),
        Demo::TELEGRAM_TOKEN,
        Demo::TELEGRAM_CHAT,
        Demo::TELEGRAM_PRIVATE_CHAT,
        inbox.telegram_base(),
        Demo::TWILIO_ACCOUNT,
        Demo::TWILIO_TOKEN,
        Demo::TWILIO_FROM,
        twilio_url_key(),
        inbox.twilio_base(),
        inbox.sentry_dsn(),
    );
    Config::parse(&text).unwrap()
}

/// The key of the address of Twilio's API.
fn twilio_url_key() -> &'static str {
    if watchfire_config::schema().contains("\"base_url\"") { "base_url" } else { "api_url" }
}

#[test]
fn every_channel_is_reached_at_every_level() {
    let inbox = Inbox::start().unwrap();
    let config = all(&inbox);
    for severity in [Severity::Trace, Severity::Info, Severity::Error, Severity::Critical] {
        let sent = config
            .send(&ManualAlert::new("is anybody there?").severity(severity), None, None, PATIENCE)
            .unwrap();
        let mut handlers: Vec<_> = sent.iter().map(|one| one.handler.as_str()).collect();
        handlers.sort_unstable();
        assert_eq!(handlers, ["sentry", "slack", "sms", "sms", "telegram", "telegram"], "{severity}");
        assert!(sent.iter().all(|one| one.is_delivered), "{severity}: {sent:?}");
    }
    assert_eq!(inbox.accepted(Provider::Twilio).len(), 8);
}

#[test]
fn who_does_not_answer_or_refuses_is_named() {
    let inbox = Inbox::start().unwrap();
    let config = all(&inbox);
    let ask = |within: Duration| {
        let sent = config.send(&ManualAlert::new("is anybody there?"), None, None, within).unwrap();
        let failed = sent.into_iter().filter(|one| !one.is_delivered);
        failed.map(|one| format!("{}: {}", one.handler, one.answer)).collect::<Vec<_>>()
    };
    inbox.fail(Provider::Sentry, Fault::Hang { at: None }.always()).unwrap();
    let said = ask(Duration::from_secs(2));
    assert!(said.len() == 1 && said[0].starts_with("sentry: gave no answer within 2 s"), "{said:?}");
    inbox.heal(Provider::Sentry);
    let recipient = Demo::TELEGRAM_PRIVATE_CHAT.to_string();
    inbox.fail(Provider::Telegram, Fault::RefuseRecipient { address: recipient }.always()).unwrap();
    inbox.fail(Provider::Twilio, Fault::BadCredentials.always()).unwrap();
    let mut said = ask(PATIENCE);
    said.sort_unstable();
    let starts: Vec<_> = said.iter().map(|one| one.split(':').next().unwrap()).collect();
    assert_eq!(starts, ["sms", "sms", "telegram"], "{said:?}");
}

#[test]
fn no_channel_is_sent_a_secret() {
    let inbox = Inbox::start().unwrap();
    let letter = ManualAlert::new("cannot log in: password=planted-one, postgres://shop:planted-two@db/shop")
        .target("shop?token=planted-three")
        .field("password", "planted-four")
        .field("body", "Authorization: Bearer planted-five-planted-five")
        .field("card", "4111 1111 1111 1111");
    let sent = all(&inbox).send(&letter, None, None, PATIENCE).unwrap();
    assert!(sent.iter().all(|one| one.is_delivered), "{sent:?}");
    for received in inbox.all() {
        let all = format!("{} {}", received.body(), received.text());
        assert!(!all.contains("planted") && !all.contains("4111"), "{}: {all}", received.provider);
    }
    let preview = all(&inbox).preview(&letter, None, None).unwrap();
    assert_eq!(preview.len(), 6);
    assert!(!format!("{preview:?}").contains("planted"), "{preview:?}");
}

#[test]
fn a_secret_file_is_read_again_once_the_provider_refuses_it() {
    let inbox = Inbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "999999999:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n").unwrap();
    let text = format!(
        "[app]\nname = \"shop\"\n[outbox]\nin_memory = true\n[handlers.tg]\ntype = \"telegram\"\n\
         token = {{ file = {token:?} }}\nchats = [\"{}\"]\napi_url = {:?}\n[root]\nhandlers = [\"tg\"]\n",
        Demo::TELEGRAM_CHAT,
        inbox.telegram_base(),
    );
    let (layer, handle) = Config::parse(&text).unwrap().layers::<tracing_subscriber::Registry>().unwrap();
    let guard = tracing_subscriber::util::SubscriberInitExt::set_default(
        tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), layer),
    );
    tracing::error!("the ledger does not balance");
    drop(guard);
    inbox.wait_for_attempts(Provider::Telegram, 1, PATIENCE).unwrap();
    assert!(inbox.accepted(Provider::Telegram).is_empty());
    std::fs::write(&token, Demo::TELEGRAM_TOKEN).unwrap();
    inbox.wait_for(Provider::Telegram, 1, PATIENCE).unwrap();
    drop(handle);
}
