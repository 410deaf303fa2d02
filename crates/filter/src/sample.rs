//! The filter that passes one of several events.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tracing_core::Metadata;
use watchfire_core::{EventView, SelfLog};

use crate::{
    EventFilter, Verdict,
    node::{Judge, Node},
};

/// Lets the first of each `every` events pass, and counts the others; 0 and 1 let all pass.
///
/// It samples the events that the filters before it pass, so put it last:
/// ```
/// # use watchfire_filter as filter;
/// # fn main() -> Result<(), filter::DirectiveErrors> {
/// let tenth = filter::sample(10);
/// let wanted = filter::directives("info")?.and(&tenth);
/// assert_eq!(tenth.held_back(), 0);
/// # Ok(())
/// # }
/// ```
pub fn sample(every: u64) -> Sample {
    Sample(Arc::new(Counter { every: every.max(1), seen: AtomicU64::new(0) }))
}

/// Counts what a sampling filter lets pass and keeps back. Clones, and the filters made of it, share the counts.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sample(Arc<Counter>);

impl Sample {
    /// Returns the filter.
    #[must_use]
    pub fn filter(&self) -> EventFilter {
        EventFilter::of(Node::Leaf(Arc::clone(&self.0) as Arc<dyn Judge>))
    }

    /// Counts an event, and returns how many were kept back since the last that passed; `None` keeps this one back.
    ///
    /// For those who ask it themselves and tell the count; the filter does the same without telling it.
    pub fn pass(&self) -> Option<u64> {
        let Counter { every, seen } = &*self.0;
        let before = seen.fetch_add(1, Ordering::Relaxed);
        before.is_multiple_of(*every).then(|| if before == 0 { 0 } else { every - 1 })
    }

    /// Returns how many events passed.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.0.seen.load(Ordering::Relaxed).div_ceil(self.0.every)
    }

    /// Returns how many events were kept back.
    #[must_use]
    pub fn held_back(&self) -> u64 {
        let seen = self.0.seen.load(Ordering::Relaxed);
        seen - seen.div_ceil(self.0.every)
    }
}

impl From<&Sample> for EventFilter {
    fn from(sample: &Sample) -> Self {
        sample.filter()
    }
}

impl From<Sample> for EventFilter {
    fn from(sample: Sample) -> Self {
        sample.filter()
    }
}

#[derive(Debug)]
struct Counter {
    every: u64,
    seen: AtomicU64,
}

impl Judge for Counter {
    fn verdict(&self, _metadata: &Metadata<'_>) -> Verdict {
        Verdict::PerEvent
    }

    fn passes(&self, _event: &EventView<'_>, _log: &SelfLog) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.every)
    }
}
