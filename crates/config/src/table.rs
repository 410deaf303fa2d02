//! The table that a configuration compiles to: who hears what, worked out once per callsite.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tracing_core::{LevelFilter, Metadata};
use watchfire_core::{EventView, Handler, clock};
use watchfire_filter::{EventFilter, Verdict};

use crate::{
    cache::Cache,
    level::Threshold,
    plan::{HandlerLevel, LoggerPlan},
    rules::{self, Act, Reach, Rule},
};

/// A handler with what stands before it.
#[derive(Clone)]
pub(crate) struct HandlerEntry {
    pub(crate) name: String,
    pub(crate) level: HandlerLevel,
    pub(crate) rules: Vec<Rule>,
    pub(crate) handler: Arc<dyn Handler>,
    /// Whether it feeds the outbox, which all channels share.
    pub(crate) is_channel: bool,
}

impl HandlerEntry {
    /// Hands an event to the handler, an incident to be written at once.
    #[inline]
    fn give(&self, view: &EventView<'_>) {
        match view.incident() {
            None => self.handler.handle(view),
            Some(_) => self.handler.report(view, clock::after(clock::instant(), WRITE)),
        }
    }
}

/// How long one handler may take to write an incident: most of what core gives all of them.
const WRITE: Duration = Duration::from_millis(if cfg!(panic = "abort") { 1_500 } else { 150 });

/// A logger with what it inherits.
pub(crate) struct Route {
    pub(crate) target: String,
    /// The effective level, and the logger that it is of.
    pub(crate) level: Threshold,
    pub(crate) level_of: String,
    /// In the order in which Python would call them, each once.
    pub(crate) order: Vec<usize>,
    /// The rules of events that are logged at exactly this target.
    pub(crate) rules: Vec<Rule>,
    mask: u64,
}

pub(crate) struct Table {
    pub(crate) entries: Vec<HandlerEntry>,
    /// The deepest first; the last is the root.
    pub(crate) routes: Vec<Route>,
    pub(crate) spans: Option<EventFilter>,
    /// Whether panics are events.
    pub(crate) panics: bool,
    most_verbose: LevelFilter,
    cache: Cache<CallsiteRoute>,
}

/// The cached routes of one callsite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallsiteRoute {
    /// The handlers that may hear its events.
    pub(crate) mask: u64,
    /// The handlers that receive all of its events.
    exact: u64,
    route: u16,
    /// Whether the logger itself has something to look at.
    has_rules: bool,
    /// Whether one handler's rewrite is seen by those after it.
    is_ordered: bool,
}

const NOBODY: CallsiteRoute =
    CallsiteRoute { mask: 0, exact: 0, route: 0, has_rules: false, is_ordered: false };

impl Table {
    pub(crate) fn new(
        entries: Vec<HandlerEntry>,
        loggers: &[LoggerPlan],
        spans: Option<EventFilter>,
    ) -> Self {
        let by_target = loggers.iter().map(|logger| (logger.target.as_str(), logger)).collect();
        let mut routes: Vec<Route> = loggers.iter().map(|logger| flatten(logger, &by_target)).collect();
        routes.sort_by_key(|route| std::cmp::Reverse((segments(&route.target).count(), route.target.len())));
        let of_routes = routes.iter().filter(|route| route.mask != 0).map(|route| {
            let handlers = route.order.iter().filter_map(|number| entries.get(*number));
            let heard = handlers.map(|entry| entry.level.most_verbose()).max().unwrap_or(LevelFilter::OFF);
            // A rewrite raises what a handler's level would keep back.
            let raises = |rules: &[Rule]| rules.iter().any(Rule::gives_severity);
            let mut entries_here = route.order.iter().filter_map(|number| entries.get(*number));
            let any = raises(&route.rules) || entries_here.any(|entry| raises(&entry.rules));
            let level = spans
                .as_ref()
                .map_or(LevelFilter::OFF, EventFilter::most_verbose)
                .max(route.level.most_verbose());
            if any { level } else { level.min(heard) }
        });
        let most_verbose = of_routes.max().unwrap_or(LevelFilter::OFF);
        Self { entries, routes, spans, panics: true, most_verbose, cache: Cache::new(2048) }
    }

    pub(crate) fn most_verbose(&self) -> LevelFilter {
        self.most_verbose
    }

    /// Returns what is known of a callsite, which lives as long as the program.
    pub(crate) fn site(&self, metadata: &'static Metadata<'static>) -> CallsiteRoute {
        let key = std::ptr::from_ref(metadata) as usize;
        self.cache.get(key).unwrap_or_else(|| {
            let site = self.work_out(metadata);
            self.cache.put(key, site);
            site
        })
    }

    /// Works out what is known of an event by its metadata.
    pub(crate) fn work_out(&self, metadata: &Metadata<'_>) -> CallsiteRoute {
        let Some((number, route)) = self.route(metadata.target()) else { return NOBODY };
        if route.mask == 0 {
            return NOBODY;
        }
        let mut verdict = route.level.verdict(metadata);
        if verdict == Verdict::Never
            && let Some(spans) = &self.spans
        {
            verdict = spans.verdict(metadata);
        }
        let own_rules = self.rules_at(route, metadata.target());
        let mut reach = Reach::of(metadata);
        let by_rules = reach.through(own_rules, metadata);
        if verdict == Verdict::Never || by_rules == Verdict::Never {
            return NOBODY;
        }
        let has_rules = verdict == Verdict::PerEvent || !own_rules.is_empty();
        let (mut mask, mut exact, mut is_ordered) = (0, 0, false);
        for number in &route.order {
            let Some(entry) = self.entries.get(*number) else { continue };
            let level = match &entry.level {
                HandlerLevel::From(level) => reach.against(*level),
                HandlerLevel::Filter(..) if reach.is_rewritten => Verdict::PerEvent,
                HandlerLevel::Filter(filter, _) => filter.verdict(metadata),
            };
            if level == Verdict::Never {
                continue;
            }
            let mut after = reach;
            let by_rules = after.through(&entry.rules, metadata);
            let rewrites = entry.rules.iter().any(Rule::is_rewrite);
            if by_rules == Verdict::Never && !rewrites {
                continue;
            }
            mask |= 1 << number;
            if rewrites {
                is_ordered = true;
                // It may or may not be applied: both are possible for those after it.
                reach.join(&after);
            } else if level == Verdict::Always && by_rules == Verdict::Always && !reach.is_rewritten {
                exact |= 1 << number;
            }
        }
        CallsiteRoute { mask, exact, route: u16::try_from(number).unwrap_or(0), has_rules, is_ordered }
    }

    /// Hands an event to all who hear it.
    pub(crate) fn dispatch(&self, event: &EventView<'_>) {
        let site = if event.has_own_metadata() {
            self.work_out(event.metadata())
        } else {
            self.site(event.callsite())
        };
        if site.mask == 0 {
            return;
        }
        if !site.has_rules && !site.is_ordered {
            self.hand_out(site, event);
            return;
        }
        let Some(route) = self.routes.get(usize::from(site.route)) else { return };
        if !self.is_heard(route, event) {
            return;
        }
        rules::apply(self.rules_at(route, event.target()), event, &mut |view| {
            if site.is_ordered {
                self.hand_on(site, &route.order, view);
            } else {
                self.hand_out(site, view);
            }
        });
    }

    /// Judges by the level of a logger.
    pub(crate) fn is_heard(&self, route: &Route, event: &EventView<'_>) -> bool {
        route.level.admits(event.severity()) || self.spans.as_ref().is_some_and(|spans| spans.passes(event))
    }

    /// Hands an event on from one handler to the next, each of which may change it for those after it.
    fn hand_on(&self, site: CallsiteRoute, order: &[usize], view: &EventView<'_>) {
        let mut rest = order;
        while let Some((number, after)) = rest.split_first() {
            rest = after;
            let Some(entry) = self.entries.get(*number).filter(|_| site.mask >> number & 1 == 1) else {
                continue;
            };
            if !entry.level.admits(view) {
                continue;
            }
            if !entry.rules.iter().any(Rule::is_rewrite) {
                rules::apply(&entry.rules, view, &mut |view| entry.give(view));
                continue;
            }
            // Changes hold for the handlers after it, even if a later filter of this handler rejects the event.
            return rules::through(&entry.rules, view, &|_| {}, &mut |view, judged| {
                judged.hand(view, &mut |view| entry.give(view));
                self.hand_on(site, rest, view);
            });
        }
    }

    #[inline]
    fn hand_out(&self, site: CallsiteRoute, view: &EventView<'_>) {
        if site.mask == site.exact && site.mask.is_power_of_two() {
            // The usual: one hears all of it.
            if let Some(entry) = self.entries.get(site.mask.trailing_zeros() as usize) {
                entry.give(view);
            }
            return;
        }
        self.hand_out_each(site, view);
    }

    fn hand_out_each(&self, site: CallsiteRoute, view: &EventView<'_>) {
        let mut left = site.mask;
        while left != 0 {
            let number = left.trailing_zeros();
            left &= left - 1;
            let Some(entry) = self.entries.get(number as usize) else { return };
            if site.exact >> number & 1 == 1 {
                entry.give(view);
            } else if entry.level.admits(view) {
                rules::apply(&entry.rules, view, &mut |view| entry.give(view));
            }
        }
    }

    /// Returns the deepest logger that covers a target.
    pub(crate) fn route(&self, target: &str) -> Option<(usize, &Route)> {
        self.routes.iter().enumerate().find(|(_, route)| covers(&route.target, target))
    }

    /// Returns the rules of a logger, for events that are logged at exactly its target.
    pub(crate) fn rules_at<'r>(&self, route: &'r Route, target: &str) -> &'r [Rule] {
        let is_exact = !route.rules.is_empty() && covers(target, &route.target);
        if is_exact { &route.rules } else { &[] }
    }

    /// Calls `visit` with every filter that may look at spans.
    pub(crate) fn each_filter(&self, visit: &mut dyn FnMut(&EventFilter)) {
        self.spans.iter().for_each(&mut *visit);
        for entry in &self.entries {
            if let HandlerLevel::Filter(filter, _) = &entry.level {
                visit(filter);
            }
        }
        let of_entries = self.entries.iter().flat_map(|entry| &entry.rules);
        for rule in of_entries.chain(self.routes.iter().flat_map(|route| &route.rules)) {
            match &rule.act {
                Act::Keep(filter) | Act::Rewrite { when: Some(filter), .. } => visit(filter),
                Act::Rewrite { when: None, .. } | Act::Sample(_) => {}
            }
        }
    }
}

impl HandlerLevel {
    pub(crate) fn admits(&self, event: &EventView<'_>) -> bool {
        match self {
            Self::From(level) => level.admits(event.severity()),
            Self::Filter(filter, _) => filter.passes(event),
        }
    }
}

/// Tells whether a logger is, or stands above, a target: by whole segments, which `::` or `.` part.
pub(crate) fn covers(logger: &str, target: &str) -> bool {
    let mut of_target = segments(target);
    segments(logger).all(|segment| of_target.next() == Some(segment))
}

fn segments(target: &str) -> impl Iterator<Item = &str> {
    target.split("::").flat_map(|part| part.split('.')).filter(|segment| !segment.is_empty())
}

/// Works out a logger's level and handlers as Python does: those of the nearest logger above with a level, and the
/// handlers of all above up to one that does not propagate.
fn flatten(logger: &LoggerPlan, by_target: &HashMap<&str, &LoggerPlan>) -> Route {
    // Itself, and the loggers of all first parts of its target: `a::b::c`, `a::b`, `a`, and the root.
    let ends = logger.target.match_indices("::").map(|(at, _)| at).collect::<Vec<_>>().into_iter().rev();
    let starts = std::iter::once(logger.target.len()).chain(ends).filter(|end| *end > 0).chain([0]);
    let above: Vec<&LoggerPlan> =
        starts.filter_map(|end| by_target.get(logger.target.get(..end)?).copied()).collect();
    let found = above.iter().find_map(|logger| Some((logger.level?, logger.target.clone())));
    let (level, level_of) = found.unwrap_or((Threshold::All, String::new()));
    let (mut order, mut mask) = (Vec::new(), 0_u64);
    for logger in &above {
        for number in &logger.handlers {
            if mask >> number & 1 == 0 {
                mask |= 1 << number;
                order.push(*number);
            }
        }
        if !logger.propagate {
            break;
        }
    }
    Route { target: logger.target.clone(), level, level_of, order, rules: logger.rules.clone(), mask }
}
