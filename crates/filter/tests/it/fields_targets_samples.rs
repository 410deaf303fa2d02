//! Filters on fields, on targets to leave out, and by sampling.

use tracing::{debug_span, error, info, info_span, warn};
use tracing_subscriber::{prelude::*, registry};
use watchfire_filter::{EventFilter, directives, field, ignore, sample};

use crate::kept::KeptLines;

/// Runs `emit` behind `filter` and returns the messages that passed.
fn messages(filter: EventFilter, emit: impl FnOnce()) -> String {
    let kept = KeptLines::default();
    let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
    emit();
    kept.take().iter().map(|line| line.rsplit(' ').next().unwrap()).collect()
}

#[test]
fn fields_are_compared_as_text_in_the_event_then_in_the_spans() {
    let emit = || {
        info!(code = 404, "a");
        info!(code = "404", "b");
        info!(code = ?"404", "c");
        info!(code = 4041, "d");
        info!("e");
        info_span!("req", code = 404).in_scope(|| {
            info!("f");
            info!(code = 5, "g");
            info_span!("inner", code = "x404y").in_scope(|| info!("h"));
        });
        // The span levels do not admit it, so it is not seen.
        debug_span!("hidden", code = 404).in_scope(|| info!("i"));
    };
    let code = || field("code");
    let table = [
        (code().present(), "abcdfgh"),
        (code().present().not(), "ei"),
        (code().equals("404"), "abf"),
        (code().matches("404").unwrap(), "abcdfh"),
        (code().matches("^404$").unwrap(), "abf"),
        (code().matches("^404").unwrap(), "abdf"),
        (code().matches("4$").unwrap(), "abf"),
        (code().matches("(?i)X|5").unwrap(), "gh"),
        (code().matches("").unwrap(), "abcdfgh"),
        (code().matches(r"^\d{3}$").unwrap(), "abf"),
        (code().matches(r"^\w\d+\w$").unwrap(), "abdfh"),
        (field("message").matches("[f-h]").unwrap(), "fgh"),
        (code().at_least(404), "abdf"),
        (code().at_most(404), "abfg"),
        (code().at_least(404.5), "d"),
        (field("message").at_least(0), ""),
    ];
    for (filter, expected) in table {
        let shown = format!("{filter:?}");
        assert_eq!(messages(filter, emit), expected, "{shown}");
    }
}

#[test]
fn a_wrong_pattern_is_named() {
    for pattern in ["(", "a)(b", "[z-a]", "*"] {
        let error = field("code").matches(pattern).unwrap_err();
        assert_eq!(error.field(), "pattern");
        assert!(error.reason().starts_with("is not a regular expression: "), "{error}");
    }
}

#[test]
fn patterns_that_compile_to_too_much_are_refused() {
    const REASON: &str = "is too large: compiled it takes more than 1 MiB; repeat less in it";
    for pattern in ["(a{1000}){1000}", "((a{99}){99}){99}", r"(\w{100}){100}"] {
        assert_eq!(field("code").matches(pattern).unwrap_err().reason(), REASON, "{pattern}");
    }
    // A directive ends at a brace; its automaton is built as a whole.
    for pattern in [format!("[ab]*a{}", "[ab]".repeat(40)), r"\w+a".repeat(400)] {
        let error = directives(&format!("[req{{a={pattern}}}]=info")).unwrap_err().to_string();
        assert!(error.contains(REASON), "{pattern}: {error}");
    }
}

#[test]
fn ignored_targets_are_whole_segments() {
    let filter = directives("info").unwrap().and(ignore(["hyper", "shop::health", "my-app"]).unwrap());
    let passed = messages(filter, || {
        error!(target: "hyper", "a");
        error!(target: "hyper::client", "b");
        error!(target: "hyper_util", "c");
        error!(target: "shop", "d");
        error!(target: "shop::health::live", "e");
        error!(target: "my-app::web", "f");
        error!(target: "my-app-2", "g");
    });
    assert_eq!(passed, "cdg");
    let errors = ignore(["ok", "shop:pay", ""]).unwrap_err();
    assert_eq!(errors.errors().len(), 2);
    assert_eq!(errors.errors()[0].suggestion.as_deref(), Some("shop::pay"));
}

#[test]
fn ignoring_a_target_leaves_its_spans() {
    let kept = KeptLines::default();
    let filter = directives("info").unwrap().and(ignore(["hyper"]).unwrap());
    let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
    info_span!(target: "hyper", "req", id = 1).in_scope(|| error!("x"));
    assert_eq!(kept.take(), ["ERROR it::fields_targets_samples [req{id=1}] x"]);
}

#[test]
fn a_sample_takes_the_first_of_each_n_and_counts_the_rest() {
    let third = sample(3);
    let filter = directives("warn").unwrap().and(&third);
    let passed = messages(filter, || {
        for digit in 0..8 {
            info!("not counted");
            warn!("{digit}");
        }
    });
    assert_eq!(passed, "036");
    assert_eq!((third.passed(), third.held_back()), (3, 5));
    let told: Vec<_> = (0..7).map(|_| third.pass()).collect();
    assert_eq!(told, [None, Some(2), None, None, Some(2), None, None], "asked by hand, it goes on counting");
    assert_eq!(sample(3).pass(), Some(0));
    for every in [0, 1] {
        let all = sample(every);
        assert_eq!(messages(all.filter(), || (0..3).for_each(|digit| info!("{digit}"))), "012");
        assert_eq!((all.passed(), all.held_back()), (3, 0));
    }
}
