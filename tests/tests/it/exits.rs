//! The guide on exits is compared with a run: the debug build here, all builds and a forked child in `cargo xtask exits`.

use std::path::Path;

use watchfire_tests::exits::{End, Matrix, Runtime, SetUp, compare, matrix, run};

const GUIDE: &str = include_str!("../../../docs/guide/exits.md");
const SHOP: &str = env!("CARGO_BIN_EXE_shop");

#[test]
fn every_end_is_reported_as_the_guide_says() {
    for (name, of) in [("plain", Matrix::PLAIN), ("tokio", Matrix::TOKIO)] {
        let section = matrix(Path::new(SHOP), of).unwrap();
        compare(GUIDE, name, &section).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_first_frame_is_the_programs_for_panics_and_events() {
    // (what the program does, the function whose frame comes first)
    let cases = [
        ("panic", "shop::pay"),
        ("panic-thread", "shop::pay"),
        ("panic-handler", "shop::pay"),
        ("event", "report"),
        ("event-thread", "report"),
        ("event-handler", "report"),
    ];
    for (word, function) in cases {
        let end = End { has_stacks: true, ..End::new(word, word) };
        let ended = run(Path::new(SHOP), SetUp::Environment, Runtime::Plain, &end).unwrap();
        assert_eq!(ended.frame, format!("{function} at tests/src/bin/shop.rs"), "{word}");
        assert_eq!((ended.slack.report, ended.mail.report), (1, 1), "{word}: one alert");
    }
}

#[test]
fn odd_ends_are_reported_as_often_as_they_panic() {
    // (end, how the program ends, how often it is reported)
    let cases = [
        ("panic-value", "exit 101", 1),
        ("panic-blocking", "exit 0", 1),
        // Two panics, and the abort that follows.
        ("panic-in-drop", "SIGABRT", 2),
        ("panic-in-thread-local", "SIGABRT", 1),
        // Std aborts, as a hook that prints the text panics: the next start reports no orderly exit.
        ("panic-in-text", "SIGABRT", 1),
        ("exit-in-thread", "exit 0", 0),
        ("error-secret", "exit 1", 1),
    ];
    for (word, status, reports) in cases {
        let ended = run(Path::new(SHOP), SetUp::Code, Runtime::Plain, &End::new(word, word)).unwrap();
        assert_eq!(ended.status, status, "{word}: {ended:?}");
        let seen = [ended.slack, ended.mail].map(|arrived| (arrived.last_word, arrived.report));
        assert_eq!(seen, [(1, reports); 2], "{word}: {ended:?}");
    }
}
