//! A silence is a file that the program reads and that people can list and end.

use std::{fs, path::Path, process::Output, time::Duration};

use watchfire_outbox::{Outbox, Silence};

use super::{text, within};

const GROUP: &str = "9f31c2a07be4d815";

fn silence(folder: &Path, arguments: &[&str]) -> Output {
    within("silence", folder, arguments)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::builder("shop").spool(folder.path()).start().unwrap();
    drop(outbox);
    folder
}

#[test]
fn a_silence_is_begun_listed_made_longer_and_ended() {
    let place = folder();
    let folder = place.path();
    assert!(text(&silence(folder, &["ls"]), 0).starts_with("Nothing is silenced"));
    let said = text(&silence(folder, &[GROUP, "--for", "2h", "--why", "ticket 4711", "--by", "ada"]), 0);
    assert!(said.starts_with(&format!("silenced {GROUP} until ")), "{said}");
    assert!(said.contains(&format!("has reported the group {GROUP} so far")), "{said}");
    let file = fs::read_to_string(folder.join("silences").join(GROUP)).unwrap();
    let read: Silence = file.parse().unwrap();
    assert_eq!((read.by.as_str(), read.why.as_str()), ("ada", "ticket 4711"));
    assert_eq!(read.until.duration_since(read.from).unwrap(), Duration::from_secs(7_200));

    // One that a person wrote under another name gives way to a later word.
    fs::write(
        folder.join("silences").join("by-hand"),
        format!("group = {GROUP}\nuntil = 2999-01-01T00:00:00Z"),
    )
    .unwrap();
    let said = text(&silence(folder, &[GROUP, "--for", "30m"]), 0);
    assert!(said.contains("shorter than before: it was silenced until 2999-01-01"), "{said}");
    let listed = silence(folder, &["ls", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["silences"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(
        (&listed["silences"][0]["group"], &listed["silences"][0]["holds"]),
        (&GROUP.into(), &true.into())
    );
    let listed = text(&silence(folder, &["ls"]), 0);
    assert!(listed.contains(GROUP) && listed.contains("in 29 min"), "{listed}");

    text(&silence(folder, &["end", "9f31"]), 0);
    assert_eq!(fs::read_dir(folder.join("silences")).unwrap().count(), 0);
}

#[test]
fn what_is_no_silence_is_said_with_what_to_do() {
    let place = folder();
    let folder = place.path();
    fs::write(folder.join("silences").join("half"), "group = ").unwrap();
    let gone = folder.join("gone");
    // (folder, arguments, exit code, what it says)
    let cases: &[(&Path, &[&str], i32, &str)] = &[
        (folder, &["9f31c2a0", "--for", "2h"], 1, "has reported a group that starts with `9f31c2a0`"),
        (folder, &["9f3", "--for", "2h"], 2, "16 hexadecimal digits"),
        (folder, &["watchfire", "--for", "2h"], 2, "16 hexadecimal digits"),
        (folder, &["9f31c2a07be4d81x", "--for", "2h"], 2, "16 hexadecimal digits"),
        (folder, &[GROUP], 2, "--for <DURATION>"),
        (folder, &[GROUP, "--for", "soon"], 2, "such as `30m`"),
        (folder, &[GROUP, "--for", "99w"], 2, "a year at most"),
        (folder, &["end", "9f31"], 1, "watchfire silence ls"),
        (folder, &["ls"], 0, "half is not read as a silence"),
        (&gone, &[GROUP, "--for", "2h"], 2, "is not the folder of a spool"),
    ];
    for (folder, arguments, code, wanted) in cases {
        let said = text(&silence(folder, arguments), *code);
        assert!(said.contains(wanted), "{arguments:?}: {wanted} is not in {said}");
    }
}

#[test]
fn the_short_id_of_an_sms_is_enough_from_any_directory() {
    let place = tempfile::tempdir().unwrap();
    let spool = place.path().join("spool");
    let inbox = watchfire_inbox::Inbox::start().unwrap();
    let file = place.path().join("watchfire.toml");
    let config = format!(
        "[app]\nname = \"shop\"\n[outbox]\nspool = \"{}\"\n[handlers.ops]\ntype = \"slack\"\nwebhook = \"{}\"\n[root]\nhandlers = [\"ops\"]\n",
        spool.display(),
        inbox.slack_webhook_url()
    );
    fs::write(&file, config).unwrap();
    let (layer, handle) = watchfire_config::Config::read(&file).unwrap().layers().unwrap();
    let subscriber = tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), layer);
    tracing::subscriber::with_default(subscriber, || tracing::error!("the ledger does not balance"));
    inbox.wait_for(watchfire_inbox::Provider::SlackWebhook, 1, Duration::from_secs(20)).unwrap();
    drop(handle);
    let message = inbox.accepted(watchfire_inbox::Provider::SlackWebhook).remove(0).text();
    let id = message
        .split_whitespace()
        .find(|word| word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit()));
    let id = id.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchfire"));
        command.current_dir(elsewhere.path()).env("WATCHFIRE_CONFIG", &file).arg("silence").args(arguments);
        text(&command.output().unwrap(), 0)
    };
    let said = run(&[id.get(..8).unwrap(), "--for", "2h"]);
    assert!(said.starts_with(&format!("silenced {id} until ")) && !said.contains("so far"), "{said}");
    assert!(run(&["ls"]).contains(id));
}

/// The line of a message works as it is pasted, from any folder: for one group, and for those that a storm names.
#[test]
fn the_line_of_a_message_silences_as_it_is_pasted() {
    use watchfire::prelude::*;

    let inbox = watchfire_inbox::Inbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("the spool's folder");
    let outbox = watchfire::Outbox::builder("shop").spool(&spool).without_panics().start().unwrap();
    let layer = watchfire::Slack::webhook(inbox.slack_webhook_url()).layer(&outbox).unwrap();
    let guard = tracing_subscriber::registry().with(layer).set_default();
    for number in 0..40 {
        let name = char::from(b'a' + number % 26).to_string().repeat(3 + usize::from(number / 26));
        tracing::error!("the {name} does not balance");
    }
    drop(guard);
    let provider = watchfire_inbox::Provider::SlackWebhook;
    let has_line = |text: &str| text.contains("watchfire silence ");
    let mut lines = std::collections::BTreeSet::new();
    for received in inbox.wait_for(provider, 4, std::time::Duration::from_secs(30)).unwrap() {
        let text: serde_json::Value = serde_json::from_slice(&received.raw).unwrap();
        let mut texts = Vec::new();
        gather(&text, &mut texts);
        // A message that is not about groups has none.
        let Some(text) = texts.into_iter().find(|text| has_line(text)) else { continue };
        let line = text.split("watchfire silence ").nth(1).unwrap();
        let end = line.find(" \u{b7} ").or_else(|| line.find('\n')).unwrap_or(line.len());
        lines.insert(line.get(..end).unwrap().to_owned());
    }
    assert!(lines.len() > 1, "{lines:?}");
    for line in &lines {
        let pasted = format!("\"$WATCHFIRE\" silence {line}");
        let output = std::process::Command::new("sh")
            .args(["-c", &pasted])
            .env("WATCHFIRE", env!("CARGO_BIN_EXE_watchfire"))
            .current_dir("/")
            .output()
            .unwrap();
        let said = text(&output, 0);
        assert!(said.contains("silenced"), "{pasted}: {said}");
    }
    let list = text(&within("silence", &spool, &["ls"]), 0);
    for group in lines.iter().flat_map(|line| line.split(' ').take_while(|word| !word.starts_with("--"))) {
        assert!(list.contains(group), "{group}: {list}");
    }
}

fn gather(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Array(list) => list.iter().for_each(|one| gather(one, texts)),
        serde_json::Value::Object(map) => map.values().for_each(|one| gather(one, texts)),
        _ => {}
    }
}
