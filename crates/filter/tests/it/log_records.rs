//! Records of the `log` crate come through as what they are.

use tracing::info_span;
use tracing_subscriber::{Layer, fmt, prelude::*, registry};
use watchfire_core::{HandlerLayer, Memory};
use watchfire_filter::{callback, directives};

use crate::{
    alone::{alone, here},
    kept::KeptLines,
};

#[test]
fn records_are_filtered_by_their_own_target() {
    alone(here!(), || {
        let (kept, called) = (KeptLines::default(), KeptLines::default());
        registry()
            .with(kept.layer().with_filter(directives("warn,noisy=info").unwrap()))
            .with(called.layer().with_filter(callback(|event| event.target() == "noisy::db")))
            .init();
        // Already there where another crate of the build switches on tracing-subscriber's `tracing-log`.
        tracing_log::LogTracer::init().ok();
        info_span!("req").in_scope(|| {
            log::info!(target: "noisy::db", "i");
            log::warn!(target: "noisy::db", "w");
            log::info!(target: "noisyx", "no");
            log::warn!(target: "noisyx", "w2");
        });
        let (i, w) = ("INFO noisy::db [req{}] i", "WARN noisy::db [req{}] w");
        assert_eq!(kept.take(), [i, w, "WARN noisyx [req{}] w2"]);
        assert_eq!(called.take(), [i, w]);
    });
}

#[test]
fn records_have_their_own_place_in_an_alert() {
    alone(here!(), || {
        let memory = Memory::new("shop", 10);
        let layer = HandlerLayer::new(memory.clone()).with_filter(directives("info").unwrap());
        registry()
            .with(layer)
            .with(fmt::layer().with_writer(std::io::sink).with_filter(directives("off").unwrap()))
            .init();
        // Already there where another crate of the build switches on tracing-subscriber's `tracing-log`.
        tracing_log::LogTracer::init().ok();
        let line = line!() + 1;
        log::error!(target: "noisy::db", "gone");
        let alert = &memory.take()[0];
        assert_eq!((alert.target.as_ref(), alert.message.as_str()), ("noisy::db", "gone"));
        assert_eq!((alert.file.as_deref(), alert.line), (Some(file!()), Some(line)));
        assert_eq!(alert.module.as_deref(), Some(module_path!()));
        assert_eq!(alert.fields, []);
    });
}
