//! Panics of this thread, and what the layers of its subscriber and a listener get of them.

use std::{
    panic::catch_unwind,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tracing_subscriber::{filter::filter_fn, prelude::*};

use super::*;
use crate::{EventView, Handler, HandlerLayer, Memory, process};

/// Keeps the alerts of incidents with this word in their text: the panics of other tests are heard as well.
struct Listener(&'static str, Mutex<Vec<Alert>>);

impl OnIncident for Listener {
    fn on_incident(&self, incident: &Incident) {
        if incident.message.contains(self.0) {
            let alert = incident.alert(&Capture::new(crate::App::new("shop")));
            self.1.lock().unwrap_or_else(PoisonError::into_inner).push(alert);
        }
    }
}

fn listen(word: &'static str) -> Arc<Listener> {
    let listener = Arc::new(Listener(word, Mutex::default()));
    let weak = Arc::<Listener>::downgrade(&listener);
    process::on_incident(weak);
    listener
}

impl Listener {
    fn heard(&self) -> Vec<Alert> {
        std::mem::take(&mut *self.1.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Panics when it is written.
struct Broken(&'static str);

impl fmt::Debug for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("{}", self.0)
    }
}

/// A handler that panics at an incident.
struct Careless;

impl Handler for Careless {
    fn handle(&self, event: &EventView<'_>) {
        assert!(event.incident().is_none(), "careless");
    }
}

#[test]
fn a_panic_is_an_event_for_each_handler_and_an_incident() {
    let listener = listen("quail");
    let memories = [(); 5].map(|()| Memory::new("shop", 10));
    let [plain, filtered, boxed, off, deaf] = &memories;
    let layer = |memory: &Memory| HandlerLayer::new(memory.clone());
    let _guard = tracing_subscriber::registry()
        .with(HandlerLayer::new(Careless))
        .with(layer(plain))
        .with(layer(filtered).with_filter(filter_fn(|metadata| metadata.target() != "shop")))
        .with(vec![layer(boxed).boxed()])
        .with(layer(off).with_filter(filter_fn(|metadata| metadata.target() != "panic")))
        .with(layer(deaf).without_panics())
        .set_default();
    let line = line!() + 4;
    let caught = catch_unwind(|| {
        let _outer = tracing::info_span!("request", order = 4711).entered();
        let _inner = tracing::info_span!("pay").entered();
        panic!("quail {}", 7)
    });
    assert!(caught.is_err());
    for memory in [plain, filtered, boxed] {
        let kept = memory.take();
        assert_eq!(kept.len(), 1);
        let alert = &kept[0];
        assert_eq!((&*alert.message, &*alert.target, alert.origin), ("quail 7", "panic", Origin::Panic));
        assert_eq!(alert.place_text(), Some(format!("{}:{line}", file!())));
        assert_eq!(alert.severity, Severity::Error, "not of the main thread");
        assert_eq!(alert.thread, std::thread::current().name().unwrap());
        assert!(alert.stack.is_some());
        let spans: Vec<_> = alert.spans.iter().map(ToString::to_string).collect();
        assert_eq!(spans, ["request{order=4711}", "pay"]);
    }
    assert!(off.is_empty() && deaf.is_empty());
    let heard = listener.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!((&*heard[0].message, heard[0].spans.len()), ("quail 7", 2));
}

#[test]
fn a_panic_that_we_catch_is_not_the_programs() {
    let listener = listen("magpie");
    let memory = Memory::new("shop", 10);
    let _guard = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone())).set_default();
    tracing::info!(broken = ?Broken("magpie in an event"), "one");
    let span = tracing::info_span!("pay", broken = ?Broken("magpie in a span"), late = tracing::field::Empty);
    span.record("late", tracing::field::debug(Broken("magpie, recorded")));
    span.in_scope(|| tracing::info!("two"));
    assert_eq!(crate::caught(|| panic!("magpie in a callback")), None::<()>);
    assert_eq!(listener.heard().len(), 0);
    assert_eq!(memory.take().iter().map(|alert| alert.message.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    // And what the program catches itself is reported.
    assert!(catch_unwind(|| panic!("magpie of the program")).is_err());
    assert_eq!((listener.heard().len(), memory.take().len()), (1, 1));
}

#[test]
fn what_repeats_a_panic_is_known_on_its_thread_only() {
    struct Repeats(Mutex<Vec<bool>>);
    impl Handler for Repeats {
        fn handle(&self, event: &EventView<'_>) {
            if event.incident().is_none() {
                self.0.lock().unwrap().push(event.repeats_panic());
            }
        }
    }
    let repeats = Arc::new(Repeats(Mutex::default()));
    let _guard = tracing_subscriber::registry().with(HandlerLayer::new(Arc::clone(&repeats))).set_default();
    let error = std::io::Error::other("task failed: the heron is out of stock");
    let speak = || {
        tracing::error!("the order is lost");
        tracing::error!("caught: the heron is out of stock");
        tracing::error!(%error, "a handler failed");
        tracing::error!(error = &error as &(dyn Error + 'static), "a handler failed");
        tracing::error!(target: "tower_http::catch_panic", "Service panicked");
    };
    speak();
    process::on_incident(Arc::<Listener>::downgrade(&listen("")));
    assert!(catch_unwind(|| panic!("the heron is out of stock\nmore")).is_err());
    speak();
    repeats::in_hook(|| tracing::error!("a hook speaks"));
    let known = std::mem::take(&mut *repeats.0.lock().unwrap());
    assert_eq!(known[..5], [false; 5]);
    assert_eq!(known[5..], [false, true, true, true, true, true]);
    let other = std::thread::scope(|scope| {
        scope.spawn(|| repeats::is_its_end("panic in a function that cannot unwind")).join()
    });
    assert!(repeats::is_its_end("panic in a function that cannot unwind") && !other.unwrap());
}

fn incident(message: String, redactors: Vec<Redactor>) -> Incident {
    Incident {
        origin: Origin::Panic,
        severity: Severity::Error,
        message,
        error: None,
        place: None,
        thread: "main".to_owned(),
        stack: None,
        span: None,
        redactors,
    }
}

#[test]
fn a_text_is_cleaned_before_it_is_cut_and_by_every_rule() {
    let capture = Capture::new(crate::App::new("shop"));
    let seats = || Redactor::default().name("seat");
    // (message, rules, what must not be there, what must)
    let long = format!("{}password=hunter2hunter2 and the rest", "x".repeat(8_192 - 12));
    let longer = format!("{}password=hunter2hunter2 and the rest", "x ".repeat(32_768 - 8));
    let cases = [
        ("seat=4711 left".to_owned(), vec![seats()], "4711", "seat="),
        ("seat=4711 left".to_owned(), vec![Redactor::default(), Redactor::off(), seats()], "4711", "left"),
        ("seat=4711 left".to_owned(), vec![Redactor::default()], "nothing", "4711"),
        ("password=hunter2".to_owned(), vec![], "hunter2", "password="),
        ("password=hunter2".to_owned(), vec![Redactor::off()], "nothing", "hunter2"),
        (long, vec![], "hunter2", " bytes more]"),
        (longer, vec![], "hunter2", " bytes more]"),
    ];
    for (message, rules, gone, kept) in cases {
        let alert = incident(message, rules).alert(&capture);
        assert!(
            !alert.message.contains(gone) && alert.message.contains(kept),
            "{gone}, {kept}: {}",
            alert.message
        );
        assert!(alert.message.len() <= 8_192 + "… [12,345 bytes more]".len());
    }
}

#[test]
fn a_failure_of_main_has_the_chain_of_its_error() {
    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the stork cannot start")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let listener = listen("stork");
    let memory = Memory::new("shop", 10);
    let _guard = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone())).set_default();
    report_failure(&Outer(std::io::Error::other("token=hunter2hunter2 is wrong")));
    let mut alerts = memory.take();
    alerts.append(&mut listener.heard());
    assert_eq!(alerts.len(), 2);
    for alert in alerts {
        assert_eq!(
            (alert.severity, &*alert.target, alert.origin),
            (Severity::Critical, "main", Origin::Failure)
        );
        assert_eq!(alert.message, "main failed: the stork cannot start");
        assert_eq!(alert.error[0], "the stork cannot start");
        assert!(
            !alert.error[1].contains("hunter2") && alert.error[1].contains("is wrong"),
            "{:?}",
            alert.error
        );
    }
}

#[test]
fn a_handler_that_hangs_holds_a_panic_up_for_a_moment_only() {
    struct HangingHandler;
    impl Handler for HangingHandler {
        fn handle(&self, event: &EventView<'_>) {
            if event.incident().is_some() {
                std::thread::park_timeout(Duration::from_secs(60));
            }
        }
    }
    let _guard = tracing_subscriber::registry().with(HandlerLayer::new(HangingHandler)).set_default();
    let began = crate::clock::instant();
    assert!(catch_unwind(|| panic!("the swan sleeps")).is_err());
    assert!(crate::clock::instant() - began < Duration::from_secs(10), "it waits");
}
