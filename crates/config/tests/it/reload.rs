//! Reloads: nothing is lost, what stays the same stays open, a diagnostic changes nothing.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tracing::{Dispatch, Level};
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::{Components, Config, Options};
use watchfire_core::{EventView, Handler, Severity};

use crate::emit::{Ears, emit};

/// Adds up the ids of what it hears; all of one total share the sum.
struct Sum(Arc<AtomicU64>);

impl Handler for Sum {
    fn handle(&self, event: &EventView<'_>) {
        let id: u64 = event.field("id").and_then(|id| id.parse().ok()).unwrap_or(0);
        self.0.fetch_add(id, Ordering::Relaxed);
    }
}

const EVENTS: u64 = 20_000;
const THREADS: u64 = 4;

#[test]
#[expect(clippy::disallowed_methods, reason = "tells the child apart")]
fn a_reload_under_full_load_loses_no_event() {
    let name = "reload::a_reload_under_full_load_loses_no_event";
    if std::env::var("WATCHFIRE_RELOAD_CHILD").is_err() {
        // A global default subscriber lives as long as its process.
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env("WATCHFIRE_RELOAD_CHILD", "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        return;
    }
    let total = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&total);
    let components = Components::new().handler("sum", move |_: &Options| Ok(Sum(Arc::clone(&shared))));
    // The handler moves, is made anew, and the loggers around it change; every event is for it in both.
    let one = |number: u64| {
        Config::parse(&format!(
            "[handlers.first]\ntype = \"null\"\n[handlers.sum]\ntype = \"sum\"\nnumber = {number}\n\
             [loggers.load]\nlevel = \"debug\"\nhandlers = [\"sum\"]\npropagate = false\n[root]\nhandlers = [\"first\"]\n"
        ))
        .unwrap()
    };
    let other = |number: u64| {
        Config::parse(&format!(
            "[handlers.sum]\ntype = \"sum\"\nnumber = {number}\n[handlers.last]\ntype = \"null\"\n\
             [root]\nlevel = \"trace\"\nhandlers = [\"sum\", \"last\"]\n"
        ))
        .unwrap()
    };
    let handle = one(0).service("load").components(components).rust_log("").init().unwrap();
    let done = AtomicBool::new(false);
    let mut reloads = 0_u64;
    std::thread::scope(|scope| {
        let emitters: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    for id in 1..=EVENTS {
                        let _span = tracing::info_span!(target: "load", "request", thread).entered();
                        tracing::info!(target: "load", id, "in");
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            emitters.into_iter().for_each(|emitter| emitter.join().unwrap());
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            reloads += 1;
            let config = if reloads.is_multiple_of(2) { one(reloads) } else { other(reloads) };
            handle.reload_with(config).unwrap();
        }
    });
    assert_eq!(total.load(Ordering::Relaxed), THREADS * EVENTS * (EVENTS + 1) / 2);
    assert!(reloads >= 20, "{reloads} reloads");
}

#[test]
fn a_reload_that_is_stuck_stops_no_caller() {
    let total = Arc::new(AtomicU64::new(0));
    let (shared, (go, wait)) = (Arc::clone(&total), std::sync::mpsc::channel::<()>());
    let (begun, has_begun) = std::sync::mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    let components = Components::new()
        .handler("sum", move |_: &Options| Ok(Sum(Arc::clone(&shared))))
        .handler("stuck", move |_: &Options| {
            begun.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
            Ok(watchfire_core::Null)
        });
    let text = "[handlers.sum]\ntype = \"sum\"\n[root]\nlevel = \"info\"\nhandlers = [\"sum\"]\n";
    let config = Config::parse(text).unwrap();
    let (layer, handle) =
        config.clone().service("x").components(components).rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let mut next = config;
    next.set(["handlers", "new", "type"], "stuck");
    next.set(["root", "handlers"], vec!["sum", "new"]);
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| handle.reload_with(next));
        has_begun.recv().unwrap();
        let callers = (0..THREADS).map(|_| {
            scope.spawn(|| {
                for id in 1..=1000 {
                    emit(&dispatch, "load", Severity::Info, &[("id", &id.to_string())]);
                }
            })
        });
        callers.collect::<Vec<_>>().into_iter().for_each(|caller| caller.join().unwrap());
        // All of them have come back, and been heard, before the reload goes on.
        assert_eq!(total.load(Ordering::Relaxed), THREADS * 1000 * 1001 / 2);
        go.send(()).unwrap();
        reload.join().unwrap().unwrap();
    });
    emit(&dispatch, "load", Severity::Info, &[("id", "1")]);
    assert_eq!(total.load(Ordering::Relaxed), THREADS * 1000 * 1001 / 2 + 1);
}

#[test]
fn a_mistake_leaves_the_old_configuration_in_force() {
    let ears = Ears::default();
    let config = Config::parse(
        "[handlers.a]\ntype = \"heard\"\ntag = \"a\"\n[root]\nlevel = \"info\"\nhandlers = [\"a\"]\n",
    )
    .unwrap();
    let (layer, handle) =
        config.clone().service("x").components(ears.components()).rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let mut broken = config.clone();
    broken.set(["root", "level"], "loud");
    let diagnostics = handle.reload_with(broken).unwrap_err();
    assert!(diagnostics.to_string().contains("`loud` is not a level"), "{diagnostics}");
    assert_eq!(handle.config(), {
        let mut named = config.clone();
        named.set(["app", "name"], "x");
        named
    });
    emit(&dispatch, "shop", Severity::Info, &[]);
    assert_eq!(ears.tags(), ["a"]);
}

#[test]
fn handlers_come_and_go_by_name_and_levels_for_a_time() {
    let ears = Ears::default();
    let config = Config::parse(
        "[handlers.a]\ntype = \"heard\"\ntag = \"a\"\n[root]\nlevel = \"info\"\nhandlers = [\"a\"]\n",
    )
    .unwrap();
    let (layer, handle) =
        config.service("x").components(ears.components()).rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let debug = || {
        emit(&dispatch, "storefront::payments::card", Severity::Debug, &[]);
        ears.tags()
    };
    assert_eq!(debug(), [""; 0]);
    handle.set("storefront::payments", Level::DEBUG, Duration::from_secs(3600)).unwrap();
    assert_eq!(debug(), ["a"]);
    emit(&dispatch, "storefront::web", Severity::Debug, &[]);
    assert_eq!(ears.tags(), [""; 0]);
    handle.set_handler("b", Options::new().with("type", "heard").with("tag", "b")).unwrap();
    assert_eq!(debug(), ["a", "b"]);
    handle.remove_handler("a").unwrap();
    assert_eq!(debug(), ["b"]);
    // A filter is put before it by name, replaced and taken away again.
    let ignore = |target: &str| Options::new().with("type", "ignore").with("targets", vec![target]);
    handle.set_filter("quiet", ignore("elsewhere")).unwrap();
    handle.change(|config| config.set(["handlers", "b", "filters"], vec!["quiet"])).unwrap();
    assert_eq!(debug(), ["b"]);
    handle.set_filter("quiet", ignore("storefront")).unwrap();
    assert_eq!(debug(), [""; 0]);
    handle.remove_filter("quiet").unwrap();
    assert_eq!(debug(), ["b"]);
    // A time that is over at once: the watcher ends it, and the level is that of the root again.
    handle.set("storefront::payments", Level::DEBUG, Duration::ZERO).unwrap();
    let patience = watchfire_core::clock::instant() + Duration::from_secs(20);
    while !debug().is_empty() {
        assert!(watchfire_core::clock::instant() < patience, "the level stays");
        std::thread::yield_now();
    }
}

#[test]
fn a_file_that_stays_the_same_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let config = Config::parse(&format!(
        "[handlers.file]\ntype = \"file\"\npath = \"{}\"\nrotate = {{ size = \"1 MiB\", at_start = true }}\n[root]\nlevel = \"info\"\nhandlers = [\"file\"]\n",
        path.display()
    ))
    .unwrap();
    let (layer, handle) = config.clone().service("x").rust_log("").layers::<Registry>().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    for level in ["info", "debug", "trace"] {
        emit(&dispatch, "shop", Severity::Info, &[]);
        let mut next = config.clone();
        next.set(["root", "level"], level);
        handle.reload_with(next).unwrap();
    }
    assert_eq!(handle.flush(Duration::from_secs(10)), watchfire_core::Flushed::Yes);
    // One that was opened anew would have rotated at its start.
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    assert!(!folder.path().join("shop.log.1").exists());
}
