//! The interest in callsites: unwanted ones are never asked again, and a directive of spans and
//! fields at one handler costs the others nothing. In a process of its own, as callsites ask every subscriber.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{Layer, Registry, layer::Context, prelude::*, registry::LookupSpan};
use watchfire_config::{Config, Handle};

use crate::emit::Ears;

const CHILD: &str = "WATCHFIRE_INTEREST_CHILD";
const EVENTS: u64 = 50;

/// Counts by level how often the layer within is asked whether it wants an event.
#[derive(Clone, Default)]
struct InterestCounts(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl InterestCounts {
    fn take(&self) -> Vec<(&'static str, u64)> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter().collect()
    }
}

struct CountedLayer<L>(L, InterestCounts);

impl<S: Subscriber + for<'l> LookupSpan<'l>, L: Layer<S>> Layer<S> for CountedLayer<L> {
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.0.on_register_dispatch(subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.0.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.0.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        if metadata.is_event() && metadata.target() == "shop" {
            *self.1.0.lock().unwrap().entry(metadata.level().as_str()).or_default() += 1;
        }
        self.0.enabled(metadata, context)
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        self.0.event_enabled(event, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.0.on_event(event, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.on_close(id, context);
    }

    #[expect(unsafe_code, reason = "by this the registry knows that a filter is within")]
    unsafe fn downcast_raw(&self, id: std::any::TypeId) -> Option<*const ()> {
        // SAFETY: the answer of the layer within, which lives as long as this one.
        unsafe { self.0.downcast_raw(id) }
    }
}

fn emit_all() {
    for _ in 0..EVENTS {
        tracing::trace!(target: "shop", "a");
        tracing::debug!(target: "shop", "b");
        tracing::info!(target: "shop", "c");
        tracing::error!(target: "shop", "d");
    }
}

fn config(all: &str, one: &str, spans: &str) -> Config {
    Config::parse(&format!(
        "spans = \"{spans}\"\n[handlers.all]\ntype = \"heard\"\ntag = \"all\"\nlevel = \"{all}\"\n\
         [handlers.one]\ntype = \"heard\"\ntag = \"one\"\nlevel = \"{one}\"\nfilters = [\"counted\"]\n\
         [root]\nlevel = \"trace\"\nhandlers = [\"all\", \"one\"]\n"
    ))
    .unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tells the child apart")]
fn unwanted_callsites_are_not_asked() {
    let name = "interest::unwanted_callsites_are_not_asked";
    if std::env::var(CHILD).is_err() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        return;
    }
    let (ears, asked, judged) = (Ears::default(), InterestCounts::default(), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&judged);
    let components = ears.components().callback("counted", move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    let first = config("info", "warn", "info");
    let (layer, handle): (_, Handle) =
        first.service("x").components(components).rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(CountedLayer(layer, asked.clone())));
    tracing::dispatcher::set_global_default(dispatch).unwrap();
    // (levels of both handlers; who is asked how often; what `one` judges; who hears; the hint)
    for (all, one, expected, judges, heard, hint) in [
        // DEBUG and TRACE are never asked about; `one` judges what its level lets through, and nothing else.
        ("info", "warn", vec!["ERROR", "INFO"], 1, 3, LevelFilter::INFO),
        // In no span: DEBUG is asked about for `one`, and heard by nobody. INFO and ERROR are `all`'s, as before.
        (
            "info",
            "off,[request{tenant=acme}]=debug",
            vec!["DEBUG", "ERROR", "INFO"],
            0,
            2,
            // The spans of all levels have to be made for their values to be seen.
            LevelFilter::TRACE,
        ),
        ("error", "off,[request]=info", vec!["ERROR", "INFO"], 0, 1, LevelFilter::INFO),
        ("error", "off", vec!["ERROR"], 0, 1, LevelFilter::INFO),
        ("trace", "off", vec!["DEBUG", "ERROR", "INFO", "TRACE"], 0, 4, LevelFilter::TRACE),
        ("off", "off", vec![], 0, 0, LevelFilter::INFO),
        ("info", "warn", vec!["ERROR", "INFO"], 1, 3, LevelFilter::INFO),
    ] {
        handle.reload_with(config(all, one, "info")).unwrap();
        assert_eq!(LevelFilter::current(), hint, "{all} {one}");
        // Callsites register when they are first met.
        emit_all();
        drop((asked.take(), ears.take()));
        judged.store(0, Ordering::Relaxed);
        emit_all();
        let expected: Vec<_> = expected.into_iter().map(|level| (level, EVENTS)).collect();
        assert_eq!(asked.take(), expected, "{all} {one}");
        assert_eq!(judged.load(Ordering::Relaxed), judges * EVENTS, "{all} {one}");
        assert_eq!(ears.take().len() as u64, heard * EVENTS, "{all} {one}");
    }
    // Within the span, what the directive is about is heard by its handler, and judged by its filter.
    handle.reload_with(config("info", "off,[request{tenant=acme}]=debug", "info")).unwrap();
    judged.store(0, Ordering::Relaxed);
    let span = tracing::trace_span!(target: "shop", "request", tenant = "acme");
    span.in_scope(emit_all);
    let heard = ears.take();
    let by = |tag: &str| heard.iter().filter(|(by, _)| by == tag).count() as u64;
    assert_eq!((by("all"), by("one")), (2 * EVENTS, 3 * EVENTS));
    assert_eq!(judged.load(Ordering::Relaxed), 3 * EVENTS);
    let said = handle.reload_with(config("info", "off", "off")).unwrap_err().to_string();
    assert!(said.contains("spans: are others than when the program started, and need a restart"), "{said}");
}

#[test]
fn the_spans_that_are_shown_with_events_are_those_of_the_file() {
    for (spans, expected) in [
        ("", "[req{id=1}]"),
        ("spans = \"warn\"\n", ""),
        ("spans = \"off,shop=debug\"\n", "[req{id=1} step{n=2}]"),
        ("spans = \"debug,shop=off\"\n", ""),
    ] {
        let shown = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&shown);
        let components = watchfire_config::Components::new()
            .handler("shows", move |_: &watchfire_config::Options| Ok(Shows(Arc::clone(&into))));
        let text = format!("{spans}[handlers.a]\ntype = \"shows\"\n[root]\nhandlers = [\"a\"]\n");
        let config = Config::parse(&text).unwrap();
        let (layer, _handle) =
            config.service("x").components(components).rust_log("").layers::<Registry>().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _req = tracing::info_span!(target: "shop::web", "req", id = 1).entered();
            let _step = tracing::debug_span!(target: "shop::web", "step", n = 2).entered();
            tracing::error!(target: "other", "no");
        });
        assert_eq!(*shown.lock().unwrap(), expected, "{spans}");
    }
}

struct Shows(Arc<Mutex<String>>);

impl watchfire_core::Handler for Shows {
    fn handle(&self, event: &watchfire_core::EventView<'_>) {
        let alert = watchfire_core::Capture::new(watchfire_core::App::new("x")).alert(event);
        let spans: Vec<_> = alert.spans.iter().map(ToString::to_string).collect();
        *self.0.lock().unwrap() =
            if spans.is_empty() { String::new() } else { format!("[{}]", spans.join(" ")) };
    }
}
