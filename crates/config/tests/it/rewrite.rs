//! A rewrite changes the event for the handlers after it, and for no other.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tracing::{Dispatch, Level};
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::{Components, Config, Options, Question};
use watchfire_core::{Capture, EventView, Handler, Severity};

use crate::emit::emit;

/// Keeps what each handler was shown, by its tag, in the form `LEVEL message: name=value ...`.
#[derive(Clone, Default)]
pub(crate) struct ShownEvents(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

struct Shows {
    tag: String,
    shown: ShownEvents,
    capture: Capture,
}

impl ShownEvents {
    pub(crate) fn components(&self) -> Components {
        let shown = self.clone();
        Components::new().handler("shown", move |options: &Options| {
            let tag = options.text("tag").unwrap_or("?").to_owned();
            let capture = Capture::new(watchfire_core::App::new("x"));
            Ok(Shows { tag, shown: shown.clone(), capture })
        })
    }

    pub(crate) fn take(&self) -> Vec<String> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap());
        let lines = |(tag, lines): (String, Vec<String>)| {
            lines.into_iter().map(move |line| format!("{tag}: {line}")).collect::<Vec<_>>()
        };
        taken.into_iter().flat_map(lines).collect()
    }
}

impl Handler for Shows {
    fn handle(&self, event: &EventView<'_>) {
        let alert = self.capture.alert(event);
        let fields: Vec<_> =
            alert.fields.iter().map(|field| format!("{}={}", field.name, field.value)).collect();
        let line = format!("{} {} {}", alert.severity, alert.message, fields.join(" "));
        self.shown.0.lock().unwrap().entry(self.tag.clone()).or_default().push(line.trim().to_owned());
    }
}

/// Three handlers in this order at the root; `b` has the filters that are given, `c` hears WARN and up.
fn file(filters: &str) -> String {
    let handler =
        |name: &str, more: &str| format!("[handlers.{name}]\ntype = \"shown\"\ntag = \"{name}\"\n{more}\n");
    format!(
        "{}{}{}[root]\nlevel = \"info\"\nhandlers = [\"a\", \"b\", \"c\"]\n",
        handler("a", ""),
        handler("b", &format!("filters = {filters}")),
        handler("c", "level = \"warn\"")
    )
}

fn run(file: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let shown = ShownEvents::default();
    let config = Config::parse(file).unwrap();
    let (layer, _handle) =
        config.service("x").components(shown.components()).rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    emit(&dispatch, "shop::cart", Severity::Error, fields);
    shown.take()
}

#[test]
fn is_seen_by_every_handler_after_it_and_by_none_before() {
    let plain = "a: ERROR m order=17 tenant=acme";
    for (filters, b, c) in [
        (
            r#"[{ type = "rewrite", message = "other" }]"#,
            "ERROR other order=17 tenant=acme",
            "ERROR other order=17 tenant=acme",
        ),
        (
            r#"[{ type = "rewrite", level = "warning", rename = { order = "id" }, remove = "tenant", set = { n = 1, f = 0.5, on = true, env = "production", "a.b" = "c" } }]"#,
            "WARN m id=17 n=1 f=0.5 on=true env=production a.b=c",
            "WARN m id=17 n=1 f=0.5 on=true env=production a.b=c",
        ),
        // A later filter may reject a rewritten event, as in Python.
        (
            r#"[{ type = "rewrite", set = { tenant = "none" } }, { type = "field", field = "tenant", equals = "acme" }]"#,
            "",
            "ERROR m order=17 tenant=none",
        ),
        (
            r#"[{ type = "rewrite", set = { tenant = "none" } }, { type = "field", field = "tenant", equals = "none" }, { type = "rewrite", remove = ["tenant", "order"] }]"#,
            "ERROR m",
            "ERROR m",
        ),
        // For some events only, and by what an earlier one made of them.
        (
            r#"[{ type = "rewrite", message = "no", when = { type = "field", field = "tenant", equals = "load-test" } }]"#,
            "ERROR m order=17 tenant=acme",
            "ERROR m order=17 tenant=acme",
        ),
        (
            r#"[{ type = "rewrite", rename = { tenant = "who" } }, { type = "rewrite", message = "yes", when = { type = "field", field = "who", equals = "acme" } }]"#,
            "ERROR yes order=17 who=acme",
            "ERROR yes order=17 who=acme",
        ),
        (
            r#"[{ type = "rewrite", level = "info", remove = "order", from = ["error"] }]"#,
            "INFO m tenant=acme",
            "",
        ),
        (
            r#"[{ type = "rewrite", remove = "order", from = ["info"] }]"#,
            "ERROR m order=17 tenant=acme",
            "ERROR m order=17 tenant=acme",
        ),
    ] {
        let heard = run(&file(filters), &[("order", "17"), ("tenant", "acme")]);
        let mut expected = vec![plain.to_owned()];
        expected.extend(
            [("b", b), ("c", c)]
                .iter()
                .filter(|(_, line)| !line.is_empty())
                .map(|(tag, line)| format!("{tag}: {line}")),
        );
        assert_eq!(heard, expected, "{filters}");
    }
}

#[test]
fn at_a_logger_it_is_for_all_of_its_handlers() {
    let at_logger = r#"
[loggers."shop::cart"]
filters = [{ type = "rewrite", message = "cart", set = { part = "cart" } }]
"#;
    let heard = run(&(file("[]") + at_logger), &[("part", "unknown")]);
    assert_eq!(heard, ["a", "b", "c"].map(|tag| format!("{tag}: ERROR cart part=cart")));
}

#[test]
fn redaction_holds_for_what_is_set_and_for_what_is_renamed() {
    let filters = r#"[{ type = "rewrite", rename = { password = "note" }, set = { token = "planted-x", link = "https://u:planted@example.com" }, message = "sent Authorization: Bearer planted.planted.planted" }]"#;
    let heard = run(&file(filters), &[("password", "planted")]);
    assert_eq!(heard.len(), 3);
    assert!(heard[0].starts_with("a: ERROR m password="), "{heard:?}");
    assert!(heard[1].contains(" note=") && heard[1].contains(" token="), "{heard:?}");
    assert!(!heard.concat().contains("planted"), "{heard:?}");
}

#[test]
fn the_formats_of_a_file_write_what_was_made_of_the_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = format!(
        r#"
[filters.short]
type = "rewrite"
level = "warn"
message = "short"
rename = {{ order = "id" }}
set = {{ "http.status" = 502, password = "planted" }}

[formatters.line]
format = "%(levelname)s %(message)s %(id)s"

[handlers.before]
type = "file"
path = "{}"
formatter = "line"

[handlers.json]
type = "file"
path = "{}"
formatter = "json"
filters = ["short"]

[handlers.line]
type = "file"
path = "{}"
formatter = "line"

[root]
handlers = ["before", "json", "line"]
"#,
        path("before"),
        path("json"),
        path("line"),
    );
    let (layer, handle) =
        Config::parse(&text).unwrap().service("x").rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    emit(&dispatch, "shop", Severity::Error, &[("order", "17")]);
    let _flushed = handle.flush(std::time::Duration::from_secs(10));
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    assert!(read("before").starts_with("ERROR m "), "{}", read("before"));
    assert_eq!(read("line"), "WARNING short 17\n");
    let json: serde_json::Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(json["id"], "17", "{json}");
    assert_eq!(json["http.status"], 502, "{json}");
    assert_eq!(json["message"], "short", "{json}");
    assert!(!read("json").contains("planted") && json.get("order").is_none(), "{json}");
}

#[test]
fn explain_says_what_was_made_of_the_event_and_by_which_rule() {
    let text = file(r#"["short"]"#)
        + "[filters.short]\ntype = \"rewrite\"\nlevel = \"info\"\nrename = { order = \"id\" }\nset = { team = \"ops\", password = \"planted\" }\n";
    let question = Question::new("shop", Level::ERROR).field("order", "17");
    let components = Components::new().assume("shown");
    let explained = Config::parse(&text).unwrap().explain(&question, &components).unwrap();
    let because: Vec<_> = explained.answers.iter().map(|answer| answer.because.as_str()).collect();
    assert_eq!(because[0], "the root names it, and it hears everything");
    let made = "; `short` rewrites it: level INFO, `order` renamed `id`, `team` set, `password` set";
    assert!(because[1] == format!("the root names it, and it hears everything{made}"), "{because:?}");
    assert!(because[2] == format!("it hears WARN and up{made}"), "{because:?}");
    assert!(!explained.to_string().contains("planted"), "{explained}");
}

#[test]
fn a_channel_says_what_was_made_of_the_event() {
    use watchfire_inbox::{Inbox, Provider};
    let inbox = Inbox::start().unwrap();
    let text = format!(
        r#"
[filters.known]
type = "rewrite"
level = "critical"
message = "the ledger does not balance"
rename = {{ order = "order_number", password = "note" }}
set = {{ team = "payments" }}

[outbox]
in_memory = true

[handlers.ops]
type = "slack"
webhook = "{}"
filters = ["known"]

[root]
handlers = ["ops"]
"#,
        inbox.slack_webhook_url()
    );
    let (layer, handle) =
        Config::parse(&text).unwrap().service("x").rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    emit(&dispatch, "shop", Severity::Error, &[("order", "4711"), ("password", "planted")]);
    let heard = inbox.wait_for(Provider::SlackWebhook, 1, std::time::Duration::from_secs(20)).unwrap();
    let body = heard[0].body();
    for part in
        ["CRITICAL", "the ledger does not balance", "order_number", "4711", "team", "payments", "note"]
    {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!body.contains("planted"), "{body}");
    drop(handle);
}
