//! `directives` decides as `EnvFilter` does, but for the two differences that its documentation names.

use std::{
    fmt::{self, Write},
    iter::repeat_with,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::Value,
    metadata::Kind,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    layer::{Context, Filter},
    prelude::*,
    registry,
};
use watchfire_core::{EventView, Handler, HandlerLayer, covers};
use watchfire_filter::{EventFilter, Verdict, callback, directives};

use crate::sites::site;

const CASES: usize = 10_000;
const STEPS: usize = 14;

const TARGETS: [&str; 11] = [
    "app",
    "app::web",
    "app::web::api",
    "application",
    "db",
    "db_pool",
    "x",
    "x::y",
    "my-app",
    "my-app::web-api",
    "my-app-2",
];
const NAMES: [&str; 3] = ["req", "job", "step"];
const FIELDS: [&[&str]; 4] = [&[], &["id"], &["name"], &["id", "name"]];
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
const LEVEL_WORDS: [&str; 13] =
    ["off", "error", "warn", "info", "debug", "trace", "OFF", "Error", "INFO", "0", "2", "4", "5"];
const VALUES: [&str; 9] = ["7", "-7", "true", "1.5", "bob", "b.*", "[a-c]+", "\"bob\"", "(alice|bob)"];

/// A small generator of fixed seed: a failure can be repeated.
struct SeededRandom(u64);

impl SeededRandom {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn directive(&mut self) -> String {
        let mut text = String::new();
        let target = if self.one_in(2) { "" } else { self.pick(&TARGETS) };
        text.push_str(target);
        if self.one_in(3) {
            let name = if self.one_in(3) { "" } else { self.pick(&NAMES) };
            let field = if name.is_empty() || self.one_in(2) { self.pick(&["id", "name"]) } else { "" };
            write!(text, "[{name}").unwrap();
            if !field.is_empty() {
                write!(text, "{{{field}").unwrap();
                if self.one_in(2) {
                    write!(text, "={}", self.pick(&VALUES)).unwrap();
                }
                text.push('}');
            }
            text.push(']');
            if !self.one_in(6) {
                write!(text, "={}", self.pick(&LEVEL_WORDS)).unwrap();
            }
        } else if target.is_empty() {
            text.push_str(self.pick(&LEVEL_WORDS));
        } else if !self.one_in(5) {
            write!(text, "={}", self.pick(&LEVEL_WORDS)).unwrap();
        }
        text
    }

    fn directives(&mut self) -> Vec<String> {
        let count = self.below(5);
        repeat_with(|| self.directive()).take(count).collect()
    }
}

struct Sites {
    spans: Vec<&'static Metadata<'static>>,
    events: Vec<&'static Metadata<'static>>,
}

impl Sites {
    fn new() -> Self {
        let mut sites = Self { spans: Vec::new(), events: Vec::new() };
        for target in TARGETS {
            for level in LEVELS {
                for fields in FIELDS {
                    sites.events.push(site(Kind::EVENT, "event", target, level, fields));
                    for name in NAMES {
                        sites.spans.push(site(Kind::SPAN, name, target, level, fields));
                    }
                }
            }
        }
        sites
    }
}

/// One thing that a program does. Spans are entered and left in the order of a stack.
#[derive(Clone, Copy)]
enum ProgramStep {
    Enter(&'static Metadata<'static>, GivenFields),
    /// Records a value in the innermost span, leaves it and enters it again.
    Record(GivenFields),
    Leave,
    Event(&'static Metadata<'static>),
}

impl fmt::Debug for ProgramStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enter(m, given) => {
                write!(f, "enter {} {}::{} {} {given:?}", m.level(), m.target(), m.name(), m.fields())
            }
            Self::Record(given) => write!(f, "record {given:?}"),
            Self::Leave => f.write_str("leave"),
            Self::Event(m) => write!(f, "event {} {} {}", m.level(), m.target(), m.fields()),
        }
    }
}

/// The value that the fields of a span get; texts as `Display` and as `Debug`.
#[derive(Clone, Copy, Debug)]
enum GivenFields {
    Nothing,
    U64(u64),
    I64(i64),
    Bool(bool),
    F64(f64),
    Str(&'static str),
    Debug(&'static str),
}

const GIVEN: [GivenFields; 10] = [
    GivenFields::Nothing,
    GivenFields::U64(7),
    GivenFields::I64(-7),
    GivenFields::I64(7),
    GivenFields::Bool(true),
    GivenFields::F64(1.5),
    GivenFields::Str("bob"),
    GivenFields::Debug("bob"),
    GivenFields::Str("alice"),
    GivenFields::Str("7"),
];

impl GivenFields {
    fn with<R>(self, then: impl FnOnce(Option<&dyn Value>) -> R) -> R {
        match self {
            Self::Nothing => then(None),
            Self::U64(value) => then(Some(&value)),
            Self::I64(value) => then(Some(&value)),
            Self::Bool(value) => then(Some(&value)),
            Self::F64(value) => then(Some(&value)),
            Self::Str(value) => then(Some(&value)),
            Self::Debug(value) => then(Some(&tracing::field::debug(value))),
        }
    }
}

fn steps(random: &mut SeededRandom, sites: &Sites) -> Vec<ProgramStep> {
    let mut depth = 0;
    repeat_with(|| match random.below(8) {
        0..=2 => {
            depth += 1;
            ProgramStep::Enter(random.pick(&sites.spans), random.pick(&GIVEN))
        }
        3 if depth > 0 => {
            depth -= 1;
            ProgramStep::Leave
        }
        4 if depth > 0 => ProgramStep::Record(random.pick(&GIVEN)),
        _ => ProgramStep::Event(random.pick(&sites.events)),
    })
    .take(STEPS)
    .collect()
}

/// Does what the macros do, and notes for each span and event whether the filter lets it through.
fn run<F>(filter: F, steps: &[ProgramStep]) -> Vec<bool>
where
    F: Filter<Registry> + Send + Sync + 'static,
{
    let sees = Sees::default();
    drive(&Dispatch::new(registry().with(sees.clone().with_filter(filter))), steps, || sees.take())
}

/// The same by the questions that a router asks: the filter knows of the spans by the event's chain only.
fn run_by_chain(filter: EventFilter, steps: &[ProgramStep]) -> Vec<bool> {
    let sees = Sees::default();
    let layer = HandlerLayer::new(ByChain(filter, sees.clone()))
        .with_filter(callback(|_| true).span_levels("trace").unwrap());
    drive(&Dispatch::new(registry().with(layer)), steps, || sees.take())
}

fn drive(dispatch: &Dispatch, steps: &[ProgramStep], take: impl Fn() -> bool) -> Vec<bool> {
    let mut decisions = Vec::new();
    let mut entered: Vec<Option<(Id, &'static Metadata<'static>)>> = Vec::new();
    // `Dispatch::enabled` says no only if no layer at all is interested; the layer tells what its filter decided.
    let asked = |metadata: &'static Metadata<'static>| {
        let interest = dispatch.register_callsite(metadata);
        !interest.is_never() && (interest.is_always() || dispatch.enabled(metadata))
    };
    for step in steps {
        match *step {
            ProgramStep::Enter(metadata, given) => {
                entered.push(asked(metadata).then(|| {
                    let id = with_values(metadata, given, |values| {
                        dispatch.new_span(&Attributes::new(metadata, values))
                    });
                    dispatch.enter(&id);
                    (id, metadata)
                }));
                decisions.push(take());
            }
            ProgramStep::Record(given) => {
                if let Some(Some((id, metadata))) = entered.last() {
                    with_values(metadata, given, |values| dispatch.record(id, &Record::new(values)));
                    dispatch.exit(id);
                    dispatch.enter(id);
                }
            }
            ProgramStep::Leave => {
                if let Some((id, _)) = entered.pop().unwrap() {
                    dispatch.exit(&id);
                    dispatch.try_close(id);
                }
            }
            ProgramStep::Event(metadata) => {
                if asked(metadata) {
                    with_values(metadata, GivenFields::U64(7), |values| {
                        dispatch.event(&Event::new(metadata, values))
                    });
                }
                decisions.push(take());
            }
        }
    }
    for (id, _) in entered.into_iter().rev().flatten() {
        dispatch.exit(&id);
        dispatch.try_close(id);
    }
    decisions
}

#[derive(Clone, Default)]
struct Sees(Arc<AtomicBool>);

impl Sees {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl<S: Subscriber> Layer<S> for Sees {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct ByChain(EventFilter, Sees);

impl Handler for ByChain {
    fn handle(&self, event: &EventView<'_>) {
        let passes = self.0.passes(event);
        match self.0.verdict(event.metadata()) {
            Verdict::Never => assert!(!passes),
            Verdict::Always => assert!(passes),
            Verdict::PerEvent => {}
        }
        self.1.0.store(passes, Ordering::Relaxed);
    }
}

fn with_values<R>(
    metadata: &'static Metadata<'static>,
    given: GivenFields,
    then: impl FnOnce(&tracing::field::ValueSet<'_>) -> R,
) -> R {
    let fields: Vec<_> = metadata.fields().iter().collect();
    given.with(|value| match fields.as_slice() {
        [] => then(&metadata.fields().value_set(&[])),
        [one] => then(&metadata.fields().value_set(&[(one, value)])),
        [one, two] => then(&metadata.fields().value_set(&[(one, value), (two, value)])),
        _ => unreachable!("no more fields in FIELDS"),
    })
}

fn has_doubles(texts: &[String]) -> bool {
    let level = |text: &str| text.is_empty() || LEVEL_WORDS.contains(&text);
    let mut keys: Vec<_> = texts
        .iter()
        .map(|text| match text.rsplit_once('=') {
            Some((key, last)) if level(last) && !last.is_empty() => key,
            _ if level(text) => "",
            _ => text,
        })
        .collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// Difference 1: `app` covers `application` for `EnvFilter`.
fn covers_half_a_segment(texts: &[String], steps: &[ProgramStep]) -> bool {
    let targets = texts.iter().map(|text| text.split(['=', '[']).next().unwrap());
    let targets: Vec<_> = targets.filter(|target| TARGETS.contains(target)).collect();
    steps.iter().any(|step| match step {
        ProgramStep::Enter(metadata, _) | ProgramStep::Event(metadata) => {
            let of = metadata.target();
            targets.iter().any(|target| of.starts_with(target) && !covers(target, of))
        }
        ProgramStep::Record(_) | ProgramStep::Leave => false,
    })
}

#[test]
fn ten_thousand_random_directives_decide_alike() {
    let sites = Sites::new();
    let mut random = SeededRandom(20_261_120);
    let (mut compared, mut passed, mut refused, mut by_span, mut half, mut chained) = (0, 0, 0, 0, 0, 0);
    while compared < CASES {
        let texts = random.directives();
        let text = texts.join(",");
        let steps = steps(&mut random, &sites);
        let ours = directives(&text).unwrap().span_levels("off").unwrap();
        let for_router = ours.clone();
        let stock = if text.is_empty() { EnvFilter::new("") } else { EnvFilter::try_new(&text).unwrap() };
        let hints = (Filter::<Registry>::max_level_hint(&ours).unwrap(), stock.max_level_hint().unwrap());
        // `EnvFilter` does not forget the level of a directive that a later one replaced.
        assert!(
            if has_doubles(&texts) { hints.0 <= hints.1 } else { hints.0 == hints.1 },
            "{text}: {hints:?}"
        );
        let (ours, stock) = (run(ours, &steps), run(stock, &steps));
        if covers_half_a_segment(&texts, &steps) {
            half += usize::from(ours != stock);
            continue;
        }
        assert_eq!(ours, stock, "case {compared}: {text}\n{steps:#?}");
        compared += 1;
        // A span that matched once stays matched for `EnvFilter`; the chain shows what was recorded last.
        if !steps.iter().any(|step| matches!(step, ProgramStep::Record(_))) {
            let by_chain = run_by_chain(for_router, &steps);
            let events = |decisions: &[bool]| -> Vec<bool> {
                let asked = steps
                    .iter()
                    .filter(|step| matches!(step, ProgramStep::Enter(..) | ProgramStep::Event(_)));
                let of_events =
                    asked.zip(decisions).filter(|(step, _)| matches!(step, ProgramStep::Event(_)));
                of_events.map(|(_, decision)| *decision).collect()
            };
            assert_eq!(events(&by_chain), events(&stock), "by chain, case {compared}: {text}\n{steps:#?}");
            chained += 1;
        }
        by_span += usize::from(text.contains('['));
        passed += ours.iter().filter(|passes| **passes).count();
        refused += ours.iter().filter(|passes| !**passes).count();
    }
    // The comparison says something: there was enough of each.
    assert!(passed > CASES && refused > CASES && by_span > CASES / 4, "{passed} {refused} {by_span}");
    assert!(chained > CASES / 5, "{chained}");
    assert!(half > CASES / 100, "difference 1 shows in {half} further cases only");
}

/// Difference 2: what `EnvFilter` refuses we refuse too; and besides what can never match.
#[test]
fn what_env_filter_refuses_is_refused() {
    const PIECES: [&str; 22] = [
        "info", "warn", "app", "x::y", "=", "=", "[", "]", "{", "}", "id", "=7", ",", ",", "req", "off", "-",
        "*", "9", "(", "wran", " ",
    ];
    let mut random = SeededRandom(7);
    let (mut both, mut ours_only, mut neither) = (0, 0, 0);
    for _ in 0..CASES {
        let count = 1 + random.below(7);
        let text: String = repeat_with(|| random.pick(&PIECES)).take(count).collect();
        match (directives(&text).is_err(), EnvFilter::builder().parse(&text).is_err()) {
            (true, true) => both += 1,
            (true, false) => ours_only += 1,
            (false, false) => neither += 1,
            // Blanks, and several fields of one span, are read as they are meant.
            (false, true) => {
                assert!(text.contains(' ') || text.contains('['), "{text}");
                if !text.contains(' ') {
                    let span = &text[text.find('[').unwrap()..text.rfind(']').unwrap()];
                    assert!(span.contains(','), "{text}");
                }
            }
        }
    }
    assert!(
        both > CASES / 10 && ours_only > CASES / 100 && neither > CASES / 50,
        "{both} {ours_only} {neither}"
    );
}
