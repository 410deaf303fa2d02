//! Shows an incident as an event: the view that handlers get, without an event of `tracing` being emitted.

use std::{error::Error, sync::Arc};

use tracing_core::{
    Event, Kind, Level, Metadata,
    callsite::{Callsite, Identifier},
    field::{FieldSet, Value},
    metadata,
    subscriber::Interest,
};

use super::Incident;
use crate::{
    EventView, SpanNode, alert::Origin, event::EventCore, settings::LayerSettings, span_slot::SpanSource,
};

const FIELDS: &[&str] = &["message", "error"];

struct Panic;
struct FailureCallsite;

static PANIC: Metadata<'static> = metadata! {
    name: "panic",
    target: "panic",
    level: Level::ERROR,
    fields: FIELDS,
    callsite: &Panic,
    kind: Kind::EVENT
};
static FAILURE: Metadata<'static> = metadata! {
    name: "main",
    target: "main",
    level: Level::ERROR,
    fields: FIELDS,
    callsite: &FailureCallsite,
    kind: Kind::EVENT
};

impl Callsite for Panic {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &PANIC
    }
}

impl Callsite for FailureCallsite {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &FAILURE
    }
}

/// The span that an incident is in.
struct Known<'a>(Option<&'a Arc<SpanNode>>);

impl SpanSource for Known<'_> {
    fn chain(&self, _event: &Event<'_>) -> Option<Arc<SpanNode>> {
        self.0.cloned()
    }
}

impl Incident {
    /// Returns the metadata that filters are asked about: the level is ERROR, the target `panic` or `main`.
    pub(crate) fn callsite(&self) -> &'static Metadata<'static> {
        match self.origin {
            Origin::Failure => &FAILURE,
            Origin::Event | Origin::Panic => &PANIC,
        }
    }

    /// Passes it to `look` as an event, with the settings of one layer.
    pub(crate) fn show(&self, settings: &LayerSettings, look: impl FnOnce(&EventView<'_>)) {
        let callsite = self.callsite();
        let site: &'static dyn Callsite = match self.origin {
            Origin::Failure => &FailureCallsite,
            Origin::Event | Origin::Panic => &Panic,
        };
        let (file, line) = self.place().unzip();
        let fields = FieldSet::new(FIELDS, Identifier(site));
        let metadata = Metadata::new(
            callsite.name(),
            callsite.target(),
            Level::ERROR,
            file,
            line,
            None,
            fields,
            Kind::EVENT,
        );
        let fields = callsite.fields();
        let (Some(message), Some(error)) = (fields.field("message"), fields.field("error")) else { return };
        let text = self.message.as_str();
        let cause = self.error.as_ref().map(|cause| cause as &(dyn Error + 'static));
        let values = [
            (&message, Some(&text as &dyn Value)),
            (&error, cause.as_ref().map(|cause| cause as &dyn Value)),
        ];
        let values = fields.value_set(&values);
        let event = Event::new(callsite, &values);
        let source = Known(self.span.as_ref());
        let core = EventCore::new(&event, Some(&metadata), &source, settings).of_incident(self);
        look(&EventView::new(&core).with_severity(self.severity));
    }
}
