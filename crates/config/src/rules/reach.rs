//! The severities that an event of one callsite may have after rewrites.

use tracing_core::Metadata;
use watchfire_core::Severity;
use watchfire_filter::Verdict;

use super::{Act, Rule};
use crate::level::Threshold;

/// Follows which severities an event of one callsite may have, through rules that rewrite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    severities: [bool; 6],
    pub(crate) is_rewritten: bool,
}

const ALL: [Severity; 6] =
    [Severity::Trace, Severity::Debug, Severity::Info, Severity::Warn, Severity::Error, Severity::Critical];

impl Reach {
    pub(crate) fn of(metadata: &Metadata<'_>) -> Self {
        let own = Severity::from(*metadata.level());
        let may_be_critical = own == Severity::Error && metadata.fields().field("severity").is_some();
        let severities =
            ALL.map(|severity| severity == own || (may_be_critical && severity == Severity::Critical));
        Self { severities, is_rewritten: false }
    }

    /// Judges rules by what is known of the callsite, and takes in what they may make of its events.
    pub(crate) fn through(&mut self, rules: &[Rule], metadata: &Metadata<'_>) -> Verdict {
        let mut verdict = Verdict::Always;
        for rule in rules {
            match &rule.act {
                Act::Keep(filter) => match filter.verdict(metadata) {
                    // After a rewrite its answer is about another level.
                    _ if self.is_rewritten => verdict = Verdict::PerEvent,
                    Verdict::Always => {}
                    Verdict::PerEvent => verdict = Verdict::PerEvent,
                    Verdict::Never => return Verdict::Never,
                },
                Act::Sample(_) => verdict = Verdict::PerEvent,
                Act::Rewrite { when, to, .. } => {
                    // Other fields make no other verdict: of fields none is known before the event.
                    let Some(to) = to.severity_given() else { continue };
                    let applies = match when {
                        Some(_) if self.is_rewritten => Verdict::PerEvent,
                        Some(when) => when.verdict(metadata),
                        None => Verdict::Always,
                    };
                    if applies == Verdict::Never {
                        continue;
                    }
                    for (known, reached) in ALL.iter().zip(&mut self.severities) {
                        *reached = *known == to || (*reached && applies == Verdict::PerEvent);
                    }
                    self.is_rewritten = true;
                }
            }
        }
        verdict
    }

    /// Takes in what `other` may be as well.
    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.severities.iter_mut().zip(other.severities) {
            *mine |= theirs;
        }
        self.is_rewritten |= other.is_rewritten;
    }

    /// Judges a level by the severities that events may have.
    pub(crate) fn against(&self, level: Threshold) -> Verdict {
        let reached = || {
            ALL.iter().zip(&self.severities).filter(|(_, reached)| **reached).map(|(severity, _)| *severity)
        };
        match (
            reached().all(|severity| level.admits(severity)),
            reached().any(|severity| level.admits(severity)),
        ) {
            (true, _) => Verdict::Always,
            (false, true) => Verdict::PerEvent,
            (false, false) => Verdict::Never,
        }
    }
}
