//! The fields that events get besides their own: alone in its process, whose logger and source of ids it sets.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing_subscriber::prelude::*;

use watchfire_core::{
    HandlerLayer, Memory, Value,
    process::{bridge_log, show_opentelemetry_ids},
};

#[test]
fn records_have_their_values_and_events_the_ids_of_a_trace() {
    bridge_log().unwrap();
    assert!(bridge_log().unwrap_err().reason().contains("another logger"));
    show_opentelemetry_ids();
    let memory = Memory::new("shop", 8);
    let subscriber = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone()));
    let _guard = tracing::subscriber::set_default(subscriber);
    log::error!(order = 4711, user = "Ada", ok = true, share = 0.5, message = "sly"; "card declined");
    let alert = &memory.take()[0];
    assert_eq!(alert.message, "card declined");
    let expected = [
        ("order", Value::I64(4711)),
        ("user", "Ada".into()),
        ("ok", Value::Bool(true)),
        ("share", Value::F64(0.5)),
        ("message_", "sly".into()),
    ];
    let fields: Vec<(&str, Value)> =
        alert.fields.iter().map(|field| (&*field.name, field.value.clone())).collect();
    assert_eq!(fields, expected);
    // No trace, and no values of the record before.
    log::error!("plain");
    assert!(memory.take()[0].fields.is_empty());
    let (trace, span) = (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128, 0x00f0_67aa_0ba9_02b7_u64);
    let ids = SpanContext::new(
        TraceId::from_bytes(trace.to_be_bytes()),
        SpanId::from_bytes(span.to_be_bytes()),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    let _current = Context::new().with_remote_span_context(ids).attach();
    tracing::error!(order = 1, "in a trace");
    log::error!(order = 2; "in a trace");
    for alert in memory.take() {
        assert_eq!(alert.fields.len(), 3, "{:?}", alert.fields);
        assert_eq!(alert.get("trace_id").unwrap().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(alert.get("span_id").unwrap().to_string(), "00f067aa0ba902b7");
    }
    // Too many to be shown: the ids are, and the rest is counted.
    let pairs: Vec<(String, usize)> = (0..70).map(|place| (format!("field_{place}"), place)).collect();
    let values = pairs.as_slice();
    let mut record = log::Record::builder();
    log::logger().log(&record.level(log::Level::Error).key_values(&values).build());
    let fields = memory.take().remove(0).fields;
    let of = |place: usize| fields.get(place).map(|field| (&*field.name, field.value.to_string()));
    assert_eq!(fields.len(), 65);
    assert_eq!(of(0).unwrap().0, "trace_id");
    assert_eq!((of(2), of(63)), (Some(("field_0", "0".into())), Some(("field_61", "61".into()))));
    assert_eq!(of(64), Some(("fields_left_out", "8".into())));
}
