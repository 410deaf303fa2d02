//! Tests of directives.

use super::*;

fn mistakes(text: &str) -> Vec<(String, usize, Option<String>)> {
    let errors = directives(text).err().map(|errors| errors.errors().to_vec()).unwrap_or_default();
    errors.into_iter().map(|error| (error.part, error.at, error.suggestion)).collect()
}

#[test]
fn reads_the_whole_grammar() {
    for text in [
        "",
        ",",
        "info",
        "INFO",
        "3",
        "0",
        "off",
        "shop",
        "shop=warn",
        "shop::pay=Debug",
        "warn, shop=info ,x=4",
        "warp",
        "[req]",
        "[req]=debug",
        "shop[req]=5",
        "[req{id}]=info",
        "[{id}]=info",
        "[{id=7}]=info",
        "[req{id=-7}]=info",
        "[req{ok=true}]=info",
        "[req{name=\"a.*\"}]=info",
        "[req{name=[a-z]+}]",
        "[req{x=1.5}]=info",
        "[req{x=nan}]=info",
        "[req{a=1,b}]=trace",
        "[{a,b}]=trace",
        "info,[req{a=1,b=x}]=debug,sqlx=off",
        "a.b=info",
    ] {
        assert_eq!(mistakes(text), [], "{text}");
    }
}

#[test]
fn names_all_mistakes_with_their_place() {
    let text = "info,sqlx=wran, my crate=debug,7,shop:pay=info,a*=info,wran,[x,/re/=info";
    let found = mistakes(text);
    let found: Vec<_> =
        found.iter().map(|(part, at, meant)| (part.as_str(), *at, meant.as_deref())).collect();
    assert_eq!(
        found,
        [
            ("wran", 10, Some("warn")),
            ("my crate", 16, None),
            ("7", 31, None),
            ("shop:pay", 33, Some("shop::pay")),
            ("a*", 47, None),
            ("wran", 55, Some("warn")),
            ("[x,/re/=info", 60, None),
        ]
    );
    for (part, at, _) in found {
        assert!(text.get(at..).unwrap().starts_with(part), "{part} is not at {at}");
    }
}

#[test]
fn refuses_what_can_never_match() {
    for text in [
        "=info",
        "shop==info",
        "shop=",
        "info,shop= ,x",
        "[req]=",
        "[req{id}]=",
        "critical",
        "shop=critical",
        "[req]=Fatal",
        "shop=6",
        "shop=warning",
        "::=info",
        "shop::=info",
        "::shop",
        "[]=info",
        "[{}]=info",
        "[req{=1}]=info",
        "[req{a=1}=info",
        "[req]info",
        "[req{a=1=2}]=info",
        "[req{a=(}]=info",
        "shop pay=info",
        "info/regex",
        "[req{a=b{1,2}}]=info",
        "info;warn",
    ] {
        assert_ne!(mistakes(text), [], "{text}");
    }
}

#[test]
fn says_why_in_one_line() {
    let error = directives("info,sqlx=wran").unwrap_err();
    assert_eq!(
        error.to_string(),
        "directives: `wran` at byte 10 is not a level: expected off, error, warn, info, debug, trace, or 0 to 5, \
         did you mean `warn`?"
    );
    // A program whose `main` returns it prints its `Debug`.
    assert_eq!(format!("{error:?}"), error.to_string());
    assert_eq!(format!("{:?}", error.errors()[0]), error.errors()[0].to_string());
    let error = directives("[req{a=[z-a]}]=info").unwrap_err();
    assert_eq!(
        error.to_string(),
        "directives: `a=[z-a]` at byte 5 has a value that is not a regular expression: invalid character class range, \
         the start must be <= the end"
    );
    let error = directives("info,sqlx=wran").unwrap_err();
    for (text, sentence) in [
        (
            "error,shop=",
            "directives: `shop=` at byte 6 has no level after the `=`, did you mean `shop=trace`?",
        ),
        (
            "shop=critical",
            "directives: `critical` at byte 5 is not a level of directives: `filter::levels([Severity::Critical])` \
             chooses what is critical, did you mean `error`?",
        ),
        (
            "CRITICAL",
            "directives: `CRITICAL` at byte 0 is not a level of directives: `filter::levels([Severity::Critical])` \
             chooses what is critical, did you mean `error`?",
        ),
    ] {
        assert_eq!(directives(text).unwrap_err().to_string(), sentence);
    }
    let config = watchfire_core::ConfigError::from(error);
    assert_eq!(config.field(), "directives");
}

#[test]
fn span_levels_are_of_targets_only() {
    let table = level_table("warn,tower_http=debug,x=off").unwrap();
    assert_eq!(table.level_for("x::y"), LevelFilter::OFF);
    assert_eq!(table.level_for("z"), LevelFilter::WARN);
    for text in ["[req]=info", "info,[{id}]=info"] {
        assert!(level_table(text).is_err(), "{text}");
    }
}

#[test]
fn gives_the_most_verbose_level_of_all() {
    for (text, expected) in [
        ("", LevelFilter::ERROR),
        ("off", LevelFilter::OFF),
        ("error,a=debug,b=warn", LevelFilter::DEBUG),
        ("error,[req{id=1}]=info", LevelFilter::INFO),
        ("a", LevelFilter::TRACE),
    ] {
        assert_eq!(directives(text).unwrap().most_verbose(), expected, "{text}");
    }
}
