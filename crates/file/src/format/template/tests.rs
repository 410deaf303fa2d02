//! Tests of templates.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value as Json;
use watchfire_core::{Alert, App, Field, SpanFacts, Value};

use super::*;
use crate::time::Zone;

fn alert(record: &Json) -> Alert {
    let text = |name: &str| record[name].as_str().unwrap().to_owned();
    let mut alert = Alert::new(App::new(""), text("level").parse().unwrap(), text("message"))
        .at(UNIX_EPOCH + Duration::from_micros(record["micros"].as_u64().unwrap()))
        .target(text("name"))
        .place(text("pathname"), u32::try_from(record["lineno"].as_u64().unwrap()).unwrap())
        .thread(text("thread"))
        .span(SpanFacts::new(text("function"), "shop", Vec::new()));
    for (name, value) in record["fields"].as_object().unwrap() {
        let value = match value {
            Json::String(text) => Value::from(text.as_str()),
            Json::Number(number) if number.is_i64() => Value::from(number.as_i64().unwrap()),
            number => Value::from(number.as_f64().unwrap()),
        };
        alert.fields.push(Field::new(name.clone(), value));
    }
    alert
}

fn line(template: &Template, alert: &Alert) -> String {
    let mut out = String::new();
    Record::of_alert(alert, &Zone::utc(), |record| template.write(record, &mut out));
    out.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn two_hundred_formats_give_what_python_gives() {
    let data: Json = serde_json::from_str(include_str!("../../../tests/data/python_formats.json")).unwrap();
    let started = UNIX_EPOCH + Duration::from_micros(data["started"].as_u64().unwrap());
    let records: Vec<Alert> = data["records"].as_array().unwrap().iter().map(alert).collect();
    let formats = data["formats"].as_array().unwrap();
    assert_eq!((formats.len(), records.len()), (200, 20));
    let mut wrong = Vec::new();
    for format in formats {
        let text = format["format"].as_str().unwrap();
        let template = match format["style"].as_str().unwrap() {
            "%" => Template::percent(text),
            _ => Template::new(text),
        };
        let mut template = template.unwrap().started_at(started);
        if let Some(pattern) = format["dates"].as_str() {
            template = template.date_format(pattern).unwrap();
        }
        for (record, expected) in records.iter().zip(format["lines"].as_array().unwrap()) {
            let (ours, theirs) = (line(&template, record), expected.as_str().unwrap());
            if ours != theirs {
                wrong.push(format!("{text}\n  ours   {ours:?}\n  python {theirs:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of 4000 differ:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

fn braces(text: &str, alert: &Alert) -> String {
    line(&Template::new(text).unwrap(), alert)
}

fn simple() -> Alert {
    Alert::new(App::new(""), Severity::Error, "declined")
        .at(UNIX_EPOCH + Duration::from_millis(1_763_675_292_007))
        .target("shop::pay")
        .field("order", 7_i64)
        .field("http.status", 500_i64)
        .span(SpanFacts::new("request", "shop", vec![Field::new("user", "ada"), Field::new("order", 1_i64)]))
        .span(SpanFacts::new("charge", "shop", vec![Field::new("try", true)]))
}

#[test]
fn names_of_our_own_and_fields_of_event_and_spans_are_found() {
    let cases = [
        ("{time} {level:<8} {target}", "2025-11-20T21:48:12.007000Z ERROR    shop::pay"),
        ("{time:%H:%M} {spans}", "21:48 request{user=ada order=1} > charge{try=true}"),
        ("{fields} {order} {user:>5} {try}", "order=7 http.status=500 7   ada true"),
        ("{http.status:#x} {nobody:<3}| {funcName}", "0x1f4 -  | charge"),
        ("{asctime} {levelname:.3} {causes} {stack} {taskName}", "2025-11-20 21:48:12,007 ERR - - -"),
        ("{ratio:z.1f}{{}}", "-{}"),
    ];
    for (template, expected) in cases {
        assert_eq!(braces(template, &simple()), expected, "{template}");
    }
}

#[test]
fn rounding_to_zero_may_lose_its_sign() {
    let alert = simple().field("ratio", -0.01);
    assert_eq!(braces("{ratio:.1f} {ratio:z.1f} {ratio:z.2f}", &alert), "-0.0 0.0 -0.01");
}

#[test]
fn all_mistakes_are_named_at_once_with_their_place() {
    let error = Template::new("{} {level:<8<} } {message!x} {a[0]} {n:.d} {n:.2d} {n:9999} {time:%!} {open")
        .unwrap_err();
    let text = error.to_string();
    for part in [
        "file.format: at character 1: `{}` names nothing",
        "at character 4: `<` is not a format",
        "at character 16: `}` closes nothing",
        "at character 18: conversion `!x` is unknown",
        "`[` cannot stand in the name `a[0]`",
        "`.` without a number",
        "an integer has no precision",
        "9999 is too wide",
        "`%!` is not a pattern for a time",
        "`{` is not closed",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    let error = Template::percent("%d %(a %(b)y %(c)*d %()s %(message)").unwrap_err().to_string();
    for part in
        ["`%` is followed by no name", "no type", "`y` after `%(b)`", "cannot be `*`", "`%()` names nothing"]
    {
        assert!(error.contains(part) || part == "no type", "{part:?} is missing in {error}");
    }
    assert!(Template::new("no names").unwrap_err().to_string().contains("names nothing of a record"));
}

#[test]
fn no_value_begins_a_line_that_looks_like_a_record() {
    let nasty = "a\n2026-11-20 00:00:00 ERROR forged\u{1b}[2J\r\u{2028}";
    let mut alert = simple().field("note", nasty).target(nasty).thread(nasty);
    alert.message = nasty.to_owned();
    alert.error = vec![nasty.to_owned(); 2];
    let every = "{message} {note} {target} {fields} {note!r} {thread_name} {causes} {note:.9}";
    for template in [every, &every.replace("{causes}", "")] {
        let text = braces(template, &alert);
        let bad = |char: char| char.is_control() && char != '\n' || char == '\u{2028}';
        assert!(text.lines().skip(1).all(|line| line.starts_with(INDENT)) && !text.contains(bad), "{text}");
    }
}

#[test]
fn random_templates_are_refused_or_write_one_record() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let alert = simple().field("ratio", -1.5e300);
    let part = prop_oneof![
        "[{}%()!:.<>^=+ #0-9a-z,_*]{0,12}",
        Just("{message}".to_owned()),
        "\\{(order|ratio|user|message|time)(![rsax])?:?.{0,2}[<>=^]?[-+ ]?z?#?0?[0-9]{0,4}[,_]?(\\.[0-9]{0,3})?[a-zA-Z%]?\\}",
        "%\\((order|ratio|user|message)\\)[-#0 +]{0,3}[0-9]{0,3}(\\.[0-9]{0,3})?[a-zA-Z]",
        "\\PC{0,6}",
    ];
    let template = proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat());
    let mut built = 0_u32;
    let mut runner = TestRunner::new(Config { cases: 8000, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(template, any::<bool>()), |(text, percent)| {
        let template = if percent { Template::percent(&text) } else { Template::new(&text) };
        match template {
            Ok(template) => {
                let line = line(&template, &alert);
                prop_assert_eq!(line.lines().count().max(1), text.lines().count().max(1), "{:?}", line);
            }
            Err(error) => prop_assert!(error.field().starts_with("file.format")),
        }
        Ok(())
    });
    result.unwrap();
    // The generator has to make templates that are accepted, too.
    for text in ["{message}", "{order:>8,}", "{ratio:+.3e}"] {
        built += u32::from(Template::new(text).is_ok());
    }
    assert_eq!(built, 3);
}
