//! Make any per-layer filter safe: tracing-subscriber 0.3 loses events behind filters that answer `always`.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

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
/// - It notes which callsite it was asked about last, so that the layer can tell when a nested event came between.
pub struct Safe<F> {
    filter: Arc<F>,
    /// `None` if the filter lets spans through by rules of its own.
    spans: Option<LevelTable>,
}

impl<F> Safe<F> {
    pub(crate) fn new(filter: Arc<F>, spans: Option<LevelTable>) -> Self {
        Self { filter, spans }
    }

    fn lets_span(&self, metadata: &Metadata<'_>) -> bool {
        self.spans.as_ref().is_some_and(|spans| spans.admits_span(metadata))
    }
}

thread_local! {
    static CLAIM: RefCell<Claim> = const { RefCell::new(Claim::NotAsked) };
    static LAST: Cell<(usize, u8)> = const { Cell::new((0, 0)) };
}

enum Claim {
    NotAsked,
    Asked,
    Claimed(LevelTable),
}

/// Tells a handler layer that the filter which answers now lets spans through by `levels` of its own.
///
/// A filter calls this in its `max_level_hint`; the layer then takes these levels in place of its own.
pub fn claim_spans(levels: &LevelTable) {
    // A thread that is ending builds no layer.
    CLAIM
        .try_with(|claim| {
            let mut claim = claim.borrow_mut();
            if !matches!(*claim, Claim::NotAsked) {
                *claim = Claim::Claimed(levels.clone());
            }
        })
        .ok();
}

/// Asks a filter for the span levels that it [claims](claim_spans).
pub(crate) fn claimed_spans<S, F: Filter<S>>(filter: &F) -> Option<LevelTable> {
    CLAIM.with(|claim| *claim.borrow_mut() = Claim::Asked);
    filter.max_level_hint();
    match CLAIM.with(|claim| claim.replace(Claim::NotAsked)) {
        Claim::Claimed(levels) => Some(levels),
        Claim::NotAsked | Claim::Asked => None,
    }
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

impl<S: Subscriber, F: Filter<S>> Filter<S> for Safe<F> {
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.filter.callsite_enabled(metadata);
        if interest.is_always() || (interest.is_never() && self.lets_span(metadata)) {
            Interest::sometimes()
        } else {
            interest
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        note_asked(metadata);
        self.filter.enabled(metadata, context) || self.lets_span(metadata)
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        self.filter.event_enabled(event, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let hint = self.filter.max_level_hint()?;
        Some(self.spans.as_ref().map_or(hint, |spans| hint.max(spans.most_verbose())))
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
