//! The view of an event that filters and handlers receive.

use std::{
    cell::OnceCell,
    fmt,
    sync::{Arc, LazyLock},
};

use tracing_core::{Event, Level, Metadata, Subscriber, field::Visit};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{layer::Context, registry::LookupSpan};

use crate::{
    HandlerLimits, Incident, Limits, Redactor, RenderingId, Rewrite, Severity, SpanNode,
    fields::FieldBuf,
    incident,
    levels::LevelTable,
    rewrite::{FoundField, Overlay},
    settings::LayerSettings,
    span_slot::{Lookup, SpanSource},
};

/// Shows one event to filters and handlers: a borrowed, copyable view.
///
/// Computed values (the text of fields, the span chain) are computed at most once per event and layer, when it
/// is first asked for. A rewrite is a copy of the view and is seen only by those it is handed to.
#[derive(Clone, Copy)]
pub struct EventView<'a> {
    core: &'a EventCore<'a>,
    level: Level,
    severity: Option<Severity>,
    overlay: Option<&'a Overlay<'a>>,
    /// In place of the layer's.
    redactor: Option<&'a Redactor>,
    /// The fields of the handler that looks at it.
    limits: Option<&'a HandlerLimits>,
}

/// Holds what all views of one event share; lives on the stack of `on_event`.
pub(crate) struct EventCore<'a> {
    pub(crate) event: &'a Event<'a>,
    pub(crate) metadata: &'a Metadata<'a>,
    pub(crate) is_log: bool,
    incident: Option<&'a Incident>,
    pub(crate) source: &'a dyn SpanSource,
    pub(crate) settings: &'a LayerSettings,
    /// The redactor of the settings; a filter has another.
    pub(crate) spans: &'a LevelTable,
    chain: OnceCell<Option<Arc<SpanNode>>>,
    is_critical: OnceCell<bool>,
    fields: OnceCell<FieldBuf>,
    span_fields: OnceCell<FieldBuf>,
}

impl<'a> EventCore<'a> {
    pub(crate) fn new(
        event: &'a Event<'a>,
        normalized: Option<&'a Metadata<'a>>,
        source: &'a dyn SpanSource,
        settings: &'a LayerSettings,
    ) -> Self {
        Self {
            event,
            metadata: normalized.unwrap_or_else(|| event.metadata()),
            is_log: normalized.is_some(),
            incident: None,
            source,
            settings,
            spans: settings.spans(),
            chain: OnceCell::new(),
            is_critical: OnceCell::new(),
            fields: OnceCell::new(),
            span_fields: OnceCell::new(),
        }
    }
}

/// Returns the metadata of a `log` record, of its own target and place; nothing of any other event.
///
/// The five callsites of records have the target `log`: asked first, as `tracing-log` compares callsites by way of a table.
#[inline]
pub(crate) fn of_record<'a>(event: &'a Event<'_>) -> Option<Metadata<'a>> {
    if event.metadata().target() == "log" { event.normalized_metadata() } else { None }
}

impl<'a> EventCore<'a> {
    /// Makes it the view of an incident, whose metadata is not of `log` either.
    pub(crate) fn of_incident(self, incident: &'a Incident) -> Self {
        Self { incident: Some(incident), is_log: false, ..self }
    }
}

impl<'a> EventView<'a> {
    pub(crate) fn new(core: &'a EventCore<'a>) -> Self {
        Self {
            core,
            level: *core.metadata.level(),
            severity: None,
            overlay: None,
            redactor: None,
            limits: None,
        }
    }

    /// Shows `event` to `look`, as a filter sees it in its own `event_enabled`, with the spans that `spans` admits.
    pub fn with<S, R>(
        event: &Event<'_>,
        context: &Context<'_, S>,
        spans: &LevelTable,
        look: impl FnOnce(&EventView<'_>) -> R,
    ) -> R
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        // A constant, which only a `const` could not build: nothing is allocated for an event that a filter turns away.
        static RULES: LazyLock<LayerSettings> = LazyLock::new(Default::default);
        let normalized = of_record(event);
        let lookup = Lookup(context);
        let mut core = EventCore::new(event, normalized.as_ref(), &lookup, &RULES);
        core.spans = spans;
        look(&EventView::new(&core))
    }

    /// Returns the metadata; of a `log` record those of the record: its target, module, file and line.
    #[must_use]
    pub fn metadata(&self) -> &'a Metadata<'a> {
        self.core.metadata
    }

    /// Returns the metadata of the callsite; all `log` records of one level share one.
    #[must_use]
    pub fn callsite(&self) -> &'static Metadata<'static> {
        self.core.event.metadata()
    }

    /// Returns the target.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.core.metadata.target()
    }

    /// Returns the level in force: the callsite's, or what a rewrite made of it.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the severity in force: the level's, or `Critical` for an ERROR with the field `severity = "critical"`.
    ///
    /// That field is the event's own: one that a rewrite has set, renamed or removed makes no difference.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if let Some(severity) = self.severity {
            return severity;
        }
        let plain = Severity::from(self.level);
        // The field set first: it costs little, and formats nobody's values.
        let says_critical = || {
            self.core.metadata.fields().field("severity").is_some()
                && self.own_field("severity").is_some_and(|text| text.parse() == Ok(Severity::Critical))
        };
        let is_critical = plain == Severity::Error && *self.core.is_critical.get_or_init(says_critical);
        if is_critical { Severity::Critical } else { plain }
    }

    /// Returns the same event with another level in force.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Self { level, severity: Some(level.into()), ..self }
    }

    /// Returns the same event with another severity, and its level, in force.
    #[must_use]
    pub fn with_severity(self, severity: Severity) -> Self {
        Self { level: severity.level(), severity: Some(severity), ..self }
    }

    /// Shows the event as `rewrite` has it to `then`: to nobody else, and over what was rewritten before.
    ///
    /// ```
    /// # use watchfire_core::{EventView, Handler, Memory, Rewrite};
    /// struct Quieter(Rewrite, Memory);
    ///
    /// impl Handler for Quieter {
    ///     fn handle(&self, event: &EventView<'_>) {
    ///         event.rewritten(&self.0, |event| self.1.handle(event));
    ///     }
    /// }
    /// ```
    pub fn rewritten<R>(&self, rewrite: &Rewrite, then: impl FnOnce(&EventView<'_>) -> R) -> R {
        let overlay = Overlay { rewrite, before: self.overlay };
        let view = EventView {
            overlay: Some(&overlay).filter(|_| rewrite.changes_fields()).or(self.overlay),
            ..*self
        };
        match rewrite.severity_given() {
            Some(severity) => then(&view.with_severity(severity)),
            None => then(&view),
        }
    }

    /// Shows the event as `redactor` lets it be shown, instead of the layer's own: for a handler that is stricter than
    /// the others of its layer, or trusted.
    ///
    /// ```
    /// # use watchfire_core::{EventView, Handler, Memory, Redactor};
    /// struct Stricter(Redactor, Memory);
    ///
    /// impl Handler for Stricter {
    ///     fn handle(&self, event: &EventView<'_>) {
    ///         event.redacted_by(&self.0, |event| self.1.handle(event));
    ///     }
    /// }
    /// ```
    pub fn redacted_by<R>(&self, redactor: &Redactor, then: impl FnOnce(&EventView<'_>) -> R) -> R {
        then(&EventView { redactor: Some(redactor), ..*self })
    }

    /// Tells whether the event came through the `log` crate.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.core.is_log
    }

    /// Returns the panic or the failure of `main` that this event stands for. No event of `tracing` has one.
    ///
    /// Outboxes have been given it before, so alert handlers leave it alone.
    #[must_use]
    pub fn incident(&self) -> Option<&'a Incident> {
        self.core.incident
    }

    /// Tells whether the metadata is not that of the callsite: of a `log` record, or of an incident.
    #[must_use]
    pub fn has_own_metadata(&self) -> bool {
        self.core.is_log || self.core.incident.is_some()
    }

    /// Tells whether this only says again what a panic of the same thread has said: the hook that was there before ours
    /// emits it, or what caught the panic does (`CatchPanicLayer`) soon after it, with the panic's text.
    #[must_use]
    pub fn repeats_panic(&self) -> bool {
        incident::is_repeated(self)
    }

    /// Tells whether this only reports the failure of a request that `reader` knows of; otherwise notes that it now does.
    ///
    /// `reader` is any number that names one alert handler; `reports_panics` says that it takes panics by another way.
    /// See [`RequestScope`](crate::request::RequestScope).
    #[must_use]
    pub fn repeats_request(&self, reader: usize, reports_panics: bool) -> bool {
        incident::request::is_repeated(self, reader, reports_panics)
    }

    /// Returns the text of a field: the event's, else that of the innermost span that has it.
    ///
    /// The event's own is not redacted, that of a span was when it was recorded.
    ///
    /// The last of several fields of one name counts. At most 4,096 bytes of a value are looked at.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.event_field(name).or_else(|| {
            let spans = self.core.span_fields.get_or_init(|| {
                let mut buf = FieldBuf::empty();
                for node in self.spans() {
                    node.look(&mut |name, value| {
                        if buf.get(name).is_none() {
                            buf.put(name, self.core.settings.limits().value, format_args!("{value}"));
                        }
                    });
                }
                buf
            });
            spans.get(name)
        })
    }

    /// Returns the text of a field of the event itself, as rewrites have it.
    #[must_use]
    pub fn event_field(&self, name: &str) -> Option<&'a str> {
        match self.overlay {
            None => self.own_field(name),
            Some(overlay) => match overlay.find(self.core.event, name)? {
                FoundField::Given(text) => Some(text),
                FoundField::Own(first) => self.own_field(first),
            },
        }
    }

    fn own_field(&self, name: &str) -> Option<&'a str> {
        self.core.fields.get_or_init(|| FieldBuf::of_event(self.core.event, self.core.is_log)).get(name)
    }

    /// Returns the message, or an empty text. Not redacted.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.event_field("message").unwrap_or_default()
    }

    /// Has `visitor` visit the event's fields, `log.*` ones included, as `tracing` hands them out and rewrites have them.
    pub fn record(&self, visitor: &mut dyn Visit) {
        match self.overlay {
            None => self.core.event.record(visitor),
            Some(overlay) => overlay.record(self, self.core.event, visitor),
        }
    }

    /// Tells whether a rewrite shows other fields than the event's own.
    #[must_use]
    pub fn has_other_fields(&self) -> bool {
        self.overlay.is_some()
    }

    /// Returns a number for the span levels, the redactor and the limits of the layer, unique in the process: the key
    /// of what is kept per callsite or per span.
    #[must_use]
    pub fn settings_id(&self) -> u64 {
        let id = self.core.settings.id() ^ self.limits.map_or(0, HandlerLimits::id);
        match self.redactor {
            None => id,
            Some(redactor) => id ^ redactor.rules_id().wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }

    /// Appends the text of the spans around the event, which `render` makes at most once per innermost span and state of
    /// the recorded fields; it is kept with that span, for this way of rendering and this layer.
    pub fn write_spans(&self, rendering: RenderingId, out: &mut String, render: impl FnOnce(&mut String)) {
        let Some(span) = self.span() else { return };
        if std::ptr::eq(self.core.spans, self.core.settings.spans()) {
            span.write_text((rendering, self.settings_id()), out, render);
        } else {
            // The view of a filter, whose span levels have no number.
            render(out);
        }
    }

    /// Returns the innermost span that the event stands in, whatever its level.
    #[must_use]
    pub fn span(&self) -> Option<&'a Arc<SpanNode>> {
        self.core.chain.get_or_init(|| self.core.source.chain(self.core.event)).as_ref()
    }

    /// Returns the same span to keep: counted once, if nobody has asked for it before.
    pub(crate) fn span_to_keep(&self) -> Option<Arc<SpanNode>> {
        match self.core.chain.get() {
            Some(known) => known.clone(),
            None => self.core.source.chain(self.core.event),
        }
    }

    /// Walks the spans from the innermost to the root, without those more verbose than the layer's span levels.
    pub fn spans(&self) -> impl Iterator<Item = &'a SpanNode> + use<'a> {
        let levels = self.core.spans;
        self.span()
            .into_iter()
            .flat_map(|node| node.chain())
            .filter(move |node| levels.admits_span(node.metadata()))
    }

    pub(crate) fn admits(&self, node: &SpanNode) -> bool {
        self.core.spans.admits_span(node.metadata())
    }

    /// Returns the rules by which the event is redacted: the layer's, or those of [`redacted_by`](Self::redacted_by).
    #[must_use]
    pub fn redactor(&self) -> &'a Redactor {
        match self.redactor {
            None => self.core.settings.redactor(),
            Some(redactor) => redactor,
        }
    }

    /// Returns the limits in force: those of the handler if it has some, else those of the layer.
    #[must_use]
    pub fn limits(&self) -> &'a Limits {
        self.limits.map_or(self.core.settings.limits(), HandlerLimits::limits)
    }

    /// Returns the same event under the limits of a handler.
    #[must_use]
    pub fn within<'l>(&self, limits: &'l HandlerLimits) -> EventView<'l>
    where
        'a: 'l,
    {
        EventView { limits: Some(limits), ..*self }
    }
}

impl fmt::Debug for EventView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventView")
            .field("level", &self.level)
            .field("target", &self.target())
            .finish_non_exhaustive()
    }
}
