//! The filters by severity.

use tracing_core::{Level, LevelFilter, Metadata};
use watchfire_core::{EventView, Severity};

use crate::{EventFilter, Verdict, node::Node};

/// Lets events of this level and the less verbose ones pass; `LevelFilter::OFF` none.
#[must_use]
pub fn level(level: impl Into<LevelFilter>) -> EventFilter {
    let level = level.into();
    levels(ALL.into_iter().filter(|severity| severity.level() <= level))
}

/// Lets events of exactly these severities pass; levels count as severities.
///
/// An ERROR event with the field `severity = "critical"` is of [`Severity::Critical`] and not of [`Severity::Error`].
/// ```
/// # use watchfire_core::Severity;
/// # use watchfire_filter as filter;
/// let people = filter::levels([Severity::Critical]);
/// let files = filter::levels([tracing::Level::INFO, tracing::Level::WARN]);
/// ```
#[must_use]
pub fn levels<L: Into<Severity>>(levels: impl IntoIterator<Item = L>) -> EventFilter {
    let mut set = Severities(0);
    for severity in levels {
        set.0 |= bit(severity.into());
    }
    EventFilter::of(Node::Severities(set))
}

/// Lets events of the severities from `least` to `most` pass, both included; levels count as severities.
///
/// `level_range(Level::INFO, Level::WARN)` is what goes to stdout while the rest goes to stderr.
#[must_use]
pub fn level_range(least: impl Into<Severity>, most: impl Into<Severity>) -> EventFilter {
    let range = least.into()..=most.into();
    levels(ALL.into_iter().filter(|severity| range.contains(severity)))
}

const ALL: [Severity; 6] =
    [Severity::Trace, Severity::Debug, Severity::Info, Severity::Warn, Severity::Error, Severity::Critical];

/// A set of severities, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Severities(u8);

const fn bit(severity: Severity) -> u8 {
    1 << severity as u8
}

impl Severities {
    pub(crate) const CRITICAL: Self = Self(bit(Severity::Critical));

    const fn has(self, severity: Severity) -> bool {
        self.0 & bit(severity) != 0
    }

    /// Whether ERROR and CRITICAL are told apart, which takes a look at the event's fields.
    pub(crate) const fn is_per_event(self) -> bool {
        self.has(Severity::Error) != self.has(Severity::Critical)
    }

    pub(crate) fn verdict(self, metadata: &Metadata<'_>) -> Verdict {
        let error = *metadata.level() == Level::ERROR;
        if error && self.is_per_event() && metadata.fields().field("severity").is_some() {
            return Verdict::PerEvent;
        }
        self.has(Severity::from(*metadata.level())).into()
    }

    /// By the severity in force.
    pub(crate) fn passes(self, event: &EventView<'_>) -> bool {
        if self.is_per_event() { self.has(event.severity()) } else { self.has(event.level().into()) }
    }

    pub(crate) fn most_verbose(self) -> LevelFilter {
        let least = ALL.into_iter().find(|severity| self.has(*severity));
        least.map_or(LevelFilter::OFF, |severity| LevelFilter::from_level(severity.level()))
    }

    pub(crate) const fn negated(self) -> Self {
        Self(!self.0)
    }
}
