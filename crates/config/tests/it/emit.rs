//! Emit events of any target and level, as a callsite of that kind would.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{
    Dispatch, Event, Level, Metadata,
    callsite::{Callsite, Identifier},
    field::{FieldSet, Value},
    metadata::Kind,
    subscriber::Interest,
};
use watchfire_config::{Components, Options};
use watchfire_core::{EventView, Handler, Severity};

/// Keeps who heard what.
#[derive(Clone, Default)]
pub(crate) struct Ears(Arc<Mutex<Vec<(String, String)>>>);

struct HeardHandler {
    tag: String,
    ears: Ears,
}

impl Ears {
    /// Returns parts with the handler type `heard`, whose option `tag` names it here.
    pub(crate) fn components(&self) -> Components {
        let ears = self.clone();
        Components::new().handler("heard", move |options: &Options| {
            Ok(HeardHandler { tag: options.text("tag").unwrap_or("?").to_owned(), ears: ears.clone() })
        })
    }

    /// Returns a handler that is called so.
    pub(crate) fn handler(&self, tag: &str) -> impl Handler + use<> {
        HeardHandler { tag: tag.to_owned(), ears: self.clone() }
    }

    /// Takes out (handler, severity in lower case), in the order of the calls.
    pub(crate) fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub(crate) fn tags(&self) -> Vec<String> {
        self.take().into_iter().map(|(tag, _)| tag).collect()
    }
}

impl Handler for HeardHandler {
    fn handle(&self, event: &EventView<'_>) {
        let severity = event.severity().as_str().to_lowercase();
        self.ears.0.lock().unwrap().push((self.tag.clone(), severity));
    }
}

pub(crate) fn emit(dispatch: &Dispatch, target: &str, severity: Severity, fields: &[(&str, &str)]) {
    let mut named = vec![("message", "m")];
    if severity == Severity::Critical {
        named.push(("severity", "critical"));
    }
    named.extend(fields);
    let metadata =
        metadata(target, severity.level(), &named.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let all: Vec<_> = metadata.fields().iter().collect();
    let entries: [_; 8] = std::array::from_fn(|i| {
        let value = named.get(i).map(|(_, value)| value as &dyn Value);
        (all.get(i).unwrap_or(&all[0]), value)
    });
    if dispatch.enabled(metadata) {
        dispatch.event(&Event::new(metadata, &metadata.fields().value_set(&entries)));
    }
}

fn metadata(target: &str, level: Level, names: &[&str]) -> &'static Metadata<'static> {
    type Made = HashMap<(String, Level, String), &'static Metadata<'static>>;
    static MADE: OnceLock<Mutex<Made>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    made.entry((target.to_owned(), level, names.join(","))).or_insert_with(|| {
        let names: Vec<&'static str> = names.iter().map(|name| &*name.to_string().leak()).collect();
        let fields = FieldSet::new(names.leak(), Identifier(&PLACE));
        let target = target.to_owned().leak();
        Box::leak(Box::new(Metadata::new("event", target, level, None, None, None, fields, Kind::EVENT)))
    })
}

struct FakeCallsite;
static PLACE: FakeCallsite = FakeCallsite;
static PLACE_METADATA: Metadata<'static> = Metadata::new(
    "event",
    "",
    Level::ERROR,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&PLACE)),
    Kind::EVENT,
);

impl Callsite for FakeCallsite {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &PLACE_METADATA
    }
}
