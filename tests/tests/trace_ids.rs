//! The ids of `tracing-opentelemetry` in lines and alerts: alone in its process, whose source of ids it sets.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
        Tracer,
    },
};
use tracing_subscriber::prelude::*;
use watchfire::{
    LogFile,
    handler::{Handler as _, HandlerLayer, Memory, show_opentelemetry_ids},
};

/// Starts spans with ids that count up, as children of what is current.
struct CountingTracer(AtomicU64);

struct NumberedSpan(SpanContext);

impl Tracer for CountingTracer {
    type Span = NumberedSpan;

    fn build_with_context(&self, _builder: SpanBuilder, parent: &Context) -> NumberedSpan {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let parent = parent.span().span_context().clone();
        let trace =
            if parent.is_valid() { parent.trace_id() } else { TraceId::from(u128::from(number) << 64) };
        let span = SpanId::from(number);
        NumberedSpan(SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default()))
    }
}

impl Span for NumberedSpan {
    fn add_event_with_timestamp<T>(&mut self, _name: T, _at: SystemTime, _attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
    }

    fn span_context(&self) -> &SpanContext {
        &self.0
    }

    fn is_recording(&self) -> bool {
        true
    }

    fn set_attribute(&mut self, _attribute: KeyValue) {}

    fn set_status(&mut self, _status: Status) {}

    fn update_name<T>(&mut self, _name: T)
    where
        T: Into<Cow<'static, str>>,
    {
    }

    fn add_link(&mut self, _to: SpanContext, _attributes: Vec<KeyValue>) {}

    fn end_with_timestamp(&mut self, _at: SystemTime) {}
}

#[test]
fn lines_and_alerts_have_the_ids_of_tracing_opentelemetry() {
    show_opentelemetry_ids();
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::new(folder.path().join("shop.log")).json().layer().unwrap();
    let gcp = LogFile::new(folder.path().join("gcp.log"));
    let gcp = gcp.format(watchfire::format::Json::gcp()).layer().unwrap();
    let handlers = [file.handler().clone(), gcp.handler().clone()];
    let memory = Memory::new("shop", 8);
    let traces = tracing_opentelemetry::layer().with_tracer(CountingTracer(AtomicU64::new(0xa0)));
    let subscriber = tracing_subscriber::registry()
        .with(file)
        .with(gcp)
        .with(HandlerLayer::new(memory.clone()))
        .with(traces);
    tracing::subscriber::with_default(subscriber, || {
        tracing::error!("outside");
        tracing::info_span!("request").in_scope(|| {
            tracing::error!(order = 4711, "in the request");
            tracing::info_span!("payment").in_scope(|| tracing::error!("in the payment"));
            tracing::error!("in the request again");
        });
        tracing::info_span!("other request").in_scope(|| tracing::error!("in another trace"));
    });
    for handler in handlers {
        let _flushed = handler.flush(std::time::Instant::now() + Duration::from_secs(10));
    }
    let lines = |name| {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let (lines, of_gcp) = (lines("shop.log"), lines("gcp.log"));
    let alerts = memory.take();
    // Message, trace, span.
    let first = "00000000000000a00000000000000000";
    let second = "00000000000000a20000000000000000";
    let expected = [
        ("outside", None),
        ("in the request", Some((first, "00000000000000a0"))),
        ("in the payment", Some((first, "00000000000000a1"))),
        ("in the request again", Some((first, "00000000000000a0"))),
        ("in another trace", Some((second, "00000000000000a2"))),
    ];
    assert_eq!((lines.len(), of_gcp.len(), alerts.len()), (5, 5, 5));
    for (place, (message, ids)) in expected.into_iter().enumerate() {
        let (line, of_gcp, alert) = (&lines[place], &of_gcp[place], &alerts[place]);
        assert_eq!((line["message"].as_str(), &*alert.message), (Some(message), message));
        let (trace, span) = ids.unzip();
        assert_eq!((line["trace_id"].as_str(), line["span_id"].as_str()), (trace, span), "{message}");
        let google = |key: &str| of_gcp[format!("logging.googleapis.com/{key}")].as_str();
        assert_eq!((google("trace"), google("spanId")), (trace, span), "{message}");
        let of_alert = |name| alert.get(name).map(ToString::to_string);
        assert_eq!(of_alert("trace_id").as_deref(), trace, "{message}");
        assert_eq!(of_alert("span_id").as_deref(), span, "{message}");
    }
}
