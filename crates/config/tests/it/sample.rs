//! A sample keeps back most events, and nobody has to guess how many.

use tracing::Dispatch;
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::Config;
use watchfire_core::Severity;

use crate::{emit::emit, rewrite::ShownEvents};

/// Emits seven events to handlers `a` and `b`, of which `of_a` and `of_b` are the filters; `of_logger` those of their logger.
fn run(of_a: &str, of_b: &str, of_logger: &str) -> Vec<String> {
    let shown = ShownEvents::default();
    let file = format!(
        r#"
[filters.third]
type = "sample"
every = 3

[filters.mine]
type = "all"
filters = ["third"]

[handlers.a]
type = "shown"
tag = "a"
filters = {of_a}

[handlers.b]
type = "shown"
tag = "b"
filters = {of_b}

[root]
handlers = ["a", "b"]

[loggers."shop::cart"]
filters = {of_logger}
"#
    );
    let config = Config::parse(&file).unwrap();
    let layers = config.service("x").components(shown.components()).rust_log("").layers::<Registry>();
    let (layer, _handle) = layers.unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    for number in ["0", "1", "2", "3", "4", "5", "6"] {
        emit(&dispatch, "shop::cart", Severity::Error, &[("n", number)]);
    }
    shown.take()
}

#[test]
fn what_passes_says_how_many_were_kept_back() {
    const SAMPLED: &[&str] = &["m n=0 held_back=0", "m n=3 held_back=2", "m n=6 held_back=2"];
    const ALL: &[&str] = &["m n=0", "m n=1", "m n=2", "m n=3", "m n=4", "m n=5", "m n=6"];
    const SILENT: &[&str] = &["m n=0", "m n=3", "m n=6"];
    type Case = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);
    let cases: &[Case] = &[
        (r#"["third"]"#, "[]", "[]", SAMPLED, ALL),
        (r#"[{ type = "sample", every = 3 }]"#, "[]", "[]", SAMPLED, ALL),
        ("[]", "[]", r#"["third"]"#, SAMPLED, SAMPLED),
        // Each counts for itself: of a shared count the one would hear all, and the other nothing.
        (r#"["third"]"#, r#"["third"]"#, "[]", SAMPLED, SAMPLED),
        // Within another filter it has nobody to tell.
        (r#"["mine"]"#, r#"["mine"]"#, "[]", SILENT, SILENT),
        // A rewrite goes on to those after it; what a sample says does not.
        (
            r#"["third", { type = "rewrite", message = "r" }]"#,
            "[]",
            "[]",
            &["r n=0 held_back=0", "r n=3 held_back=2", "r n=6 held_back=2"],
            &["r n=0", "m n=1", "m n=2", "r n=3", "m n=4", "m n=5", "r n=6"],
        ),
    ];
    for (of_a, of_b, of_logger, a, b) in cases {
        let lines = |tag: &str, list: &[&str]| -> Vec<String> {
            list.iter().map(|line| format!("{tag}: ERROR {line}")).collect()
        };
        let expected = [lines("a", a), lines("b", b)].concat();
        assert_eq!(run(of_a, of_b, of_logger), expected, "{of_a} {of_b} {of_logger}");
    }
}
