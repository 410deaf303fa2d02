//! The level in force: that of the filter if it names one, otherwise the handler's default.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tracing::{Level, debug, error, info, info_span, level_filters::LevelFilter, trace, trace_span, warn};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, Targets, dynamic_filter_fn, filter_fn},
    layer::Filter,
    prelude::*,
    registry,
};
use watchfire_core::{EventView, Handler, HandlerLayer, LevelTable, Severity};
use watchfire_filter::{
    EventFilter, callback, directives, field, ignore, level, level_range, levels, require_debug_false,
    require_debug_true, sample,
};

use crate::{
    alone::{alone, alone_for, here},
    kept::KeptLines,
};

/// Hears ERROR and up, as alert handlers do.
#[derive(Clone, Default)]
struct Alerts(KeptLines);

impl Handler for Alerts {
    fn handle(&self, event: &EventView<'_>) {
        self.0.handle(event);
    }

    fn default_level(&self) -> LevelFilter {
        LevelFilter::ERROR
    }
}

impl Alerts {
    fn layer(&self) -> HandlerLayer<Self> {
        HandlerLayer::new(self.clone()).span_levels(LevelTable::new([("", LevelFilter::OFF)]))
    }

    /// The first letters of the levels of what was heard.
    fn heard(&self) -> String {
        self.0.take().iter().filter_map(|line| line.chars().next()).collect()
    }
}

fn emit_all() {
    watchfire_core::critical!(audit = true, "x");
    error!(audit = true, "x");
    warn!(audit = true, "x");
    info!(audit = true, "x");
    debug!(audit = true, "x");
    trace!(audit = true, "x");
}

type Any = Box<dyn Filter<Registry> + Send + Sync>;

/// A filter, the levels that are heard behind it on an alert layer, and what is switched on for the process.
type Case = (&'static str, fn() -> Any, &'static str, LevelFilter);

fn d(text: &str) -> EventFilter {
    directives(text).unwrap()
}

fn ours(filter: EventFilter) -> Any {
    Box::new(filter.span_levels("off").unwrap())
}

fn audit() -> EventFilter {
    field("audit").present()
}

const CASES: [Case; 44] = {
    const OFF: LevelFilter = LevelFilter::OFF;
    const ERROR: LevelFilter = LevelFilter::ERROR;
    const WARN: LevelFilter = LevelFilter::WARN;
    const INFO: LevelFilter = LevelFilter::INFO;
    const DEBUG: LevelFilter = LevelFilter::DEBUG;
    const TRACE: LevelFilter = LevelFilter::TRACE;
    [
        // Filters that name no level.
        ("callback", || ours(callback(|_| true)), "CE", ERROR),
        ("require_debug_false", || ours(require_debug_false()), "CE", ERROR),
        ("require_debug_true.not", || ours(require_debug_true().not()), "CE", ERROR),
        ("field", || ours(audit()), "CE", ERROR),
        ("field.not", || ours(field("tenant").present().not()), "CE", ERROR),
        ("sample", || ours(sample(1).into()), "CE", ERROR),
        ("ignore", || ours(ignore(["hyper"]).unwrap()), "CE", ERROR),
        ("ignore.not", || ours(ignore(["it"]).unwrap().not()), "CE", ERROR),
        ("open and open", || ours(audit().and(require_debug_false())), "CE", ERROR),
        ("open or open", || ours(audit().or(require_debug_true())), "CE", ERROR),
        ("not (open and open)", || ours(callback(|_| false).and(audit()).not()), "CE", ERROR),
        ("not (off for one target)", || ours(d("off,hyper=trace").not()), "CE", ERROR),
        ("not (one target)", || ours(d("hyper").not()), "CE", ERROR),
        ("not (a span)", || ours(d("[health]").not()), "CE", ERROR),
        ("not critical", || ours(levels([Severity::Critical]).not()), "E", ERROR),
        ("not not critical", || ours(levels([Severity::Critical]).not().not()), "C", ERROR),
        ("open or not critical", || ours(audit().or(levels([Severity::Critical]).not())), "CE", ERROR),
        // Filters that name a level.
        ("directives", || ours(d("warn")), "CEW", WARN),
        ("directives of a target", || ours(d("it=info")), "CEWI", INFO),
        ("a target with all levels", || ours(d("it")), "CEWIDT", TRACE),
        ("directives off", || ours(d("off")), "", OFF),
        ("no directives", || ours(d("")), "CE", ERROR),
        ("level", || ours(level(Level::DEBUG)), "CEWID", DEBUG),
        ("level_range", || ours(level_range(Level::INFO, Level::WARN)), "WI", INFO),
        ("levels", || ours(levels([Level::DEBUG])), "D", DEBUG),
        ("critical", || ours(levels([Severity::Critical])), "C", ERROR),
        ("level and open", || ours(level(Level::INFO).and(audit())), "CEWI", INFO),
        ("open and directives", || ours(callback(|_| true).and(d("debug"))), "CEWID", DEBUG),
        ("off and open", || ours(d("off,it=info").and(require_debug_false())), "CEWI", INFO),
        ("or, each with a level", || ours(d("warn").or(audit().and(Level::INFO))), "CEWI", INFO),
        ("level.not", || ours(level(Level::WARN).not()), "IDT", TRACE),
        ("not (a level for all)", || ours(d("warn").not()), "IDT", TRACE),
        // Filters that name a level on one side only.
        ("directives or open", || ours(d("warn").or(audit())), "CEW", WARN),
        ("open or a level elsewhere", || ours(audit().or(d("hyper=info"))), "CEWI", INFO),
        ("open or off", || ours(audit().or(d("off"))), "CE", ERROR),
        // Filters of tracing-subscriber.
        ("LevelFilter", || Box::new(WARN), "CEW", WARN),
        ("Targets", || Box::new(Targets::new().with_target("it", INFO)), "CEWI", INFO),
        ("EnvFilter", || Box::new(EnvFilter::new("off,it=debug")), "CEWID", DEBUG),
        ("filter_fn", || Box::new(filter_fn(|metadata| metadata.target() != "hyper")), "CE", ERROR),
        ("dynamic_filter_fn", || Box::new(dynamic_filter_fn(|_, _| true)), "CE", ERROR),
        (
            "filter_fn with a hint",
            || Box::new(filter_fn(|_| true).with_max_level_hint(LevelFilter::INFO)),
            "CEWI",
            INFO,
        ),
        (
            "filter_fn of a level",
            || Box::new(filter_fn(|metadata| *metadata.level() <= Level::WARN)),
            "CEW",
            TRACE,
        ),
        ("a level and filter_fn", || Box::new(LevelFilter::WARN.and(filter_fn(|_| true))), "CEW", TRACE),
        ("a level and ours", || Box::new(LevelFilter::WARN.and(callback(|_| true))), "CEW", WARN),
    ]
};

#[test]
fn a_filter_that_names_no_level_leaves_the_default_in_force() {
    for (name, filter, heard, process) in CASES {
        alone_for(here!(), name, &[], || {
            watchfire_core::process::set_debug(false);
            let alerts = Alerts::default();
            registry().with(alerts.layer().with_filter(filter())).init();
            emit_all();
            assert_eq!(alerts.heard(), heard, "{name}");
            assert_eq!(LevelFilter::current(), process, "{name}");
        });
    }
}

#[test]
fn the_default_of_a_handler_that_hears_everything_is_everything() {
    let kept = KeptLines::default();
    let _guard = registry().with(kept.layer().with_filter(callback(|_| true))).set_default();
    emit_all();
    assert_eq!(kept.count(), 6);
}

#[test]
fn what_the_default_level_keeps_away_is_not_shown_to_a_callback() {
    alone(here!(), || {
        let asked = Arc::new(AtomicUsize::new(0));
        let asks = Arc::clone(&asked);
        let alerts = Alerts::default();
        let filter = callback(move |_| asks.fetch_add(1, Ordering::Relaxed).is_multiple_of(2));
        let all = KeptLines::default();
        registry().with(alerts.layer().with_filter(filter)).with(all.layer()).init();
        (0..3).for_each(|_| emit_all());
        assert_eq!(asked.load(Ordering::Relaxed), 6);
        assert_eq!(alerts.heard(), "CCC");
        assert_eq!(all.count(), 18);
    });
}

#[test]
fn an_error_has_its_spans_behind_a_filter_without_a_level() {
    alone(here!(), || {
        let alerts = Alerts::default();
        let valued = d("[job{id=7}]=warn").or(callback(|_| false)).span_levels("info").unwrap();
        let stock = Alerts::default();
        let plain = HandlerLayer::new(stock.clone()).with_filter(filter_fn(|_| true));
        registry().with(alerts.layer().with_filter(valued)).with(plain).init();
        info_span!("step").in_scope(|| {
            emit_all();
            // The value of a span is compared, whatever the span's level.
            trace_span!("job", id = 7).in_scope(emit_all);
            trace_span!("job", id = 8).in_scope(emit_all);
        });
        let line = |severity: &str| format!("{severity} it::default_level [step{{}}] x");
        assert_eq!(alerts.0.take(), ["CRITICAL", "ERROR", "WARN"].map(line));
        assert_eq!(stock.0.take(), ["CRITICAL", "ERROR"].repeat(3).into_iter().map(line).collect::<Vec<_>>());
    });
}

#[test]
fn a_nested_event_does_not_lift_the_default_level() {
    struct Talks;
    impl std::fmt::Debug for Talks {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            error!("nested");
            f.write_str("talks")
        }
    }
    alone(here!(), || {
        let (alerts, all) = (Alerts::default(), KeptLines::default());
        registry().with(all.layer()).with(alerts.layer().with_filter(callback(|_| true))).init();
        let talks = Talks;
        info!("{}", format!("{talks:?}"));
        info!(why = ?talks, "x");
        error!(why = ?talks, "y");
        let heard = alerts.0.take();
        assert!(heard.iter().all(|line| line.starts_with("ERROR ")), "{heard:?}");
        assert!(heard.contains(&"ERROR it::default_level [] y".to_owned()), "{heard:?}");
    });
}

#[test]
fn a_layer_of_somebody_else_has_no_default_level() {
    alone(here!(), || {
        let foreign = crate::kept::Foreign::default();
        let filter = callback(|_| true).span_levels("off").unwrap();
        registry().with(Layer::with_filter(foreign.clone(), filter)).init();
        emit_all();
        assert_eq!(foreign.take().len(), 6);
        assert_eq!(LevelFilter::current(), LevelFilter::TRACE);
    });
}
