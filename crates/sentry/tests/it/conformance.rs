//! The suite that every sink runs, with a check by Relay's limits.

use serde_json::Value;
use watchfire_outbox::Form;
use watchfire_sentry::Sentry;
use watchfire_testing::conformance;

/// Relay refuses larger events; it cuts or drops the rest of this in silence.
const EVENT: usize = 1 << 20;

#[test]
fn keeps_the_promises_of_every_sink() {
    let dsn = "https://plantedpublickey0001:plantedsecretkey0001@sentry.example.com/42";
    let sentry = Sentry::dsn(dsn).tag("region", "eu").tag_fields(["order", "tags.tenant"]).build().unwrap();
    conformance::of(&sentry)
        .secrets([dsn, "plantedpublickey0001", "plantedsecretkey0001"])
        .reference("0123456789abcdef0123456789abcdef")
        .valid(keeps_relays_limits)
        .check();
}

fn keeps_relays_limits(form: Form, body: &[u8]) -> Result<(), String> {
    let event: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let text = |place: &str| event.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let list = |place: &str| event.pointer(place).and_then(Value::as_array).cloned().unwrap_or_default();
    let hold = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    let name = |name: &str, max: usize| {
        name.len() <= max && !name.contains(['/', '\\']) && !name.contains(char::is_control)
    };

    hold(body.len() <= EVENT, "more than 1 MiB")?;
    let id = text("/event_id");
    hold(id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "no event id")?;
    hold(event.get("timestamp").and_then(Value::as_f64).is_some_and(|at| at >= 0.0), "no timestamp")?;
    hold(matches!(text("/level"), "fatal" | "error" | "warning" | "info" | "debug"), "no level")?;
    hold(!text("/logentry/message").trim().is_empty(), "no message")?;
    hold(
        name(text("/release"), 200) && !text("/release").eq_ignore_ascii_case("latest"),
        "a dropped release",
    )?;
    hold(
        name(text("/environment"), 64) && !text("/environment").eq_ignore_ascii_case("none"),
        "a dropped environment",
    )?;
    for (place, max) in
        [("/logentry/message", 8_192), ("/logentry/formatted", 8_192), ("/logger", 64), ("/server_name", 256)]
    {
        hold(text(place).chars().count() <= max, place)?;
    }
    for (name, value) in event.get("tags").and_then(Value::as_object).into_iter().flatten() {
        let good = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        hold(!name.is_empty() && name.len() <= 200 && name.chars().all(good), "a tag's name")?;
        let value = value.as_str().unwrap_or_default();
        hold(!value.is_empty() && value.chars().count() <= 200 && !value.contains('\n'), "a tag's value")?;
    }
    let exceptions = list("/exception/values");
    for exception in &exceptions {
        let value = exception.get("value").and_then(Value::as_str).unwrap_or_default();
        hold(value.chars().count() <= 8_192, "an exception's value")?;
        let stack = exception.pointer("/stacktrace/frames").and_then(Value::as_array);
        hold(stack.is_none_or(|frames| frames.len() <= 250), "too many frames")?;
    }
    let extra = event.get("extra").and_then(Value::as_object).into_iter().flatten();
    hold(extra.clone().all(|(_, value)| value.to_string().len() <= 16_384), "too large a value of extra")?;
    hold(event.get("extra").is_none_or(|extra| extra.to_string().len() <= 262_144), "too large an extra")?;
    hold(form == Form::Rich || exceptions.is_empty(), "exceptions in a lighter event")?;
    legible(&event)
}

/// Nothing that a page or a terminal would act upon.
fn legible(value: &Value) -> Result<(), String> {
    let bad = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match value {
        Value::String(text) if text.contains(bad) => Err(format!("illegible: {text:?}")),
        Value::Array(values) => values.iter().try_for_each(legible),
        Value::Object(map) => map.iter().try_for_each(|(name, value)| {
            if name.contains(bad) { Err(format!("an illegible name: {name:?}")) } else { legible(value) }
        }),
        _ => Ok(()),
    }
}
