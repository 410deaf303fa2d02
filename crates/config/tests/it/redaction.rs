//! The rules of redaction of a configuration, in captured alerts and in files, for each handler as it says.

use std::{fs, time::Duration};

use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::{Components, Config, ManualAlert, Options};
use watchfire_core::{App, Memory};

const RULES: &str = r#"
[redaction]
names = ["seat code", "salary"]
paths = ["request.headers.x-tenant"]
patterns = ['\bAC-\d{4}\b']
[redaction.allow]
names = ["session_id"]
patterns = ["demo-.*"]
"#;

/// The same handlers three times: as usual, stricter, trusted.
fn handlers(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for mode in ["usual", "strict", "off"] {
        text +=
            &format!("[handlers.kept-{mode}]\ntype = \"kept\"\ntag = \"{mode}\"\nredaction = \"{mode}\"\n");
        for format in ["text", "json", "logfmt"] {
            let path = folder.join(format!("{mode}.{format}"));
            text += &format!(
                "[handlers.{format}-{mode}]\ntype = \"file\"\npath = {path:?}\nformatter = \"{format}\"\nredaction = \"{mode}\"\n"
            );
        }
    }
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[handlers.")).collect();
    let names: Vec<String> = names.iter().map(|name| format!("{:?}", name.trim_end_matches(']'))).collect();
    format!("{text}[root]\nlevel = \"info\"\nhandlers = [{}]\n", names.join(", "))
}

fn kept(memories: &[(&'static str, Memory)]) -> Components {
    let memories = memories.to_vec();
    Components::new().handler("kept", move |options: &Options| {
        let tag = options.text("tag").unwrap_or_default();
        Ok(memories.iter().find(|(known, _)| *known == tag).unwrap().1.clone())
    })
}

/// A value under each kind of rule, by each way into an event, and whether it passes: usual, strict, off.
const VALUES: &[(&str, [bool; 3])] = &[
    ("violet-by-name", [false, false, true]),
    ("7300.25", [false, false, true]),
    ("violet-by-path", [false, false, true]),
    ("AC-4711", [false, false, true]),
    ("violet-in-span", [false, false, true]),
    ("violet-later", [false, false, true]),
    ("hunter2violet", [false, false, true]),
    ("violet-auth", [true, false, true]),
    ("violet-session", [true, true, true]),
    ("demo-violet", [true, true, true]),
    ("plain-violet", [true, true, true]),
];

#[test]
fn each_handler_masks_by_the_rules_of_the_file_and_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let memories = ["usual", "strict", "off"].map(|tag| (tag, Memory::new(App::new("x"), 100)));
    let config = Config::parse(&format!("{RULES}{}", handlers(folder.path()))).unwrap();
    let setup = config.service("x").components(kept(&memories)).rust_log("");
    let (layer, handle) = setup.layers::<Registry>().unwrap();
    let guard = tracing_subscriber::registry().with(layer).set_default();
    let span = tracing::info_span!("order", seat_code = "violet-in-span", salary = tracing::field::Empty);
    span.record("salary", "violet-later");
    span.in_scope(|| {
        tracing::error!(
            seat_code = "violet-by-name",
            salary = 7300.25,
            request = r#"{"headers":{"x-tenant":"violet-by-path"}}"#,
            auth = "violet-auth",
            session_id = "violet-session",
            token = "demo-violet",
            password = "hunter2violet",
            plain = "plain-violet",
            "account AC-4711 failed"
        );
    });
    drop((guard, handle));
    for (number, (mode, memory)) in memories.iter().enumerate() {
        let mut shown = vec![format!("{:?}", memory.take())];
        for format in ["text", "json", "logfmt"] {
            shown.push(fs::read_to_string(folder.path().join(format!("{mode}.{format}"))).unwrap());
        }
        for text in shown {
            assert!(text.contains("plain"), "{mode}: {text}");
            for (value, passes) in VALUES {
                assert_eq!(text.contains(value), passes[number], "{mode} {value}: {text}");
            }
        }
    }
}

#[test]
fn a_message_sent_by_hand_is_masked_by_the_rules_of_the_file() {
    let text = format!(
        "{RULES}[handlers.ops]\ntype = \"slack\"\nwebhook = \"https://hooks.example.com/services/T0/B0/abcdefgh\"\n\
         [root]\nhandlers = [\"ops\"]\n"
    );
    let alert = ManualAlert::new("account AC-4711").field("seat_code", "violet");
    let sent = Config::parse(&text).unwrap().preview(&alert, None, None).unwrap();
    let shown = format!("{sent:?}");
    assert!(shown.contains("[redacted]"), "{shown}");
    assert!(!shown.contains("4711") && !shown.contains("violet"), "{shown}");
}

#[test]
fn rules_that_cannot_work_are_named_together() {
    let wrong = r#"
[redaction]
names = ["", "--"]
paths = "..."
patterns = ["(hunter2", "(a{1000}){1000}", "ok"]
allow = { patterns = ["[z-a]"], name = ["x"] }
[handlers.a]
type = "null"
redaction = "of"
[root]
handlers = ["a"]
"#;
    let said = Config::examine("w.toml", wrong, &Components::new()).to_string();
    for place in [
        "redaction.names[0]: has no letter",
        "redaction.names[1]: has no letter",
        "redaction.paths: has no letter",
        "redaction.patterns[0]: is not a regular expression: unclosed group",
        "redaction.patterns[1]: is too large: compiled it takes more than 1 MiB",
        "redaction.allow.patterns[0]: is not a regular expression",
        "redaction.allow.name: is unknown",
        "handlers.a.redaction: `of` is unknown; expected",
    ] {
        assert!(said.contains(place), "{place}\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_reload_changes_how_a_handler_masks_and_not_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let file = |rules: &str, mode: &str| {
        format!(
            "{rules}[handlers.a]\ntype = \"file\"\npath = {path:?}\nredaction = {mode:?}\n[root]\nlevel = \"info\"\nhandlers = [\"a\"]\n"
        )
    };
    let config = Config::parse(&file(RULES, "usual")).unwrap();
    let (layer, handle) = config.service("x").rust_log("").layers::<Registry>().unwrap();
    let guard = tracing_subscriber::registry().with(layer).set_default();
    // One callsite: what is kept of it must not outlive the rules.
    let emit = || tracing::error!(auth = "violet", seat_code = "a1", "m");
    emit();
    handle.reload_with(Config::parse(&file(RULES, "strict")).unwrap()).unwrap();
    emit();
    handle.reload_with(Config::parse(&file(RULES, "off")).unwrap()).unwrap();
    emit();
    let error = handle.reload_with(Config::parse(&file("", "usual")).unwrap()).unwrap_err().to_string();
    assert!(error.contains("redaction") && error.contains("needs a restart"), "{error}");
    assert!(!error.contains("AC-"), "{error}");
    emit();
    drop(guard);
    let _written = handle.flush(Duration::from_secs(5));
    drop(handle);
    let log = fs::read_to_string(&path).unwrap();
    let shown: Vec<_> = log.lines().map(|line| (line.contains("violet"), line.contains("a1"))).collect();
    assert_eq!(shown, [(true, false), (false, false), (true, true), (true, true)], "{log}");
}
