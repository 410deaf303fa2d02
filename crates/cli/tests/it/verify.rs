//! Every channel of one file, verified against the inbox, which gets no message by it.

use std::{fs, path::Path};

use serde_json::Value;
use watchfire_inbox::{Demo, Inbox};

use crate::{channels, watchfire};

/// Writes a configuration of every channel, and returns its path.
fn everything(folder: &Path, inbox: &Inbox, telegram_token: &str) -> String {
    let root = "[root]\nlevel = \"error\"\nhandlers = [\"admins\", \"ops\", \"bot\", \"telegram\", \"sms\", \"sentry\"]\n";
    let path = folder.join("watchfire.toml");
    fs::write(&path, channels(folder, inbox, telegram_token) + root).unwrap();
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
