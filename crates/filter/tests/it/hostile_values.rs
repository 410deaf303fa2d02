//! Values whose `Debug` logs, panics, or writes without end.

use std::{
    cell::Cell,
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{Dispatch, debug, dispatcher, error, field, info, info_span};
use tracing_subscriber::{Layer, prelude::*, registry};
use watchfire_core::{HandlerLayer, Limits, Memory, PANICKED, SelfLog};
use watchfire_filter::{callback, directives, levels};

use crate::{
    alone::{alone, alone_for, here},
    kept::KeptLines,
};

struct Logs;

thread_local! {
    static FORMATTED: Cell<u64> = const { Cell::new(0) };
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FORMATTED.set(FORMATTED.get() + 1);
        info_span!("within", deeper = 1).in_scope(|| error!("from a Debug"));
        f.write_str("logs")
    }
}

struct HostileDebug;

impl fmt::Debug for HostileDebug {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a Debug")
    }
}

/// Writes 17 MB, and says how much of it somebody took.
struct Huge<'a>(&'a Cell<usize>);

impl fmt::Debug for Huge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..17_000 {
            f.write_str(&"x".repeat(1000))?;
            self.0.set(self.0.get() + 1000);
        }
        Ok(())
    }
}

#[test]
fn a_debug_that_logs_waits_for_nobody() {
    alone(here!(), || {
        let memory = Memory::new("shop", 100);
        let layer = HandlerLayer::new(memory.clone());
        let counts = layer.counts();
        // With directives on the very field, so that their state formats it, too.
        let filter = directives("info,[s{e=logs}]=debug,[s{f=logs}]=debug").unwrap();
        registry().with(layer.with_filter(filter)).init();
        let span = info_span!("s", e = ?Logs, f = field::Empty);
        let _entered = span.enter();
        span.record("f", field::debug(Logs));
        assert!(!memory.take().is_empty());
        assert_eq!(counts.suppressed(), 0);
        FORMATTED.set(0);
        error!(x = ?Logs, "the event");
        let alerts = memory.take();
        assert_eq!(alerts.len(), 1, "what a Debug logs while we handle an event is left out");
        assert_eq!(alerts[0].message, "the event");
        assert_eq!(alerts[0].fields[0].value.to_string(), "logs");
        assert_eq!(alerts[0].spans[0].to_string(), "s{e=logs f=logs}");
        assert_eq!(counts.suppressed(), 1, "and is counted");
        assert_eq!(FORMATTED.get(), 1, "a value is formatted once");
    });
}

/// Makes a span that the same directive is about as the span it stands in.
struct MakesSpans;

impl fmt::Debug for MakesSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        drop(span_of("nested"));
        f.write_str("made")
    }
}

fn span_of(id: &str) -> tracing::Span {
    info_span!("of", id)
}

#[test]
fn a_debug_that_makes_a_span_of_its_directive_never_blocks() {
    for case in ["new span", "record"] {
        alone_for(here!(), case, &[], || {
            let kept = KeptLines::default();
            registry().with(kept.layer().with_filter(directives("info,[{id=ma.*}]=debug").unwrap())).init();
            let span = match case {
                "record" => {
                    let span = info_span!("s", id = field::Empty);
                    span.record("id", field::debug(MakesSpans));
                    span
                }
                _ => info_span!("s", id = ?MakesSpans),
            };
            span.in_scope(|| debug!("within s"));
            // Its callsite was first met inside of the Debug; the directive learned of it all the same.
            span_of("mary").in_scope(|| debug!("within of"));
            span_of("john").in_scope(|| debug!("no"));
            let target = "DEBUG it::hostile_values";
            let expected =
                [format!("{target} [s{{id=made}}] within s"), format!("{target} [of{{id=mary}}] within of")];
            assert_eq!(kept.take(), expected);
        });
    }
}

#[test]
fn what_a_debug_logs_in_a_new_span_is_kept() {
    alone(here!(), || {
        let kept = KeptLines::default();
        registry().with(kept.layer().with_filter(directives("info").unwrap())).init();
        let _span = info_span!("s", e = ?Logs).entered();
        assert_eq!(kept.take(), ["ERROR it::hostile_values [within{deeper=1}] from a Debug"]);
    });
}

#[test]
fn a_filter_that_looks_at_a_logging_debug_comes_to_an_end() {
    alone(here!(), || {
        let (called, by_severity) = (KeptLines::default(), KeptLines::default());
        let look = callback(|event| {
            error!("from a callback");
            event.field("x") == Some("logs")
        });
        registry()
            .with(called.layer().with_filter(look))
            .with(by_severity.layer().with_filter(levels([watchfire_core::Severity::Error])))
            .init();
        error!(x = ?Logs, severity = ?Logs, "the event");
        assert_eq!(called.take(), ["ERROR it::hostile_values [] the event"]);
        assert_eq!(by_severity.take(), ["ERROR it::hostile_values [] the event"]);
    });
}

#[test]
fn seventeen_megabytes_are_capped_while_they_are_written() {
    alone(here!(), || {
        let memory = Memory::new("shop", 100);
        let filter = directives("info").unwrap().and(callback(|event| event.field("x").is_some()));
        registry().with(HandlerLayer::new(memory.clone()).with_filter(filter)).init();
        let (in_span, in_event) = (Cell::new(0), Cell::new(0));
        let _span = info_span!("s", big = ?Huge(&in_span)).entered();
        error!(x = ?Huge(&in_event), "{:?}", Huge(&Cell::new(0)));
        let alert = &memory.take()[0];
        let limits = Limits::default();
        let value = alert.fields[0].value.to_string();
        let assert_cut = |text: &str, most: usize| {
            let start = "x".repeat(most) + "… [at least 6";
            assert!(text.starts_with(&start) && text.ends_with(" bytes more]"), "{text}");
        };
        assert_cut(&value, limits.value);
        assert_cut(&alert.message, limits.message);
        assert_cut(&alert.spans[0].fields[0].value.to_string(), limits.value);
        // The formatter is stopped, not only cut: once by the filter, once by the capture. What it writes behind the
        // limit is counted up to 64 KiB.
        let most = limits.value + 67_000;
        assert!(in_event.get() <= 2 * most && in_span.get() <= most, "{in_event:?} {in_span:?}");
    });
}

#[test]
fn a_debug_that_panics_costs_its_value_only() {
    alone(here!(), || {
        std::panic::set_hook(Box::new(|_| {}));
        let memory = Memory::new("shop", 100);
        let layer = HandlerLayer::new(memory.clone());
        let filter = directives("info,[s{e=nothing}]=debug,[s{late=nothing}]=debug").unwrap();
        registry().with(layer.with_filter(filter.and(callback(|event| event.field("x").is_some())))).init();
        let span = info_span!("s", e = ?HostileDebug, kept = 1, late = field::Empty);
        let _entered = span.enter();
        span.record("late", field::debug(HostileDebug));
        error!(x = ?HostileDebug, y = 2, "the event");
        let alert = &memory.take()[0];
        assert_eq!(alert.message, "the event");
        assert_eq!(alert.fields[0].value.to_string(), PANICKED);
        assert_eq!(alert.fields[1].value.to_string(), "2");
        assert_eq!(alert.spans[0].to_string(), format!("s{{e={PANICKED} kept=1 late={PANICKED}}}"));
    });
}

#[test]
fn a_callback_that_panics_lets_the_event_pass_and_says_so_once() {
    alone(here!(), || {
        std::panic::set_hook(Box::new(|_| {}));
        let kept = KeptLines::default();
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        let panics = callback(|event| if event.message() == "boom" { panic!("user") } else { false });
        let filter = directives("info").unwrap().and(panics);
        let filter = filter.self_log(SelfLog::to(move |line| lines.lock().unwrap().push(line.to_owned())));
        registry().with(kept.layer().with_filter(filter)).init();
        info!("quiet");
        info!("boom");
        info!("boom");
        assert_eq!(kept.count(), 2);
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("callback panicked") && said[0].contains("it::hostile_values"), "{said:?}");
    });
}

#[test]
fn a_callback_that_panics_is_said_on_stderr() {
    let stderr = alone(here!(), || {
        let kept = KeptLines::default();
        registry().with(kept.layer().with_filter(callback(|_| panic!("user")))).init();
        info!("1");
        info!("2");
        assert_eq!(kept.count(), 2);
    });
    if let Some(stderr) = stderr {
        assert_eq!(stderr.matches("watchfire: a filter's callback panicked").count(), 1, "{stderr}");
    }
}

#[test]
fn events_of_a_callback_reach_other_peoples_layers_once() {
    let (ours, foreign) = (KeptLines::default(), crate::kept::Foreign::default());
    let look = callback(|_| {
        info!("from a callback");
        true
    });
    let dispatch =
        Dispatch::new(registry().with(foreign.clone().boxed()).with(ours.layer().with_filter(look)));
    dispatcher::with_default(&dispatch, || error!("the event"));
    // A scoped default keeps nested events out altogether, a global one lets them through.
    assert_eq!(ours.count(), 1);
    assert_eq!(foreign.take(), ["ERROR []"]);
}
