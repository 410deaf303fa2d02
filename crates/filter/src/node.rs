//! The tree behind a filter.

use std::{fmt, sync::Arc};

use tracing_core::{Level, LevelFilter, Metadata};
use tracing_subscriber::EnvFilter;
use watchfire_core::{EventView, SelfLog};

use crate::{
    Verdict,
    directives::{Directives, SpanRule},
    severities::Severities,
};

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Directives(Directives),
    Severities(Severities),
    Leaf(Arc<dyn Judge>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// Stands only above directives, leaves, and "critical".
    Not(Box<Self>),
}

/// One criterion that looks at the values of an event or at the state of the program.
pub(crate) trait Judge: fmt::Debug + Send + Sync {
    /// Judges without an event. Of a span `PerEvent` means: no opinion.
    fn verdict(&self, metadata: &Metadata<'_>) -> Verdict;

    fn passes(&self, event: &EventView<'_>, log: &SelfLog) -> bool;

    fn most_verbose(&self) -> LevelFilter {
        LevelFilter::TRACE
    }

    /// Returns the opposite, where it is a criterion of its own.
    fn negated(&self) -> Option<Node> {
        None
    }
}

/// Tells in what situation directives of spans are asked.
pub(crate) enum SpanQuestion<'a> {
    /// No span is known yet.
    Callsite,
    /// The filter of a layer: its state knows the spans entered on this thread.
    Entered(&'a dyn Fn(&EnvFilter, Level) -> bool),
    /// Without a registry's state: the chain of the event itself.
    Chain(&'a EventView<'a>),
}

impl SpanQuestion<'_> {
    /// Tells whether the spans around let `level` pass by one of `rules`.
    pub(crate) fn ask(&self, rules: &[SpanRule], most_verbose: LevelFilter, level: Level) -> Verdict {
        if level > most_verbose {
            return Verdict::Never;
        }
        match self {
            Self::Callsite => Verdict::PerEvent,
            Self::Entered(ask) => rules.iter().any(|rule| ask(rule.state(), level)).into(),
            Self::Chain(event) => {
                let Some(leaf) = event.span() else { return Verdict::Never };
                let lets =
                    |rule: &SpanRule| level <= rule.level() && leaf.chain().any(|node| rule.matches(node));
                rules.iter().any(lets).into()
            }
        }
    }
}

impl Node {
    pub(crate) fn verdict(&self, metadata: &Metadata<'_>, question: &SpanQuestion<'_>) -> Verdict {
        match self {
            Self::Directives(directives) => directives.verdict(metadata, *metadata.level(), question),
            Self::Severities(severities) => severities.verdict(metadata),
            Self::Leaf(leaf) => leaf.verdict(metadata),
            Self::And(a, b) => a.verdict(metadata, question).and(b.verdict(metadata, question)),
            Self::Or(a, b) => a.verdict(metadata, question).or(b.verdict(metadata, question)),
            Self::Not(a) => a.verdict(metadata, question).not(),
        }
    }

    /// Judges a span; `None` if nothing here has an opinion of spans.
    pub(crate) fn span_verdict(
        &self,
        metadata: &Metadata<'_>,
        question: &SpanQuestion<'_>,
    ) -> Option<Verdict> {
        let both = |a: &Self, b: &Self, join: fn(Verdict, Verdict) -> Verdict| match (
            a.span_verdict(metadata, question),
            b.span_verdict(metadata, question),
        ) {
            (Some(a), Some(b)) => Some(join(a, b)),
            (one, other) => one.or(other),
        };
        match self {
            Self::Directives(_) => Some(self.verdict(metadata, question)),
            Self::Severities(_) | Self::Leaf(_) => {
                Some(self.verdict(metadata, question)).filter(|verdict| *verdict != Verdict::PerEvent)
            }
            Self::And(a, b) => both(a, b, Verdict::and),
            Self::Or(a, b) => both(a, b, Verdict::or),
            Self::Not(a) => a.span_verdict(metadata, question).map(Verdict::not),
        }
    }

    pub(crate) fn passes(&self, event: &EventView<'_>, question: &SpanQuestion<'_>, log: &SelfLog) -> bool {
        match self {
            Self::Directives(directives) => {
                directives.verdict(event.metadata(), event.level(), question) == Verdict::Always
            }
            Self::Severities(severities) => severities.passes(event),
            Self::Leaf(leaf) => leaf.passes(event, log),
            Self::And(a, b) => a.passes(event, question, log) && b.passes(event, question, log),
            Self::Or(a, b) => a.passes(event, question, log) || b.passes(event, question, log),
            Self::Not(a) => !a.passes(event, question, log),
        }
    }

    pub(crate) fn most_verbose(&self) -> LevelFilter {
        match self {
            Self::Directives(directives) => directives.most_verbose(),
            Self::Severities(severities) => severities.most_verbose(),
            Self::Leaf(leaf) => leaf.most_verbose(),
            Self::And(a, b) => a.most_verbose().min(b.most_verbose()),
            Self::Or(a, b) => a.most_verbose().max(b.most_verbose()),
            Self::Not(_) => LevelFilter::TRACE,
        }
    }

    /// Returns nothing if each way through this filter names the level of what passes; else the most verbose level that
    /// is named, `OFF` if none is.
    pub(crate) fn open(&self) -> Option<LevelFilter> {
        match self {
            Self::Directives(_) | Self::Severities(_) => None,
            Self::Leaf(_) => Some(LevelFilter::OFF),
            Self::And(a, b) => Some(a.open()?.max(b.open()?)),
            Self::Or(a, b) => match (a.open(), b.open()) {
                (None, None) => None,
                (a_open, b_open) => {
                    let named = |side: &Self, open: Option<LevelFilter>| open.unwrap_or(side.most_verbose());
                    Some(named(a, a_open).max(named(b, b_open)))
                }
            },
            Self::Not(a) => match &**a {
                // `info` turned round says: what is more verbose. `off,hyper=trace` says nothing but: not hyper.
                Self::Directives(directives) if directives.level_of_all() > LevelFilter::OFF => None,
                _ => Some(LevelFilter::OFF),
            },
        }
    }

    /// Pushes the `not` down to the leaves, so that those that speak of what they turn away know when they do.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::And(a, b) => Self::Or(Box::new(a.negated()), Box::new(b.negated())),
            Self::Or(a, b) => Self::And(Box::new(a.negated()), Box::new(b.negated())),
            Self::Not(a) => *a,
            // The event is not critical; its level is unknown.
            Self::Severities(severities) if severities == Severities::CRITICAL => Self::Not(Box::new(self)),
            Self::Severities(severities) => Self::Severities(severities.negated()),
            Self::Leaf(leaf) => leaf.negated().unwrap_or_else(|| Self::Not(Box::new(Self::Leaf(leaf)))),
            Self::Directives(_) => Self::Not(Box::new(self)),
        }
    }

    pub(crate) fn is_per_event(&self) -> bool {
        match self {
            Self::Directives(_) => false,
            Self::Severities(severities) => severities.is_per_event(),
            Self::Leaf(_) => true,
            Self::And(a, b) | Self::Or(a, b) => a.is_per_event() || b.is_per_event(),
            Self::Not(a) => a.is_per_event(),
        }
    }

    pub(crate) fn is_dynamic(&self) -> bool {
        let mut found = false;
        self.for_each_rule(&mut |_| found = true);
        found
    }

    pub(crate) fn for_each_rule(&self, visit: &mut dyn FnMut(&SpanRule)) {
        match self {
            Self::Directives(directives) => directives.span_rules().iter().for_each(visit),
            Self::Severities(_) | Self::Leaf(_) => {}
            Self::And(a, b) | Self::Or(a, b) => {
                a.for_each_rule(visit);
                b.for_each_rule(visit);
            }
            Self::Not(a) => a.for_each_rule(visit),
        }
    }
}
