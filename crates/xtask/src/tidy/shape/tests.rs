//! Tests of the checks on files.

use super::*;

const CONFIG: (&str, &str) = ("crates/slack/src/config.rs", "");
const LIB: (&str, &str) = ("crates/slack/src/lib.rs", "");
const RENDER: (&str, &str) = ("crates/slack/src/render.rs", "");
const API: (&str, &str) = ("crates/slack/src/api.rs", "");
const SINK: (&str, &str) = ("crates/slack/src/sink.rs", "");
const VERIFY: (&str, &str) = ("crates/slack/src/verify.rs", "");

fn places(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.place.as_str()).collect()
}

/// Leaves aside the exceptions of the real tree, which a small one does not need.
fn of_tree(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(|finding| finding.place != TABLES).collect()
}

#[test]
fn a_sink_has_the_files_of_its_siblings() {
    let tests = ("crates/slack/src/render/tests.rs", "");
    let good = Tree::of([CONFIG, LIB, RENDER, API, SINK, VERIFY, tests]);
    assert_eq!(of_tree(siblings(&good)), []);

    let without = Tree::of([CONFIG, LIB, API, SINK, VERIFY]);
    assert_eq!(places(&of_tree(siblings(&without))), ["crates/slack/src/render.rs"]);

    let both = Tree::of([CONFIG, LIB, RENDER, API, SINK, VERIFY, ("crates/slack/src/transport.rs", "")]);
    assert_eq!(places(&of_tree(siblings(&both))), ["crates/slack/src/"]);

    let more = Tree::of([CONFIG, LIB, RENDER, API, SINK, VERIFY, ("crates/slack/src/utils.rs", "")]);
    assert_eq!(places(&of_tree(siblings(&more))), ["crates/slack/src/utils.rs"]);
}

#[test]
fn a_file_is_as_long_as_its_code() {
    let long = "x\n".repeat(MOST_LINES + 1);
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{long}}}\n", "x\n".repeat(MOST_LINES - 1));
    let tree = Tree::of([
        ("crates/file/src/long.rs", &long),
        ("crates/file/src/tested.rs", &tested),
        ("crates/file/src/long/tests.rs", &long),
        ("crates/file/tests/it/main.rs", &long),
    ]);
    assert_eq!(places(&of_tree(sizes(&tree))), ["crates/file/src/long.rs"]);
}

#[test]
fn lib_rs_holds_no_logic() {
    let long = "//! x\n".repeat(MOST_LIB_LINES + 1);
    let tree = Tree::of([
        (
            "crates/a/src/lib.rs",
            "//! A fn.\nmod a;\npub use a::Fn;\nmacro_rules! m { () => { fn x() {} } }\n",
        ),
        ("crates/b/src/lib.rs", "pub fn b() {}\n"),
        ("crates/c/src/lib.rs", &long),
    ]);
    assert_eq!(places(&lib_files(&tree)), ["crates/b/src/lib.rs", "crates/c/src/lib.rs"]);
}

#[test]
fn a_second_impl_layer_is_found() {
    let one = (
        "crates/core/src/layer.rs",
        "impl<S, H> tracing_subscriber::Layer<S> for HandlerLayer<H>\nwhere S: for<'a> LookupSpan<'a> {}",
    );
    let lib = ("crates/core/src/lib.rs", "");
    let tower = ("crates/tower/src/layer.rs", "impl<S> Layer<S> for RequestLayer {}");
    let bound = (
        "crates/file/src/a.rs",
        "impl<S, L: Layer<S>> Handler for Wrapped<S, L> {}\n// impl Layer<S> for X {}",
    );
    let test = ("crates/file/src/b.rs", "#[cfg(test)]\nmod tests { impl<S> Layer<S> for Probe {} }");
    assert_eq!(one_layer(&Tree::of([one, lib, tower, bound, test])), []);

    let second = (
        "crates/file/src/layer.rs",
        "impl<S: Subscriber, F: Fn() -> bool>\n    Layer<S> for FileLayer<F>\n{}",
    );
    assert_eq!(places(&one_layer(&Tree::of([one, lib, second]))), ["crates/file/src/layer.rs"]);

    let hidden =
        ("crates/tower/src/span.rs", "use tracing_subscriber::Layer;\nimpl<S> Layer<S> for Sneaky {}");
    assert_eq!(places(&one_layer(&Tree::of([one, lib, hidden]))), ["crates/tower/src/span.rs"]);

    assert_eq!(places(&one_layer(&Tree::of([lib]))), ["crates/core/src"]);
    assert_eq!(one_layer(&Tree::of([])), []);
}

#[test]
fn the_facade_only_exports() {
    let good = (
        "crates/watchfire/src/lib.rs",
        "pub use a::b;\n#[macro_export]\nmacro_rules! m { () => { fn x() {} } }",
    );
    assert_eq!(facade(&Tree::of([good])), []);
    let bad = ("crates/watchfire/src/init.rs", "pub fn init() {}");
    assert_eq!(places(&facade(&Tree::of([good, bad]))), ["crates/watchfire/src/init.rs"]);
}

#[test]
fn every_sink_runs_the_conformance_suite() {
    let suite = ("crates/testing/src/conformance.rs", "");
    let runs = ("crates/slack/tests/it/main.rs", "watchfire_testing::conformance::check(slack());");
    let talks = ("crates/slack/tests/it/main.rs", "// conformance comes later");
    assert_eq!(conformance(&Tree::of([LIB, suite, runs])), []);
    assert_eq!(conformance(&Tree::of([LIB, talks])), []);
    assert_eq!(places(&conformance(&Tree::of([LIB, suite, talks]))), ["crates/slack/tests/it/main.rs"]);
}
