//! A handler that keeps each event as one line.

use std::sync::{Arc, Mutex};

use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, Registry, layer::Context, registry::LookupSpan};
use watchfire_core::{EventView, Handler, HandlerLayer};

/// Keeps each event as one line: `LEVEL target [span{field=value}>inner{}] message`.
#[derive(Clone, Default)]
pub(crate) struct KeptLines(Arc<Mutex<Vec<String>>>);

impl KeptLines {
    /// Takes out what was kept.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn layer(&self) -> HandlerLayer<Self> {
        HandlerLayer::new(self.clone())
    }
}

impl Handler for KeptLines {
    fn handle(&self, event: &EventView<'_>) {
        let line = format!("{} {} [{}] {}", event.severity(), event.target(), spans(event), event.message());
        self.0.lock().unwrap().push(line);
    }
}

/// Writes the spans of an event, the outermost first.
pub(crate) fn spans(event: &EventView<'_>) -> String {
    let mut spans: Vec<_> = event
        .spans()
        .map(|node| {
            let fields: Vec<_> =
                node.fields().iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{}{{{}}}", node.name(), fields.join(","))
        })
        .collect();
    spans.reverse();
    spans.join(">")
}

/// Keeps the names of the spans of each event as the registry tells them to a layer of somebody else.
#[derive(Clone, Default)]
pub(crate) struct Foreign(Arc<Mutex<Vec<String>>>);

impl Foreign {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Foreign {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let names: Vec<_> = scope.map(|span| span.name()).collect();
        let line = format!("{} [{}]", event.metadata().level(), names.join(">"));
        self.0.lock().unwrap().push(line);
    }
}

pub(crate) type Boxed = Box<dyn Layer<Registry> + Send + Sync>;
