//! The one filter type, and its combinations.

use std::fmt;

use tracing_core::{Level, LevelFilter, Metadata};
use watchfire_core::{EventView, LevelTable, SelfLog, Severity};

use crate::{
    DirectiveErrors, Verdict,
    directives::{self, Directives},
    node::{Node, SpanQuestion},
    per_layer::Unregistered,
    severities,
};

/// Chooses events. Made by the functions of this crate, combined by [`and`](Self::and), [`or`](Self::or) and
/// [`not`](Self::not), used by `.with_filter(..)` on any layer.
///
/// A clone filters alike and keeps its own state of the spans, so each layer is given its own.
#[derive(Clone)]
pub struct EventFilter {
    pub(crate) node: Node,
    pub(crate) spans: LevelTable,
    /// Whether `spans` was set by the user, and so outlives the default of a filter it is combined with.
    spans_set: bool,
    pub(crate) log: SelfLog,
    /// Whether the values of an event are looked at.
    pub(crate) per_event: bool,
    /// Whether there are directives that have to be told of spans.
    pub(crate) dynamic: bool,
    pub(crate) unregistered: Unregistered,
}

impl EventFilter {
    pub(crate) fn of(node: Node) -> Self {
        Self {
            per_event: node.is_per_event(),
            dynamic: node.is_dynamic(),
            node,
            spans: LevelTable::default(),
            spans_set: false,
            log: SelfLog::default(),
            unregistered: Unregistered::default(),
        }
    }

    /// Lets an event pass that passes both.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        self.join(other.into(), Node::And)
    }

    /// Lets an event pass that passes one of both.
    ///
    /// If one side names no level, on a handler layer the level in force is the more verbose of the handler's default
    /// and what the other side names: `filter::directives("warn")?.or(audit)` lets no INFO pass, and
    /// `.or(audit.and(Level::INFO))` does, of `audit`.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        self.join(other.into(), Node::Or)
    }

    /// Lets an event pass that does not pass this filter.
    ///
    /// The result mostly names no level: put one before it, as in `filter::directives("info")?.and(noisy.not())`, unless
    /// the default level of a handler layer is meant. A layer of somebody else has none, and TRACE is switched on for the
    /// whole process. Levels turned round are levels: `filter::level(Level::WARN).not()` is INFO, DEBUG and TRACE.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "reads as `and` and `or` do, without an import")]
    pub fn not(self) -> Self {
        let node = self.node.negated();
        Self { spans: self.spans, spans_set: self.spans_set, log: self.log, ..Self::of(node) }
    }

    /// Sets which spans are let through whatever the filter says of events: directives of targets and levels.
    /// Default `info,tower_http=debug`.
    ///
    /// # Errors
    /// Names each directive that is wrong, and those with a span or a field.
    pub fn span_levels(mut self, text: &str) -> Result<Self, DirectiveErrors> {
        self.spans = directives::level_table(text)?;
        self.spans_set = true;
        Ok(self)
    }

    /// Hands what the filter itself has to say (a panicking callback, a silenced handler) to `log`. Default: stderr.
    #[must_use]
    pub fn self_log(mut self, log: SelfLog) -> Self {
        self.log = log;
        self
    }

    /// Judges a callsite, or a `log` record's metadata, by what is known without an event.
    #[must_use]
    pub fn verdict(&self, metadata: &Metadata<'_>) -> Verdict {
        self.node.verdict(metadata, &SpanQuestion::Callsite)
    }

    /// Judges an event by the level in force, so behind a rewrite too; span directives look at the event's chain.
    #[must_use]
    pub fn passes(&self, event: &EventView<'_>) -> bool {
        self.node.passes(event, &SpanQuestion::Chain(event), &self.log)
    }

    /// Returns the most verbose level of an event that may pass.
    #[must_use]
    pub fn most_verbose(&self) -> LevelFilter {
        self.node.most_verbose()
    }

    /// Tells whether there are directives of spans, which have to be made for their sake.
    #[must_use]
    pub fn has_span_directives(&self) -> bool {
        self.dynamic
    }

    /// Tells whether there is a directive with a field's value: spans of all levels have to be made for it to be seen.
    #[must_use]
    pub fn needs_all_spans(&self) -> bool {
        let mut needs = false;
        self.node.for_each_rule(&mut |rule| needs |= rule.has_value());
        needs
    }

    fn join(self, other: Self, make: fn(Box<Node>, Box<Node>) -> Node) -> Self {
        let (spans, spans_set) = match (self.spans_set, other.spans_set) {
            (true, true) => (wider(&self.spans, &other.spans), true),
            (false, true) => (other.spans, true),
            (set, false) => (self.spans, set),
        };
        let node = make(Box::new(self.node), Box::new(other.node));
        Self { spans, spans_set, log: self.log, ..Self::of(node) }
    }
}

impl From<LevelFilter> for EventFilter {
    fn from(level: LevelFilter) -> Self {
        severities::level(level)
    }
}

impl From<Level> for EventFilter {
    fn from(level: Level) -> Self {
        severities::level(level)
    }
}

impl From<Severity> for EventFilter {
    fn from(severity: Severity) -> Self {
        severities::level_range(severity, Severity::Critical)
    }
}

impl From<Directives> for EventFilter {
    fn from(directives: Directives) -> Self {
        Self::of(Node::Directives(directives))
    }
}

impl fmt::Debug for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFilter")
            .field("node", &self.node)
            .field("spans", &self.spans)
            .finish_non_exhaustive()
    }
}

/// Returns the table that lets through what either does.
fn wider(one: &LevelTable, other: &LevelTable) -> LevelTable {
    let targets = one.rules().chain(other.rules()).map(|(target, _)| target);
    LevelTable::new(targets.map(|target| (target, one.level_for(target).max(other.level_for(target)))))
}
