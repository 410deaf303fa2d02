//! The format that was chosen, with the fastest way to write by it.

use std::{any::Any, sync::Arc, time::SystemTime};

use watchfire_core::{EventView, NameVerdict, Stack};

use super::{
    Format, Json, Logfmt, Text,
    callsites::{CallsiteKey, Callsites},
    direct::{Direct, Straight},
};
use crate::{Record, time::Zone};

/// Writes events and records as lines. Clones share what they keep about callsites.
#[derive(Clone)]
pub(crate) struct Renderer(Arc<RendererInner>);

struct RendererInner {
    format: Box<dyn Format>,
    direct: Option<Box<dyn Straight>>,
    /// The verdicts on the names of each callsite, in their order.
    verdicts: Callsites<Box<[NameVerdict]>>,
}

impl Renderer {
    pub(crate) fn new(format: impl Format) -> Self {
        let direct = direct(&format);
        Self(Arc::new(RendererInner { format: Box::new(format), direct, verdicts: Callsites::default() }))
    }

    /// Appends an event of `at` as a line; user formatters run here, so no lock may be held.
    pub(crate) fn event(
        &self,
        event: &EventView<'_>,
        at: SystemTime,
        stack: Option<&Stack>,
        zone: &Zone,
        out: &mut String,
    ) {
        if stack.is_none()
            && let Some(direct) = &self.0.direct
            && direct.write(event, at, zone, out)
        {
            return;
        }
        self.by_record(event, at, stack, zone, out);
    }

    /// Appends an event by way of a record: what [`event`](Self::event) does where there is no faster way.
    pub(crate) fn by_record(
        &self,
        event: &EventView<'_>,
        at: SystemTime,
        stack: Option<&Stack>,
        zone: &Zone,
        out: &mut String,
    ) {
        let judge = || {
            let names = event.callsite().fields();
            names.iter().map(|field| event.redactor().judge_name(field.name())).collect()
        };
        let verdicts = self.0.verdicts.get(CallsiteKey::of(event), judge).map(|verdicts| &**verdicts);
        Record::of_event(event, verdicts, at, stack, zone, |record| self.record(record, out));
    }

    /// Appends a record as a line.
    pub(crate) fn record(&self, record: &Record<'_>, out: &mut String) {
        self.0.format.write(record, out);
    }
}

/// Returns the fast path of a format that has one.
fn direct(format: &dyn Any) -> Option<Box<dyn Straight>> {
    if let Some(json) = format.downcast_ref::<Json>() {
        Some(Box::new(Direct::new(json.clone())))
    } else if let Some(text) = format.downcast_ref::<Text>() {
        Some(Box::new(Direct::new(text.clone())))
    } else if let Some(logfmt) = format.downcast_ref::<Logfmt>() {
        Some(Box::new(Direct::new(*logfmt)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
