//! The hints of a filter to its handler layer: the span levels, and whether the filter decides on the level.

use std::cell::RefCell;

use tracing_core::{
    Kind, Level, LevelFilter, Metadata, Subscriber,
    callsite::{Callsite, Identifier},
    field::{Field, FieldSet},
    subscriber::Interest,
};
use tracing_subscriber::layer::Filter;

use crate::levels::LevelTable;

/// Tells a handler layer that the filter which answers now lets spans through by `levels` of its own.
///
/// A filter calls this in its `max_level_hint`; the layer then takes these levels in place of its own.
pub fn hint_span_levels(levels: &LevelTable) {
    with_hints(|hints| hints.spans = Some(levels.clone()));
}

/// Tells a handler layer that the filter which answers now leaves the level of some events open: it lets events pass
/// without having named a level for them.
///
/// The handler's [default level](crate::Handler::default_level) is then in force, or `named`, the most verbose level
/// that the filter does name, if that is more verbose. `spans` is the most verbose level that the filter needs for its
/// spans. A filter calls this in its `max_level_hint` and answers TRACE, which is what other layers have to know.
pub fn leave_level_open(named: LevelFilter, spans: LevelFilter) {
    with_hints(|hints| hints.open = Some(Open { named, spans }));
}

/// Returns the metadata of an event that nobody emits, with an empty target: to ask a filter about a level alone.
#[must_use]
pub fn probe(level: Level) -> &'static Metadata<'static> {
    let [error, warn, info, debug, trace] = &PROBES;
    match level {
        Level::ERROR => error,
        Level::WARN => warn,
        Level::INFO => info,
        Level::DEBUG => debug,
        Level::TRACE => trace,
    }
}

/// The hints of one filter.
#[derive(Default)]
pub(crate) struct FilterHints {
    pub(crate) spans: Option<LevelTable>,
    /// Set if the level is left open.
    pub(crate) open: Option<Open>,
}

#[derive(Clone, Copy)]
pub(crate) struct Open {
    pub(crate) named: LevelFilter,
    pub(crate) spans: LevelFilter,
}

impl FilterHints {
    /// Asks a filter what it [hints at](hint_span_levels), and whether it [leaves the level open](leave_level_open).
    pub(crate) fn of<S: Subscriber, F: Filter<S>>(filter: &F) -> Self {
        HINTS.with(|hints| *hints.borrow_mut() = Some(Self::default()));
        let hint = filter.max_level_hint();
        let mut hints = HINTS.with(RefCell::take).unwrap_or_default();
        hints.open = match hint {
            // A closure on metadata, or some combination with one: it leaves the level open if it does not look at it.
            None => hints.open.or(Some(Open { named: LevelFilter::OFF, spans: LevelFilter::OFF })),
            Some(LevelFilter::TRACE) => hints.open,
            // Another part of a combination has named it.
            Some(_) => None,
        };
        hints.open = hints.open.filter(|_| !tells_levels_apart(filter));
        hints
    }
}

thread_local! {
    /// Set while a filter is asked.
    static HINTS: RefCell<Option<FilterHints>> = const { RefCell::new(None) };
}

fn with_hints(then: impl FnOnce(&mut FilterHints)) {
    // A thread that is ending builds no layer.
    HINTS.try_with(|hints| hints.borrow_mut().as_mut().map(then)).ok();
}

fn tells_levels_apart<S: Subscriber, F: Filter<S>>(filter: &F) -> bool {
    let never = PROBES.iter().filter(|probe| filter.callsite_enabled(probe).is_never()).count();
    never > 0 && never < PROBES.len()
}

struct Probe;
static PROBE: Probe = Probe;
static PROBES: [Metadata<'static>; 5] = [
    probed(Level::ERROR),
    probed(Level::WARN),
    probed(Level::INFO),
    probed(Level::DEBUG),
    probed(Level::TRACE),
];

const fn probed(level: Level) -> Metadata<'static> {
    let fields = FieldSet::new(&[], Identifier(&PROBE));
    Metadata::new("probe", "", level, None, None, None, fields, Kind::EVENT)
}

impl Callsite for Probe {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        probe(Level::TRACE)
    }
}

/// The place of a field that no callsite has. Each has its own, as equal fields are those of one place.
struct Extra(&'static str);

impl Callsite for Extra {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        probe(Level::TRACE)
    }
}

/// Makes a field of this name, for ever.
pub(crate) fn field_of(name: &'static str) -> Field {
    let place: &'static Extra = Box::leak(Box::new(Extra(name)));
    let set = FieldSet::new(std::slice::from_ref(&place.0), Identifier(place));
    #[expect(clippy::expect_used, reason = "the set has this one name")]
    set.field(name).expect("the one name of the set")
}
