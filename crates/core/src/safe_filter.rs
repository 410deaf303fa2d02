//! Make any per-layer filter safe: tracing-subscriber 0.3 loses events behind filters that answer `always`.

use std::{cell::Cell, sync::Arc};

use tracing_core::{
    Event, LevelFilter, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::layer::{Context, Filter};

use crate::levels::LevelTable;

/// Wraps the filter of a handler layer.
///
/// - It never answers `Interest::always`: after any `enabled!` or `log_enabled!` the next event of such a callsite is
///   lost for filtered layers (tokio-rs/tracing#2519).
/// - It lets spans through down to the layer's span levels, so that an alert has its context.
/// - Its `max_level_hint` is the more verbose of the filter's and the span levels'.
/// - It keeps the handler's default level in force where the filter leaves the level open.
/// - It notes which callsite it was asked about last, so that the layer can tell when a nested event came between.
pub struct SafeFilter<F> {
    filter: Arc<F>,
    /// `None` if the filter lets spans through by rules of its own.
    spans: Option<LevelTable>,
    ceiling: Option<Ceiling>,
}

/// The levels beyond which nothing passes a filter that leaves the level open.
#[derive(Clone, Copy)]
pub(crate) struct Ceiling {
    pub(crate) events: LevelFilter,
    /// For which spans the filter has to be asked.
    pub(crate) spans: LevelFilter,
}

impl<F> SafeFilter<F> {
    pub(crate) fn new(filter: Arc<F>, spans: Option<LevelTable>, ceiling: Option<Ceiling>) -> Self {
        Self { filter, spans, ceiling }
    }

    fn is_beyond(&self, metadata: &Metadata<'_>) -> bool {
        self.ceiling.is_some_and(|ceiling| metadata.is_event() && *metadata.level() > ceiling.events)
    }

    fn lets_span(&self, metadata: &Metadata<'_>) -> bool {
        self.spans.as_ref().is_some_and(|spans| spans.admits_span(metadata))
    }
}

thread_local! {
    static LAST: Cell<(usize, u8)> = const { Cell::new((0, 0)) };
}

/// Notes that a filter was asked about `metadata` on this thread; see [`was_asked_last`].
pub(crate) fn note_asked(metadata: &Metadata<'_>) {
    LAST.try_with(|last| last.set(key(metadata))).unwrap_or_default();
}

/// Tells whether the last question on this thread was about `metadata`.
///
/// If not, a nested event came between the question and the event, has cleared the registry's bits on its way, and
/// the answer has to be asked for again (tokio-rs/tracing#2704).
pub(crate) fn was_asked_last(metadata: &Metadata<'_>) -> bool {
    LAST.try_with(|last| last.get() == key(metadata)).unwrap_or(true)
}

/// The callsite and its level: the five callsites of `log` records may be zero-sized statics at one address.
fn key(metadata: &Metadata<'_>) -> (usize, u8) {
    let tracing_core::callsite::Identifier(callsite) = metadata.callsite();
    (std::ptr::from_ref(callsite).cast::<()>() as usize, crate::Severity::from(*metadata.level()) as u8)
}

impl<S: Subscriber, F: Filter<S>> Filter<S> for SafeFilter<F> {
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.filter.callsite_enabled(metadata);
        if self.is_beyond(metadata) {
            return Interest::never();
        }
        if interest.is_always() || (interest.is_never() && self.lets_span(metadata)) {
            Interest::sometimes()
        } else {
            interest
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        note_asked(metadata);
        !self.is_beyond(metadata) && (self.filter.enabled(metadata, context) || self.lets_span(metadata))
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        self.filter.event_enabled(event, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let mut hint = self.filter.max_level_hint();
        if let Some(Ceiling { events, spans }) = self.ceiling {
            hint = Some(hint.unwrap_or(LevelFilter::TRACE).min(events.max(spans)));
        }
        let spans = self.spans.as_ref().map_or(LevelFilter::OFF, LevelTable::most_verbose);
        hint.map(|hint| hint.max(spans))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.filter.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        self.filter.on_record(id, record, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.filter.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.filter.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.filter.on_close(id, context);
    }
}
