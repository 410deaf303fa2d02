//! The filter that asks a callback.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing_core::Metadata;
use watchfire_core::{EventView, SelfLog, caught};

use crate::{
    EventFilter, Verdict,
    node::{Judge, Node},
};

/// Lets the events pass that `decide` says `true` to. Django's `CallbackFilter`.
///
/// It is asked for each event that the other parts of the filter leave open, on the thread that emits the event, so it
/// should be quick. If it panics, the event passes, and that is said once. Events that it emits are not captured by
/// watchfire's own layers.
///
/// It names no level: alone it chooses among what a handler layer hears by itself, ERROR and up for alerts, INFO and up
/// for files. (A layer of somebody else has no such level, and TRACE is switched on for the whole process.) With a
/// level or directives before it, these decide:
/// ```
/// # use watchfire_filter as filter;
/// # fn main() -> Result<(), filter::DirectiveErrors> {
/// let real_tenants = filter::callback(|event| event.field("tenant") != Some("load-test"));
/// let wanted = filter::directives("error")?.and(real_tenants);
/// # Ok(())
/// # }
/// ```
pub fn callback(decide: impl Fn(&EventView<'_>) -> bool + Send + Sync + 'static) -> EventFilter {
    EventFilter::of(Node::Leaf(Arc::new(Callback { decide, said: AtomicBool::new(false) })))
}

struct Callback<F> {
    decide: F,
    said: AtomicBool,
}

impl<F: Fn(&EventView<'_>) -> bool + Send + Sync> Judge for Callback<F> {
    fn verdict(&self, _metadata: &Metadata<'_>) -> Verdict {
        Verdict::PerEvent
    }

    fn passes(&self, event: &EventView<'_>, log: &SelfLog) -> bool {
        // The closure may leave its own state half done; none of ours is borrowed mutably.
        match caught(|| (self.decide)(event)) {
            Some(passes) => passes,
            None => {
                if !self.said.swap(true, Ordering::Relaxed) {
                    log.say(format_args!(
                        "a filter's callback panicked at an event of `{}`; such events pass, and this is said once",
                        event.target()
                    ));
                }
                true
            }
        }
    }
}

impl<F> fmt::Debug for Callback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback(..)")
    }
}
