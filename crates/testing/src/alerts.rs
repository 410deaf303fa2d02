//! Alerts for the tests of sinks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::{collection::vec, option, prelude::*, sample::select};
use watchfire_core::{Alert, AlertId, App, Field, Severity, SpanFacts, Stack, Value};

use crate::hostile_texts;

/// A stack as the standard library prints it: frames of the capture, of a program and of a library.
const STACK: &str = "   0: std::backtrace::Backtrace::create
             at /rustc/0000000000000000000000000000000000000000/library/std/src/backtrace.rs:331:13
   1: storefront::payments::charge::{{closure}}
             at ./src/payments.rs:42:17
   2: <storefront::checkout::Basket as storefront::Order>::pay
             at ./src/checkout.rs:108:9
   3: tokio::runtime::task::core::Core<T,S>::poll
             at /home/ada/.cargo/registry/src/index/tokio-1.48.0/src/runtime/task/core.rs:365:24
   4: main
   5: __libc_start_main
";

const SEVERITIES: [Severity; 6] =
    [Severity::Trace, Severity::Debug, Severity::Info, Severity::Warn, Severity::Error, Severity::Critical];

/// Returns the moment at which all that is made here happens: 2026-03-14 15:09:26 UTC, and 535 ms.
#[must_use]
pub fn moment() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_773_500_966_535)
}

/// Makes a program with everything set: name, environment, release, host, process id.
#[must_use]
pub fn full_app() -> App {
    App::new("storefront")
        .environment("production")
        .release("storefront@1.4.2")
        .host("web-1.example.com")
        .pid(4711)
}

/// Makes an alert with everything in it, the same at every call.
#[must_use]
pub fn full_alert() -> Alert {
    let request = vec![
        Field::new("method", "POST"),
        Field::new("path", "/checkout"),
        Field::new("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        Field::new("span_id", "00f067aa0ba902b7"),
    ];
    let mut alert = Alert::new(full_app(), Severity::Error, "the payment of order 4711 failed")
        .id(AlertId::from_parts(moment(), 0xc0ff_ee00, 7))
        .at(moment())
        .target("storefront::payments")
        .place("src/payments.rs", 42)
        .thread("worker-3")
        .field("order", 4711_u64)
        .field("amount", 12.5_f64)
        .field("express", true)
        .field("balance", -3_i64)
        .field("tags.tenant", "acme")
        .field("customer", "ada@example.com")
        .field("attempts", Value::Debug("[1, 2, 3]".into()))
        .span(SpanFacts::new("request", "storefront::http", request))
        .span(SpanFacts::new("charge", "storefront::payments", vec![Field::new("provider", "bank")]))
        .stack(Stack::from_text(STACK));
    alert.module = Some("storefront::payments".into());
    alert.error =
        ["the bank did not answer", "connection reset by peer", "os error 104"].map(str::to_owned).into();
    alert
}

/// Makes an alert with nothing in it, the same at every call.
#[must_use]
pub fn bare_alert() -> Alert {
    Alert::new(App::new("").host("").pid(0), Severity::Error, "")
        .id(AlertId::from_parts(moment(), 0, 0))
        .at(moment())
        .thread("")
}

/// Makes any text: of any bytes, of any characters, of hostile ones, short and long.
pub fn any_text() -> impl Strategy<Value = String> + use<> {
    let known: Vec<String> =
        hostile_texts().into_iter().map(|(_, text)| text).filter(|text| text.len() < 4096).collect();
    prop_oneof![
        4 => ".{0,40}",
        4 => vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect::<String>()),
        3 => vec(any::<u8>(), 0..120).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        3 => select(known),
        1 => (any::<char>(), 0_usize..6000).prop_map(|(c, count)| c.to_string().repeat(count)),
        2 => (".{0,6}", select(vec!["😀", "é", "漢", "&", "<", "\"", "\\", "\n", "`", "_"]), 0_usize..3000)
            .prop_map(|(start, unit, count)| format!("{start}{}", unit.repeat(count))),
    ]
}

/// Makes any alert: any texts at any place, any values, any time that a clock can show.
pub fn any_alert() -> impl Strategy<Value = Alert> + use<> {
    let app = (any_text(), option::of(any_text()), option::of(any_text()), any_text(), any::<u32>())
        .prop_map(|(name, environment, release, host, pid)| {
            let mut app = App::new(name).host(host).pid(pid);
            if let Some(environment) = environment {
                app = app.environment(environment);
            }
            if let Some(release) = release {
                app = app.release(release);
            }
            app
        });
    let spans = vec((any_text(), any_text(), any_fields()), 0..4);
    let place = option::of((any_text(), any::<u32>()));
    let texts = (any_text(), any_text(), any_text());
    let facts = (select(SEVERITIES.to_vec()), 0_u64..253_402_300_799, any::<u128>());
    let longer = (vec(any_text(), 0..4), option::of(any_text()));
    (app, texts, facts, place, any_fields(), spans, longer).prop_map(
        |(app, (message, target, thread), (severity, seconds, id), place, fields, spans, (error, stack))| {
            let mut alert = Alert::new(app, severity, message)
                .id(AlertId::from_u128(id))
                .at(UNIX_EPOCH + Duration::from_secs(seconds))
                .target(target)
                .thread(thread);
            if let Some((file, line)) = place {
                alert = alert.place(file, line);
            }
            for (name, target, fields) in spans {
                alert = alert.span(SpanFacts::new(name, target, fields));
            }
            if let Some(stack) = stack {
                alert = alert.stack(Stack::from_text(stack));
            }
            alert.fields = fields;
            alert.error = error;
            alert
        },
    )
}

fn any_fields() -> impl Strategy<Value = Vec<Field>> + use<> {
    let value = prop_oneof![
        4 => any_text().prop_map(Value::from),
        2 => any_text().prop_map(|text| Value::Debug(text.into())),
        1 => any::<i64>().prop_map(Value::I64),
        1 => any::<u64>().prop_map(Value::U64),
        1 => any::<i128>().prop_map(Value::I128),
        1 => any::<u128>().prop_map(Value::U128),
        1 => any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        1 => any::<bool>().prop_map(Value::Bool),
    ];
    let name = prop_oneof![
        2 => any_text(),
        2 => select(vec!["order", "tags.tenant", "trace_id", "span_id", "error", "severity", "tags."])
            .prop_map(str::to_owned),
    ];
    vec((name, value).prop_map(|(name, value)| Field::new(name, value)), 0..6)
}
