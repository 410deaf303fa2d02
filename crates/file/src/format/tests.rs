//! Tests of the formats.

use std::time::{Duration, UNIX_EPOCH};

use proptest::{prelude::*, test_runner::Config};
use serde_json::Value as Json;
use watchfire_core::{Alert, App, Field, Severity, SpanFacts, Value};

use super::*;
use crate::{FieldValue, time::Zone};

fn line(format: &dyn Format, alert: &Alert) -> String {
    let mut out = String::new();
    Record::of_alert(alert, &Zone::utc(), |record| format.write(record, &mut out));
    out
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        ".*".prop_map(|text: String| Value::Debug(text.into())),
        any::<i64>().prop_map(Value::I64),
        any::<u64>().prop_map(Value::U64),
        any::<i128>().prop_map(Value::I128),
        any::<u128>().prop_map(Value::U128),
        any::<f64>().prop_map(Value::F64),
        Just(Value::F64(f64::NAN)),
        Just(Value::F64(-0.0)),
        any::<bool>().prop_map(Value::Bool),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_.]{1,6}",
        Just("level".to_owned()),
        Just("message_".to_owned()),
        Just("name".to_owned()),
        any::<String>()
    ]
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    proptest::collection::vec((name(), value()), 0..6)
        .prop_map(|fields| fields.into_iter().map(|(name, value)| Field::new(name, value)).collect())
}

fn alert() -> impl Strategy<Value = Alert> {
    (any::<String>(), any::<String>(), fields(), proptest::collection::vec((any::<String>(), fields()), 0..3))
        .prop_map(|(message, target, fields, spans)| {
            let mut alert = Alert::new(App::new(""), Severity::Warn, message)
                .at(UNIX_EPOCH + Duration::from_micros(1_763_675_292_007_123))
                .target(target);
            alert.fields = fields;
            alert.error = vec![String::new(), "cause\n1".to_owned()];
            alert.spans =
                spans.into_iter().map(|(name, fields)| SpanFacts::new(name, "shop", fields)).collect();
            alert
        })
}

#[test]
fn each_format_has_the_frames_of_the_program() {
    let text = "0: watchfire_core::stack::Stack::capture\n1: shop::pay\nat ./src/pay.rs:4:5\n2: tokio::spawn\n3: main\n";
    let alert = Alert::new(App::new("shop"), Severity::Error, "refused")
        .stack(watchfire_core::Stack::from_text(text));
    for format in [&Text::new() as &dyn Format, &Pretty::new()] {
        let text = line(format, &alert);
        assert!(text.ends_with("\n    shop::pay at src/pay.rs:4\n    … 1 frame of tokio\n"), "{text}");
    }
    let read: Json = serde_json::from_str(&line(&Json_::new(), &alert)).unwrap();
    assert_eq!(read["stack"], serde_json::json!(["shop::pay at src/pay.rs:4", "tokio::spawn"]));
    let template = line(&Template::new("{stack_info}").unwrap(), &alert);
    assert!(template.starts_with("shop::pay at src/pay.rs:4\\n… 1 frame of tokio\n"), "{template}");
}

/// The value that must be read back.
fn expected(value: &Value) -> Json {
    match value {
        Value::I64(n) => (*n).into(),
        Value::U64(n) => (*n).into(),
        Value::F64(x) if x.is_finite() => (*x).into(),
        Value::Bool(b) => (*b).into(),
        Value::I128(n) => i64::try_from(*n).map_or_else(|_| n.to_string().into(), Json::from),
        Value::U128(n) => u64::try_from(*n).map_or_else(|_| n.to_string().into(), Json::from),
        Value::F64(x) => format!("{x:?}").into(),
        text => text.as_text().unwrap().into(),
    }
}

/// The last value of each name.
fn last(fields: &[Field]) -> Vec<(&str, &Value)> {
    let mut all: Vec<(&str, &Value)> = Vec::new();
    for field in fields {
        all.retain(|(name, _)| *name != field.name);
        all.push((&field.name, &field.value));
    }
    all
}

proptest! {
    #![proptest_config(Config { cases: 1000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_values_come_back_from_nested_json(alert in alert()) {
        let text = line(&Json_::new().nested(), &alert);
        prop_assert_eq!(text.find('\n'), Some(text.len() - 1));
        let read: Json = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read["time"].as_str(), Some("2025-11-20T21:48:12.007123Z"));
        prop_assert_eq!(read["message"].as_str(), Some(alert.message.as_str()));
        prop_assert_eq!(read["target"].as_str(), Some(&*alert.target));
        prop_assert_eq!(&read["causes"], &serde_json::json!(["cause\n1"]));
        let fields = last(&alert.fields);
        prop_assert_eq!(read["fields"].as_object().unwrap().len(), fields.len());
        for (name, value) in fields {
            prop_assert_eq!(&read["fields"][name], &expected(value));
        }
        for (place, span) in alert.spans.iter().enumerate() {
            prop_assert_eq!(read["spans"][place]["name"].as_str(), Some(&*span.name));
        }
    }

    #[test]
    fn any_values_come_back_from_flat_json_and_no_key_is_doubled(alert in alert()) {
        let text = line(&Json_::new().spans(SpanStyle::Off), &alert);
        let read: Json = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read["level"].as_str(), Some("WARN"));
        let own = ["time", "level", "target", "message", "causes", "stack"];
        let fields = last(&alert.fields);
        prop_assert_eq!(read.as_object().unwrap().len(), fields.len() + 5);
        for (name, value) in fields {
            let key = if own.contains(&name.trim_end_matches('_')) { format!("{name}_") } else { name.to_owned() };
            prop_assert_eq!(&read[&key], &expected(value));
        }
    }

    #[test]
    fn any_values_come_back_from_logfmt(alert in alert()) {
        let text = line(&Logfmt::new(), &alert);
        prop_assert_eq!(text.find('\n'), Some(text.len() - 1));
        let pairs = read_logfmt(text.trim_end_matches('\n'));
        prop_assert_eq!(pairs[3].clone(), ("msg".to_owned(), alert.message.clone()));
        for (pair, field) in pairs[4..].iter().zip(&alert.fields) {
            match &field.value {
                Value::F64(x) if x.is_nan() => prop_assert_eq!(&pair.1, "NaN"),
                Value::F64(x) => prop_assert_eq!(pair.1.parse::<f64>().unwrap().to_bits(), x.to_bits()),
                value => prop_assert_eq!(&pair.1, &value.to_string()),
            }
        }
        let more = alert.spans.iter().map(|span| span.fields.len()).sum::<usize>();
        let spans = usize::from(!alert.spans.is_empty());
        prop_assert!(pairs.len() > 4 + alert.fields.len() && pairs.len() <= 4 + alert.fields.len() + 1 + spans + more);
    }

    #[test]
    fn no_text_forges_a_line_of_text(alert in alert()) {
        for format in [&Text::new() as &dyn Format, &Pretty::new()] {
            let text = line(format, &alert);
            prop_assert!(text.ends_with('\n'));
            prop_assert!(text.lines().skip(1).all(|line| line.starts_with("    ")), "{}", text);
            prop_assert!(!text.contains(|char: char| char.is_control() && char != '\n' && char != '\t'), "{:?}", text);
        }
    }
}

use super::Json as Json_;

/// A reader of our own, as strict as the format: pairs separated by one space, JSON strings in quotes.
fn read_logfmt(mut text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    loop {
        let (key, rest) = text.split_once('=').unwrap();
        assert!(!key.is_empty() && !key.contains([' ', '"']), "{key:?}");
        let (value, rest) = if rest.starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let value = stream.next().unwrap().unwrap();
            (value, rest.split_at(stream.byte_offset()).1)
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            let (value, rest) = rest.split_at(end);
            (value.to_owned(), rest)
        };
        pairs.push((key.to_owned(), value));
        match rest.strip_prefix(' ') {
            Some(rest) => text = rest,
            None => {
                assert_eq!(rest, "");
                return pairs;
            }
        }
    }
}

#[test]
fn flat_spans_give_way_to_the_event_and_keys_can_be_chosen() {
    let alert = Alert::new(App::new(""), Severity::Info, "hi")
        .at(UNIX_EPOCH)
        .field("id", 2_i64)
        .span(SpanFacts::new("outer", "t", vec![Field::new("id", 1_i64), Field::new("user", "ada")]))
        .span(SpanFacts::new("inner", "t", vec![Field::new("user", "bob")]));
    let json =
        Json_::new().spans(SpanStyle::Flat).key(JsonKey::Time, "@timestamp").key(JsonKey::Message, "msg");
    assert_eq!(
        line(&json, &alert),
        "{\"@timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\"target\":\"\",\"msg\":\"hi\",\"id\":2,\"user\":\"bob\"}\n"
    );
    let own = |record: &Record<'_>, out: &mut String| {
        out.push_str(record.message());
        record.with_field("user", &mut |value| {
            if let FieldValue::Str(text) = value {
                out.push_str(text);
            }
        });
        out.push('\n');
    };
    assert_eq!(line(&own, &alert), "hibob\n");
}

/// The severities of an alert, with what each preset makes of them.
#[test]
fn presets_write_the_words_and_keys_of_their_systems() {
    let alert = |severity| {
        let mut alert = Alert::new(App::new(""), severity, "card declined")
            .at(UNIX_EPOCH + Duration::from_micros(1_763_675_292_007_123))
            .target("shop::pay")
            .field("order", 4711_u64);
        (alert.file, alert.line) = (Some("src/pay.rs".into()), Some(12));
        alert.thread = "main".to_owned();
        alert
    };
    let time = "2025-11-20T21:48:12.007123Z";
    let all = [
        Severity::Trace,
        Severity::Debug,
        Severity::Info,
        Severity::Warn,
        Severity::Error,
        Severity::Critical,
    ];
    let cases: [(super::Json, [&str; 6], serde_json::Value); 4] = [
        (
            super::Json::gcp(),
            ["DEFAULT", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
            serde_json::json!({
                "time": time, "severity": "CRITICAL", "target": "shop::pay", "message": "card declined",
                "logging.googleapis.com/sourceLocation": {"file": "src/pay.rs", "line": "12"},
                "thread": "main", "order": 4711,
            }),
        ),
        (
            super::Json::datadog(),
            ["debug", "debug", "info", "warn", "error", "critical"],
            serde_json::json!({
                "timestamp": time, "status": "critical", "logger.name": "shop::pay",
                "message": "card declined", "file": "src/pay.rs", "line": 12,
                "logger.thread_name": "main", "order": 4711,
            }),
        ),
        (
            super::Json::ecs(),
            ["trace", "debug", "info", "warn", "error", "critical"],
            serde_json::json!({
                "@timestamp": time, "log.level": "critical", "ecs.version": "8.11.0",
                "log.logger": "shop::pay", "message": "card declined",
                "log.origin.file.name": "src/pay.rs", "log.origin.file.line": 12,
                "process.thread.name": "main", "order": 4711,
            }),
        ),
        (
            super::Json::opentelemetry(),
            ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"],
            serde_json::json!({
                "timestamp": time, "severity_text": "CRITICAL", "severity_number": 21,
                "target": "shop::pay", "body": "card declined", "file": "src/pay.rs", "line": 12,
                "thread": "main", "attributes": {"order": 4711},
            }),
        ),
    ];
    for (format, words, expected) in cases {
        let format = format.with_source();
        for (severity, word) in all.into_iter().zip(words) {
            let line = line(&format, &alert(severity));
            assert!(line.contains(&format!(":\"{word}\"")), "{line}");
        }
        let critical = line(&format, &alert(Severity::Critical));
        assert_eq!(serde_json::from_str::<Json>(&critical).unwrap(), expected);
    }
}

#[test]
fn fields_named_as_a_presets_own_members_stay_apart() {
    for (format, own) in [
        (super::Json::gcp(), "severity"),
        (super::Json::gcp().with_source(), "logging.googleapis.com/sourceLocation"),
        (super::Json::datadog(), "status"),
        (super::Json::ecs(), "ecs.version"),
        (super::Json::ecs(), "log.level"),
    ] {
        let alert = Alert::new(App::new(""), Severity::Warn, "").field(own, "sly");
        let mut alert = alert;
        (alert.file, alert.line) = (Some("a.rs".into()), Some(1));
        let line = line(&format, &alert);
        assert_eq!(serde_json::from_str::<Json>(&line).unwrap()[format!("{own}_")], "sly", "{line}");
    }
}

#[test]
fn ids_of_a_trace_stand_where_a_preset_expects_them() {
    let ids = || {
        let alert = Alert::new(App::new(""), Severity::Warn, "slow").field("order", 1_u64);
        alert.field("trace_id", "4bf9").field("span_id", "00f0")
    };
    for (format, path) in [
        (super::Json::new(), ["trace_id", "span_id"]),
        (super::Json::datadog(), ["trace_id", "span_id"]),
        (super::Json::opentelemetry(), ["trace_id", "span_id"]),
        (super::Json::ecs(), ["trace.id", "span.id"]),
        (super::Json::gcp(), ["logging.googleapis.com/trace", "logging.googleapis.com/spanId"]),
    ] {
        let line = line(&format, &ids());
        let read = serde_json::from_str::<Json>(&line).unwrap();
        assert_eq!((&read[path[0]], &read[path[1]]), (&"4bf9".into(), &"00f0".into()), "{line}");
        assert_eq!(line.matches("4bf9").count(), 1, "{line}");
    }
}
