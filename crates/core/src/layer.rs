//! The one `impl Layer` of the workspace.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tracing_core::{
    Dispatch, Event, LevelFilter, Metadata, Subscriber,
    dispatcher::WeakDispatch,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    filter::Filtered,
    layer::{Context, Filter, Layer},
    registry::LookupSpan,
};

use crate::{
    EventView, Handler, Incident, LevelTable, Limits, Redactor, SpanNode,
    event::{EventCore, of_record},
    fields::{Collect, FieldList, KeptFields},
    filter_hints::FilterHints,
    guard::{Inside, caught},
    incident, process,
    safe_filter::{Ceiling, SafeFilter, was_asked_last},
    settings::LayerSettings,
    span_slot::{self, LayerId, SpanSlot, StackLookup, node_of, slot_of},
};

/// Makes a `tracing_subscriber::Layer` of a [`Handler`]: the one layer of the workspace.
///
/// It captures the spans, keeps events that are emitted while it works from coming back, shows `log` records with
/// their true target and place, and catches every panic of a user's formatter, callback or handler.
///
/// Filter before boxing: [`with_filter`](Self::with_filter) is this type's own and makes any filter safe; a layer that
/// was boxed before gets tracing-subscriber's.
pub struct HandlerLayer<H> {
    handler: H,
    id: LayerId,
    settings: LayerSettings,
    /// An `Arc<dyn Filter<S> + Send + Sync>`, of the subscriber type that the filter was made for.
    recheck: Option<Box<dyn Any + Send + Sync>>,
    /// The most verbose level that is heard; behind a filter that names one all levels are.
    ceiling: LevelFilter,
    dispatch: OnceLock<WeakDispatch>,
    counts: Arc<LayerCounts>,
    /// Whether panics and failures of `main` are handed to the handler.
    incidents: bool,
}

/// Counts what a handler layer kept away from its handler.
#[derive(Debug, Default)]
pub struct LayerCounts {
    suppressed: AtomicU64,
    panics: AtomicU64,
}

impl LayerCounts {
    /// Returns how many events were emitted while a handler layer was at work on the same thread, and were left out.
    #[must_use]
    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Returns how many panics of formatters and handlers were caught.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

impl<H: Handler> HandlerLayer<H> {
    /// Makes a layer of `handler`; without a filter it hears the handler's default level and up.
    pub fn new(handler: H) -> Self {
        Self {
            ceiling: handler.default_level(),
            handler,
            id: LayerId::new(),
            settings: LayerSettings::default(),
            recheck: None,
            dispatch: OnceLock::new(),
            counts: Arc::default(),
            incidents: true,
        }
    }

    /// Sets which spans are let through whatever the filter says of events. Default `info,tower_http=debug`.
    ///
    /// A filter with span levels (those of `watchfire-filter`) replaces them.
    #[must_use]
    pub fn span_levels(mut self, levels: LevelTable) -> Self {
        self.settings.set_spans(levels);
        self
    }

    /// Sets the rules of redaction. Default: on, with the rules of [`Redactor::default`].
    #[must_use]
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.settings.set_redactor(redactor);
        self
    }

    /// Sets the size limits of one event. Default: those of [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.set_limits(limits);
        self
    }

    /// Keeps panics, and the error that `main` returns, from the handler. Default: they are events of the targets `panic`
    /// and `main`, if the filter lets an ERROR of these through.
    #[must_use]
    pub fn without_panics(mut self) -> Self {
        self.incidents = false;
        self
    }

    /// Puts something of your own between the layer and its handler, such as `watchfire-filter`'s `rewriting`.
    ///
    /// All settings made before stay, but for the level of a layer without a filter, which is that of the new handler.
    pub fn map_handler<G: Handler>(self, map: impl FnOnce(H) -> G) -> HandlerLayer<G> {
        let handler = map(self.handler);
        HandlerLayer {
            ceiling: if self.recheck.is_some() { self.ceiling } else { handler.default_level() },
            handler,
            id: self.id,
            settings: self.settings,
            recheck: self.recheck,
            dispatch: self.dispatch,
            counts: self.counts,
            incidents: self.incidents,
        }
    }

    /// Returns the handler.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// Returns the counters, which outlive the layer's move into a registry.
    #[must_use]
    pub fn counts(&self) -> Arc<LayerCounts> {
        Arc::clone(&self.counts)
    }

    /// Puts a filter before the layer: any of tracing-subscriber's, or one of `watchfire-filter`.
    ///
    /// It takes precedence over `Layer::with_filter` and returns the same type of layer; in addition the filter never
    /// answers `Interest::always`, spans pass down to the span levels, and an event that slipped through behind a
    /// nested one is asked about again.
    ///
    /// # Who decides on the level
    /// A filter that names a level takes the place of the handler's [default level](Handler::default_level), as
    /// `filter::directives("warn")?` or a `LevelFilter` does. Behind one that names none, such as a
    /// `filter::callback(..)` or `filter::require_debug_false()` alone, the default level stays in force: the filter
    /// chooses among the events that the layer would hear without it, and nothing more is switched on for the process.
    ///
    /// A filter of somebody else names a level by its `max_level_hint`, or by turning away some of the five levels of
    /// any target, as `filter_fn(|metadata| *metadata.level() <= Level::WARN)` does. One that looks at the level for some
    /// targets only has to give a hint: `filter_fn(..).with_max_level_hint(LevelFilter::WARN)`. This is asked once, here.
    ///
    /// ```
    /// # use tracing_core::LevelFilter;
    /// # use tracing_subscriber::{Layer, Registry, filter::filter_fn};
    /// # use watchfire_core::{EventView, Handler, HandlerLayer};
    /// struct Pager;
    ///
    /// impl Handler for Pager {
    ///     fn handle(&self, event: &EventView<'_>) {}
    ///
    ///     fn default_level(&self) -> LevelFilter {
    ///         LevelFilter::ERROR
    ///     }
    /// }
    ///
    /// let not_hyper = || filter_fn(|metadata| !metadata.target().starts_with("hyper"));
    /// let errors = HandlerLayer::new(Pager).with_filter::<Registry, _>(not_hyper());
    /// let warnings = not_hyper().with_max_level_hint(LevelFilter::WARN);
    /// let warnings = HandlerLayer::new(Pager).with_filter::<Registry, _>(warnings);
    /// ```
    pub fn with_filter<S, F>(mut self, filter: F) -> Filtered<Self, SafeFilter<F>, S>
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
        F: Filter<S> + Send + Sync + 'static,
    {
        let filter = Arc::new(filter);
        let erased: Arc<dyn Filter<S> + Send + Sync> = Arc::clone(&filter) as _;
        self.recheck = Some(Box::new(erased));
        let hints = FilterHints::of::<S, F>(&filter);
        let ceiling = hints
            .open
            .map(|open| Ceiling { events: self.handler.default_level().max(open.named), spans: open.spans });
        self.ceiling = ceiling.map_or(LevelFilter::TRACE, |ceiling| ceiling.events);
        let added = match hints.spans {
            Some(levels) => {
                self.settings.set_spans(levels);
                None
            }
            None => Some(self.settings.spans().clone()),
        };
        Layer::with_filter(self, SafeFilter::new(filter, added, ceiling))
    }

    fn is_filtered(&self) -> bool {
        self.recheck.is_some()
    }

    /// Tells whether a layer without a filter lets this through.
    fn hears(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.is_span() {
            self.settings.spans().admits_span(metadata)
        } else {
            *metadata.level() <= self.ceiling
        }
    }

    fn still_wanted<S>(&self, event: &Event<'_>, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        if *metadata.level() > self.ceiling {
            return false;
        }
        let Some(recheck) = &self.recheck else { return true };
        if was_asked_last(event.metadata()) {
            return true;
        }
        match recheck.downcast_ref::<Arc<dyn Filter<S> + Send + Sync>>() {
            Some(filter) => filter.enabled(metadata, context) && filter.event_enabled(event, context),
            None => true,
        }
    }

    /// Hands an incident to the handler, if the filter lets events of its callsite through. What the filter says of the
    /// event itself is not asked: that takes a subscriber, which may be in use by this very thread.
    fn report<S>(&self, incident: &Incident, deadline: Instant)
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        let recheck = self
            .recheck
            .as_ref()
            .and_then(|filter| filter.downcast_ref::<Arc<dyn Filter<S> + Send + Sync>>());
        let is_refused = |filter: &Arc<dyn Filter<S> + Send + Sync>| {
            filter.callsite_enabled(incident.callsite()).is_never()
        };
        if !self.incidents || self.ceiling < LevelFilter::ERROR || recheck.is_some_and(is_refused) {
            return;
        }
        incident.show(&self.settings, |event| {
            if caught(|| self.handler.report(event, deadline)).is_none() {
                self.counts.panics.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    /// Collects the fields of a span as they are given: each reader redacts by its own rules.
    fn collect(&self, record: impl FnOnce(&mut Collect<'_>)) -> FieldList {
        let given = Redactor::off();
        let limits = crate::process::kept_values(self.settings.limits());
        let mut fields = Collect::new(KeptFields::spare(), &limits, &given, false);
        if caught(|| record(&mut fields)).is_none() {
            fields.panics += 1;
        }
        if fields.panics > 0 {
            self.counts.panics.fetch_add(fields.panics, Ordering::Relaxed);
        }
        let kept = fields.end();
        let (message, rest) = (kept.message(), kept.fields());
        // Exactly: a span keeps the list as it is.
        let mut all = FieldList::with_capacity(usize::from(message.is_some()) + rest.len());
        all.extend(message.map(|text| ("message", text.to_owned().into())));
        all.extend(rest);
        kept.leave();
        all
    }
}

impl<S, H> Layer<S> for HandlerLayer<H>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    H: Handler,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // Weak: a strong one would keep the subscriber, and us, alive for ever.
        self.dispatch.get_or_init(|| dispatch.downgrade());
        crate::process::install_panic_hook();
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Never `never`: without a filter that would silence the callsite for every other layer too.
        if self.is_filtered() || self.hears(metadata) { Interest::always() } else { Interest::sometimes() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // Behind a filter only the filter's hint counts.
        Some(self.ceiling.max(self.settings.spans().most_verbose()))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| node_of(&parent));
        match slot_of(&span) {
            // Another handler layer was here first: its fields stay, the deeper of the two parents wins.
            Some(node) => {
                if parent.as_ref().map_or(0, |parent| parent.depth()) >= node.depth() {
                    let relinked = Arc::new(node.relinked(parent));
                    span.extensions_mut().replace(SpanSlot(relinked));
                }
            }
            None => {
                // User formatters run here, before any lock is taken: one that logs would wait for itself.
                let fields = self.collect(|fields| attributes.record(fields));
                let node = SpanNode::new(attributes.metadata(), parent, fields);
                span.extensions_mut().replace(SpanSlot(Arc::new(node)));
            }
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let fields = self.collect(|fields| values.record(fields));
        // Taken out of the extensions before the merge, which takes a lock of its own.
        let node = context.span(id).and_then(|span| slot_of(&span));
        if let Some(node) = node {
            node.merge(fields);
        }
    }

    #[expect(unsafe_code, reason = "asked for the type of a visit it is asked to report an incident")]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<incident::Visit>() {
            incident::visit(self.settings.redactor(), |incident, deadline| {
                self.report::<S>(incident, deadline)
            });
        }
        (id == TypeId::of::<Self>()).then_some(std::ptr::from_ref(self).cast())
    }

    fn on_enter(&self, id: &Id, _context: Context<'_, S>) {
        span_slot::enter(self.id, id);
    }

    fn on_exit(&self, id: &Id, _context: Context<'_, S>) {
        span_slot::exit(self.id, id);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(_inside) = Inside::enter() else {
            self.counts.suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let normalized = of_record(event);
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if !self.still_wanted(event, metadata, &context) {
            return;
        }
        let lookup = StackLookup { context: &context, layer: self.id, dispatch: self.dispatch.get() };
        let core = EventCore::new(event, normalized.as_ref(), &lookup, &self.settings);
        // The handler's state is behind shared references and its own locks, which it recovers when poisoned.
        let view = EventView::new(&core);
        let handle = || match process::extra_fields::of(&view) {
            None => self.handler.handle(&view),
            Some(extra) => view.rewritten(&extra, |view| self.handler.handle(view)),
        };
        if caught(handle).is_none() {
            self.counts.panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<H> fmt::Debug for HandlerLayer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerLayer").field("handler", &std::any::type_name::<H>()).finish_non_exhaustive()
    }
}
