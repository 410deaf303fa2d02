//! The filters on layers of other people, by the standard `Layer::with_filter`.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing::{Level, debug, debug_span, enabled, error, info, info_span, metadata::Kind};
use tracing_subscriber::{Layer, Registry, fmt, layer::Filter, prelude::*, registry};
use watchfire_filter::{EventFilter, callback, directives, level, levels, require_debug_false};

use crate::{
    alone::{alone, here},
    sites::site,
};

#[derive(Clone, Default)]
struct TextBuffer(Arc<Mutex<Vec<u8>>>);

impl Write for TextBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl TextBuffer {
    fn layer(&self, filter: EventFilter) -> impl Layer<Registry> + Send + Sync + use<> {
        let text = self.clone();
        let layer = fmt::layer().without_time().with_target(false).with_writer(move || text.clone());
        layer.with_filter(filter)
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

#[test]
fn fmt_writes_the_spans_of_an_error() {
    alone(here!(), || {
        let text = TextBuffer::default();
        registry().with(text.layer(directives("error").unwrap())).init();
        info_span!("req", id = 1).in_scope(|| {
            info!("no");
            let _asked = enabled!(Level::INFO);
            error!("yes");
        });
        assert_eq!(text.take(), "ERROR req{id=1}: yes\n");
    });
}

#[test]
fn fmt_writes_debug_spans_when_the_directives_ask_for_debug() {
    alone(here!(), || {
        let text = TextBuffer::default();
        let filter = directives("info,it=debug").unwrap().and(callback(|event| event.message() != "noise"));
        registry().with(text.layer(filter)).init();
        debug_span!("inner").in_scope(|| {
            debug!("noise");
            debug!("yes");
        });
        assert_eq!(text.take(), "DEBUG inner: yes\n");
    });
}

#[test]
fn span_directives_work_on_any_layer() {
    alone(here!(), || {
        let text = TextBuffer::default();
        registry().with(text.layer(directives("error,it[req{id=7}]=debug,i[req]=debug").unwrap())).init();
        for id in [7, 8] {
            info_span!("req", id).in_scope(|| debug!("in {id}"));
        }
        info_span!("other", id = 7).in_scope(|| debug!("in other"));
        assert_eq!(text.take(), "DEBUG req{id=7}: in 7\n");
    });
}

#[test]
fn no_filter_answers_always() {
    let filters = [
        directives("trace").unwrap(),
        directives("error,[x]=trace").unwrap(),
        level(Level::TRACE),
        levels([Level::INFO, Level::ERROR]),
        callback(|_| true),
        require_debug_false(),
        directives("info").unwrap().or(Level::TRACE),
        level(Level::ERROR).not(),
        directives("off").unwrap().not(),
    ];
    let event = site(Kind::EVENT, "event", "it", Level::INFO, &[]);
    let span = site(Kind::SPAN, "span", "it", Level::INFO, &[]);
    for filter in &filters {
        for metadata in [event, span] {
            let interest = Filter::<Registry>::callsite_enabled(filter, metadata);
            assert!(!interest.is_always(), "{filter:?}");
        }
    }
    let off = directives("off").unwrap();
    assert!(Filter::<Registry>::callsite_enabled(&off, event).is_never());
    assert!(Filter::<Registry>::callsite_enabled(&off, span).is_sometimes(), "spans pass by the span levels");
}
