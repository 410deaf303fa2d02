//! Tests of rendered Sentry events.

use std::time::{Duration, UNIX_EPOCH};

use watchfire_core::{Alert, App, Origin, Severity, SpanFacts, Stack};
use watchfire_outbox::{Form, Sink};
use watchfire_testing::{Scene, bare_alert, full_alert};

use super::*;
use crate::{Sentry, SentryBuilder};

fn sentry() -> SentryBuilder {
    Sentry::dsn("https://plantedkeyplantedkey@sentry.example.com/42")
}

fn ladder(sentry: &SentryBuilder, scene: &Scene) -> Vec<(Form, Value)> {
    let notification = sentry.clone().build().unwrap().render(&scene.occasion()).remove(0);
    notification.renderings().map(|(form, body)| (form, serde_json::from_slice(body).unwrap())).collect()
}

fn rich(alert: Alert) -> Value {
    ladder(&sentry(), &Scene::first(alert)).remove(0).1
}

/// The values at a list's places, of one member each.
fn each<'a>(value: &'a Value, list: &str, member: &str) -> Vec<&'a Value> {
    value.pointer(list).unwrap().as_array().unwrap().iter().map(|one| &one[member]).collect()
}

#[test]
fn finds_a_place_for_everything() {
    let sentry = sentry().tag("region", "eu").tag_fields(["customer", "provider", "absent"]);
    let scene = Scene::first(full_alert());
    let id = sentry.clone().build().unwrap().render(&scene.occasion()).remove(0).id().to_string();
    let event = ladder(&sentry, &scene).remove(0).1;
    let expected = [
        ("/event_id", json!(id)),
        ("/timestamp", json!(1_773_500_966.535)),
        ("/platform", json!("native")),
        ("/level", json!("error")),
        ("/logger", json!("storefront::payments")),
        ("/release", json!("storefront@1.4.2")),
        ("/environment", json!("production")),
        ("/server_name", json!("web-1.example.com")),
        ("/fingerprint", json!(["0123456789abcdef"])),
        ("/logentry", json!({ "message": "the payment of order 4711 failed" })),
        (
            "/tags",
            json!({
                "customer": "ada@example.com",
                "provider": "bank",
                "region": "eu",
                "tenant": "acme",
                "watchfire.group": "0123456789abcdef",
                "watchfire.occasion": "first",
            }),
        ),
        (
            "/extra",
            json!({
                "amount": 12.5,
                "attempts": "[1, 2, 3]",
                "balance": -3,
                "customer": "ada@example.com",
                "express": true,
                "order": 4711,
            }),
        ),
        ("/contexts/spans/00 request/path", json!("/checkout")),
        ("/contexts/spans/01 charge/provider", json!("bank")),
        ("/contexts/trace/trace_id", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
        ("/contexts/trace/span_id", json!("00f067aa0ba902b7")),
        ("/contexts/app/app_name", json!("storefront")),
        ("/contexts/watchfire/place", json!("src/payments.rs:42")),
        ("/contexts/watchfire/thread", json!("worker-3")),
    ];
    for (place, value) in expected {
        assert_eq!(event.pointer(place), Some(&value), "{place} of {event:#}");
    }
}

#[test]
fn the_root_cause_is_first_and_the_stack_at_the_outermost() {
    let event = rich(full_alert());
    let list = "/exception/values";
    assert_eq!(
        each(&event, list, "value"),
        ["os error 104", "connection reset by peer", "the bank did not answer"]
    );
    let mechanisms = each(&event, list, "mechanism");
    assert_eq!(mechanisms.iter().map(|one| &one["exception_id"]).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(
        mechanisms.iter().map(|one| one.get("parent_id")).collect::<Vec<_>>(),
        [Some(&json!(1)), Some(&json!(0)), None]
    );
    let frames = "/exception/values/2/stacktrace/frames";
    assert_eq!(
        each(&event, frames, "function"),
        [
            "tokio::runtime::task::core::Core<T,S>::poll",
            "<storefront::checkout::Basket as storefront::Order>::pay",
            "storefront::payments::charge::{{closure}}",
        ]
    );
    assert_eq!(each(&event, frames, "in_app"), [false, true, true]);
    assert_eq!(each(&event, frames, "filename")[0], "tokio-1.48.0/src/runtime/task/core.rs");
    assert_eq!(each(&event, frames, "filename")[2], "src/payments.rs");
    assert_eq!(each(&event, frames, "abs_path")[2], "./src/payments.rs");
    assert_eq!(
        (&each(&event, frames, "lineno")[2], &each(&event, frames, "colno")[2]),
        (&&json!(42), &&json!(17))
    );
    assert_eq!(event.pointer("/exception/values/0/stacktrace"), None);
    assert_eq!(event.get("threads"), None);
}

#[test]
fn a_stack_without_an_error_is_that_of_the_thread() {
    let mut alert = full_alert();
    alert.error.clear();
    let event = rich(alert);
    assert_eq!(event.get("exception"), None);
    assert_eq!(event.pointer("/threads/values/0/name"), Some(&json!("worker-3")));
    assert_eq!(event.pointer("/threads/values/0/stacktrace/frames").unwrap().as_array().unwrap().len(), 3);
}

#[test]
fn a_panic_and_a_failure_of_main_are_unhandled_exceptions() {
    let mut alert = full_alert();
    assert_eq!(rich(alert.clone()).pointer("/exception/values/2/mechanism/handled"), Some(&json!(true)));
    alert.origin = Origin::Failure;
    let event = rich(alert.clone());
    let outermost = |key: &str| event.pointer(&format!("/exception/values/2/{key}")).cloned();
    assert_eq!(
        (outermost("type"), outermost("mechanism/type"), outermost("mechanism/handled")),
        (Some(json!("Error")), Some(json!("main")), Some(json!(false)))
    );
    alert.error.clear();
    alert.origin = Origin::Panic;
    let event = rich(alert.clone());
    let only = |key: &str| event.pointer(&format!("/exception/values/0/{key}")).cloned();
    assert_eq!((only("type"), only("value")), (Some(json!("panic")), Some(json!(alert.message))));
    assert_eq!(
        (only("mechanism/type"), only("mechanism/handled")),
        (Some(json!("panic")), Some(json!(false)))
    );
    assert_eq!(each(&event, "/exception/values/0/stacktrace/frames", "in_app"), [false, true, true]);
    assert_eq!(event.get("threads"), None);
}

#[test]
fn keeps_the_newest_and_the_oldest_frames() {
    let mut alert = full_alert();
    alert.stack = Some(Stack::from_text((0..600).map(|i| format!("{i}: f{i}\n")).collect::<String>()));
    let event = rich(alert);
    let functions = each(&event, "/exception/values/2/stacktrace/frames", "function");
    assert_eq!(functions.len(), 250);
    assert_eq!(
        (functions[0], functions[49], functions[50], functions[249]),
        (&json!("f599"), &json!("f550"), &json!("f199"), &json!("f0"))
    );
}

#[test]
fn each_severity_has_its_level() {
    let levels = [
        (Severity::Trace, "debug"),
        (Severity::Debug, "debug"),
        (Severity::Info, "info"),
        (Severity::Warn, "warning"),
        (Severity::Error, "error"),
        (Severity::Critical, "fatal"),
    ];
    for (severity, level) in levels {
        let mut alert = full_alert();
        alert.severity = severity;
        for (form, event) in ladder(&sentry(), &Scene::first(alert)) {
            assert_eq!(event["level"], level, "{severity} {form:?}");
        }
    }
}

#[test]
fn a_release_and_an_environment_are_such_that_sentry_keeps_them() {
    let long = "x".repeat(300);
    let cases = [
        ("shop@1.2", Some("shop@1.2"), "production", Some("production")),
        ("org/shop@1.2", Some("org-shop@1.2"), "team\\prod", Some("team-prod")),
        ("latest", None, "none", None),
        ("LATEST", None, "None", None),
        ("..", None, ".", None),
        ("", None, " ", None),
        ("a\nb", Some("a b"), "a\0b", Some("a\u{fffd}b")),
        (&long, None, &long, None),
    ];
    for (release, kept_release, environment, kept_environment) in cases {
        let app = App::new("shop").release(release.to_owned()).environment(environment.to_owned());
        let event = rich(Alert::new(app, Severity::Error, "x"));
        let text = |name| event.get(name).and_then(Value::as_str).map(str::to_owned);
        if release.len() > 200 {
            assert!(text("release").unwrap().len() <= 200 && text("environment").unwrap().len() <= 64);
        } else {
            assert_eq!(text("release").as_deref(), kept_release);
            assert_eq!(text("environment").as_deref(), kept_environment);
        }
    }
}

#[test]
fn links_to_a_trace_only_by_valid_ids() {
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traced = |trace: &str, span: Option<&str>| {
        let mut alert = bare_alert().field("trace_id", trace);
        if let Some(span) = span {
            alert = alert.field("span_id", span);
        }
        rich(alert)
    };
    for bad in ["", "4bf9", "00000000000000000000000000000000", "zbf92f3577b34da6a3ce929d0e0e4736"] {
        let event = traced(bad, None);
        assert_eq!(event.pointer("/contexts/trace"), None, "{bad:?}");
        assert_eq!(event.pointer("/extra/trace_id"), Some(&json!(bad)), "what is no id is a field");
    }
    for span in [None, Some("0000000000000000"), Some("x")] {
        let event = traced(id, span);
        assert_eq!(event.pointer("/contexts/trace/trace_id"), Some(&json!(id)));
        let own = event.pointer("/contexts/trace/span_id").unwrap().as_str().unwrap();
        assert!(own.len() == 16 && own != "0000000000000000", "{own}");
    }
    let spanned = SpanFacts::new("request", "http", vec![watchfire_core::Field::new("trace_id", id)]);
    assert_eq!(rich(bare_alert().span(spanned)).pointer("/contexts/trace/trace_id"), Some(&json!(id)));
}

#[test]
fn fields_of_one_name_are_all_kept_and_numbers_stay_exact() {
    let alert = bare_alert()
        .field("n", 1_u64)
        .field("n", 2_u64)
        .field("n", "three")
        .field("", "nameless")
        .field("large", u64::MAX)
        .field("larger", i128::MIN)
        .field("nan", f64::NAN)
        .field("tags.a b/c", "x\ny");
    let event = rich(alert);
    assert_eq!(
        event["extra"],
        json!({
            "n": 1,
            "n (2)": 2,
            "n (3)": "three",
            "(unnamed)": "nameless",
            "large": "18446744073709551615",
            "larger": "-170141183460469231731687303715884105728",
            "nan": "NaN",
        })
    );
    assert_eq!(event["tags"]["a-b_c"], "x y");
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut alert = bare_alert();
    for i in 0..40 {
        alert = alert.field(format!("f{i}"), "x".repeat(20_000));
    }
    let event = rich(alert);
    let extra = event["extra"].as_object().unwrap();
    let kept = extra.len() - 1;
    assert_eq!(extra["(omitted)"], 40 - kept);
    assert!(extra["f0"].as_str().unwrap().ends_with("[cut]"));
    assert!(event.to_string().len() < 200_000);
}

#[test]
fn a_digest_belongs_to_the_issue_and_a_storm_does_not() {
    let alert = full_alert();
    for scene in Scene::all(&alert, &[]) {
        let event = ladder(&sentry(), &scene).remove(0).1;
        let own_issue =
            matches!(scene.summary.kind, OccasionKind::Storm | OccasionKind::CatchUp | OccasionKind::Quiet);
        assert_eq!(
            event["fingerprint"].as_array().unwrap().len(),
            if own_issue { 2 } else { 1 },
            "{}",
            scene.name
        );
        assert_eq!(event.get("exception").is_none(), own_issue, "{}", scene.name);
        let shown = event.pointer("/logentry/formatted").and_then(Value::as_str).unwrap_or_default();
        match scene.summary.kind {
            OccasionKind::First => assert_eq!(shown, "", "{}", scene.name),
            OccasionKind::Quiet => assert_eq!(event["level"], "info"),
            // The words are the page's; the counts must be there.
            _ => assert!(shown.contains("56 "), "{}: {shown}", scene.name),
        }
    }
    let scenes = Scene::all(&alert, &[]);
    let large = scenes.iter().find(|scene| scene.name == "large storm").unwrap();
    let event = ladder(&sentry(), large).remove(0).1;
    assert_eq!(event.pointer("/contexts/watchfire/groups").unwrap().as_array().unwrap().len(), 50);
    let message = event["logentry"]["message"].as_str().unwrap();
    assert!(message.starts_with("STORM OVER: 300 different alerts in "), "{message}");
}

#[test]
fn each_step_is_lighter_and_still_says_what_happened() {
    let ladder = ladder(&sentry(), &Scene::first(full_alert()));
    let said = |i: usize| ladder[i].1["logentry"].to_string();
    for (i, absent) in
        [(1, "exception"), (1, "extra"), (1, "contexts"), (2, "contexts"), (3, "tags"), (3, "release")]
    {
        assert_eq!(ladder[i].1.get(absent), None, "{absent} in {:?}", ladder[i].0);
    }
    assert!(said(1).contains("order = 4711") && said(1).contains("connection reset by peer"));
    assert!(said(2).contains("the payment of order 4711 failed") && said(2).contains("src/payments.rs:42"));
    assert!(said(3).contains("[storefront] ERROR: the payment of order 4711 failed"));
    let all: Vec<_> = ladder.iter().map(|(_, event)| (&event["event_id"], &event["fingerprint"])).collect();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_time_that_the_protocol_cannot_write_is_the_epoch() {
    let event = rich(full_alert().at(UNIX_EPOCH - Duration::from_secs(1)));
    assert_eq!(event["timestamp"], 0);
}
