//! The router beside the same stack built by hand, of one filtered layer per handler.

use tracing::Dispatch;
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::Config;
use watchfire_core::{HandlerLayer, Severity};
use watchfire_filter as filter;

use crate::emit::{Ears, emit};

const FILE: &str = r#"
[filters.real]
type = "not"
filter = { type = "field", field = "tenant", equals = "load-test" }

[filters.band]
type = "all"
filters = [{ type = "range", least = "info", most = "warn" }, { type = "ignore", targets = ["shop::noise"] }]

[filters.either]
type = "any"
filters = [{ type = "levels", levels = ["critical", "debug"] }, { type = "field", field = "tenant", matches = "^a" }]

[handlers.a]
type = "heard"
tag = "a"
level = "info,shop::web=debug,shop::noise=off"

[handlers.b]
type = "heard"
tag = "b"
level = "error"
filters = ["real"]

[handlers.c]
type = "heard"
tag = "c"
filters = ["band"]

[handlers.d]
type = "heard"
tag = "d"
filters = ["either", "real"]

[handlers.e]
type = "heard"
tag = "e"
levels = ["warning", "critical"]

[root]
level = "notset"
handlers = ["a", "b", "c", "d", "e"]
"#;

#[test]
fn hears_the_same_as_the_same_stack_built_by_hand() {
    let (ours, theirs) = (Ears::default(), Ears::default());
    let config = Config::parse(FILE).unwrap();
    let (layer, _handle) =
        config.service("x").components(ours.components()).rust_log("").layers::<Registry>().unwrap();
    let router = Dispatch::new(tracing_subscriber::registry().with(layer));
    let real = || filter::field("tenant").equals("load-test").not();
    let layer = |tag: &str| HandlerLayer::new(theirs.handler(tag));
    let by_hand = tracing_subscriber::registry()
        .with(layer("a").with_filter(filter::directives("info,shop::web=debug,shop::noise=off").unwrap()))
        .with(layer("b").with_filter(filter::level_range(Severity::Error, Severity::Critical).and(real())))
        .with(layer("c").with_filter(
            filter::level_range(Severity::Info, Severity::Warn).and(filter::ignore(["shop::noise"]).unwrap()),
        ))
        .with(
            layer("d").with_filter(
                filter::levels([Severity::Critical, Severity::Debug])
                    .or(filter::field("tenant").matches("^a").unwrap())
                    .and(real()),
            ),
        )
        .with(layer("e").with_filter(filter::levels([Severity::Warn, Severity::Critical])));
    let by_hand = Dispatch::new(by_hand);
    let mut heard = 0;
    for target in ["shop", "shop::web", "shop::web::cart", "shop::noise", "shop::noisy", "sqlx"] {
        for severity in ["trace", "debug", "info", "warn", "error", "critical"] {
            for tenant in [None, Some("load-test"), Some("acme")] {
                let fields: Vec<_> = tenant.map(|tenant| ("tenant", tenant)).into_iter().collect();
                let severity = severity.parse().unwrap();
                emit(&router, target, severity, &fields);
                emit(&by_hand, target, severity, &fields);
                let (mut found, mut expected) = (ours.tags(), theirs.tags());
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{severity} at {target}, {tenant:?}");
                heard += found.len();
            }
        }
    }
    assert!(heard > 100, "{heard}");
}

#[test]
fn a_field_is_compared_by_its_number() {
    let text = r#"
[handlers.slow]
type = "heard"
tag = "slow"
filters = [{ type = "field", field = "duration_ms", at_least = 200, at_most = 5000 }]
[root]
level = "debug"
handlers = ["slow"]
"#;
    let ears = Ears::default();
    let config = Config::parse(text).unwrap();
    let (layer, _handle) = config.service("x").components(ears.components()).layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    // (value, passes)
    for (value, passes) in [("199", 0), ("200", 1), ("200.5", 1), ("5001", 0), ("slow", 0), ("1e3", 1)] {
        emit(&dispatch, "db::query", Severity::Debug, &[("duration_ms", value)]);
        assert_eq!(ears.tags().len(), passes, "{value}");
    }
}

#[test]
fn span_and_field_directives_work_at_handlers_and_rust_log() {
    let text = r#"
[handlers.all]
type = "heard"
tag = "all"
[handlers.one]
type = "heard"
tag = "one"
level = "off,[request{tenant=acme}]=debug"
[root]
level = "debug"
handlers = ["all", "one"]
"#;
    let run = |rust_log: &str, body: fn()| {
        let ears = Ears::default();
        let config = Config::parse(text).unwrap();
        let (layer, _handle) = config
            .service("x")
            .components(ears.components())
            .rust_log(rust_log)
            .layers::<Registry>()
            .unwrap();
        tracing::dispatcher::with_default(&Dispatch::new(tracing_subscriber::registry().with(layer)), body);
        ears.tags()
    };
    let body = || {
        tracing::debug!(target: "shop", "outside");
        tracing::debug_span!(target: "shop", "request", tenant = "acme")
            .in_scope(|| tracing::debug!(target: "shop", "in"));
        tracing::debug_span!(target: "shop", "request", tenant = "other")
            .in_scope(|| tracing::debug!(target: "shop", "in"));
    };
    assert_eq!(run("", body), ["all", "all", "one", "all"]);
    assert_eq!(
        run("error,[request{tenant=other}]=debug", body),
        ["all"],
        "the root is at ERROR but for the span"
    );
}

#[test]
fn json_is_read_like_toml_and_what_is_written_is_read_again() {
    let config = Config::parse(FILE).unwrap();
    assert_eq!(Config::parse(&config.to_string()).unwrap(), config);
    let schema: serde_json::Value = serde_json::from_str(&watchfire_config::schema()).unwrap();
    assert_eq!(schema["properties"]["root"]["properties"]["propagate"]["type"], "boolean");
    assert_eq!(schema["additionalProperties"], false);
    let filters = schema["properties"]["filters"]["additionalProperties"]["anyOf"].as_array().unwrap();
    let rewrite = filters.iter().find(|filter| filter["properties"]["type"]["const"] == "rewrite").unwrap();
    let set = &rewrite["properties"]["set"]["additionalProperties"]["type"];
    assert_eq!(*set, serde_json::json!(["string", "number", "boolean"]));
    assert_eq!(rewrite["properties"]["rename"]["additionalProperties"]["type"], "string");
    assert!(rewrite.get("required").is_none(), "each key alone will do: {rewrite}");
    #[cfg(feature = "json")]
    {
        let json = r#"{"handlers": {"file": {"type": "file", "path": "x.log"}}, "root": {"handlers": ["file"], "lvel": "info"}}"#;
        let diagnostics =
            Config::examine("watchfire.json", json, &watchfire_config::Components::new()).to_string();
        assert!(diagnostics.starts_with("watchfire.json:1:"), "{diagnostics}");
        assert!(diagnostics.contains("did you mean `level`?"), "{diagnostics}");
    }
}
