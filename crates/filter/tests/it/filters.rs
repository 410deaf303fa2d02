//! The events that each filter passes.

use std::sync::{Arc, Mutex};

use tracing::{
    Level, debug, error, info, info_span, level_filters::LevelFilter, metadata::Kind, trace, warn,
};
use tracing_subscriber::{Registry, layer::Filter, prelude::*, registry};
use watchfire_core::{EventView, Handler, HandlerLayer, SelfLog, Severity, critical, process::set_debug};
use watchfire_filter::{
    EventFilter, Verdict, callback, directives, env, level, level_range, levels, require_debug_false,
    require_debug_true,
};

use crate::{
    alone::{alone, alone_for, here},
    kept::KeptLines,
    sites::site,
};

/// Emits one event of each severity and returns the letters of those that passed.
fn severities_that_pass(filter: EventFilter) -> String {
    let kept = KeptLines::default();
    let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
    trace!("t");
    debug!("d");
    info!("i");
    warn!("w");
    error!("e");
    critical!("c");
    kept.take().iter().map(|line| line.rsplit(' ').next().unwrap()).collect()
}

#[test]
fn levels_are_exact_and_level_is_a_threshold() {
    let table: [(EventFilter, &str); 14] = [
        (level(Level::WARN), "wec"),
        (level(LevelFilter::OFF), ""),
        (LevelFilter::DEBUG.into(), "diwec"),
        (Severity::Critical.into(), "c"),
        (Severity::Warn.into(), "wec"),
        (levels([Level::INFO, Level::ERROR]), "ie"),
        (levels([Severity::Error]), "e"),
        (levels([Severity::Critical]), "c"),
        (levels([Severity::Error, Severity::Critical]), "ec"),
        (levels([] as [Level; 0]), ""),
        (level_range(Level::INFO, Level::WARN), "iw"),
        (level_range(Severity::Warn, Severity::Critical), "wec"),
        (level(Level::WARN).not(), "tdi"),
        (levels([Severity::Critical]).not(), "tdiwe"),
    ];
    for (filter, expected) in table {
        assert_eq!(severities_that_pass(filter.clone()), expected, "{filter:?}");
    }
}

#[test]
fn combinations_are_those_of_logic() {
    let d = |text: &str| directives(text).unwrap();
    let c = |message: &'static str| callback(move |event| event.message() == message);
    let table: [(EventFilter, &str); 10] = [
        (d("warn").and(c("w")), "w"),
        (d("error").or(c("i")), "iec"),
        (d("warn").not(), "tdi"),
        (d("warn").and(c("w").not()), "ec"),
        (c("w").or(c("d")).not().and(LevelFilter::DEBUG), "iec"),
        (d("warn").and(c("w")).not().and(Level::INFO), "iec"),
        (d("off").and(c("w")), ""),
        (d("off").or(c("w")), "w"),
        (d("info").not().not(), "iwec"),
        (d("info").and(d("warn")).and(levels([Severity::Warn, Severity::Critical])), "wc"),
    ];
    for (filter, expected) in table {
        assert_eq!(severities_that_pass(filter.clone()), expected, "{filter:?}");
    }
}

#[test]
fn hints_are_the_more_verbose_of_events_and_spans() {
    let d = |text: &str| directives(text).unwrap();
    let any = || callback(|_| true);
    for (filter, events, hint) in [
        (d("error"), LevelFilter::ERROR, LevelFilter::DEBUG),
        (d("error").span_levels("info").unwrap(), LevelFilter::ERROR, LevelFilter::INFO),
        (d("error").span_levels("off").unwrap(), LevelFilter::ERROR, LevelFilter::ERROR),
        (d("trace").span_levels("off").unwrap(), LevelFilter::TRACE, LevelFilter::TRACE),
        (d("warn,[x]=info").span_levels("off").unwrap(), LevelFilter::INFO, LevelFilter::INFO),
        (d("warn,[x{a=1}]=info").span_levels("off").unwrap(), LevelFilter::INFO, LevelFilter::TRACE),
        (any().span_levels("off").unwrap(), LevelFilter::TRACE, LevelFilter::TRACE),
        (d("warn").and(any()).span_levels("off").unwrap(), LevelFilter::WARN, LevelFilter::WARN),
        (d("warn").or(Level::INFO).span_levels("off").unwrap(), LevelFilter::INFO, LevelFilter::INFO),
        (d("info").and(d("warn").not()).span_levels("off").unwrap(), LevelFilter::INFO, LevelFilter::INFO),
        (levels([Severity::Critical]).span_levels("off").unwrap(), LevelFilter::ERROR, LevelFilter::ERROR),
    ] {
        assert_eq!(filter.most_verbose(), events, "{filter:?}");
        assert_eq!(Filter::<Registry>::max_level_hint(&filter), Some(hint), "{filter:?}");
    }
}

#[test]
fn verdicts_tell_what_is_known_without_an_event() {
    let d = |text: &str| directives(text).unwrap();
    let any = || callback(|_| true);
    let metadata = site(Kind::EVENT, "event", "it::filters", Level::WARN, &["message"]);
    use Verdict::{Always, Never, PerEvent};
    for (filter, expected) in [
        (d("warn"), Always),
        (d("error"), Never),
        (d("error,it=warn"), Always),
        (d("error,[req]=warn"), PerEvent),
        (d("error,[req]=error"), Never),
        (d("error,[{message}]=warn"), Always),
        (any(), PerEvent),
        (d("warn").and(any()), PerEvent),
        (d("error").and(any()), Never),
        (d("warn").or(any()), Always),
        (d("error").or(any()), PerEvent),
        (d("warn").not(), Never),
        (d("error").not(), Always),
        (any().not(), PerEvent),
        (levels([Severity::Critical]), Never),
        (require_debug_true(), PerEvent),
    ] {
        assert_eq!(filter.verdict(metadata), expected, "{filter:?}");
    }
}

#[test]
fn targets_cover_whole_segments() {
    let kept = KeptLines::default();
    let filter = directives("error,storefront::payments=warn").unwrap();
    let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
    warn!(target: "storefront::payments", "1");
    warn!(target: "storefront::payments::card", "2");
    warn!(target: "storefront::payments_old", "no");
    warn!(target: "storefront", "no");
    error!(target: "anything", "3");
    let messages: String = kept.take().iter().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(messages, "123");
}

#[test]
fn a_callback_sees_fields_of_the_event_then_of_the_spans() {
    let kept = KeptLines::default();
    let filter =
        directives("info").unwrap().and(callback(|event| event.field("tenant") != Some("load-test")));
    let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
    info!("no tenant");
    info!(tenant = "load-test", "no");
    info_span!("outer", tenant = "real").in_scope(|| {
        info!("outer only");
        info_span!("inner", tenant = "load-test").in_scope(|| {
            info!("no");
            info!(tenant = "real", "the event itself");
        });
    });
    let late = info_span!("late", tenant = tracing::field::Empty);
    late.record("tenant", "load-test");
    late.in_scope(|| info!("no"));
    let messages: Vec<_> =
        kept.take().iter().map(|line| line.split("] ").nth(1).unwrap().to_owned()).collect();
    assert_eq!(messages, ["no tenant", "outer only", "the event itself"]);
}

#[test]
fn require_debug_follows_the_flag_of_the_process() {
    let stderr = alone(here!(), || {
        let (debug_only, live_only, negated) =
            (KeptLines::default(), KeptLines::default(), KeptLines::default());
        registry()
            .with(debug_only.layer().with_filter(directives("error").unwrap().and(require_debug_true())))
            .with(live_only.layer().with_filter(require_debug_false().and(directives("error").unwrap())))
            .with(negated.layer().with_filter(directives("error").unwrap().and(require_debug_true().not())))
            .init();
        for (on, message) in [(true, "debug"), (false, "live"), (true, "debug"), (false, "live")] {
            set_debug(on);
            error!("{message}");
            info!("no");
        }
        let messages = |kept: &KeptLines| {
            kept.take().iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(messages(&debug_only), ["debug", "debug"]);
        assert_eq!(messages(&live_only), ["live", "live"]);
        assert_eq!(messages(&negated), ["live", "live"]);
    });
    let Some(stderr) = stderr else { return };
    let said: Vec<_> = stderr.lines().filter(|line| line.starts_with("watchfire: ")).collect();
    // Each silenced handler once: two while in debug mode, one while not.
    assert_eq!(said.len(), 3, "{stderr}");
    let of = |call: &str| said.iter().filter(|line| line.contains(call)).count();
    assert_eq!(of("watchfire::set_debug(false) or WATCHFIRE_DEBUG=0"), 2, "{stderr}");
    assert_eq!(of("watchfire::set_debug(true) or WATCHFIRE_DEBUG=1"), 1, "{stderr}");
    assert!(said.iter().all(|line| line.contains("ERROR of `it::filters`")), "{stderr}");
}

#[test]
fn the_flag_comes_from_the_environment() {
    for (value, expected) in [("0", 1), ("1", 0), ("off", 1), ("TRUE", 0)] {
        alone_for(here!(), value, &[("WATCHFIRE_DEBUG", value)], || {
            let kept = KeptLines::default();
            registry().with(kept.layer().with_filter(require_debug_false())).init();
            error!("x");
            assert_eq!(kept.count(), expected);
        });
    }
}

#[test]
fn a_filter_that_turns_nothing_away_says_nothing() {
    let said = Arc::new(Mutex::new(0));
    let count = Arc::clone(&said);
    set_debug(true);
    let filter = directives("error").unwrap().and(require_debug_false());
    let kept = KeptLines::default();
    let filter = filter.self_log(SelfLog::to(move |_| *count.lock().unwrap() += 1));
    let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
    info!("turned away by its level");
    assert_eq!(*said.lock().unwrap(), 0);
    error!("turned away by the mode");
    error!("again");
    assert_eq!(*said.lock().unwrap(), 1);
}

#[test]
fn env_reads_a_variable_and_names_it_in_an_error() {
    for (value, expected) in [("", "iwec"), ("  ", "iwec"), ("warn", "wec"), ("off", "")] {
        alone_for(here!(), value, &[("SHOP_LOG", value)], || {
            assert_eq!(severities_that_pass(env("SHOP_LOG", "info").unwrap()), expected);
        });
    }
    alone_for(here!(), "wrong", &[("SHOP_LOG", "info,sqlx=wran")], || {
        let error = env("SHOP_LOG", "info").unwrap_err();
        assert_eq!(error.variable(), Some("SHOP_LOG"));
        assert!(error.to_string().starts_with("SHOP_LOG: `wran` at byte 10 is not a level"), "{error}");
    });
    assert_eq!(severities_that_pass(env("WATCHFIRE_TEST_UNSET", "error").unwrap()), "ec");
    assert_eq!(env("WATCHFIRE_TEST_UNSET", "wran").unwrap_err().variable(), None);
}

/// Stands for a router: judges by a filter's own questions, without a registry's per-layer machinery, and rewrites.
struct Routes {
    filter: EventFilter,
    rewrite: fn(EventView<'_>) -> EventView<'_>,
    kept: KeptLines,
}

impl Handler for Routes {
    fn handle(&self, event: &EventView<'_>) {
        let event = (self.rewrite)(*event);
        if self.filter.verdict(event.metadata()) != Verdict::Never && self.filter.passes(&event) {
            self.kept.handle(&event);
        }
    }
}

fn routed(
    filter: EventFilter,
    rewrite: fn(EventView<'_>) -> EventView<'_>,
    emit: impl FnOnce(),
) -> Vec<String> {
    let kept = KeptLines::default();
    let layer = HandlerLayer::new(Routes { filter, rewrite, kept: kept.clone() });
    let _guard = registry().with(layer).set_default();
    emit();
    kept.take().iter().map(|line| line.split("] ").nth(1).unwrap().to_owned()).collect()
}

#[test]
fn a_router_judges_span_directives_by_the_chain() {
    let emit = || {
        info_span!("req", id = 7, name = "bob").in_scope(|| {
            debug!("seven");
            info_span!("inner").in_scope(|| debug!("deep"));
        });
        info_span!("req", id = 8, name = "alice").in_scope(|| debug!("eight"));
        debug!("none");
    };
    for (text, expected) in [
        ("off,it[req{id=7}]=debug", &["seven", "deep"][..]),
        ("off,[req{name=al.*}]=debug", &["eight"]),
        ("off,[req{name=b..}]=debug", &["seven", "deep"]),
        ("off,[req{name=b}]=debug", &[]),
        ("off,[req{id}]=debug", &["seven", "deep", "eight"]),
        ("off,[{id,name}]=debug", &["seven", "deep", "eight"]),
        ("off,[req{id=7,name=alice}]=debug", &[]),
        ("off,other[req]=debug", &[]),
        ("off,i[req]=debug", &[]),
        ("off,[req]=info", &[]),
    ] {
        assert_eq!(routed(directives(text).unwrap(), |event| event, emit), expected, "{text}");
    }
}

#[test]
fn a_router_judges_by_the_level_in_force() {
    let emit = || {
        error!("not found");
        warn!("slow");
    };
    fn rewrite(event: EventView<'_>) -> EventView<'_> {
        match event.message() {
            "not found" => event.with_level(Level::INFO),
            _ => event.with_severity(Severity::Critical),
        }
    }
    for (filter, expected) in [
        (level(Level::WARN), &["slow"][..]),
        (directives("error").unwrap(), &["slow"]),
        (directives("info,it=error").unwrap().not(), &["not found"]),
        (levels([Severity::Critical]).or(callback(|_| false)), &["slow"]),
    ] {
        let by_passes = routed(filter.or(callback(|_| false)), rewrite, emit);
        assert_eq!(by_passes, expected);
    }
}

#[test]
fn several_fields_of_a_span_have_to_match_together() {
    alone(here!(), || {
        let (both, names) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(both.layer().with_filter(directives("off,[req{a=1,b=x}]=debug").unwrap()))
            .with(names.layer().with_filter(directives("off,[{a,b}]=debug").unwrap()))
            .init();
        for (a, b) in [(1, "x"), (1, "y"), (2, "x")] {
            info_span!("req", a, b).in_scope(|| debug!("{a}{b}"));
        }
        info_span!("req", a = 1).in_scope(|| debug!("no b"));
        debug!(a = 1, "one field of the event");
        debug!(a = 1, b = 2, "both fields of the event");
        let messages = |kept: &KeptLines| {
            kept.take().iter().map(|line| line.split("] ").nth(1).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(messages(&both), ["1x"]);
        assert_eq!(messages(&names), ["1x", "1y", "2x", "both fields of the event"]);
    });
}
