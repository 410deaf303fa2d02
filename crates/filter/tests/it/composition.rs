//! Layers of all shapes in one registry, as a global default.

use tracing::{
    Dispatch, debug, dispatcher, error, field::Empty, info, info_span, level_filters::LevelFilter, warn,
};
use tracing_subscriber::{Layer, Registry, prelude::*, registry, reload};
use watchfire_core::{Handler, HandlerLayer};
use watchfire_filter::directives;

use crate::{
    alone::{alone, here},
    kept::{Boxed, KeptLines},
};

#[test]
fn two_filtered_layers_share_the_context() {
    alone(here!(), || {
        let (all, errors) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(all.layer().with_filter(directives("info").unwrap()))
            .with(errors.layer().with_filter(directives("error").unwrap()))
            .init();
        let span = info_span!("req", id = 7, who = Empty);
        let _entered = span.enter();
        span.record("who", "x");
        span.record("who", "y");
        info_span!("inner", q = ?Some(1)).in_scope(|| {
            info!("one");
            error!("two");
        });
        debug!("no");
        let one = "INFO it::composition [req{id=7,who=y}>inner{q=Some(1)}] one";
        let two = "ERROR it::composition [req{id=7,who=y}>inner{q=Some(1)}] two";
        assert_eq!(all.take(), [one, two]);
        assert_eq!(errors.take(), [two]);
        // By the span levels: `tower_http=debug`.
        assert_eq!(LevelFilter::current(), LevelFilter::DEBUG);
    });
}

#[test]
fn boxed_optional_and_vec_layers_get_what_plain_ones_get() {
    alone(here!(), || {
        let (a, b, c) = (KeptLines::default(), KeptLines::default(), KeptLines::default());
        let boxed: Vec<Boxed> = vec![
            a.layer().with_filter(directives("info").unwrap()).boxed(),
            b.layer().with_filter(directives("error").unwrap()).boxed(),
        ];
        registry().with(boxed).with(Some(c.layer().with_filter(directives("warn").unwrap()))).init();
        info_span!("req", id = 1).in_scope(|| {
            info!("i");
            warn!("w");
            error!("e");
        });
        let (warn, error) = ("WARN it::composition [req{id=1}] w", "ERROR it::composition [req{id=1}] e");
        assert_eq!(a.take(), ["INFO it::composition [req{id=1}] i", warn, error]);
        assert_eq!(b.take(), [error]);
        assert_eq!(c.take(), [warn, error]);
    });
}

#[test]
fn boxed_handlers_make_layers_of_one_type() {
    alone(here!(), || {
        let (a, b) = (KeptLines::default(), KeptLines::default());
        let layers: Vec<_> = [(a.clone(), "info"), (b.clone(), "error")]
            .into_iter()
            .map(|(kept, text)| {
                HandlerLayer::new(Box::new(kept) as Box<dyn Handler>).with_filter(directives(text).unwrap())
            })
            .collect();
        registry().with(layers).init();
        info_span!("req").in_scope(|| info!("x"));
        assert_eq!(a.take(), ["INFO it::composition [req{}] x"]);
        assert_eq!(b.count(), 0);
    });
}

#[test]
fn sixty_four_filtered_layers_fit_into_one_registry() {
    alone(here!(), || {
        let kept = KeptLines::default();
        let layers: Vec<Boxed> =
            (0..64).map(|_| kept.layer().with_filter(directives("info").unwrap()).boxed()).collect();
        registry().with(layers).init();
        info_span!("req").in_scope(|| info!("x"));
        let lines = kept.take();
        assert_eq!(lines.len(), 64);
        assert!(lines.iter().all(|line| line == "INFO it::composition [req{}] x"), "{lines:?}");
    });
}

#[test]
fn a_layer_put_in_later_starts_its_context_at_the_next_span() {
    alone(here!(), || {
        let kept = KeptLines::default();
        let (layer, handle) = reload::Layer::new(None::<HandlerLayer<KeptLines>>);
        registry().with(layer).init();
        let old = info_span!("old", o = 1);
        let _old = old.enter();
        handle.reload(Some(kept.layer())).unwrap();
        old.record("o", 2);
        let _new = info_span!("new", n = 1).entered();
        error!("x");
        assert_eq!(kept.take(), ["ERROR it::composition [new{n=1}] x"]);
    });
}

#[test]
fn two_registries_on_one_thread_keep_their_spans_apart() {
    alone(here!(), || {
        let (a, b) = (KeptLines::default(), KeptLines::default());
        // A clone of a filter with state is used in both: each keeps its own.
        let filter = directives("info,[nobody]=debug").unwrap();
        let make =
            |kept: &KeptLines| Dispatch::new(registry().with(kept.layer().with_filter(filter.clone())));
        let (in_a, in_b) = (make(&a), make(&b));
        dispatcher::with_default(&in_a, || {
            let _span = info_span!("sa").entered();
            dispatcher::with_default(&in_b, || {
                error!("b0");
                let _span = info_span!("sb").entered();
                error!("b1");
                dispatcher::with_default(&in_a, || error!("a1"));
            });
            error!("a2");
        });
        assert_eq!(a.take(), ["ERROR it::composition [sa{}] a1", "ERROR it::composition [sa{}] a2"]);
        assert_eq!(b.take(), ["ERROR it::composition [] b0", "ERROR it::composition [sb{}] b1"]);
    });
}

#[test]
fn a_panicking_handler_costs_the_others_nothing() {
    struct PanickingHandler;
    impl Handler for PanickingHandler {
        fn handle(&self, _: &watchfire_core::EventView<'_>) {
            panic!("in a handler");
        }
    }
    alone(here!(), || {
        std::panic::set_hook(Box::new(|_| {}));
        let kept = KeptLines::default();
        let panics = HandlerLayer::new(PanickingHandler);
        let counts = panics.counts();
        registry()
            .with(panics.with_filter(directives("info").unwrap()))
            .with(kept.layer().with_filter(directives("info").unwrap()))
            .init();
        info!("1");
        info!("2");
        assert_eq!(kept.count(), 2);
        assert_eq!(counts.panics(), 2);
    });
}

#[test]
fn layers_and_filters_go_between_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<watchfire_filter::EventFilter>();
    is_send_and_sync::<HandlerLayer<KeptLines>>();
    is_send_and_sync::<
        tracing_subscriber::filter::Filtered<
            HandlerLayer<KeptLines>,
            watchfire_filter::EventFilter,
            Registry,
        >,
    >();
}
