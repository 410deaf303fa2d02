//! Runs the program as its users do.

#![expect(clippy::unwrap_used, reason = "a test helper may panic")]

mod config;
mod inbox;
mod leaks;
mod paths;
mod silence;
mod spool;
mod verify;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use watchfire_inbox::{Demo, Inbox};

fn watchfire(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("WATCHFIRE_DEBUG")
        .output()
        .unwrap()
}

/// Runs a command about the folder of a spool.
fn within(command: &str, folder: &Path, arguments: &[&str]) -> Output {
    watchfire(&[&[command], arguments, &["--folder", folder.to_str().unwrap()]].concat())
}

/// Returns all that was said, by a command that ended with this code.
#[track_caller]
fn text(output: &Output, code: i32) -> String {
    let all =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{all}");
    all
}

/// Returns the handlers of a configuration with every kind of channel, each to the stand-in of its provider.
fn channels(folder: &Path, inbox: &Inbox, telegram_token: &str) -> String {
    let authority = folder.join("ca.pem");
    fs::write(&authority, inbox.ca_pem()).unwrap();
    format!(
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
    )
}

#[test]
fn demo_reaches_every_place_once_and_leaks_nothing() {
    let output = watchfire(&["demo", "--once", "--json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let verdict: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(verdict["leaks"].as_array().unwrap().len(), 0);
    let rows = verdict["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!(row["counts"], row["expected"], "{row}");
    }
    assert!(verdict["looked_at"].as_u64().unwrap() > 9);
}

#[test]
fn help_has_examples() {
    for arguments in [
        &["--help"][..],
        &["inbox", "--help"],
        &["demo", "--help"],
        &["completions", "--help"],
        &["check", "--help"],
        &["explain", "--help"],
        &["send", "--help"],
        &["verify", "--help"],
        &["schema", "--help"],
        &["init", "--help"],
        &["spool", "--help"],
        &["spool", "drain", "--help"],
        &["silence", "--help"],
    ] {
        let output = watchfire(arguments);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("Examples:"), "{arguments:?}");
    }
}

#[test]
fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = watchfire(&["inbox", "--http-port", &port, "--smtp-port", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("--http-port"), "{error}");
}
