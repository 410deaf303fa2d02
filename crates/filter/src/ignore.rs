//! The filter that rejects the events of targets.

use std::sync::Arc;

use tracing_core::Metadata;
use watchfire_core::{EventView, SelfLog, covers};

use crate::{
    DirectiveErrors, EventFilter, Verdict,
    directives::checked_targets,
    node::{Judge, Node},
};

/// Keeps back the events of these targets and all below them, by whole segments. log4j calls it a deny filter.
///
/// It says nothing of levels and spans: combine it, as in `filter::directives("info")?.and(filter::ignore(["hyper"])?)`.
///
/// # Errors
/// Names each text that is not a valid target.
pub fn ignore<T: AsRef<str>>(targets: impl IntoIterator<Item = T>) -> Result<EventFilter, DirectiveErrors> {
    let targets = checked_targets(targets)?;
    Ok(EventFilter::of(Node::Leaf(Arc::new(Ignore { targets }))))
}

#[derive(Debug)]
struct Ignore {
    targets: Vec<String>,
}

impl Ignore {
    fn lets(&self, target: &str) -> bool {
        !self.targets.iter().any(|ignored| covers(ignored, target))
    }
}

impl Judge for Ignore {
    fn verdict(&self, metadata: &Metadata<'_>) -> Verdict {
        if metadata.is_span() { Verdict::PerEvent } else { self.lets(metadata.target()).into() }
    }

    fn passes(&self, event: &EventView<'_>, _log: &SelfLog) -> bool {
        self.lets(event.target())
    }
}
