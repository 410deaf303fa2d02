//! The cost of an unwanted event.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use tracing::{Level, debug, error, info, info_span, level_filters::LevelFilter};
use tracing_subscriber::{prelude::*, registry};
use watchfire_core::{EventView, Handler, HandlerLayer, Severity};
use watchfire_filter::{EventFilter, callback, directives, levels, require_debug_false};

use crate::{
    alone::{alone, alone_for, here},
    kept::KeptLines,
};

struct CountingAllocator;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "counting allocations takes a global allocator")]
// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.try_with(|count| count.set(count.get() + 1)).ok();
        // SAFETY: as the caller promised us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn the_allocations_are_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| ()), 0);
}

fn emit() {
    error!(target: "elsewhere", tenant = "load-test", code = 7, why = ?Some(1), "an error of {}", "many");
    info!(tenant = "load-test", "an info");
    debug!("a debug");
}

#[test]
fn an_event_that_is_turned_away_allocates_nothing() {
    alone(here!(), || {
        watchfire_core::process::set_debug(true);
        let d = |text: &str| directives(text).unwrap();
        let filters: [(&str, EventFilter); 9] = [
            ("directives", d("off,shop=trace,shop::payments=debug")),
            ("directives with fields", d("off,shop[{tenant}]=trace")),
            ("span directives", d("off,[nobody{id=7}]=trace")),
            (
                "callback on the event",
                callback(|event| event.field("tenant").is_none() && event.level() == Level::TRACE),
            ),
            ("callback on the spans", d("info").and(callback(|event| event.field("user") == Some("eve")))),
            ("callback on nothing", callback(|_| false)),
            ("require_debug", require_debug_false().self_log(watchfire_core::SelfLog::to(|_| ()))),
            ("levels", levels([Severity::Critical])),
            (
                "and, or, not",
                d("warn").and(callback(|event| event.message() == "x")).or(callback(|_| true).not()),
            ),
        ];
        for (name, filter) in filters {
            let kept = KeptLines::default();
            let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
            info_span!("request", user = "ada", id = 7).in_scope(|| {
                info_span!("step", n = 1).in_scope(|| {
                    // The first round fills what is reused: callsites, thread-locals, the text buffer.
                    emit();
                    emit();
                    assert_eq!(allocations(|| (0..10).for_each(|_| emit())), 0, "{name}");
                });
            });
            assert_eq!(kept.count(), 0, "{name}");
        }
    });
}

#[test]
fn an_accepted_event_allocates_nothing_before_its_handler() {
    struct Looks;
    impl Handler for Looks {
        fn handle(&self, event: &EventView<'_>) {
            assert_eq!(event.field("tenant"), Some("load-test"));
            assert_eq!(event.field("user"), Some("ada"));
            assert_eq!(event.spans().count(), 1);
        }
    }
    alone(here!(), || {
        let layer = HandlerLayer::new(Looks);
        let counts = layer.counts();
        registry().with(layer.with_filter(directives("error").unwrap())).init();
        info_span!("request", user = "ada").in_scope(|| {
            emit();
            assert_eq!(allocations(emit), 0);
        });
        assert_eq!(counts.panics(), 0);
    });
}

#[test]
fn entering_and_leaving_a_span_allocates_nothing() {
    alone(here!(), || {
        let kept = KeptLines::default();
        registry().with(kept.layer().with_filter(directives("error").unwrap())).init();
        let span = info_span!("request", user = "ada");
        span.in_scope(|| ());
        assert_eq!(allocations(|| span.in_scope(|| ())), 0);
    });
}

#[test]
fn nothing_more_than_wanted_is_switched_on_for_the_process() {
    for (text, spans, expected) in [
        ("error", "off", LevelFilter::ERROR),
        ("error", "info", LevelFilter::INFO),
        ("error", "info,tower_http=debug", LevelFilter::DEBUG),
        ("warn,sqlx=debug", "info", LevelFilter::DEBUG),
        ("off", "off", LevelFilter::OFF),
        ("error,[req]=info", "off", LevelFilter::INFO),
        ("error,[req{id=1}]=info", "off", LevelFilter::TRACE),
    ] {
        alone_for(here!(), &format!("{text} {spans}"), &[], || {
            let kept = KeptLines::default();
            let filter = directives(text).unwrap().span_levels(spans).unwrap();
            registry().with(kept.layer().with_filter(filter)).init();
            assert_eq!(LevelFilter::current(), expected);
        });
    }
}
