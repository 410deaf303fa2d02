//! Use a filter on one layer of a registry.

use std::{
    cell::Cell,
    sync::{Mutex, PoisonError},
    thread::LocalKey,
};

use tracing_core::{
    Event, Level, LevelFilter, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    EnvFilter,
    layer::{Context, Filter},
    registry::LookupSpan,
};
use watchfire_core::{EventView, caught};

use crate::{EventFilter, Verdict, directives::SpanRule, node::SpanQuestion};

impl<S> Filter<S> for EventFilter
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.dynamic && metadata.is_span() {
            if TELLING.is_held() {
                self.unregistered.put(metadata);
            } else {
                self.register::<S>(metadata);
            }
        }
        let wanted = if metadata.is_span() {
            let verdict = self.node.span_verdict(metadata, &SpanQuestion::Callsite);
            self.lets_span(metadata) || verdict.is_some_and(|verdict| verdict != Verdict::Never)
        } else {
            self.verdict(metadata) != Verdict::Never
        };
        // Never `always`: after an `enabled!` the next event of such a callsite would be lost (tokio-rs/tracing#2519).
        if wanted { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        let entered = |state: &EnvFilter, level: Level| is_entered(state, level, context);
        let question = SpanQuestion::Entered(&entered);
        if metadata.is_span() {
            self.lets_span(metadata) || self.node.span_verdict(metadata, &question) == Some(Verdict::Always)
        } else {
            self.node.verdict(metadata, &question) != Verdict::Never
        }
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        if !self.per_event {
            return true;
        }
        // An event that a callback or a field's `Debug` emits while we judge one is not judged: it would have no end.
        let Some(_judging) = JUDGING.enter() else { return true };
        let entered = |state: &EnvFilter, level: Level| is_entered(state, level, context);
        let judge = || {
            let question = SpanQuestion::Entered(&entered);
            EventView::with(event, context, &self.spans, |view| self.node.passes(view, &question, &self.log))
        };
        // Quietly, so that our own layers do not capture such an event either. They are quiet already when they ask
        // again behind a nested event.
        watchfire_core::quietly(judge).unwrap_or_else(judge)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        watchfire_core::hint_span_levels(&self.spans);
        let spans = if self.needs_all_spans() { LevelFilter::TRACE } else { self.spans.most_verbose() };
        if let Some(named) = self.node.open() {
            watchfire_core::leave_level_open(named, spans);
        }
        Some(self.most_verbose().max(spans))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.dynamic && !TELLING.is_held() {
            self.unregistered.take().into_iter().for_each(|metadata| self.register::<S>(metadata));
        }
        self.tell(|state| state.on_new_span(attributes, id, context.clone()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.tell(|state| state.on_record(id, values, context.clone()));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.tell(|state| state.on_enter(id, context.clone()));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.tell(|state| state.on_exit(id, context.clone()));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.tell(|state| state.on_close(id.clone(), context.clone()));
    }
}

impl EventFilter {
    fn lets_span(&self, metadata: &Metadata<'_>) -> bool {
        self.spans.admits(metadata.target(), *metadata.level())
    }

    /// Makes a directive's state know a callsite of spans that it is about, before one of them is made.
    fn register<S: Subscriber>(&self, metadata: &'static Metadata<'static>) {
        self.node.for_each_rule(&mut |rule| {
            if rule.is_about(metadata) {
                Filter::<S>::callsite_enabled(rule.state(), metadata);
            }
        });
    }

    /// Tells the state of each span directive what happens to a span.
    ///
    /// An `EnvFilter` holds its locks while it has a user's `Debug` write a value. What that `Debug` does to spans of its
    /// own is not told: it would wait for itself. And it may panic.
    fn tell(&self, tell: impl Fn(&EnvFilter)) {
        if !self.dynamic {
            return;
        }
        let Some(_telling) = TELLING.enter() else { return };
        self.node.for_each_rule(&mut |rule: &SpanRule| {
            // The earlier panic hook has reported the panic.
            caught(|| tell(rule.state())).unwrap_or_default();
        });
    }
}

/// Keeps callsites that were first met where they could not be registered, until they can. A clone has none.
#[derive(Default)]
pub(crate) struct Unregistered(Mutex<Vec<&'static Metadata<'static>>>);

impl Unregistered {
    fn put(&self, metadata: &'static Metadata<'static>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(metadata);
    }

    fn take(&self) -> Vec<&'static Metadata<'static>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Unregistered {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Tells whether the spans entered on this thread enable `level`.
///
/// An `EnvFilter` answers for its static directives too, and those are ours to judge, by whole segments. It is asked
/// about an event that no static directive of it can be about.
fn is_entered<S: Subscriber>(state: &EnvFilter, level: Level, context: &Context<'_, S>) -> bool {
    state.enabled(watchfire_core::probe(level), context.clone())
}

thread_local! {
    /// This thread looks at the values of an event for a filter.
    static IS_JUDGING: Cell<bool> = const { Cell::new(false) };
    /// This thread tells the states of span directives of a span.
    static IS_TELLING: Cell<bool> = const { Cell::new(false) };
}

static JUDGING: Flag = Flag(&IS_JUDGING);
static TELLING: Flag = Flag(&IS_TELLING);

/// Lets a thread begin something only when it is not about it already.
struct Flag(&'static LocalKey<Cell<bool>>);

struct Held(&'static LocalKey<Cell<bool>>);

impl Flag {
    fn is_held(&self) -> bool {
        self.0.try_with(Cell::get).unwrap_or(false)
    }

    fn enter(&self) -> Option<Held> {
        let was = self.0.try_with(|held| held.replace(true)).unwrap_or(false);
        // `then_some` would make, and drop, the guard in any case.
        if was { None } else { Some(Held(self.0)) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.try_with(|held| held.set(false)).ok();
    }
}
