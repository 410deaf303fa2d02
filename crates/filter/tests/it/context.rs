//! An ERROR has the fields of the spans around it, whatever the layer's own filter says.

use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::trace::TraceLayer;
use tracing::{Instrument, Level, debug_span, error, info, info_span, level_filters::LevelFilter};
use tracing_subscriber::{EnvFilter, Layer, fmt, prelude::*, registry};
use watchfire_core::LevelTable;
use watchfire_filter::{EventFilter, callback, directives, level, levels};

use crate::{
    alone::{alone, here},
    kept::{Boxed, Foreign, KeptLines},
};

fn fail_below_a_request() {
    info_span!("req", id = 1).in_scope(|| {
        info!("no");
        error!("yes");
    });
}

const FAILED: [&str; 1] = ["ERROR it::context [req{id=1}] yes"];

#[test]
fn an_error_keeps_its_info_span_under_directives_of_errors() {
    alone(here!(), || {
        let kept = KeptLines::default();
        registry().with(kept.layer().with_filter(directives("error").unwrap())).init();
        fail_below_a_request();
        assert_eq!(kept.take(), FAILED);
        assert_eq!(LevelFilter::current(), LevelFilter::DEBUG);
    });
}

#[test]
fn an_error_keeps_its_info_span_beside_other_layers() {
    alone(here!(), || {
        let (kept, boxed) = (KeptLines::default(), KeptLines::default());
        let in_a_box: Boxed = boxed.layer().with_filter(directives("error").unwrap()).boxed();
        registry()
            .with(in_a_box)
            .with(fmt::layer().with_writer(std::io::sink).with_filter(LevelFilter::WARN))
            .with(kept.layer().with_filter(directives("error").unwrap()))
            .with(fmt::layer().with_writer(std::io::sink).with_filter(EnvFilter::new("debug")))
            .init();
        fail_below_a_request();
        assert_eq!(kept.take(), FAILED);
        assert_eq!(boxed.take(), FAILED);
    });
}

#[test]
fn every_filter_of_ours_lets_the_spans_through() {
    let filters: [(&str, EventFilter); 6] = [
        ("level", level(Level::ERROR)),
        ("levels", levels([Level::ERROR])),
        ("callback", callback(|event| event.level() == Level::ERROR)),
        ("and", directives("error").unwrap().and(callback(|event| event.field("id") == Some("1")))),
        ("or", directives("off").unwrap().or(Level::ERROR)),
        ("not", level(LevelFilter::WARN).not().and(LevelFilter::ERROR).or(LevelFilter::ERROR)),
    ];
    for (name, filter) in filters {
        let kept = KeptLines::default();
        let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
        fail_below_a_request();
        assert_eq!(kept.take(), FAILED, "{name}");
    }
}

#[test]
fn a_stock_filter_is_made_safe_by_the_layers_own_with_filter() {
    alone(here!(), || {
        let (by_level, by_env) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(by_level.layer().with_filter(LevelFilter::ERROR))
            .with(by_env.layer().with_filter(EnvFilter::new("error")))
            .init();
        fail_below_a_request();
        assert_eq!(by_level.take(), FAILED);
        assert_eq!(by_env.take(), FAILED);
        assert_eq!(LevelFilter::current(), LevelFilter::DEBUG);
    });
}

#[test]
fn a_stock_filter_by_the_stock_method_still_loses_the_context() {
    // If this fails, tracing-subscriber has learned to keep spans for a filtered layer, and `SafeFilter` may go.
    alone(here!(), || {
        let kept = KeptLines::default();
        registry().with(Layer::with_filter(kept.layer(), LevelFilter::ERROR)).init();
        fail_below_a_request();
        assert_eq!(kept.take(), ["ERROR it::context [] yes"]);
    });
}

#[test]
fn the_default_request_span_of_tower_http_is_seen() {
    alone(here!(), || {
        let kept = KeptLines::default();
        registry().with(kept.layer().with_filter(directives("error").unwrap())).init();
        let handler = service_fn(|_: Request<String>| async {
            tokio::task::yield_now().await;
            error!("the card was refused");
            Ok::<_, Infallible>(Response::builder().status(500).body(String::new()).unwrap())
        });
        let service = ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(handler);
        let request = Request::builder().method("POST").uri("/pay").body(String::new()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(service.oneshot(request)).unwrap();
        let lines = kept.take();
        let span = "[request{method=POST,uri=/pay,version=HTTP/1.1}]";
        assert_eq!(lines[0], format!("ERROR it::context {span} the card was refused"));
        // Its own report names the span as an explicit parent.
        assert_eq!(lines[1], format!("ERROR tower_http::trace::on_failure {span} response failed"));
        assert_eq!(lines.len(), 2);
    });
}

#[test]
fn span_levels_decide_which_spans_are_seen() {
    for (levels, expected) in [
        ("off", "[]"),
        ("warn", "[]"),
        ("info", "[outer{}]"),
        ("debug", "[outer{}>inner{}]"),
        ("off,it::context=debug", "[outer{}>inner{}]"),
        ("debug,it=info", "[outer{}]"),
    ] {
        let kept = KeptLines::default();
        let filter = directives("error").unwrap().span_levels(levels).unwrap();
        let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
        info_span!("outer").in_scope(|| debug_span!("inner").in_scope(|| error!("x")));
        assert_eq!(kept.take(), [format!("ERROR it::context {expected} x")], "{levels}");
    }
}

#[test]
fn the_span_levels_of_a_layer_serve_stock_filters_and_no_filter() {
    for (spans, expected) in [(LevelFilter::DEBUG, "[outer{}>inner{}]"), (LevelFilter::OFF, "[]")] {
        let (filtered, plain) = (KeptLines::default(), KeptLines::default());
        let levels = || LevelTable::new([("", spans)]);
        let _guard = registry()
            .with(filtered.layer().span_levels(levels()).with_filter(LevelFilter::ERROR))
            .with(plain.layer().span_levels(levels()))
            .set_default();
        info_span!("outer").in_scope(|| debug_span!("inner").in_scope(|| error!("x")));
        let line = format!("ERROR it::context {expected} x");
        assert_eq!((filtered.take(), plain.take()), (vec![line.clone()], vec![line]));
    }
}

#[test]
fn the_span_levels_of_combined_filters_are_joined() {
    let ours = || directives("error").unwrap();
    let wide = || ours().span_levels("debug").unwrap();
    let none = || ours().span_levels("off").unwrap();
    for (name, filter, expected) in [
        ("a set one wins over the default", ours().and(wide()), "[outer{}>inner{}]"),
        ("from either side", none().or(ours()), "[]"),
        ("of two the wider", none().and(wide()), "[outer{}>inner{}]"),
        ("and not keeps it", wide().not().not(), "[outer{}>inner{}]"),
    ] {
        let kept = KeptLines::default();
        let _guard = registry().with(kept.layer().with_filter(filter)).set_default();
        info_span!("outer").in_scope(|| debug_span!("inner").in_scope(|| error!("x")));
        assert_eq!(kept.take(), [format!("ERROR it::context {expected} x")], "{name}");
    }
}

#[test]
fn what_a_layer_sees_does_not_depend_on_its_place() {
    for wide_first in [true, false] {
        let (narrow, wide) = (KeptLines::default(), KeptLines::default());
        let n: Boxed = narrow.layer().with_filter(directives("info").unwrap()).boxed();
        let all = directives("debug").unwrap().span_levels("debug").unwrap();
        let w: Boxed = wide.layer().with_filter(all).boxed();
        let layers = if wide_first { vec![w, n] } else { vec![n, w] };
        tracing::subscriber::with_default(registry().with(layers), || {
            info_span!("x", n = 1).in_scope(|| {
                debug_span!("d", n = 2).in_scope(|| {
                    info!("in d");
                    info_span!("y", n = 3).in_scope(|| info!("in y"));
                });
            });
        });
        let [x, xd] = ["x{n=1}", "x{n=1}>d{n=2}"];
        assert_eq!(
            narrow.take(),
            [format!("INFO it::context [{x}] in d"), format!("INFO it::context [{x}>y{{n=3}}] in y")]
        );
        assert_eq!(
            wide.take(),
            [format!("INFO it::context [{xd}] in d"), format!("INFO it::context [{xd}>y{{n=3}}] in y")]
        );
    }
}

#[test]
fn an_explicit_parent_is_the_context() {
    alone(here!(), || {
        let (kept, wide) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(kept.layer().with_filter(directives("info").unwrap()))
            .with(wide.layer().with_filter(directives("debug").unwrap().span_levels("debug").unwrap()))
            .init();
        let root = info_span!("root", r = 1);
        let other = info_span!(parent: &root, "other", o = 1);
        let hidden = debug_span!(parent: &other, "hidden");
        let _ambient = info_span!("ambient").entered();
        error!(parent: &other, "p");
        error!(parent: None, "none");
        error!("ambient");
        let alone = info_span!(parent: None, "alone");
        alone.in_scope(|| error!("alone"));
        // The filter of the first layer rejects this parent, and tracing-subscriber then knows no span at all.
        error!(parent: &hidden, "below one that is rejected");
        let id = other.id();
        drop((other, hidden));
        error!(parent: id, "closed");
        let spans = |kept: &KeptLines| {
            let inner = |line: String| line[line.find('[').unwrap()..].to_owned();
            kept.take().into_iter().map(inner).collect::<Vec<_>>()
        };
        let mut expected = vec![
            "[root{r=1}>other{o=1}] p",
            "[] none",
            "[ambient{}] ambient",
            "[alone{}] alone",
            "[root{r=1}>other{o=1}] below one that is rejected",
            "[] closed",
        ];
        assert_eq!(spans(&kept), expected);
        expected[4] = "[root{r=1}>other{o=1}>hidden{}] below one that is rejected";
        assert_eq!(spans(&wide), expected);
    });
}

#[test]
fn re_entered_and_crossing_spans_are_those_of_the_registry() {
    alone(here!(), || {
        let (a, b, foreign) = (KeptLines::default(), KeptLines::default(), Foreign::default());
        registry()
            .with(a.layer().with_filter(directives("info").unwrap()))
            .with(foreign.clone())
            .with(b.layer().with_filter(directives("info").unwrap()))
            .init();
        let (s, t) = (info_span!("s"), info_span!("t"));
        let first = s.enter();
        {
            let _t = t.enter();
            let _again = s.enter();
            error!("in t, s entered twice");
            drop(first);
            error!("the first s left");
        }
        error!("none");
        let x = s.enter();
        let y = t.enter();
        drop(x);
        error!("s left before t");
        drop(y);
        error!("none");
        let names = |line: &String| {
            let inner = &line[line.find('[').unwrap()..=line.find(']').unwrap()];
            format!("ERROR {}", inner.replace("{}", ""))
        };
        let expected = foreign.take();
        assert_eq!(expected.len(), 5);
        assert_eq!(a.take().iter().map(names).collect::<Vec<_>>(), expected);
        assert_eq!(b.take().iter().map(names).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn events_of_tasks_on_two_workers_have_their_own_spans() {
    alone(here!(), || {
        let (a, b) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(a.layer().with_filter(directives("info").unwrap()))
            .with(b.layer().with_filter(directives("info,[task{i=7}]=debug").unwrap()))
            .init();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..200_u64)
                .map(|i| {
                    let work = async move {
                        for k in 0..20_u64 {
                            tokio::time::sleep(Duration::from_micros(50 * (i % 7))).await;
                            let step = async {
                                tokio::task::yield_now().await;
                                info!("{i}.{k}");
                            };
                            step.instrument(info_span!("step", k)).await;
                        }
                    };
                    tokio::spawn(work.instrument(info_span!("task", i)))
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        for kept in [a, b] {
            let lines = kept.take();
            assert_eq!(lines.len(), 4000);
            for line in lines {
                let (i, k) = line.rsplit(' ').next().unwrap().split_once('.').unwrap();
                assert!(line.contains(&format!("[task{{i={i}}}>step{{k={k}}}]")), "{line}");
            }
        }
    });
}
