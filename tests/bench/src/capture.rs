//! `on_event` for an event that is captured.
//!
//! Every contestant gets the same event in the same three spans, through a dispatcher of its own. Ours makes an
//! `Alert` and drops it; fmt writes a line to nowhere; sentry-tracing makes its event and hands the envelope to a
//! transport that discards it. None of them queues, compresses or sends.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use sentry_core::{Client, ClientOptions, Envelope, Hub, Transport};
use sentry_tracing::{ErrorLayer, SpanLayer};
use tracing::{Dispatch, Level, dispatcher, error, info_span};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry;
use watchfire_core::{App, Capture, EventView, Handler, HandlerLayer, Null};

use crate::measure::{Contestant, Measure, compare};

const BASE: &str = "tracing-subscriber fmt, to a sink writer";

pub fn run(rounds: usize) {
    let contestants = [
        contestant("registry without a layer", Dispatch::new(registry())),
        contestant("watchfire, null handler", Dispatch::new(registry().with(HandlerLayer::new(Null)))),
        contestant(
            "watchfire, alert captured",
            Dispatch::new(registry().with(HandlerLayer::new(CaptureOnly(Capture::new(App::new("shop")))))),
        ),
        contestant(
            BASE,
            Dispatch::new(registry().with(tracing_subscriber::fmt::layer().with_writer(io::sink))),
        ),
        contestant(
            "sentry-tracing, no span fields",
            Dispatch::new(registry().with(ErrorLayer::new().with_filter(LevelFilter::ERROR))),
        ),
        contestant("sentry-tracing, with span fields", with_span_fields()),
    ];
    let client = Client::from(
        ClientOptions::new()
            .dsn("https://public@sentry.example.com/1")
            .transport(|_: &ClientOptions| Arc::new(Discard) as Arc<dyn Transport>),
    );
    assert!(client.is_enabled(), "sentry would return before it captures");
    Hub::current().bind_client(Some(Arc::new(client)));
    compare(&contestants, rounds, BASE);
}

/// As the crate's own documentation has it.
fn with_span_fields() -> Dispatch {
    let errors_and_spans = LevelFilter::ERROR.or(filter_fn(|metadata| metadata.is_span()));
    Dispatch::new(
        registry()
            .with(SpanLayer::new().with_filter(LevelFilter::INFO))
            .with(ErrorLayer::new().enable_span_attributes().with_filter(errors_and_spans)),
    )
}

/// Captures as an alert channel does, without an outbox behind it.
struct CaptureOnly(Capture);

impl Handler for CaptureOnly {
    fn handle(&self, event: &EventView<'_>) {
        if event.level() == Level::ERROR {
            black_box(self.0.alert(event));
        }
    }
}

struct Discard;

impl Transport for Discard {
    fn send_envelope(&self, envelope: Envelope) {
        black_box(envelope);
    }
}

fn contestant(name: &'static str, dispatch: Dispatch) -> Contestant {
    let scene = move |measure: Measure<'_>| {
        dispatcher::with_default(&dispatch, || {
            let _request = info_span!("request", method = "POST", path = "/orders", id = "7f3a").entered();
            let _order = info_span!("order", order = 1017_u64, customer = "ada").entered();
            let _payment = info_span!("payment", provider = "acme").entered();
            measure(&|| {
                error!(
                    amount = black_box(1299_u64),
                    currency = "EUR",
                    attempt = 3_u32,
                    refused = true,
                    "payment refused"
                );
            });
        });
    };
    Contestant { name, scene: Box::new(scene) }
}
