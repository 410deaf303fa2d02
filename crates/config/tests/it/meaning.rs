//! Settings that are legal in form and wrong in meaning, or probably not meant.

use std::{fs, path::Path};

use watchfire_config::{Components, Config};

const FILE: &str = "[handlers.f]\ntype = \"file\"\npath = \"x.log\"\n[root]\nhandlers = [\"f\"]\n";
const SLACK: &str =
    "type = \"slack\"\nwebhook = \"https://hooks.example.com/services/T0/B0/plantedplantedplanted\"\n";

/// Returns what is said, each as `path: reason (hint)`, warnings with a mark.
fn said(text: &str) -> Vec<String> {
    let found = Config::examine("x.toml", text, &Components::new());
    let of_stack =
        found.list().iter().map(|one| format!("{}{one}", if one.is_warning() { "? " } else { "" }));
    of_stack.filter(|one| !one.contains("WATCHFIRE_")).collect()
}

#[track_caller]
fn assert_said(text: &str, expected: &[&str]) {
    let said = said(text);
    let fits = said.len() == expected.len()
        && said.iter().zip(expected).all(|(said, start)| said.starts_with(start));
    assert!(fits, "{text}\n{said:#?}\nexpected: {expected:#?}");
}

#[test]
fn durations_that_lose_every_alert_are_errors() {
    // (a key of an alert channel, the start of what is said)
    for (key, expected) in [
        ("timeout = 0", "handlers.o.timeout: expected at least 1 ms"),
        ("timeout = \"0s\"", "handlers.o.timeout: expected at least 1 ms"),
        ("max_age = \"0s\"", "handlers.o.max_age: expected at least 1 ms"),
        ("digests = [\"0s\"]", "handlers.o.digests[0]: expected at least 1 ms"),
        ("digests = [\"1m\", 0.0]", "handlers.o.digests[1]: expected at least 1 ms"),
        ("max_age = \"500000000000 days\"", "handlers.o.max_age: is longer than 36525 days"),
        ("min_count = { count = 3, within = 0 }", "handlers.o.min_count.within: expected at least 1 ms"),
        ("budget = { most = 3, per = \"0 min\" }", "handlers.o.budget.per: expected at least 1 ms"),
    ] {
        let text = format!(
            "[outbox]\nin_memory = true\n[handlers.o]\n{SLACK}{key}\n[handlers.f]\ntype = \"console\"\n[root]\nhandlers = [\"o\", \"f\"]\n"
        );
        assert_said(&text, &[expected]);
    }
    for key in ["drop_deadline", "exit_deadline"] {
        assert_said(&format!("[outbox]\n{key} = 0\n{FILE}"), &[]);
    }
}

#[test]
fn a_path_that_is_no_file_is_an_error() {
    for (path, expected) in [
        ("", "is empty"),
        ("  ", "is empty"),
        ("logs/", "names a folder"),
        (".", "names a folder"),
        ("a/..", "names a folder"),
    ] {
        let text = FILE.replace("x.log", path);
        assert_said(&text, &[&format!("handlers.f.path: {expected}")]);
    }
    assert_said(&format!("[outbox]\nspool = \" \"\n{FILE}"), &["outbox.spool: is empty"]);
}

#[test]
fn two_handlers_that_go_to_one_place_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, slack) = (folder.path().display(), SLACK);
    let bot = "type = \"slack\"\ntoken = \"xoxb-planted-planted-planted\"\nchannels = [\"C0123ABCD\"]\n";
    // (handler a, handler b, the key that is named)
    for (a, b, key) in [
        (
            format!("type = \"file\"\npath = \"{folder}/x.log\"\n"),
            format!("type = \"file\"\npath = \"{folder}/./x.log\"\nformatter = \"json\"\n"),
            Some("path"),
        ),
        (
            format!("type = \"file\"\npath = \"{folder}/x.log\"\n"),
            format!("type = \"file\"\npath = \"{folder}/y.log\"\n"),
            None,
        ),
        (slack.to_owned(), format!("{slack}level = \"critical\"\n"), Some("webhook")),
        (slack.to_owned(), slack.replace("/B0/", "/B1/"), None),
        (bot.to_owned(), bot.replace("[\"C0123ABCD\"]", "[\"C0999ZZZZ\", \"C0123ABCD\"]"), Some("channels")),
        ("type = \"console\"\n".to_owned(), "type = \"console\"\n".to_owned(), None),
    ] {
        let text = format!(
            "[outbox]\nin_memory = true\n[handlers.a]\n{a}[handlers.b]\n{b}[handlers.c]\ntype = \"console\"\n[root]\nhandlers = [\"a\", \"b\", \"c\"]\n"
        );
        match key {
            Some(key) => assert_said(
                &text,
                &[&format!("? handlers.b.{key}: goes to the same place as the handler `a`")],
            ),
            None => assert_said(&text, &[]),
        }
    }
    let text = "[handlers.a]\ntype = \"file\"\npath = \"x.log\"\n[handlers.b]\ntype = \"file\"\npath = \"x.log\"\n[services.a]\nhandlers = [\"a\"]\n[services.b]\nhandlers = [\"b\"]\n";
    assert_said(text, &[]);
}

#[test]
fn alerts_without_a_spool_are_warned_of() {
    let handlers =
        format!("[handlers.o]\n{SLACK}[handlers.c]\ntype = \"console\"\n[root]\nhandlers = [\"c\", \"o\"]\n");
    let lost = "? handlers.o: its alerts are kept in memory";
    for (outbox, expected) in [
        ("", vec![lost]),
        ("[outbox]\nin_memory = false\n", vec![lost]),
        ("[outbox]\nin_memory = true\n", vec![]),
        ("[outbox]\nspool = \"/var/spool/shop\"\n", vec![]),
        ("[outbox]\nrequire_spool = true\n", vec!["outbox.require_spool: has no `spool` beside it"]),
        (
            "[outbox]\nrequire_spool = true\nin_memory = true\n",
            vec!["outbox.require_spool: contradicts `in_memory"],
        ),
    ] {
        assert_said(&format!("{outbox}{handlers}"), &expected);
    }
}

#[test]
fn a_spool_that_is_required_and_cannot_be_used_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for (spool, is_required, is_good) in [
        (file.join("below"), true, false),
        (file.join("below"), false, true),
        (folder.path().join("spool"), true, true),
    ] {
        let text = format!(
            "[outbox]\nspool = \"{}\"\nrequire_spool = {is_required}\n[handlers.o]\n{SLACK}[root]\nhandlers = [\"o\"]\n",
            spool.display()
        );
        let made = Config::parse(&text).unwrap().layers::<tracing_subscriber::Registry>();
        match made {
            Ok(_) => assert!(is_good, "{text}"),
            Err(error) => {
                assert!(!is_good && error.to_string().contains("outbox.spool: the spool"), "{text}: {error}")
            }
        }
    }
}

#[test]
fn events_that_reach_no_handler_are_warned_of() {
    let alone = "a WARN of a target without a logger of its own reaches no handler";
    let root = format!("? root: {alone}");
    let service = format!("? services.s: {alone}");
    let memory = "[outbox]\nin_memory = true\n";
    let slack = format!("{memory}[handlers.o]\n{SLACK}");
    for (text, expected) in [
        (format!("{slack}[root]\nhandlers = [\"o\"]\n"), vec![root.as_str()]),
        (format!("{slack}level = \"warn\"\n[root]\nhandlers = [\"o\"]\n"), vec![]),
        (format!("{slack}[loggers.shop]\nhandlers = [\"o\"]\n"), vec![&root]),
        (FILE.replace("[root]", "[root]\nlevel = \"error\""), vec![&root]),
        (FILE.replace("[root]", "[root]\nlevel = \"off\""), vec![]),
        (FILE.replace("[root]", "[services.s]\nlevel = \"critical\"\n[root]"), vec![&service]),
        (FILE.replace("[root]", "[services.s]"), vec![]),
        (
            format!("{FILE}[services.s]\nhandlers = []\n"),
            vec!["? services.s: has no handlers, so nothing that it logs goes anywhere"],
        ),
    ] {
        assert_said(&text, &expected);
    }
}

#[test]
fn off_that_changes_nothing_is_warned_of() {
    let handler = |level: &str| {
        let console = "[handlers.c]\ntype = \"console\"\n";
        let text = FILE.replace("[root]", &format!("level = \"{level}\"\n{console}[root]"));
        text.replace("[\"f\"]", "[\"f\", \"c\"]")
    };
    let vain = "`off` has no effect for `hyper`";
    for (text, expected) in [
        (handler("info,hyper=off"), vec![]),
        (handler("hyper=off"), vec![format!("? handlers.f.level: {vain}")]),
        (handler("off,hyper=off,shop=info"), vec![format!("? handlers.f.level: {vain}")]),
        (handler("hyper=info,hyper::client=off"), vec![]),
        (
            FILE.replace(
                "[root]",
                "filters = [{ type = \"directives\", directives = \"hyper=off\" }]\n[root]",
            ),
            vec![format!("? handlers.f.filters[0].directives: {vain}")],
        ),
        (format!("{FILE}[loggers.hyper]\nlevel = \"off\"\n"), vec![]),
        (
            format!("{FILE}[loggers.hyper]\nlevel = \"off\"\n[loggers.\"hyper::client\"]\nlevel = \"off\"\n"),
            vec!["? loggers.\"hyper::client\".level: `off` has no effect".to_owned()],
        ),
    ] {
        assert_said(&text, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn secrets_with_a_relative_path_are_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchfire.toml");
    let text = "[outbox]\nin_memory = true\n[handlers.o]\ntype = \"slack\"\nwebhook = { file = \"secrets/hook\" }\n[handlers.c]\ntype = \"console\"\n[root]\nhandlers = [\"o\", \"c\"]\n";
    fs::write(&path, text).unwrap();
    let said = || {
        let found = Config::examine_file(&path, &Components::new()).unwrap();
        let of_file = found.list().iter().filter(|one| !one.path().starts_with("WATCHFIRE_"));
        of_file.map(ToString::to_string).collect::<String>()
    };
    let missing = said();
    assert!(
        missing.contains("looked for in") && missing.contains(&folder.path().display().to_string()),
        "{missing}"
    );
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(
        folder.path().join("secrets/hook"),
        "https://hooks.example.com/services/T0/B0/planted0planted0planted0\n",
    )
    .unwrap();
    assert_eq!(said(), "");
    assert!(Config::read(&path).unwrap().layers::<tracing_subscriber::Registry>().is_ok());
    // A certificate is read by the configuration as well.
    fs::write(&path, text.replace("[handlers.c]", "ca_file = \"ca.pem\"\n[handlers.c]")).unwrap();
    assert!(said().contains("handlers.o.ca_file"), "{}", said());
    let pem = watchfire_inbox::Inbox::start().unwrap().ca_pem().to_owned();
    fs::write(folder.path().join("ca.pem"), pem).unwrap();
    assert_eq!(said(), "");
}

#[cfg(unix)]
#[test]
fn a_file_that_all_may_change_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchfire.toml");
    fs::write(&path, FILE).unwrap();
    for (mode, is_warned) in [(0o644, false), (0o664, false), (0o666, true), (0o602, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let found = Config::examine_file(&path, &Components::new()).unwrap();
        assert_eq!(found.to_string().contains("every user of this machine"), is_warned, "{mode:o}: {found}");
        assert!(!found.has_errors());
    }
    assert!(Config::examine_file(Path::new("/nowhere/x.toml"), &Components::new()).is_err());
}

#[test]
fn every_mistake_of_every_handler_is_named_once() {
    let text = r#"
[handlers.mail]
type = "email"
to = ["not an address"]
from = "errors@example.com"
server = "http://mail.example.com"
filters = ["nonesuch"]
[handlers.tg]
type = "telegram"
token = "abc"
[handlers.sms]
type = "sms"
to = ["0660123"]
[handlers.twilio]
type = "sms"
to = ["+436601234567"]
twilio = { account_sid = "AC00000000000000000000000000000042", auth_tokn = "0123456789abcdef0123456789abcdef" }
[handlers.s]
type = "sentry"
dsn = "https://sentry.example.com/1"
[handlers.ops]
type = "slack"
tokn = "xoxb-planted-planted-planted"
channels = ["x y"]
username = ""
[handlers.hook]
type = "slack"
webhook = "${WATCHFIRE_TEST_NEVER_SET}"
mention = ["ada"]
[root]
handlers = ["hook"]
[services.checkout]
directives = "info,shop:pay=debgu"
"#;
    let found = Config::examine("x.toml", text, &Components::new());
    let mut paths: Vec<_> =
        found.list().iter().map(|one| one.path()).filter(|path| !path.starts_with("WATCHFIRE_")).collect();
    paths.sort_unstable();
    let expected = [
        "handlers.hook.mention[0]",
        "handlers.hook.webhook",
        "handlers.mail.filters[0]",
        "handlers.mail.server",
        "handlers.mail.to[0]",
        "handlers.ops.channels",
        "handlers.ops.tokn",
        "handlers.ops.username",
        "handlers.s.dsn",
        "handlers.sms",
        "handlers.sms.to[0]",
        "handlers.tg",
        "handlers.tg.token",
        "handlers.twilio.twilio",
        "handlers.twilio.twilio.auth_tokn",
        "services.checkout.directives",
    ];
    assert_eq!(paths, expected, "{found}");
    let said = found.to_string();
    for word in
        ["`shop:pay`", "`debgu`", "expected `twilio`, `exotel` or both", "`from` or `messaging_service`"]
    {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert!(!said.contains("(..)") && !said.contains("planted"), "{said}");
}

#[test]
fn very_many_handlers_and_filters_are_looked_at_once() {
    let many = |entry: &dyn Fn(usize) -> String| (0..1_500).map(entry).collect::<String>();
    let console = "[handlers.c]\ntype = \"console\"\n[root]\nhandlers = [\"c\"]\n";
    let failover = |i: usize| {
        let next = i + 1;
        format!("[handlers.h{i}]\n{SLACK}failover = {{ after = \"1m\", to = [\"h{next}\", \"c\"] }}\n")
    };
    // (the file, what is said first)
    for (text, expected) in [
        (many(&|i| format!("[handlers.h{i}]\ntype = \"nonesuch\"\n")), "handlers.h0.type: there is no type"),
        (many(&|i| format!("[handlers.h{i}]\n{SLACK}timeout = 0\n")), "handlers.h0.timeout: expected"),
        (many(&failover), "handlers.h1499.failover.to[0]: there is no handler"),
        (
            many(&|i| format!("[filters.f{i}]\ntype = \"not\"\nfilter = \"f{}\"\n", i + 1)),
            "filters.f1499.filter: there is no filter",
        ),
    ] {
        let said = said(&format!("{text}{console}"));
        assert!(said.first().is_some_and(|first| first.starts_with(expected)), "{:?}", said.first());
    }
}

#[test]
fn filters_within_filters_have_an_end() {
    let chain = |length: usize| {
        let one = |i: usize| format!("[filters.f{i}]\ntype = \"not\"\nfilter = \"f{}\"\n", i + 1);
        let filters: String = (0..length).map(one).collect();
        let last = format!("[filters.f{length}]\ntype = \"ignore\"\ntargets = [\"hyper\"]\n");
        FILE.replace("[root]", &format!("filters = [\"f0\"]\n{filters}{last}[root]"))
    };
    assert_said(&chain(30), &[]);
    let said = said(&chain(5_000));
    assert!(said.len() == 1 && said[0].contains("is nested deeper than 32 filters"), "{said:?}");
    let list = |length: usize| {
        let list = vec!["{ type = \"ignore\", targets = [\"hyper\"] }"; length].join(", ");
        FILE.replace("[root]", &format!("filters = [{list}]\n[root]"))
    };
    assert_said(&list(200), &[]);
    assert_said(&list(10_000), &["handlers.f.filters: has more than 256 filters"]);
}

#[test]
fn one_cause_is_named_once_and_at_its_place() {
    let mail = "type = \"email\"\nto = \"ada@example.com\"\nfrom = \"e@example.com\"\n";
    let server = "server = \"smtp://mail.example.com\"\n";
    // (the handler, what is said)
    for (handler, expected) in [
        (
            format!("{mail}{server}password = \"planted\"\nuser = 7\n"),
            &["handlers.h.user: expected a text"][..],
        ),
        (format!("{mail}{server}password = \"planted\"\n"), &["handlers.h.password: has no `user`"]),
        (
            format!("{mail}{server}user = \"bob\"\npassword = {{ env = \"SHOP_TEST_NEVER_SET\" }}\n"),
            &["handlers.h.password: the environment variable"],
        ),
        (
            format!("{mail}sever = \"planted\"\n"),
            &["handlers.h.sever: is unknown", "handlers.h.server: expected a URL"],
        ),
        (
            format!(
                "{}{server}",
                mail.replace("\"ada@example.com\"", "[\"ada@example.com\", \"bob\", \"c d@e.at\"]")
            ),
            &[
                "handlers.h.to[1]: the value is not an address",
                "handlers.h.to[2]: the value is not an address",
            ],
        ),
        ("type = \"slack\"\nwebhook = 7\n".to_owned(), &["handlers.h.webhook: expected a text"]),
        (
            "type = \"slack\"\ntoken = true\nchannels = \"C0123ABCD\"\n".to_owned(),
            &["handlers.h.token: expected a text"],
        ),
        ("type = \"slack\"\n".to_owned(), &["handlers.h: expected `webhook`, or `token` and `channels`"]),
        (format!("{SLACK}quiet_hours = 7\nquiet_zone = \"UTC\"\n"), &["handlers.h.quiet_hours: expected"]),
    ] {
        let text = format!("[handlers.h]\n{handler}[root]\nhandlers = [\"h\"]\n");
        assert_said(&text, expected);
    }
}
