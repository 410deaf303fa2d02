//! No question asked before an event, and no event within an event, may lose one or let one through.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{Event, Level, Subscriber, enabled, info, level_filters::LevelFilter, warn};
use tracing_subscriber::{EnvFilter, Layer, layer::Context, prelude::*, registry};
use watchfire_filter::{callback, directives};

use crate::{
    alone::{alone, here},
    kept::KeptLines,
};

fn ask_and_log() {
    for i in 0..10 {
        let _asked = enabled!(Level::DEBUG);
        info!("{i}");
    }
}

#[test]
fn asking_before_an_event_loses_nothing() {
    alone(here!(), || {
        let (info, debug, stock) = (KeptLines::default(), KeptLines::default(), KeptLines::default());
        registry()
            .with(info.layer().with_filter(directives("info").unwrap()))
            .with(debug.layer().with_filter(directives("debug").unwrap()))
            .with(stock.layer().with_filter(EnvFilter::new("info")))
            .init();
        ask_and_log();
        assert_eq!((info.count(), debug.count(), stock.count()), (10, 10, 10));
    });
}

#[test]
fn asking_first_loses_no_event_behind_stock_filters() {
    alone(here!(), || {
        let (info, debug) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(info.layer().with_filter(EnvFilter::new("info")))
            .with(debug.layer().with_filter(EnvFilter::new("debug")))
            .init();
        ask_and_log();
        assert_eq!((info.count(), debug.count()), (10, 10));
    });
}

#[test]
fn asking_by_the_log_crate_loses_nothing() {
    alone(here!(), || {
        let (info, debug) = (KeptLines::default(), KeptLines::default());
        // `init` installs the bridge from `log`, if the feature is on; here it is done by hand.
        registry()
            .with(info.layer().with_filter(directives("info").unwrap()))
            .with(debug.layer().with_filter(directives("debug").unwrap()))
            .init();
        // Already there where another crate of the build switches on tracing-subscriber's `tracing-log`.
        tracing_log::LogTracer::init().ok();
        for i in 0..10 {
            let _asked = log::log_enabled!(log::Level::Debug);
            info!("{i}");
        }
        assert_eq!((info.count(), debug.count()), (10, 10));
    });
}

#[test]
fn two_stock_filters_still_lose_events_after_a_question() {
    // tokio-rs/tracing#2519. If this fails, upstream is fixed, and `always` may be answered again.
    alone(here!(), || {
        let (info, debug) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(Layer::with_filter(info.layer(), EnvFilter::new("info")))
            .with(Layer::with_filter(debug.layer(), EnvFilter::new("debug")))
            .init();
        ask_and_log();
        assert_eq!((info.count(), debug.count()), (0, 10));
    });
}

#[test]
fn one_filter_of_ours_saves_the_stock_layers_beside_it() {
    alone(here!(), || {
        let (info, debug, ours) = (KeptLines::default(), KeptLines::default(), KeptLines::default());
        registry()
            .with(Layer::with_filter(info.layer(), EnvFilter::new("info")))
            .with(Layer::with_filter(debug.layer(), EnvFilter::new("debug")))
            .with(Layer::with_filter(ours.layer(), directives("error").unwrap()))
            .init();
        ask_and_log();
        assert_eq!((info.count(), debug.count(), ours.count()), (10, 10, 0));
    });
}

/// Answers its first event with one of its own.
#[derive(Default)]
struct Nests(AtomicBool);

impl<S: Subscriber> Layer<S> for Nests {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        if !self.0.swap(true, Ordering::SeqCst) {
            warn!("nested");
        }
    }
}

#[test]
fn a_nested_event_lets_nothing_through() {
    alone(here!(), || {
        let (ours, stock, refused) = (KeptLines::default(), KeptLines::default(), KeptLines::default());
        registry()
            .with(Layer::with_filter(Nests::default(), LevelFilter::INFO))
            .with(ours.layer().with_filter(directives("warn").unwrap()))
            .with(stock.layer().with_filter(EnvFilter::new("warn")))
            .with(refused.layer().with_filter(callback(|event| event.message() != "outer")))
            .init();
        info!("outer");
        info!("outer again");
        assert_eq!(ours.take(), ["WARN it::lost_events [] nested"]);
        assert_eq!(stock.take(), ["WARN it::lost_events [] nested"]);
        let others = ["WARN it::lost_events [] nested", "INFO it::lost_events [] outer again"];
        assert_eq!(refused.take(), others);
    });
}

#[test]
fn a_nested_event_still_upsets_stock_filters() {
    // tokio-rs/tracing#2704. If this fails, upstream is fixed, and the layer need not ask again.
    alone(here!(), || {
        let kept = KeptLines::default();
        registry()
            .with(Layer::with_filter(Nests::default(), LevelFilter::INFO))
            .with(Layer::with_filter(kept.layer(), LevelFilter::WARN))
            .init();
        info!("outer");
        // The WARN is lost, and the INFO comes through.
        assert_eq!(kept.take(), ["INFO it::lost_events [] outer"]);
    });
}
