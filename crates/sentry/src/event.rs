//! Fill an event of the protocol's own types, within what Relay keeps of it.
//!
//! The limits are those of relay-event-schema and relay-event-normalization; what is beyond them is cut there, and we
//! cut it ourselves so that the reader sees it.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use sentry_types::{
    Uuid,
    protocol::v7::{
        AppContext, ClientSdkInfo, Context, Event, Exception, Frame, Level, Map, Mechanism, SpanId,
        Stacktrace, Thread, TraceContext, TraceId,
    },
};
use serde_json::{Value, json};
use watchfire_core::{Alert, Field, Origin, Severity, Stack, StackFrame, Value as Recorded};
use watchfire_outbox::{Occasion, OccasionKind, clip, format_timestamp, one_line, printable};

use crate::config::{SentrySettings, TAG, is_tag_char};

/// Characters of a message, and of an exception's value.
pub(crate) const MESSAGE: usize = 8_192;
/// Characters of the value of a cause; only the outermost is worth more.
const CAUSE: usize = 1_000;
const CAUSES: usize = 16;
const FUNCTION: usize = 512;
const FILE: usize = 256;
/// Relay keeps 250 frames: the newest 200 and the oldest 50.
const NEWEST: usize = 200;
const OLDEST: usize = 50;
/// Relay keeps 16,384 bytes of each value of `extra`, as JSON.
const FIELD: usize = 8_000;
/// Bytes of all fields, and of all spans' fields; well below 256 KiB for `extra`, and 1 MiB for the event.
const FIELDS: usize = 96 * 1024;
const SPANS: usize = 32;
const MENTIONS: usize = 50;
const NAME: usize = 200;

/// Makes what every event has, also the lightest: id, time, level, group.
pub(crate) fn bare(occasion: &Occasion<'_>, id: u128) -> Event<'static> {
    let group = occasion.group().to_string();
    let fingerprint = match occasion.kind() {
        // Another event of the first one's issue is unwanted; and the end of a trouble must not open its issue again.
        OccasionKind::Storm | OccasionKind::CatchUp | OccasionKind::Quiet => {
            vec![group.into(), occasion.kind().as_str().into()]
        }
        _ => vec![group.into()],
    };
    Event {
        event_id: Uuid::from_u128(id),
        timestamp: writable(occasion.alert().at),
        level: level(occasion),
        fingerprint: fingerprint.into(),
        // Relay has no `rust`, and rewrites what it does not know to `other`.
        platform: "native".into(),
        ..Event::default()
    }
}

/// Adds what the event is searched by: logger, release, environment, host, tags.
pub(crate) fn named(
    settings: &SentrySettings,
    occasion: &Occasion<'_>,
    event: Event<'static>,
) -> Event<'static> {
    let alert = occasion.alert();
    let app = &alert.app;
    Event {
        logger: some(line(&alert.target, 64)),
        server_name: some(line(app.host_name(), 256)).map(Into::into),
        release: app.release_name().and_then(|name| accepted(name, 200, &["latest"])).map(Into::into),
        environment: app.environment_name().and_then(|name| accepted(name, 64, &["none"])).map(Into::into),
        tags: tags(settings, occasion),
        sdk: Some(std::borrow::Cow::Owned(ClientSdkInfo {
            name: "watchfire.rust".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            integrations: Vec::new(),
            packages: Vec::new(),
        })),
        ..event
    }
}

/// Adds the rest: errors, stack, fields, spans, contexts.
pub(crate) fn full(occasion: &Occasion<'_>, mut event: Event<'static>) -> Event<'static> {
    let alert = occasion.alert();
    let trace = trace(alert, event.event_id.as_u128());
    let stack = alert.stack.as_ref().and_then(stacktrace);
    // An exception would be the title of the issue, and these tell of more than one.
    let one_only =
        !matches!(occasion.kind(), OccasionKind::Storm | OccasionKind::CatchUp | OccasionKind::Quiet);
    if one_only && (!alert.error.is_empty() || alert.origin == Origin::Panic) {
        event.exception = exceptions(alert, stack).into();
    } else if let Some(stacktrace) = stack {
        let name = some(line(&alert.thread, NAME));
        event.threads =
            vec![Thread { name, current: true, stacktrace: Some(stacktrace), ..Thread::default() }].into();
    }
    let told = |field: &&Field| trace.is_none() || !matches!(&*field.name, "trace_id" | "span_id");
    event.extra = values(alert.fields.iter().filter(told), &mut { FIELDS });
    if let Some(spans) = spans(alert) {
        event.contexts.insert("spans".to_owned(), Context::Other(spans));
    }
    if let Some(trace) = trace {
        event.contexts.insert("trace".to_owned(), Context::Trace(trace));
    }
    let app = AppContext {
        app_name: some(line(alert.app.name(), NAME)),
        app_version: alert.app.release_name().map(|name| line(name, NAME)),
        ..AppContext::default()
    };
    event.contexts.insert("app".to_owned(), Context::App(Box::new(app)));
    event.contexts.insert("watchfire".to_owned(), Context::Other(circumstances(occasion)));
    event
}

fn level(occasion: &Occasion<'_>) -> Level {
    match (occasion.kind(), occasion.alert().severity) {
        (OccasionKind::Quiet, _) => Level::Info,
        (_, Severity::Trace | Severity::Debug) => Level::Debug,
        (_, Severity::Info) => Level::Info,
        (_, Severity::Warn) => Level::Warning,
        (_, Severity::Error) => Level::Error,
        (_, Severity::Critical) => Level::Fatal,
    }
}

/// The protocol writes no time before the epoch.
fn writable(at: SystemTime) -> SystemTime {
    at.max(UNIX_EPOCH)
}

/// Makes a release or environment one that Sentry keeps: it drops names with slashes or control characters, `.`, `..`
/// and one reserved word each in silence (relay's sentry-release-parser).
fn accepted(name: &str, max: usize, reserved: &[&str]) -> Option<String> {
    let name: String =
        line(name, max).chars().map(|c| if matches!(c, '/' | '\\') { '-' } else { c }).collect();
    let name = clip(&name, max, char::len_utf8);
    let dropped =
        matches!(&*name, "" | "." | "..") || reserved.iter().any(|word| name.eq_ignore_ascii_case(word));
    (!dropped).then_some(name)
}

fn tags(settings: &SentrySettings, occasion: &Occasion<'_>) -> Map<String, String> {
    let alert = occasion.alert();
    let mut tags = BTreeMap::new();
    let mut put = |name: &str, value: &str| {
        let name: String = name
            .chars()
            .map(|c| if c.is_whitespace() { '-' } else { c })
            .map(|c| if is_tag_char(c) { c } else { '_' })
            .take(TAG)
            .collect();
        let value = line(value, TAG);
        if !name.is_empty() && !value.is_empty() {
            tags.insert(name, value);
        }
    };
    let spans = alert.spans.iter().flat_map(|span| &span.fields);
    for field in spans.chain(&alert.fields) {
        if let Some(name) = field.name.strip_prefix("tags.") {
            put(name, &field.value.to_string());
        }
    }
    for name in &settings.tag_fields {
        if let Some(value) = alert.get(name) {
            put(name, &value.to_string());
        }
    }
    for (name, value) in &settings.tags {
        put(name, value);
    }
    put("watchfire.group", &occasion.group().to_string());
    put("watchfire.occasion", occasion.kind().as_str());
    tags
}

/// The root cause first, the outermost last: the order of the protocol, and the reverse of ours.
fn exceptions(alert: &Alert, stack: Option<Stacktrace>) -> Vec<Exception> {
    // An error that was logged was handled; one that ended the program, or a panic, was not.
    let (kind, mechanism, is_handled) = match alert.origin {
        Origin::Panic => ("panic", "panic", false),
        Origin::Failure => ("Error", "main", false),
        _ => ("Error", "tracing", true),
    };
    let message = [alert.message.clone()];
    let chain = if alert.error.is_empty() { &message[..] } else { &alert.error };
    let mut exceptions: Vec<Exception> = chain
        .iter()
        .take(CAUSES)
        .enumerate()
        .map(|(depth, text)| Exception {
            // The type of a `dyn Error` is unknown.
            ty: if depth == 0 { kind } else { "Error" }.to_owned(),
            value: some(clip(text, if depth == 0 { MESSAGE } else { CAUSE }, |_| 1)),
            mechanism: Some(Mechanism {
                ty: if depth == 0 { mechanism } else { "chained" }.to_owned(),
                handled: Some(is_handled),
                ..Mechanism::default()
            }),
            ..Exception::default()
        })
        .collect();
    if let Some(outermost) = exceptions.first_mut() {
        outermost.stacktrace = stack;
    }
    exceptions.reverse();
    exceptions
}

/// The caller first, the place of the error last.
fn stacktrace(stack: &Stack) -> Option<Stacktrace> {
    let found = stack.frames();
    let omitted = found.len().saturating_sub(NEWEST + OLDEST);
    let newest = found.iter().take(NEWEST);
    let oldest = found.iter().skip(NEWEST + omitted);
    let mut frames: Vec<Frame> = newest.chain(oldest).map(frame).collect();
    frames.reverse();
    (!frames.is_empty()).then(|| Stacktrace { frames, ..Stacktrace::default() })
}

fn frame(frame: &StackFrame) -> Frame {
    let file = frame.file.as_deref().map(|file| file.replace('\\', "/"));
    Frame {
        function: some(line(&frame.function, FUNCTION)),
        filename: frame.short_file().and_then(|file| some(line(&file, FILE))),
        abs_path: file.as_deref().and_then(|file| some(line(file, FILE))),
        lineno: frame.line.map(u64::from),
        colno: frame.column.map(u64::from),
        in_app: Some(frame.in_app),
        ..Frame::default()
    }
}

/// Makes the trace's context, if there is a trace id: what links the event to the trace of its request.
fn trace(alert: &Alert, event: u128) -> Option<Box<TraceContext>> {
    let hex = |name: &str| alert.get(name).and_then(Recorded::as_text).map(str::trim);
    let trace_id: TraceId = hex("trace_id")?.parse().ok().filter(|id| *id != TraceId::from([0; 16]))?;
    let span_id = hex("span_id").and_then(|text| text.parse().ok()).filter(|id| *id != SpanId::from([0; 8]));
    // The context must have one.
    let [_, low] = [event >> 64, event & u128::from(u64::MAX)];
    let own = SpanId::from(u64::try_from(low).unwrap_or(1).max(1).to_be_bytes());
    Some(Box::new(TraceContext { trace_id, span_id: span_id.unwrap_or(own), ..TraceContext::default() }))
}

fn spans(alert: &Alert) -> Option<Map<String, Value>> {
    let mut left = FIELDS;
    let skipped = alert.spans.len().saturating_sub(SPANS);
    let spans = alert.spans.iter().enumerate().skip(skipped).map(|(depth, span)| {
        let mut fields: Map<String, Value> = values(span.fields.iter(), &mut left);
        fields.entry("target".to_owned()).or_insert_with(|| line(&span.target, NAME).into());
        // The map sorts by name; the order of spans is worth more.
        (format!("{depth:02} {}", line(&span.name, NAME)), Value::from_iter(fields))
    });
    Some(spans.collect()).filter(|spans: &Map<_, _>| !spans.is_empty())
}

/// The values of fields, as many as `left` bytes allow; a name that comes again gets a number.
fn values<'a>(fields: impl Iterator<Item = &'a Field>, left: &mut usize) -> Map<String, Value> {
    let mut map = Map::new();
    let mut omitted = 0_u64;
    for field in fields.filter(|field| !field.name.starts_with("tags.")) {
        let name = some(line(&field.name, NAME)).unwrap_or_else(|| "(unnamed)".to_owned());
        let value = json_value(&field.value);
        let cost = name.len() + value.as_str().map_or(32, str::len);
        if cost > *left {
            omitted += 1;
            continue;
        }
        *left -= cost;
        let again = (2..).map(|number| format!("{name} ({number})"));
        let key = std::iter::once(name.clone()).chain(again).find(|key| !map.contains_key(key));
        map.insert(key.unwrap_or(name), value);
    }
    if omitted > 0 {
        map.insert("(omitted)".to_owned(), omitted.into());
    }
    map
}

/// A number stays one if every reader of JSON can hold it.
fn json_value(value: &Recorded) -> Value {
    const EXACT: u64 = 1 << 53;
    match value {
        Recorded::Bool(yes) => (*yes).into(),
        Recorded::I64(n) if n.unsigned_abs() <= EXACT => (*n).into(),
        Recorded::U64(n) if *n <= EXACT => (*n).into(),
        Recorded::F64(n) if n.is_finite() => (*n).into(),
        other => clip(&other.to_string(), FIELD, char::len_utf8).into(),
    }
}

/// Further facts: where, since when, how often, and the remarks of the outbox.
fn circumstances(occasion: &Occasion<'_>) -> Map<String, Value> {
    let (alert, counts) = (occasion.alert(), occasion.tally());
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| {
        if !matches!(&value, Value::Null) && value != json!("") && value != json!([]) {
            map.insert(name.to_owned(), value);
        }
    };
    put("alert", alert.id.to_string().into());
    put("group", occasion.group().to_string().into());
    put("occasion", occasion.kind().as_str().into());
    put("severity", alert.severity.as_str().into());
    put("place", alert.place_text().map(|place| line(&place, FILE)).into());
    put("module", alert.module.as_deref().map(|module| line(module, NAME)).into());
    put("thread", line(&alert.thread, NAME).into());
    put("process", alert.app.process_id().into());
    if occasion.kind() != OccasionKind::First {
        put("count", json_value(&Recorded::U64(counts.total)));
        put("count_since_last_message", json_value(&Recorded::U64(counts.fresh)));
        put("first", format_timestamp(counts.first).into());
        put("last", format_timestamp(counts.last).into());
    }
    if occasion.unreported_count() > 0 {
        put("dropped_before", json_value(&Recorded::U64(occasion.unreported_count())));
    }
    let groups = occasion.mentions().iter().take(MENTIONS);
    put(
        "groups",
        groups
            .map(|other| format!("x{} {} [{}]", other.count, line(&other.title, NAME), other.group))
            .collect(),
    );
    put("notes", occasion.remarks().iter().take(MENTIONS).map(|note| line(note, 2 * NAME)).collect());
    map
}

/// One legible line of at most `max` characters.
fn line(text: &str, max: usize) -> String {
    one_line(&printable(text).collect::<String>(), max)
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}
