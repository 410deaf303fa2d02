//! One handler of many is interested: the router of a configuration beside as many layers, each behind an `EnvFilter`.

use tracing::{Dispatch, Subscriber, dispatcher::with_default, level_filters::LevelFilter};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::Layered, prelude::*};
use watchfire_config::{Config, Handle};

use crate::measure::{Contestant, Measure, compare};

/// A layer that does nothing.
struct Nothing;

impl<S: Subscriber> Layer<S> for Nothing {}

const HANDLERS: [usize; 4] = [1, 6, 20, 50];

type Event = fn();

pub fn run(rounds: usize) {
    for (title, base, event) in [
        ("an event that one handler wants", "a layer that does nothing", wanted as Event),
        ("a span of two fields, entered and closed, with an event in it", "a layer that does nothing", span),
        ("an event that nobody wants", "no subscriber", unwanted),
    ] {
        println!("\n{title}");
        let mut contestants = vec![
            Contestant { name: "no subscriber", scene: Box::new(move |measure| measure(&event)) },
            Contestant {
                name: "a layer that does nothing",
                scene: Box::new(move |measure| nothing(event, measure)),
            },
        ];
        for (n, ours, theirs) in
            HANDLERS.map(|n| (n, name("router, handlers:", n), name("EnvFilter layers:", n)))
        {
            contestants
                .push(Contestant { name: ours, scene: Box::new(move |measure| router(n, event, measure)) });
            contestants
                .push(Contestant { name: theirs, scene: Box::new(move |measure| layers(n, event, measure)) });
        }
        compare(&contestants, rounds, base);
    }
}

fn name(what: &str, n: usize) -> &'static str {
    format!("{what} {n}").leak()
}

fn wanted() {
    tracing::info!(target: "shop::web", order = 4711_u64, "paid");
}

fn unwanted() {
    tracing::trace!(target: "shop::web", order = 4711_u64, "looked at");
}

fn span() {
    let span = tracing::info_span!(target: "shop::web", "request", id = 1_u64, path = "/pay");
    let _entered = span.enter();
    tracing::info!(target: "shop::web", order = 4711_u64, "paid");
}

fn nothing(event: Event, measure: Measure<'_>) {
    // With a level, as every program sets one; a layer without would open TRACE.
    let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(Nothing);
    with_default(&Dispatch::new(subscriber), || measure(&event));
}

fn router(n: usize, event: Event, measure: Measure<'_>) {
    let (layer, _handle) = ours(n);
    with_default(&Dispatch::new(tracing_subscriber::registry().with(layer)), || measure(&event));
}

fn ours(n: usize) -> (watchfire_config::RouterLayer<Registry>, Handle) {
    let mut config = Config::new();
    let mut names = Vec::new();
    for i in 0..n {
        let handler = format!("h{i}");
        config.set(["handlers", &handler, "type"], "null");
        if i > 0 {
            config.set(["handlers", &handler, "level"], "off,elsewhere=info");
        }
        names.push(handler);
    }
    config.set(["root", "level"], "info");
    config.set(["root", "handlers"], names);
    config.service("bench").rust_log("").layers().expect("a good configuration")
}

fn layers(n: usize, event: Event, measure: Measure<'_>) {
    let others = (1..n).map(|_| Nothing.with_filter(EnvFilter::new("off,elsewhere=info")));
    let first = Nothing.with_filter(EnvFilter::new("info"));
    let all: Vec<_> = std::iter::once(first).chain(others).collect();
    let subscriber: Layered<_, Registry> = tracing_subscriber::registry().with(all);
    with_default(&Dispatch::new(subscriber), || measure(&event));
}
