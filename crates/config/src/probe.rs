//! Make an event of any target and level, to ask a table about it as about a real one.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use tracing_core::{
    Dispatch, Event, Kind, Level, Metadata,
    callsite::{Callsite, Identifier},
    dispatcher,
    field::{FieldSet, Value},
    subscriber::Interest,
};
use tracing_subscriber::prelude::*;
use watchfire_core::{EventView, Handler, HandlerLayer, Severity};

/// How many fields an event here may have, the message and the severity included.
const MOST_FIELDS: usize = 16;

/// Shows `look` an event; of the fields the first 14 count.
pub(crate) fn with_event(
    target: &str,
    severity: Severity,
    fields: &[(String, String)],
    look: impl Fn(&EventView<'_>) + Send + Sync + 'static,
) {
    let mut names = vec!["message".to_owned()];
    let mut values = vec!["explained".to_owned()];
    if severity == Severity::Critical {
        names.push("severity".to_owned());
        values.push("critical".to_owned());
    }
    for (name, value) in fields.iter().take(MOST_FIELDS - 2) {
        if !names.contains(name) {
            names.push(name.clone());
            values.push(value.clone());
        }
    }
    let metadata = metadata(target, severity.level(), names);
    let all: Vec<_> = metadata.fields().iter().collect();
    let Some(first) = all.first() else { return };
    let entries: [_; MOST_FIELDS] = std::array::from_fn(|i| match (all.get(i), values.get(i)) {
        (Some(field), Some(value)) => (field, Some(value as &dyn Value)),
        _ => (first, None),
    });
    let layer = HandlerLayer::new(Looking(look));
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    dispatcher::with_default(&dispatch, || Event::dispatch(metadata, &metadata.fields().value_set(&entries)));
}

struct Looking<F>(F);

impl<F: Fn(&EventView<'_>) + Send + Sync + 'static> Handler for Looking<F> {
    fn handle(&self, event: &EventView<'_>) {
        (self.0)(event);
    }
}

type Made = HashMap<(String, Level, Vec<String>), &'static Metadata<'static>>;

/// Returns metadata as a callsite has them: they live for ever, and are made once for each that is asked for.
pub(crate) fn metadata(target: &str, level: Level, names: Vec<String>) -> &'static Metadata<'static> {
    static MADE: OnceLock<Mutex<Made>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    made.entry((target.to_owned(), level, names.clone())).or_insert_with(|| {
        let target: &'static str = String::leak(target.to_owned());
        let names: Vec<&'static str> = names.into_iter().map(|name| &*String::leak(name)).collect();
        let fields = FieldSet::new(Vec::leak(names), Identifier(&CALLSITE));
        Box::leak(Box::new(Metadata::new("probe", target, level, None, None, None, fields, Kind::EVENT)))
    })
}

struct ProbeCallsite;
static CALLSITE: ProbeCallsite = ProbeCallsite;
static CALLSITE_METADATA: Metadata<'static> = Metadata::new(
    "probe",
    "",
    Level::ERROR,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&CALLSITE)),
    Kind::EVENT,
);

impl Callsite for ProbeCallsite {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &CALLSITE_METADATA
    }
}
