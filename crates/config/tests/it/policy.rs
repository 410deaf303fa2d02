//! A reload that changes how a channel speaks: in place where it can be, else refused; nothing is ignored.

use std::time::Duration;

use tracing::Dispatch;
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::{Config, Handle};
use watchfire_core::Severity;
use watchfire_inbox::{Demo, Fault, Inbox, Provider};

use crate::emit::emit;

const PATIENCE: Duration = Duration::from_secs(20);

/// A Slack channel, a Telegram one that nobody names but as a replacement, and what is said of both.
fn file(inbox: &Inbox, ops: &str, chat: &str, rest: &str) -> Config {
    let text = format!(
        r#"
[app]
name = "shop"
[outbox]
in_memory = true
capacity = 500
[handlers.ops]
type = "slack"
webhook = "{}"
{ops}
[handlers.chat]
type = "telegram"
token = "{}"
chats = ["{}"]
api_url = "{}"
{chat}
[root]
handlers = ["ops"]
{rest}
[loggers.chat]
handlers = ["chat"]
"#,
        inbox.slack_webhook_url(),
        Demo::TELEGRAM_TOKEN,
        Demo::TELEGRAM_PRIVATE_CHAT,
        inbox.telegram_base(),
    );
    Config::parse(&text).unwrap()
}

fn start(config: Config) -> (Dispatch, Handle) {
    let (layer, handle) = config.service("shop").rust_log("").layers::<Registry>().unwrap();
    (Dispatch::new(tracing_subscriber::registry().with(layer)), handle)
}

fn unreported(handle: &Handle) -> u64 {
    let stats = handle.stats().unwrap();
    stats.channels.iter().map(|channel| channel.unreported).sum()
}

#[test]
fn counts_are_reported_by_the_new_settings() {
    // (before, after): each keeps the second kind of error back, and then does not.
    for (before, after) in [
        ("budget = { most = 1, per = \"1 h\" }", ""),
        ("budget = { most = 5, per = \"1 h\", burst = 1 }", ""),
        ("budget = [\"5/h burst 1\", \"20/d\"]", ""),
        ("first_from = \"critical\"", "first_from = \"error\""),
        ("min_count = { count = 5, within = \"1 h\" }", ""),
        ("quiet_hours = \"00:00-24:00\"\nquiet_zone = \"UTC\"", ""),
    ] {
        let inbox = Inbox::start().unwrap();
        let (dispatch, handle) = start(file(&inbox, before, "", ""));
        for target in ["shop::one", "shop::two"] {
            emit(&dispatch, target, Severity::Error, &[]);
        }
        let _some_left = handle.flush(Duration::from_millis(200));
        let was_told = inbox.accepted(Provider::SlackWebhook).len() as u64;
        assert!(was_told < 2 && unreported(&handle) == 2 - was_told, "{before}: {:?}", handle.stats());
        handle.reload_with(file(&inbox, after, "", "")).unwrap();
        let heard = inbox.wait_for(Provider::SlackWebhook, 2, PATIENCE);
        assert!(heard.is_ok(), "{before} to {after}: {heard:?} {:?}", handle.stats());
    }
}

#[test]
fn failover_begins_turns_round_and_ends_by_a_reload() {
    let inbox = Inbox::start().unwrap();
    let (dispatch, handle) = start(file(&inbox, "", "", ""));
    inbox.fail(Provider::SlackWebhook, down().always()).unwrap();
    emit(&dispatch, "shop::one", Severity::Error, &[]);
    inbox.wait_for_attempts(Provider::SlackWebhook, 1, PATIENCE).unwrap();
    assert!(inbox.accepted(Provider::Telegram).is_empty());
    // Messages queued before the reload are handed over.
    handle.reload_with(file(&inbox, "failover = { after = \"10 ms\", to = \"chat\" }", "", "")).unwrap();
    inbox.wait_for(Provider::Telegram, 1, PATIENCE).unwrap();
    inbox.heal(Provider::SlackWebhook);
    // The other way round, in one step: no circle at any time.
    handle.reload_with(file(&inbox, "", "failover = { after = \"10 ms\", to = \"ops\" }", "")).unwrap();
    inbox.fail(Provider::Telegram, down().always()).unwrap();
    let before = inbox.accepted(Provider::SlackWebhook).len();
    emit(&dispatch, "chat::x", Severity::Error, &[]);
    inbox.wait_for(Provider::SlackWebhook, before + 2, PATIENCE).unwrap();
}

#[test]
fn a_key_that_needs_a_restart_is_refused() {
    let inbox = Inbox::start().unwrap();
    let present = file(&inbox, "", "", "");
    let (dispatch, handle) = start(present.clone());
    let changed = |path: &[&str], value: &str| {
        let mut config = present.clone();
        match value.parse::<i64>() {
            Ok(number) => config.set(path.iter().copied(), number),
            Err(_) if value == "true" || value == "false" => {
                config.set(path.iter().copied(), value == "true")
            }
            Err(_) => config.set(path.iter().copied(), value),
        };
        config
    };
    for (path, value, was) in [
        (&["app", "name"][..], "other", "another value"),
        (&["app", "environment"], "production", "no value"),
        (&["app", "release"], "shop@2", "no value"),
        (&["outbox", "in_memory"], "false", "another value"),
        (&["outbox", "spool"], "/var/spool/shop", "no value"),
        (&["outbox", "capacity"], "600", "another value"),
        (&["outbox", "drop_deadline"], "9s", "no value"),
        (&["outbox", "exit_deadline"], "9s", "no value"),
        (&["outbox", "stacks_from"], "error", "no value"),
    ] {
        let said = handle.reload_with(changed(path, value)).unwrap_err().to_string();
        let expected =
            format!("{}: had {was} when the program started; a change needs a restart", path.join("."));
        assert!(said.contains(&expected), "{path:?}: {said}");
        assert_eq!(handle.config(), present, "{path:?}");
    }
    let mut other_type = present.clone();
    other_type.remove(["handlers", "ops"]);
    other_type.set(["handlers", "ops", "type"], "email");
    for (key, value) in
        [("to", "ada@example.com"), ("from", "e@example.com"), ("server", "smtp://mail.example.com")]
    {
        other_type.set(["handlers", "ops", key], value);
    }
    let said = handle.reload_with(other_type).unwrap_err().to_string();
    assert!(said.contains("handlers.ops.type: was a `slack` before"), "{said}");
    // All of them at once, and what comes after works as if nothing had happened.
    let mut several = changed(&["app", "release"], "x");
    several.set(["outbox", "capacity"], 7);
    assert_eq!(handle.reload_with(several).unwrap_err().list().len(), 2);
    let mut debug = changed(&["app", "debug"], "true");
    debug.set(["root", "level"], "debug");
    handle.reload_with(debug).unwrap();
    emit(&dispatch, "shop::one", Severity::Error, &[]);
    inbox.wait_for(Provider::SlackWebhook, 1, PATIENCE).unwrap();
}

#[test]
fn a_channel_that_comes_back_has_the_settings_of_its_return() {
    let inbox = Inbox::start().unwrap();
    let (dispatch, handle) = start(file(&inbox, "failover = { after = \"10 ms\", to = \"chat\" }", "", ""));
    emit(&dispatch, "shop::one", Severity::Error, &[]);
    inbox.wait_for(Provider::SlackWebhook, 1, PATIENCE).unwrap();
    handle.remove_handler("ops").unwrap();
    emit(&dispatch, "shop::two", Severity::Error, &[]);
    handle.reload_with(file(&inbox, "min_count = { count = 2, within = \"1 h\" }", "", "")).unwrap();
    emit(&dispatch, "shop::three", Severity::Error, &[]);
    emit(&dispatch, "shop::four", Severity::Error, &[]);
    emit(&dispatch, "shop::four", Severity::Error, &[]);
    inbox.wait_for(Provider::SlackWebhook, 2, PATIENCE).unwrap();
    assert_eq!(unreported(&handle), 1, "the third, of which there was one only: {:?}", handle.stats());
    let bodies: Vec<_> =
        inbox.accepted(Provider::SlackWebhook).iter().map(|received| received.body()).collect();
    assert!(bodies[1].contains("shop::four") && !bodies.concat().contains("shop::two"), "{bodies:?}");
}

fn down() -> Fault {
    Fault::Status { status: 503, body: None, headers: Vec::new() }
}
