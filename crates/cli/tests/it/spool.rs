//! The command line delivers a spool, whatever became of the process that wrote it.

#![expect(clippy::panic, clippy::indexing_slicing, clippy::string_slice, reason = "a test helper may panic")]

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::Value;
use watchfire::Slack;
use watchfire_core::{Alert, App, Severity};
use watchfire_inbox::{Fault, Inbox, Provider};
use watchfire_outbox::{
    Delivering, DeliveryPolicy, Notification, Occasion, Outbox, Outcome, Reason, Sink, SinkExt,
};

use super::{text, within};

const LONG: Duration = Duration::from_secs(30);

/// A shop whose alerts do not get out: this test's own program, run as a process of its own.
struct ShopProcess {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl ShopProcess {
    /// Starts it, and waits until each of its alerts is in the folder and was tried at least once.
    fn open(folder: &Path, way: &str, alerts: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "spool::shop", "--nocapture"])
            .env("TEST_SPOOL", folder)
            .env("TEST_WAY", way)
            .env("TEST_ALERTS", alerts.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(output.by_ref().map_while(Result::ok).any(|line| line == "ready"), "the shop ended early");
        Self { process, output }
    }

    /// Kills it as `kill -9` does.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets it end by itself; returns how many it has delivered.
    fn close(mut self) -> String {
        self.process.stdin.take().unwrap().write_all(b"\n").unwrap();
        let lines: Vec<String> = self.output.by_ref().map_while(Result::ok).collect();
        assert!(self.process.wait().unwrap().success());
        lines.iter().find_map(|line| line.strip_prefix("delivered ")).unwrap().to_owned()
    }
}

/// Fails in one way, always, or only at the first attempt; what it renders is what Slack takes.
struct Fails {
    outcome: Outcome,
    once: Option<AtomicBool>,
}

impl Sink for Fails {
    fn kind(&self) -> &'static str {
        "fails"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let text = serde_json::json!({ "text": occasion.title() }).to_string();
        vec![occasion.notification("#alerts").plain(text)]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        let is_over = self.once.as_ref().is_some_and(|failed| failed.swap(true, Ordering::AcqRel));
        let outcome = if is_over { Outcome::Delivered(None) } else { self.outcome.clone() };
        Box::pin(async move { outcome })
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        if self.once.is_some() {
            // Nobody waits for that.
            (policy.backoff_base, policy.backoff_cap) =
                (Duration::from_secs(7_200), Duration::from_secs(7_200));
        }
        policy
    }
}

#[test]
#[ignore = "the process that other tests start"]
#[expect(clippy::disallowed_methods, reason = "the way in from the test that starts it")]
fn shop() {
    let [Ok(folder), Ok(way), Ok(alerts)] = ["TEST_SPOOL", "TEST_WAY", "TEST_ALERTS"].map(std::env::var)
    else {
        return;
    };
    let dead = Path::new(&folder).join("dead");
    let outbox = Outbox::builder(App::new("shop")).spool(folder).start().unwrap();
    let fails = |outcome, once: Option<AtomicBool>| {
        Fails { outcome, once }.named("ops").handler(&outbox).map(|_| ()).unwrap()
    };
    match way.as_str() {
        "down" => fails(Outcome::Transient(Reason::new("the provider is down")), None),
        "stumbles" => fails(Outcome::Transient(Reason::new("not now")), Some(AtomicBool::new(false))),
        "refuses" => fails(Outcome::Rejected(Reason::new("the channel is archived")), None),
        webhook => Slack::webhook(webhook).named("ops").handler(&outbox).map(|_| ()).unwrap(),
    }
    for alert in alerts.lines() {
        outbox.alert(Alert::new(App::new("shop"), Severity::Error, alert.to_owned()).target("shop::pay"));
    }
    let due = alerts.lines().count() as u64;
    // Each dead letter has its reason beside it.
    let buried = || fs::read_dir(dead.as_path()).map_or(0, Iterator::count) as u64 / 2;
    loop {
        let stats = outbox.stats();
        let ops = &stats.channels[0];
        let failed = ops.transient + ops.rate_limited > 0;
        let waits = ops.pending == due && ops.spooled == due && failed;
        let is_ready = if way == "refuses" { buried() == due } else { waits };
        if is_ready {
            break;
        }
        let _report = outbox.flush(Duration::from_millis(20));
    }
    println!("\nready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let _report = outbox.flush(LONG);
    println!("\ndelivered {}", outbox.stats().channels[0].delivered);
}

fn spool(folder: &Path, arguments: &[&str]) -> Output {
    within("spool", folder, arguments)
}

#[track_caller]
fn json(output: &Output, code: i32) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}\n{errors}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{errors}"))
}

fn messages(folder: &Path) -> Vec<Value> {
    json(&spool(folder, &["ls", "--json"]), 0)["messages"].as_array().unwrap().clone()
}

/// Returns the ID of the message with this title.
fn id(folder: &Path, title: &str) -> String {
    let messages = messages(folder);
    let found = messages.iter().find(|message| message["title"].as_str().unwrap().contains(title));
    found.unwrap_or_else(|| panic!("{title} is not in {messages:?}"))["id"].as_str().unwrap().to_owned()
}

fn config(folder: &Path, channels: &[&str], webhook: &str) -> PathBuf {
    // These tests count the messages of the program; the report of its end is another one.
    let mut text = "[app]\nname = \"shop\"\n[outbox]\nunclean_end = \"off\"\n".to_owned();
    for channel in channels {
        text += &format!(
            "\n[handlers.{channel}]\ntype = \"slack\"\nwebhook = \"{webhook}\"\nfilters = [\"own\"]\n"
        );
    }
    // A drain opens no log file and knows no filter of the program.
    text += "\n[handlers.file]\ntype = \"file\"\npath = \"/nowhere/at/all.log\"\n\
             \n[loggers.shop]\nhandlers = [\"file\"]\n\n[filters.own]\ntype = \"callback\"\n";
    let file = folder.join("watchfire.toml");
    fs::write(&file, text).unwrap();
    file
}

fn titles(inbox: &Inbox) -> Vec<String> {
    let mut titles: Vec<String> =
        inbox.accepted(Provider::SlackWebhook).iter().map(|message| message.title.clone()).collect();
    titles.sort_unstable();
    titles
}

const THREE: [&str; 3] = ["card declined", "ledger out of balance", "stock is negative"];

#[test]
fn what_a_killed_program_left_is_listed_shown_and_drained() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("spool");
    let inbox = Inbox::start().unwrap();
    inbox
        .fail(Provider::SlackWebhook, Fault::Status { status: 503, body: None, headers: Vec::new() }.always())
        .unwrap();
    ShopProcess::open(&folder, &inbox.slack_webhook_url(), &THREE).kill();

    let messages = messages(&folder);
    assert_eq!(messages.len(), 3);
    for message in &messages {
        assert_eq!(message["channel"], "ops", "{message}");
        assert_eq!(message["state"], "left", "{message}");
        assert!(message["pid"].is_null() && message["severity"] == "ERROR", "{message}");
    }
    let table = text(&spool(&folder, &["ls"]), 0);
    assert!(table.contains("3 on their way, 0 dead, 0 damaged") && !table.contains('\u{1b}'), "{table}");
    // The provider refused them, and the next attempt is not now: both stand in the list and in each message.
    for message in &messages {
        assert!(message["why"].as_str().unwrap().starts_with("HTTP 503"), "{message}");
        assert!(message["not_before"].is_string(), "{message}");
    }
    assert!(table.lines().next().unwrap().ends_with("WHY") && table.contains("  HTTP 503"), "{table}");

    let id = id(&folder, "card declined");
    let shown = text(&spool(&folder, &["show", &id[..10]]), 0);
    for wanted in [id.as_str(), "left, by the dead process", "shop::pay", "card declined"] {
        assert!(shown.contains(wanted), "{wanted} is not in {shown}");
    }
    let shown = json(&spool(&folder, &["show", &id, "--json"]), 0);
    assert_eq!(shown["alert"]["message"], "card declined");
    assert!(!shown["renderings"]["plain"].as_str().unwrap().is_empty());

    let file = config(place.path(), &["ops"], &inbox.slack_webhook_url());
    let drain =
        |within| spool(&folder, &["drain", "--config", file.to_str().unwrap(), "--within", within, "--json"]);
    let drained = json(&drain("1s"), 1);
    assert_eq!((&drained["ok"], drained["left"].as_array().unwrap().len()), (&false.into(), 3));
    assert_eq!(titles(&inbox), [""; 0]);

    inbox.heal(Provider::SlackWebhook);
    let drained = json(&drain("30s"), 0);
    assert_eq!(
        (&drained["ok"], &drained["channels"][0]["delivered"]),
        (&true.into(), &3.into()),
        "{drained}"
    );
    let titles = titles(&inbox);
    assert_eq!(titles.len(), 3);
    for alert in THREE {
        assert_eq!(titles.iter().filter(|title| title.contains(alert)).count(), 1, "{titles:?}");
    }
    assert!(text(&spool(&folder, &["ls"]), 0).starts_with("Nothing waits"));
}

#[test]
fn messages_of_a_running_program_are_retried_and_dropped() {
    let place = tempfile::tempdir().unwrap();
    let inbox = Inbox::start().unwrap();
    inbox
        .fail(Provider::SlackWebhook, Fault::Status { status: 503, body: None, headers: Vec::new() }.always())
        .unwrap();
    let shop = ShopProcess::open(place.path(), &inbox.slack_webhook_url(), &THREE);
    let pid = u64::from(shop.process.id());
    for message in messages(place.path()) {
        assert_eq!(message["pid"], pid, "{message}");
    }
    // One may be under way at this moment: then it says so, and is dropped the next time.
    let dropped = id(place.path(), "card declined");
    loop {
        let output = spool(place.path(), &["drop", &dropped, "--yes"]);
        if output.status.success() {
            break;
        }
        let said = text(&output, 1);
        assert!(said.contains("at this moment") || said.contains("meanwhile"), "{said}");
    }
    inbox.heal(Provider::SlackWebhook);
    let code = spool(place.path(), &["retry", "--all"]).status.code();
    assert!(matches!(code, Some(0 | 1)), "{code:?}");
    inbox.wait_for(Provider::SlackWebhook, 2, LONG).unwrap();
    assert_eq!(shop.close(), "2");
    let titles = titles(&inbox);
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles[0].contains(THREE[1]) && titles[1].contains(THREE[2]), "{titles:?}");
    assert_eq!(messages(place.path()), [] as [Value; 0]);
}

#[test]
fn a_retry_ends_the_backoff_of_the_program_that_has_the_message() {
    let place = tempfile::tempdir().unwrap();
    let shop = ShopProcess::open(place.path(), "stumbles", &["card declined"]);
    while !spool(place.path(), &["retry", "--all"]).status.success() {}
    assert_eq!(shop.close(), "1", "its own attempt would come in an hour at least");
    assert_eq!(messages(place.path()), [] as [Value; 0]);
}

#[test]
fn dead_letters_get_a_new_life_and_another_way() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("spool");
    ShopProcess::open(&folder, "refuses", &THREE).kill();
    for message in messages(&folder) {
        assert_eq!(
            (message["state"].as_str(), message["why"].as_str()),
            (Some("dead"), Some("the channel is archived"))
        );
    }
    let nothing = text(&spool(&folder, &["retry", "--all"]), 1);
    assert!(nothing.contains("nothing of that kind"), "{nothing}");

    let moved = id(&folder, "card declined");
    let said = text(&spool(&folder, &["redirect", &moved[..8], "--to", "night"]), 0);
    assert!(said.contains("goes to `night`  card declined"), "{said}");
    assert_eq!(text(&spool(&folder, &["drop", &id(&folder, "ledger"), "--yes"]), 0).lines().count(), 1);
    let retried = json(&spool(&folder, &["retry", "--dead", "--channel", "ops", "--json"]), 0);
    assert_eq!(retried["messages"].as_array().unwrap().len(), 1);
    assert_eq!(fs::read_dir(folder.join("dead")).unwrap().count(), 0, "no reason stays behind");

    let inbox = Inbox::start().unwrap();
    let drain = |file: &Path| spool(&folder, &["drain", "--config", file.to_str().unwrap()]);
    let said = text(&drain(&config(place.path(), &["ops"], &inbox.slack_webhook_url())), 1);
    assert!(said.contains("1 delivered, 1 left") && said.contains("no handler `night`"), "{said}");
    let said = text(&drain(&config(place.path(), &["night"], &inbox.slack_webhook_url())), 0);
    assert!(said.contains("1 delivered, 0 left"), "{said}");
    let arrived = inbox.accepted(Provider::SlackWebhook);
    let body = |number: usize| arrived[number].body();
    assert_eq!(arrived.len(), 2);
    assert!(body(0).contains("stock is negative"), "{}", body(0));
    assert!(
        body(1).contains("card declined") && body(1).contains("instead of by the channel"),
        "{}",
        body(1)
    );
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("state").join("watchfire");
    ShopProcess::open(&folder, "down", &THREE).kill();
    fs::write(folder.join("damaged").join("half-a-file"), "watchfire-sp").unwrap();
    let none = config(place.path(), &[], "");
    let none = none.to_str().unwrap();
    let gone = place.path().join("gone");
    // (folder, arguments, exit code, what it says)
    let cases: &[(&Path, &[&str], i32, &str)] = &[
        (&folder, &["show", "ffffzz"], 1, "watchfire spool ls"),
        (&folder, &["retry", "half"], 1, "the file is damaged"),
        (&folder, &["show", ""], 2, "is the start of 4 IDs"),
        (&folder, &["drop", "--all"], 2, "--yes"),
        (&folder, &["retry"], 2, "which messages? give IDs, --all or --dead"),
        (&folder, &["drain"], 2, "--config FILE"),
        (&folder, &["drain", "--config", none], 2, "no handler that can carry a message"),
        (&folder, &["drain", "--config", "/nowhere.toml"], 2, "/nowhere.toml"),
        (&folder, &["ls", "--channel", "sms"], 1, "Nothing waits"),
        (&gone, &["ls"], 2, "is not the folder of a spool; a program makes it"),
        (folder.parent().unwrap(), &["ls"], 2, "watchfire meant?"),
    ];
    for (folder, arguments, code, wanted) in cases {
        let said = text(&spool(folder, arguments), *code);
        assert!(said.contains(wanted), "{arguments:?}: {wanted} is not in {said}");
    }
    let nowhere = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(["spool", "ls"])
        .env_remove("STATE_DIRECTORY")
        .output()
        .unwrap();
    assert!(text(&nowhere, 2).contains("give --folder DIR"));
    let of_service = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(["spool", "ls"])
        .env("STATE_DIRECTORY", folder.parent().unwrap())
        .output()
        .unwrap();
    assert!(text(&of_service, 0).contains("3 on their way, 0 dead, 1 damaged"));
}

/// Lists and shows what a released version left in a folder: a message of a program that died, a dead letter, and the
/// alert of a panic.
fn shows_what_a_version_wrote(version: &str) {
    let place = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spool").join(version), place.path());
    let listed = messages(place.path());
    let states: Vec<_> = listed.iter().map(|message| message["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["left", "panic", "dead"], "{listed:?}");
    let cases: [(&str, &[&str]); 3] = [
        (
            "card declined",
            &["3, next now", "ops", "#alerts", "digest", "11 more", "12 in total", "order = 9", "timed out"],
        ),
        ("stock is negative", &["HTTP 404: no_service", "3, next never", "amount = 1.5"]),
        ("panicked at the till", &["panic", "src/pay.rs:42", "connection refused"]),
    ];
    for (title, wanted) in cases {
        let shown = text(&spool(place.path(), &["show", &id(place.path(), title)]), 0);
        for word in wanted.iter().chain([&title]) {
            assert!(shown.contains(word), "{version}: {word} is not in {shown}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
fn shows_a_folder_of_version_1_after_an_upgrade() {
    shows_what_a_version_wrote("version-1");
}

#[test]
fn shows_a_folder_of_version_2() {
    shows_what_a_version_wrote("version-2");
}

#[test]
fn shows_what_a_later_program_wrote_after_a_downgrade() {
    shows_what_a_version_wrote("version-2-later");
}
