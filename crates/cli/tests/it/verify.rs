//! Every channel of one file, verified against the inbox, which gets no message by it.

use std::{fs, path::Path};

use serde_json::Value;
use watchfire_inbox::{Demo, Inbox};

use crate::watchfire;

/// Writes a configuration of every channel, and returns its path.
fn everything(folder: &Path, inbox: &Inbox, telegram_token: &str) -> String {
    let authority = folder.join("ca.pem");
    fs::write(&authority, inbox.ca_pem()).unwrap();
    let text = format!(
        r#"
[handlers.admins]
type = "email"
to = ["Ada <ada@example.com>"]
from = "errors@example.com"
server = "{smtp}"
ca_file = {authority:?}

[handlers.ops]
type = "slack"
webhook = "{webhook}"

[handlers.bot]
type = "slack"
token = "{slack}"
channels = ["{channel}"]
api_url = "{slack_api}"

[handlers.telegram]
type = "telegram"
token = "{telegram_token}"
chats = ["{chat}"]
api_url = "{telegram}"

[handlers.sms]
type = "sms"
to = ["+436601234567"]
twilio = {{ account_sid = "{sid}", auth_token = "{auth}", from = "{from}", api_url = "{twilio}" }}

[handlers.sentry]
type = "sentry"
dsn = "{dsn}"

[root]
level = "error"
handlers = ["admins", "ops", "bot", "telegram", "sms", "sentry"]
"#,
        smtp = inbox.smtp_url(),
        webhook = inbox.slack_webhook_url(),
        slack = Demo::SLACK_TOKEN,
        channel = Demo::SLACK_CHANNEL,
        slack_api = inbox.slack_api_base(),
        chat = Demo::TELEGRAM_CHAT,
        telegram = inbox.telegram_base(),
        sid = Demo::TWILIO_ACCOUNT,
        auth = Demo::TWILIO_TOKEN,
        from = Demo::TWILIO_FROM,
        twilio = inbox.twilio_base(),
        dsn = inbox.sentry_dsn(),
    );
    let path = folder.join("watchfire.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_channel_is_verified_and_nothing_is_posted() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::start().unwrap());
    let path = everything(folder.path(), &inbox, Demo::TELEGRAM_TOKEN);
    let output = watchfire(&["verify", &path, "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &said["ok"]), (Some(0), &Value::Bool(true)), "{said}");
    let rows: Vec<String> = said["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["handler"], one["subject"], one["verdict"]).replace('"', ""))
        .collect();
    for expected in [
        "admins server accepted".to_owned(),
        "ops webhook untold".to_owned(),
        "bot bot accepted".to_owned(),
        format!("bot {} untold", Demo::SLACK_CHANNEL),
        "telegram bot accepted".to_owned(),
        format!("telegram {} accepted", Demo::TELEGRAM_CHAT),
        "sms twilio for + accepted".to_owned(),
        "sentry project 42 untold".to_owned(),
    ] {
        assert!(rows.contains(&expected), "{expected}: {rows:?}");
    }
    assert_eq!(rows.len(), 8, "{rows:?}");
    assert_eq!(inbox.all().len(), 0);
    for secret in
        [Demo::SMTP_PASSWORD, Demo::SLACK_TOKEN, Demo::TELEGRAM_TOKEN, Demo::TWILIO_TOKEN, Demo::SENTRY_KEY]
    {
        assert!(!said.to_string().contains(secret), "{said}");
    }
}

#[test]
fn a_refusal_is_exit_code_1_with_advice_and_a_bad_file_2() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::start().unwrap());
    let path = everything(folder.path(), &inbox, "123456789:planted-wrong-planted-wrong-00");
    let output = watchfire(&["verify", &path, "--handler", "telegram"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("telegram  bot  refused "), "{text}");
    assert!(text.contains("ask @BotFather") && !text.contains("planted"), "{text}");

    let nobody = watchfire(&["verify", &path, "--handler", "nobody"]);
    assert_eq!(nobody.status.code(), Some(2), "{}", String::from_utf8_lossy(&nobody.stdout));
    assert_eq!(watchfire(&["verify", "/nowhere/watchfire.toml"]).status.code(), Some(2));
    fs::write(folder.path().join("broken.toml"), "[handlers.x]\ntype = \"slak\"\n").unwrap();
    let broken = folder.path().join("broken.toml");
    assert_eq!(watchfire(&["verify", broken.to_str().unwrap()]).status.code(), Some(2));
}
