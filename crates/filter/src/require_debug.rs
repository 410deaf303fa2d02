//! The filters by the debug mode of the program.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tracing_core::Metadata;
use watchfire_core::{EventView, SelfLog, process::is_debug};

use crate::{
    EventFilter, Verdict,
    node::{Judge, Node},
};

/// Lets events pass while the program runs in debug mode. Django's `RequireDebugTrue`.
///
/// The mode is [`watchfire_core::process::is_debug`], looked at for each event. The first event that is kept back is
/// said once on stderr, with the call that changes it. It names no level, see [`require_debug_false`].
#[must_use]
pub fn require_debug_true() -> EventFilter {
    EventFilter::of(node(true))
}

/// Lets events pass while the program does not run in debug mode. Django's `RequireDebugFalse`.
///
/// The mode is [`watchfire_core::process::is_debug`], looked at for each event: by default that of the build, so an
/// alert layer behind this filter is silent in `cargo run`. The first event that is kept back is said once on stderr,
/// with the call that changes it.
///
/// It names no level: alone, on an alert layer, it lets ERROR and up pass when the program is not in debug mode, the
/// default level of that layer. `filter::directives("warn")?.and(filter::require_debug_false())` is for WARN and up.
#[must_use]
pub fn require_debug_false() -> EventFilter {
    EventFilter::of(node(false))
}

fn node(wanted: bool) -> Node {
    Node::Leaf(Arc::new(RequireDebug { wanted, said: AtomicBool::new(false) }))
}

#[derive(Debug)]
struct RequireDebug {
    wanted: bool,
    said: AtomicBool,
}

impl Judge for RequireDebug {
    fn verdict(&self, _metadata: &Metadata<'_>) -> Verdict {
        Verdict::PerEvent
    }

    fn passes(&self, event: &EventView<'_>, log: &SelfLog) -> bool {
        let passes = is_debug() == self.wanted;
        if !passes && !self.said.swap(true, Ordering::Relaxed) {
            let (level, target) = (event.level(), event.target());
            let wanted = self.wanted;
            let (mode, digit) = if wanted { ("not in debug mode", 1) } else { ("in debug mode", 0) };
            log.say(format_args!(
                "the filter require_debug_{wanted} keeps a handler silent, first for {level} of `{target}`: the program \
                 runs {mode}; watchfire::set_debug({wanted}) or WATCHFIRE_DEBUG={digit} changes that"
            ));
        }
        passes
    }

    fn negated(&self) -> Option<Node> {
        Some(node(!self.wanted))
    }
}
