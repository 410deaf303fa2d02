//! Tests of the configuration by environment variables alone.

use super::*;

fn read_from(variables: &[(&str, &str)]) -> (Options, Vec<String>) {
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let mut findings = Findings::default();
    let options = read(&variable, &mut findings);
    let said = findings.list.iter().map(|finding| format!("{}: {}", finding.path, finding.reason)).collect();
    (options, said)
}

#[test]
fn each_key_of_the_page_has_its_place_under_both_names() {
    let hooks = r#"[{"levelnames": ["WARNING", "ERROR", "CRITICAL"], "url": "https://hooks.slack.com/services/T0/B0/not-a-real-one"}]"#;
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (&[], "file", "path", "\"error.log\""),
        (&[], "file", "level", "\"warning\""),
        (&[], "file", "rotate", "{ every = \"day\" }"),
        (&[("LOGFILE", "shop.log")], "file", "path", "\"shop.log\""),
        (&[("LOG_FILE", "shop.log")], "file", "path", "\"shop.log\""),
        (&[("LOGFILE_LEVEL", "INFO")], "file", "level", "\"INFO\""),
        (
            &[("LOG_FILE_ROTATE_WHEN", "W6"), ("LOG_FILE_ROTATE_COUNT", "7")],
            "file",
            "rotate",
            "{ every = \"sunday\", keep = 7 }",
        ),
        (&[("LOGFILE_BACKUPCOUNT", "0")], "file", "rotate", "{ every = \"day\" }"),
        (
            &[("ADMINS", "ada@example.com, Bo <bo@example.com>"), ("MAIL_DEFAULT_SENDER", "a@example.com")],
            "email",
            "to",
            "[\"ada@example.com\", \"Bo <bo@example.com>\"]",
        ),
        (
            &[
                ("ADMINS", "[('Ada', 'ada@example.com')]"),
                ("MAIL_DEFAULT_SENDER", "('Shop', 'a@example.com')"),
            ],
            "email",
            "from",
            "\"Shop <a@example.com>\"",
        ),
        (
            &[("ADMINS", "[('Ada', 'ada@example.com')]"), ("MAIL_DEFAULT_SENDER", "a@example.com")],
            "email",
            "to",
            "[\"Ada <ada@example.com>\"]",
        ),
        (
            &[("ADMINS", "a@example.com"), ("MAIL_DEFAULT_SENDER", "Shop <a@example.com>")],
            "email",
            "server",
            "\"smtp+plain://localhost:25\"",
        ),
        (
            &[
                ("ADMINS", "a@example.com"),
                ("MAIL_DEFAULT_SENDER", "a@example.com"),
                ("MAIL_SERVER", "mail.example.com"),
                ("MAIL_USERNAME", "u"),
                ("MAIL_PASSWORD", "planted"),
            ],
            "email",
            "server",
            "\"smtp://mail.example.com:587\"",
        ),
        (
            &[
                ("ADMINS", "a@example.com"),
                ("MAIL_DEFAULT_SENDER", "a@example.com"),
                ("MAIL_USE_SSL", "true"),
                ("MAIL_PORT", "4650"),
            ],
            "email",
            "server",
            "\"smtps://localhost:4650\"",
        ),
        (&[("SLACK_LOGGING_WEBHOOKS", hooks)], "slack", "levels", "[\"WARNING\", \"ERROR\", \"CRITICAL\"]"),
        (
            &[("LOG_SLACK_WEBHOOKS", hooks)],
            "slack",
            "webhook",
            "\"https://hooks.slack.com/services/T0/B0/not-a-real-one\"",
        ),
        (
            &[("TELEGRAM_ERROR_CHATID", "-100123"), ("TELEGRAM_ERROR_APIKEY", "k")],
            "telegram",
            "chats",
            "[\"-100123\"]",
        ),
        (
            &[
                ("LOG_TELEGRAM_CHATID", "-100123"),
                ("LOG_TELEGRAM_APIKEY", "k"),
                ("LOG_TELEGRAM_THREADID", "42"),
            ],
            "telegram",
            "chats",
            "[\"-100123/42\"]",
        ),
        (
            &[
                ("ADMIN_NUMBERS", "['+436601234567']"),
                ("SMS_TWILIO_SID", "AC1"),
                ("SMS_TWILIO_TOKEN", "t"),
                ("SMS_TWILIO_FROM", "+15005550006"),
            ],
            "sms",
            "twilio",
            "{ account_sid = \"AC1\", auth_token = \"t\", from = \"+15005550006\" }",
        ),
        (
            &[
                ("ADMIN_NUMBERS", "+919800000001"),
                ("SMS_EXOTEL_SID", "s"),
                ("SMS_EXOTEL_TOKEN", "t"),
                ("SMS_EXOTEL_FROM", "EXSHOP"),
            ],
            "sms",
            "exotel",
            "{ account_sid = \"s\", token = \"t\", from = \"EXSHOP\" }",
        ),
        (
            &[("WATCHFIRE_SLACK_WEBHOOK", "https://example.com/$${x"), ("WATCHFIRE_SLACK_LEVEL", "critical")],
            "slack",
            "level",
            "\"critical\"",
        ),
    ];
    for (variables, handler, key, expected) in cases {
        let (options, said) = read_from(variables);
        let found = options.table("handlers").and_then(|handlers| handlers.table(handler)?.get(key));
        assert_eq!(found.map(ToString::to_string).as_deref(), Some(*expected), "{variables:?} {said:?}");
        assert_eq!(said, [""; 0], "{variables:?}");
    }
    let (options, _) = read_from(&[("LOGFILE", "")]);
    assert!(options.table("handlers").is_some_and(Options::is_empty), "an empty text turns the file off");
}

#[test]
fn what_is_half_given_or_contradicts_itself_is_a_mistake() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("ADMINS", "a@example.com")], "ADMINS: is set, but mail also needs MAIL_DEFAULT_SENDER"),
        (
            &[("ADMINS", "a@example.com"), ("MAIL_DEFAULT_SENDER", "a@example.com"), ("MAIL_USERNAME", "u")],
            "MAIL_USERNAME: is set, but a login also needs MAIL_PASSWORD",
        ),
        (&[("LOGFILE", "a.log"), ("LOG_FILE", "b.log")], "LOGFILE: says something else than `LOG_FILE`"),
        (
            &[("TELEGRAM_ERROR_CHATID", "1")],
            "TELEGRAM_ERROR_CHATID: is set, but Telegram also needs TELEGRAM_ERROR_APIKEY",
        ),
        (&[("ADMIN_NUMBERS", "+436601234567")], "ADMIN_NUMBERS: is set, but SMS also needs an account"),
        (
            &[("ADMIN_NUMBERS", "+436601234567"), ("SMS_TWILIO_SID", "AC1")],
            "SMS_TWILIO_SID: is set, but twilio also needs SMS_TWILIO_TOKEN, SMS_TWILIO_FROM",
        ),
        (
            &[("SMS_EXOTEL_SID", "a"), ("SMS_EXOTEL_TOKEN", "b"), ("SMS_EXOTEL_FROM", "c")],
            "SMS_EXOTEL_SID: is set, but SMS also needs ADMIN_NUMBERS",
        ),
        (&[("SLACK_LOGGING_WEBHOOKS", "[{]")], "SLACK_LOGGING_WEBHOOKS: is no JSON"),
        (
            &[("SLACK_LOGGING_WEBHOOKS", "[{\"url\": \"https://example.com/planted\"}]")],
            "SLACK_LOGGING_WEBHOOKS[0]: has no `levelnames`",
        ),
        (
            &[(
                "SLACK_LOGGING_WEBHOOKS",
                "[{\"url\": \"https://example.com/planted\", \"levelnames\": [\"WARNNG\"]}]",
            )],
            "SLACK_LOGGING_WEBHOOKS[0]: `WARNNG` is not a level",
        ),
        (&[("LOGFILE_LEVEL", "loud")], "LOGFILE_LEVEL: `loud` is not a level"),
        (&[("LOGFILE_WHEN", "W9")], "LOGFILE_WHEN: `W9`"),
    ];
    for (variables, expected) in cases {
        let (_, said) = read_from(variables);
        assert!(said.len() == 1 && said[0].starts_with(expected), "{variables:?}: {said:?}");
        assert!(!said[0].contains("planted"), "{said:?}");
    }
}

#[test]
fn a_variable_that_is_like_ours_and_is_not_is_warned_of() {
    let source = [include_str!("../env_form.rs"), include_str!("mail.rs")].concat();
    for name in VARIABLES {
        assert!(source.matches(name).count() > 1, "{name} is read nowhere");
    }
    let set = [
        "WATCHFIRE_FILE",
        "WATCHFIRE_SLAK_WEBHOOK",
        "WATCHFIRE_INBOX_SERVICE_HOST",
        "WATCHFIRE_MINE",
        "WATCHFIRE_X",
    ];
    let mut findings = Findings::default();
    crate::lint::variables(&set.map(str::to_owned), "token = \"${WATCHFIRE_MINE}\"", &mut findings);
    let said: Vec<_> = findings.list.into_iter().map(|one| one.diagnostic(None).to_string()).collect();
    assert_eq!(
        said,
        [
            "WATCHFIRE_SLAK_WEBHOOK: is not a variable that watchfire reads (did you mean `WATCHFIRE_SLACK_WEBHOOK`?)",
            "WATCHFIRE_X: is not a variable that watchfire reads",
        ]
    );
}

#[test]
fn every_key_of_app_and_outbox_has_a_variable() {
    for (variables, keys) in [(APP.as_slice(), keys::APP), (&OUTBOX, keys::OUTBOX)] {
        let set = variables.iter().map(|(key, _)| *key);
        let known = keys.iter().map(|key| key.name).filter(|name| *name != "debug");
        assert_eq!(set.collect::<Vec<_>>(), known.collect::<Vec<_>>());
        for name in variables.iter().flat_map(|(_, names)| *names).filter(|name| **name != "SITE_ID") {
            assert!(VARIABLES.contains(name), "{name}");
        }
    }
}

#[test]
fn keys_of_app_and_outbox_are_checked_as_in_a_file() {
    // (variable, text, section, key, value)
    let good = [
        ("WATCHFIRE_APP", "Shop ${x}", "app", "name", "\"Shop $${x}\""),
        ("WATCHFIRE_PANICS", "No", "app", "panics", "false"),
        ("WATCHFIRE_UNCLEAN_END", "Critical", "outbox", "unclean_end", "\"critical\""),
        ("WATCHFIRE_SYNC_FROM", "never", "outbox", "sync_from", "\"never\""),
        ("WATCHFIRE_SYNC_WITHIN", "50ms", "outbox", "sync_within", "\"50ms\""),
        ("WATCHFIRE_CAPACITY", " 64 ", "outbox", "capacity", "64"),
        ("WATCHFIRE_STACKS_FROM", "ERROR", "outbox", "stacks_from", "\"error\""),
    ];
    for (name, text, section, key, value) in good {
        let (options, said) = read_from(&[(name, text)]);
        let found = options.table(section).and_then(|section| section.get(key));
        assert_eq!(found.map(ToString::to_string).as_deref(), Some(value), "{name} {said:?}");
        assert_eq!(said, [""; 0], "{name}");
    }
    // (variable, text, the start of the reason)
    let bad = [
        ("WATCHFIRE_PANICS", "perhaps", "expected true or false"),
        ("WATCHFIRE_UNCLEAN_END", "loud", "`loud` is unknown; expected `warn`, `critical` or `off`"),
        ("WATCHFIRE_SYNC_FROM", "info", "`info` is unknown; expected `critical`, `error`"),
        ("WATCHFIRE_SYNC_WITHIN", "soon", "expected a duration"),
        ("WATCHFIRE_CAPACITY", "0", "expected 1 to 1000000"),
        ("WATCHFIRE_CAPACITY", "many", "expected a whole number"),
    ];
    for (name, text, reason) in bad {
        let (_, said) = read_from(&[(name, text)]);
        assert!(
            matches!(&*said, [one] if one.starts_with(&format!("{name}: {reason}"))),
            "{name} {text}: {said:?}"
        );
    }
}
