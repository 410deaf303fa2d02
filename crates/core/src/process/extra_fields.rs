//! The fields that an event gets besides its own: the ids of its trace, and the key-values of a `log` record.

use crate::{EventView, Rewrite, process};

#[cfg(feature = "log-values")]
mod log_bridge;

#[cfg(feature = "log-values")]
pub use log_bridge::bridge_log;

/// The ids of the trace and of the span that an event belongs to, as OpenTelemetry has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceIds {
    trace: u128,
    span: u64,
}

impl TraceIds {
    /// Joins the ids of a trace and of a span, read as big-endian numbers.
    #[must_use]
    pub fn new(trace: u128, span: u64) -> Self {
        Self { trace, span }
    }
}

/// Returns the rewrite that adds the fields, if there are any.
#[inline]
pub(crate) fn of(event: &EventView<'_>) -> Option<Rewrite> {
    let source = process::trace_source();
    if source.is_none() && !event.is_log() {
        return None;
    }
    let values = if event.is_log() { of_record() } else { None };
    match source.and_then(|source| source()) {
        None => values,
        Some(TraceIds { trace, span }) => {
            // First: of too many fields the last are left out.
            let ids = Rewrite::new();
            let ids = ids.set("trace_id", format!("{trace:032x}")).set("span_id", format!("{span:016x}"));
            Some(match values {
                Some(values) => ids.and_set(values),
                None => ids,
            })
        }
    }
}

#[cfg(feature = "log-values")]
fn of_record() -> Option<Rewrite> {
    log_bridge::values()
}

#[cfg(not(feature = "log-values"))]
fn of_record() -> Option<Rewrite> {
    None
}

/// Has every event show the ids of the trace and the span that are current in OpenTelemetry, in the fields `trace_id` and
/// `span_id`: those of the span of `tracing-opentelemetry` that the event stands in.
///
/// It is for the `opentelemetry` crate of the version that watchfire is built with; for others see
/// [`show_trace_ids`](super::show_trace_ids).
#[cfg(feature = "opentelemetry")]
pub fn show_opentelemetry_ids() {
    use opentelemetry::trace::TraceContextExt;
    process::show_trace_ids(|| {
        opentelemetry::Context::map_current(|context| {
            let span = context.span();
            let ids = span.span_context();
            let (trace, span) = (ids.trace_id().to_bytes(), ids.span_id().to_bytes());
            ids.is_valid().then(|| TraceIds::new(u128::from_be_bytes(trace), u64::from_be_bytes(span)))
        })
    });
}
