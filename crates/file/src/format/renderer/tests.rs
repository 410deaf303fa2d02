//! Tests that the direct way writes what the general way writes.

use std::{
    error::Error,
    fmt,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use serde_json::Value as Parsed;
use tracing_core::{
    Callsite, Dispatch, Event, Kind, Level, Metadata, dispatcher,
    field::{FieldSet, Value, debug},
    identify_callsite,
    span::{Attributes, Id, Record as Recorded},
    subscriber::Interest,
};
use tracing_subscriber::{layer::SubscriberExt as _, registry};
use watchfire_core::{Handler, HandlerLayer, Limits, Redactor};

use super::*;
use crate::{JsonKey, SpanStyle};

/// A generator of numbers: the same seed gives the same events.
struct SeededEvents(u64);

impl SeededEvents {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}

const PIECES: [&str; 24] = [
    "a",
    "request handled",
    "/api/v1/items",
    " ",
    "\"",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\u{1b}[2J",
    "ü",
    "€",
    "🔥",
    "\u{2028}",
    "\u{202e}",
    "=",
    "x=1",
    "password=hunter22",
    "Bearer abcdefghijklmnop1234",
    "4111111111111111",
    "https://ada:hunter22@example.com/",
    "",
    "0123456789012345678901234567890123456789",
    "{}",
];

const NAMES: [&str; 16] = [
    "user", "user_id", "path", "level", "message_", "time", "password", "api_key", "token", "a b", "naïve",
    "x=y", "spans", "fields", "error", "severity",
];

fn text(random: &mut SeededEvents) -> String {
    (0..random.below(4)).map(|_| *random.pick(&PIECES)).collect()
}

#[derive(Debug)]
enum GivenValue {
    Str(String),
    Debug(String),
    Panics,
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bool(bool),
    Error(ChainedFailure),
}

#[derive(Debug)]
struct ChainedFailure(String, Option<Box<ChainedFailure>>);

impl fmt::Display for ChainedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ChainedFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

struct PanickingValue;

impl fmt::Debug for PanickingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        // Without the hook, which would print.
        std::panic::resume_unwind(Box::new(()))
    }
}

#[expect(clippy::cast_possible_wrap, reason = "any bits will do")]
fn given(random: &mut SeededEvents) -> GivenValue {
    let bits = random.below(usize::MAX) as u64;
    let bits = bits >> random.below(64);
    match random.below(40) {
        0..10 => GivenValue::Str(text(random)),
        10..16 => GivenValue::Debug(text(random)),
        16 if random.below(20) == 0 => GivenValue::Panics,
        16..19 => GivenValue::I64(-(bits as i64)),
        19..22 => GivenValue::U64(bits),
        22 => GivenValue::I128(-(i128::from(bits) << random.below(64))),
        23 => GivenValue::U128(u128::from(bits) << random.below(64)),
        24 => GivenValue::F64(f64::from_bits(bits.rotate_left(11))),
        25..27 => GivenValue::F64(f64::from(u32::try_from(bits % 1_000_000).unwrap()) / 1000.0),
        27 => GivenValue::Bool(bits & 1 == 0),
        28..30 => {
            let causes = (0..random.below(3)).map(|_| text(random)).collect::<Vec<_>>();
            let cause =
                causes.into_iter().fold(None, |cause, text| Some(Box::new(ChainedFailure(text, cause))));
            GivenValue::Error(ChainedFailure(text(random), cause))
        }
        _ => GivenValue::Str(text(random)),
    }
}

impl GivenValue {
    fn with<R>(&self, then: impl FnOnce(&dyn Value) -> R) -> R {
        match self {
            Self::Str(text) => then(&text.as_str()),
            Self::Debug(text) => then(&debug(format_args!("{text}"))),
            Self::Panics => then(&debug(PanickingValue)),
            Self::I64(n) => then(n),
            Self::U64(n) => then(n),
            Self::I128(n) => then(n),
            Self::U128(n) => then(n),
            Self::F64(n) => then(n),
            Self::Bool(b) => then(b),
            Self::Error(error) => then(&(error as &(dyn Error + 'static))),
        }
    }

    /// The value read back from JSON, without redaction.
    fn expected(&self) -> Option<Parsed> {
        Some(match self {
            Self::Str(text) | Self::Debug(text) => text.as_str().into(),
            Self::Panics => watchfire_core::PANICKED.into(),
            Self::I64(n) => (*n).into(),
            Self::U64(n) => (*n).into(),
            Self::I128(n) => i64::try_from(*n).map_or_else(|_| n.to_string().into(), Parsed::from),
            Self::U128(n) => u64::try_from(*n).map_or_else(|_| n.to_string().into(), Parsed::from),
            Self::F64(n) if n.is_finite() => (*n).into(),
            Self::F64(n) => format!("{n:?}").into(),
            Self::Bool(b) => (*b).into(),
            Self::Error(error) => error.to_string().into(),
        })
    }
}

struct TestSite(OnceLock<Metadata<'static>>);

impl Callsite for TestSite {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().unwrap()
    }
}

fn site(random: &mut SeededEvents, kind: Kind, names: Vec<&'static str>) -> &'static Metadata<'static> {
    const LEVELS: [Level; 5] = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
    let site: &'static TestSite = Box::leak(Box::new(TestSite(OnceLock::new())));
    let fields = FieldSet::new(names.leak(), identify_callsite!(site));
    let target = *random.pick(&["shop", "shop::pay", "a \"b\"\n"]);
    let (file, line) = (random.below(4) > 0).then_some(("src/pay.rs", 12)).unzip();
    let level = if kind == Kind::SPAN { Level::INFO } else { *random.pick(&LEVELS) };
    site.0.set(Metadata::new("span", target, level, file, line, Some("shop"), fields, kind)).unwrap();
    site.0.get().unwrap()
}

fn names(random: &mut SeededEvents) -> Vec<&'static str> {
    let mut names = match random.below(6) {
        0 => vec![],
        1 => vec!["user", "message"],
        2 => vec!["message", "message"],
        _ => vec!["message"],
    };
    for _ in 0..random.below(5) {
        let name = *random.pick(&NAMES);
        if random.below(8) == 0 || !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Renders each event by both ways and compares.
struct Both {
    renderers: Vec<Renderer>,
    zone: Zone,
    next: AtomicUsize,
    /// How many lines were written without a record, and the latest line of the first format.
    direct: AtomicUsize,
    line: Mutex<String>,
}

impl Handler for &'static Both {
    fn handle(&self, event: &EventView<'_>) {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let renderer = &self.renderers[next % self.renderers.len()];
        let at = UNIX_EPOCH + Duration::from_micros(1_763_675_292_007_123 + next as u64 * 10_007);
        let (mut fast, mut slow) = (String::from("<"), String::from("<"));
        renderer.by_record(event, at, None, &self.zone, &mut slow);
        let is_direct = renderer.0.direct.as_ref().unwrap().write(event, at, &self.zone, &mut fast);
        self.direct.fetch_add(usize::from(is_direct), Ordering::Relaxed);
        if is_direct && fast != slow {
            // A panic would be caught by the layer.
            fast.push_str(&format!("DIFFERS FROM\n{slow}"));
        }
        *self.line.lock().unwrap() = if is_direct { fast } else { slow };
    }
}

fn both() -> &'static Both {
    let json = Json::new;
    let renderers = vec![
        Renderer::new(json()),
        Renderer::new(json().nested().with_source()),
        Renderer::new(json().with_source().spans(SpanStyle::Off)),
        Renderer::new(json().nested().key(JsonKey::Fields, "data").key(JsonKey::Time, "@t")),
        Renderer::new(json().spans(SpanStyle::Flat)),
        Renderer::new(Text::new()),
        Renderer::new(Text::new().colored()),
        Renderer::new(Logfmt::new()),
    ];
    Box::leak(Box::new(Both {
        renderers,
        zone: Zone::named("Europe/Vienna").unwrap(),
        next: AtomicUsize::new(0),
        direct: AtomicUsize::new(0),
        line: Mutex::default(),
    }))
}

fn emit(
    metadata: &'static Metadata<'static>,
    values: &[Option<GivenValue>],
    then: &mut dyn FnMut(&ValueArray<'_>),
) {
    fn next<'v>(
        values: &'v [Option<GivenValue>],
        fields: &'v [tracing_core::Field],
        array: &mut Vec<(&'v tracing_core::Field, Option<&'v dyn Value>)>,
        then: &mut dyn FnMut(&ValueArray<'_>),
    ) {
        let Some((first, rest)) = values.split_first() else {
            let mut all: [(&tracing_core::Field, Option<&dyn Value>); 8] = [(&fields[0], None); 8];
            all.iter_mut().zip(array.iter()).for_each(|(slot, value)| *slot = *value);
            return then(&all);
        };
        let field = &fields[array.len()];
        match first {
            None => {
                array.push((field, None));
                next(rest, fields, array, then);
            }
            Some(given) => given.with(|value| {
                let mut longer: Vec<(&tracing_core::Field, Option<&dyn Value>)> =
                    array.iter().map(|(field, value)| (*field, *value)).collect();
                longer.push((field, Some(value)));
                next(rest, fields, &mut longer, then);
            }),
        }
    }
    let fields: Vec<tracing_core::Field> = metadata.fields().iter().collect();
    next(values, &fields, &mut Vec::new(), then);
}

type ValueArray<'v> = [(&'v tracing_core::Field, Option<&'v dyn Value>); 8];

fn values(random: &mut SeededEvents, metadata: &Metadata<'_>) -> Vec<Option<GivenValue>> {
    metadata.fields().iter().map(|_| (random.below(10) > 0).then(|| given(random))).collect()
}

#[test]
fn both_ways_write_the_same_bytes_of_100_000_events() {
    let mut random = SeededEvents(0x5eed_1234_5678_9abc);
    let both = both();
    let mut small = Limits::default();
    (small.value, small.message, small.total, small.fields, small.spans, small.causes) = (9, 20, 27, 4, 2, 1);
    let layers: Vec<(Dispatch, bool)> = [
        (Redactor::default(), Limits::default(), false),
        (
            Redactor::default().name("user").allow("token").pattern("[3-5]7").unwrap(),
            Limits::default(),
            false,
        ),
        (Redactor::off(), Limits::default(), true),
        (Redactor::default(), small, false),
    ]
    .map(|(redactor, limits, is_open)| {
        let layer = HandlerLayer::new(both).redactor(redactor).limits(limits);
        (Dispatch::new(registry().with(layer)), is_open)
    })
    .into();
    let mut sites = Vec::new();
    for _ in 0..300 {
        let names = names(&mut random);
        if !names.is_empty() {
            sites.push(site(&mut random, Kind::EVENT, names));
        }
    }
    let span_sites: Vec<_> =
        (0..20).map(|_| site(&mut random, Kind::SPAN, vec!["user", "password", "id"])).collect();
    let mut read_back = 0;
    for _ in 0..2_000 {
        let (dispatch, is_open) = random.pick(&layers);
        dispatcher::with_default(dispatch, || {
            let mut spans: Vec<Id> = Vec::new();
            for turn in 0..50 {
                if turn % 10 == 0 && spans.len() < 4 {
                    let metadata = *random.pick(&span_sites);
                    emit(metadata, &values(&mut random, metadata), &mut |array| {
                        let values = metadata.fields().value_set(array);
                        let span = dispatch.new_span(&Attributes::new(metadata, &values));
                        dispatch.enter(&span);
                        spans.push(span);
                    });
                }
                if let (0, Some(span)) = (random.below(20), spans.last()) {
                    let metadata = dispatch.current_span().metadata().unwrap();
                    emit(metadata, &values(&mut random, metadata), &mut |array| {
                        dispatch.record(span, &Recorded::new(&metadata.fields().value_set(array)));
                    });
                }
                let metadata = *random.pick(&sites);
                let given = values(&mut random, metadata);
                let format = both.next.load(Ordering::Relaxed) % both.renderers.len();
                emit(metadata, &given, &mut |array| {
                    dispatch.event(&Event::new(metadata, &metadata.fields().value_set(array)));
                });
                let line = both.line.lock().unwrap();
                assert!(!line.contains("DIFFERS FROM"), "format {format}: {given:?}\n{line}");
                if *is_open && format == 0 {
                    reads_back(&line, metadata, &given);
                    read_back += 1;
                }
            }
            while let Some(span) = spans.pop() {
                dispatch.exit(&span);
                dispatch.try_close(span);
            }
        });
    }
    assert_eq!(both.next.load(Ordering::Relaxed), 100_000);
    let direct = both.direct.load(Ordering::Relaxed);
    assert!(direct > 40_000, "only {direct} went the fast way");
    assert!(read_back > 2_000, "{read_back}");
}

/// Checks that JSON has every value as it was given; redaction is off.
fn reads_back(line: &str, metadata: &Metadata<'_>, given: &[Option<GivenValue>]) {
    const OWN: [&str; 7] = ["time", "level", "target", "message", "spans", "causes", "stack"];
    let read: Parsed = serde_json::from_str(line.strip_prefix('<').unwrap()).unwrap();
    let names: Vec<&str> = metadata.fields().iter().map(|field| field.name()).collect();
    for (place, (name, value)) in names.iter().zip(given).enumerate() {
        let is_last = !names[place + 1..].contains(name);
        let (Some(value), true, true) = (value, is_last, *name != "message") else { continue };
        let key =
            if OWN.contains(&name.trim_end_matches('_')) { format!("{name}_") } else { (*name).to_owned() };
        assert_eq!(Some(&read[&key]), value.expected().as_ref(), "{key} in {line}");
    }
}

#[test]
fn a_usual_text_is_masked_once_it_is_a_credential() {
    let both = both();
    let dispatch = Dispatch::new(registry().with(HandlerLayer::new(both)));
    let metadata = site(&mut SeededEvents(7), Kind::EVENT, vec!["message", "note"]);
    let given = || {
        vec![Some(GivenValue::Str("a".to_owned())), Some(GivenValue::Str("kept-for-long-7231".to_owned()))]
    };
    let turn = || {
        // Once for each format: every one keeps the text.
        for _ in 0..both.renderers.len() {
            dispatcher::with_default(&dispatch, || {
                emit(metadata, &given(), &mut |array| {
                    dispatch.event(&Event::new(metadata, &metadata.fields().value_set(array)));
                });
            });
            let line = both.line.lock().unwrap();
            assert!(!line.contains("DIFFERS FROM"), "{line}");
            let is_masked = !line.contains("kept-for-long-7231");
            assert_eq!(is_masked, watchfire_core::process::holds_own_secret(b"kept-for-long-7231"), "{line}");
        }
    };
    turn();
    turn();
    let _registered = watchfire_core::Secret::new("kept-for-long-7231");
    turn();
}

/// Renders with a renderer that it shares.
struct Sharing(Renderer, std::sync::Arc<Mutex<String>>);

impl Handler for Sharing {
    fn handle(&self, event: &EventView<'_>) {
        self.0.event(event, UNIX_EPOCH, None, &Zone::utc(), &mut self.1.lock().unwrap());
    }
}

#[test]
fn a_layer_without_redaction_unmasks_no_span_of_another() {
    let renderer = Renderer::new(Json::new());
    let [open, masked, named] = [(); 3].map(|()| std::sync::Arc::<Mutex<String>>::default());
    let layer = |redactor: Redactor, lines: &std::sync::Arc<Mutex<String>>| {
        HandlerLayer::new(Sharing(renderer.clone(), lines.clone())).redactor(redactor)
    };
    let dispatch = Dispatch::new(
        registry()
            .with(layer(Redactor::default(), &masked))
            .with(layer(Redactor::default().name("id"), &named))
            .with(layer(Redactor::off(), &open)),
    );
    let span = site(&mut SeededEvents(1), Kind::SPAN, vec!["url", "id"]);
    let event = site(&mut SeededEvents(3), Kind::EVENT, vec!["message"]);
    let text = |text: &str| Some(GivenValue::Str(text.to_owned()));
    dispatcher::with_default(&dispatch, || {
        let mut entered = None;
        emit(span, &[text("https://ada:hunter22@example.com/"), text("7f3a")], &mut |array| {
            let id = dispatch.new_span(&Attributes::new(span, &span.fields().value_set(array)));
            dispatch.enter(&id);
            entered = Some(id);
        });
        for url in ["https://bob:hunter33@example.com/", ""] {
            for _ in 0..2 {
                emit(event, &[text("hi")], &mut |array| {
                    dispatch.event(&Event::new(event, &event.fields().value_set(array)));
                });
            }
            // Recorded later: what was kept of the spans is out of date.
            emit(span, &[text(url), None], &mut |array| {
                dispatch.record(entered.as_ref().unwrap(), &Recorded::new(&span.fields().value_set(array)));
            });
        }
    });
    // Each layer redacts by its own rules, whatever the others have kept of the span.
    let shown = |lines: &Mutex<String>, part: &str| lines.lock().unwrap().matches(part).count();
    for (part, expected) in
        [("hunter", [4, 0, 0]), ("7f3a", [4, 4, 0]), ("bob", [2, 2, 2]), ("ada", [2, 2, 2])]
    {
        assert_eq!([&open, &masked, &named].map(|lines| shown(lines, part)), expected, "{part}");
    }
}
