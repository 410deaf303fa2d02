//! Tests of the settings of a log file.

use std::time::UNIX_EPOCH;

use watchfire_core::{Alert, App, Field, SpanFacts};

use super::*;
use crate::by_field::PathPattern;
use crate::{JsonKey, Record, SpanStyle, format::Pretty, rotation::Packing, time::Zone};

const GUIDE: &str = include_str!("../../../../docs/guide/files.md");

/// 2026-11-20T21:48:12.123456Z, a Friday.
fn now() -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_795_211_292_123_456)
}

fn line(format: &dyn Format) -> String {
    let mut alert = Alert::new(App::new(""), Severity::Error, "card declined")
        .at(now())
        .target("shop::pay")
        .place("src/pay.rs", 12)
        .thread("main")
        .field("order", 4711_i64)
        .field("user", "Ada L")
        .span(SpanFacts::new("request", "shop", vec![Field::new("id", 7_i64)]))
        .span(SpanFacts::new("charge", "shop", vec![Field::new("attempt", 2_i64)]));
    alert.error = vec!["card declined".to_owned(), "connection reset by peer".to_owned()];
    let mut out = String::new();
    Record::of_alert(&alert, &Zone::utc(), |record| format.write(record, &mut out));
    out
}

#[test]
fn the_guide_shows_each_format_as_it_is() {
    let percent = "%(asctime)s %(levelname)-8s %(user)-8s %(module)s:%(lineno)d %(message)s";
    let braces = "{time:%H:%M:%S} {level:<8} {spans} {message} {fields} {tenant}";
    let flat = Json::new().spans(SpanStyle::Flat).key(JsonKey::Time, "@timestamp");
    let formats: [(&str, &dyn Format); 8] = [
        ("text", &Text::new()),
        ("text", &Pretty::new()),
        ("json", &Json::new()),
        ("json", &Json::new().nested().with_source()),
        ("json", &flat),
        ("text", &Logfmt::new()),
        ("text", &Template::new(braces).unwrap()),
        ("text", &Template::percent(percent).unwrap()),
    ];
    for (kind, format) in formats {
        let block = format!("```{kind}\n{}```\n", line(format));
        assert!(GUIDE.contains(&block), "the guide has not:\n{block}");
    }
    assert!(GUIDE.contains(percent) && GUIDE.contains(braces));
}

#[test]
fn the_guide_names_the_rotated_files_as_they_are_called() {
    let of = |file: LogFile| {
        let plan = file.plan(&Zone::utc(), &PathPattern::default()).unwrap();
        plan.names.of(&plan.names.next(plan.period(now()), &[], &[]), Packing::Plain)
    };
    let path = "shop.log";
    let rows = [
        ("LogFile::minutely(\"shop.log\")", of(LogFile::minutely(path))),
        ("LogFile::hourly(\"shop.log\")", of(LogFile::hourly(path))),
        ("LogFile::daily(\"shop.log\")", of(LogFile::daily(path))),
        ("LogFile::daily(\"shop.log\").at(4, 0)", of(LogFile::daily(path).at(4, 0))),
        ("LogFile::weekly(\"shop.log\")", of(LogFile::weekly(path))),
        (
            "LogFile::new(\"shop.log\").every(RotationInterval::Week(4))",
            of(LogFile::new(path).every(RotationInterval::Week(4))),
        ),
        ("LogFile::new(\"shop.log\").max_size(1_000_000)", of(LogFile::new(path).max_size(1_000_000))),
        ("LogFile::daily(\"shop.log\").max_size(1_000_000)", of(LogFile::daily(path).max_size(1_000_000))),
        ("LogFile::new(\"shop.log\").rotate_at_start()", of(LogFile::new(path).rotate_at_start())),
    ];
    let table: Vec<&str> = GUIDE.lines().filter(|line| line.starts_with("| `LogFile::")).collect();
    assert_eq!(table.len(), rows.len() + 1, "a row is untested");
    for (call, name) in rows {
        let row = table.iter().find(|line| line.starts_with(&format!("| `{call}` |"))).unwrap();
        assert!(row.ends_with(&format!("| `{name}` |")), "{row} should end with {name}");
    }
    assert!(GUIDE.contains(&format!(
        "`{}`",
        LogFile::daily(path).plan(&Zone::utc(), &PathPattern::default()).unwrap().names.lock()
    )));
}

#[test]
fn the_guide_states_the_defaults_that_hold() {
    let file = LogFile::new("shop.log");
    let facts = [
        ("level without a filter", format!("{} and up", file.level.to_string().to_uppercase())),
        ("a line waits at most", format!("{} ms", file.pace.flush_every.as_millis())),
        ("written at once from", file.flush_on.to_string()),
        ("bytes that may wait", file.pace.capacity.to_string()),
        ("bytes of an event's message and fields", file.max_text.to_string()),
        ("durability", format!("`{:?}`", file.pace.durability)),
    ];
    for (what, value) in facts {
        assert!(GUIDE.contains(&format!("| {what} | {value} |")), "{what} is {value}");
    }
    assert!(file.keep.is_all() && file.pace.has_thread && matches!(file.zone, ZoneName::Utc));
}

#[test]
fn layers_and_formats_go_to_any_thread() {
    fn check<T: Send + Sync + 'static>() {}
    check::<crate::FileLayer>();
    check::<crate::ConsoleLayer>();
    check::<crate::MemoryLayer<FileHandler>>();
    check::<LogFile>();
    check::<Template>();
}
