//! A web service whose requests fail: each failure is one alert, with its own request, beside tower-http's layers.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Extension, Path},
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};
use tracing::Instrument;
use tracing_subscriber::{Layer, Registry, filter::LevelFilter};
use watchfire::{
    Outbox,
    handler::{EventView, Handler, HandlerLayer},
    prelude::*,
    tower::{RequestInfo, RequestLayer},
};
use watchfire_testing::Captured;

use crate::scenario::{alone, is_child};

/// Where the request layer stands beside those of tower-http.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stack {
    Alone,
    Outside,
    Inside,
}

const PANICS: &str = "requests::a_failed_request_is_one_alert";
const STACKS: [Stack; 3] = [Stack::Alone, Stack::Outside, Stack::Inside];

/// A body that fails after its first bytes, or panics.
struct Broken {
    panics: bool,
    sent: bool,
}

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(match std::mem::replace(&mut self.sent, true) {
            false => Ok(http_body::Frame::data(Bytes::from_static(b"first"))),
            true if self.panics => panic!("the stream broke"),
            true => Err(std::io::Error::other("the stream ended early")),
        }))
    }
}

async fn logged(Path(order): Path<u32>, Extension(info): Extension<RequestInfo>) -> StatusCode {
    info.user("ada");
    tracing::error!(order, "could not charge");
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn bare() -> StatusCode {
    StatusCode::BAD_GATEWAY
}

async fn panics() -> StatusCode {
    panic!("no stock")
}

async fn hangs() -> StatusCode {
    std::future::pending().await
}

async fn forbidden() -> StatusCode {
    StatusCode::FORBIDDEN
}

async fn outgoing() -> Result<&'static str, Response> {
    let called: Result<(), std::io::Error> = Err(std::io::Error::other("connection refused"));
    called.map(|()| "done").map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the bank does not answer");
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    })
}

async fn stream() -> Response {
    Body::new(Broken { panics: false, sent: false }).into_response()
}

async fn stream_panics() -> Response {
    Body::new(Broken { panics: true, sent: false }).into_response()
}

fn app(stack: Stack) -> Router {
    let router = Router::new()
        .route("/orders/{order}", get(logged))
        .route("/bare", get(bare))
        .route("/panics", get(panics))
        .route("/hangs", get(hangs))
        .route("/forbidden", get(forbidden))
        .route("/outgoing", get(outgoing))
        .route("/stream", get(stream))
        .route("/stream_panics", get(stream_panics))
        .route("/well", get(async || "well"));
    let others = |router: Router| router.layer(CatchPanicLayer::new()).layer(TraceLayer::new_for_http());
    match stack {
        Stack::Alone => router.layer(RequestLayer::new()),
        Stack::Outside => others(router).layer(RequestLayer::new()),
        Stack::Inside => others(router.layer(RequestLayer::new())),
    }
}

/// Asks, and reads the response to its end.
async fn ask(app: Router, path: &str, id: &str) -> Option<StatusCode> {
    let request = Request::builder().uri(path).header("x-request-id", id).body(Body::empty()).unwrap();
    let mut answer = std::pin::pin!(app.oneshot(request));
    if path == "/hangs" {
        // The client goes away while its request is worked on.
        assert!(std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_pending())).await);
        return None;
    }
    let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
    let status = response.status();
    // Its panic goes on to the server.
    tokio::spawn(response.into_body().collect()).await.ok();
    Some(status)
}

/// Runs requests with alerts from `level` on, and returns the outbox and what was sent.
fn run(level: LevelFilter, requests: impl AsyncFnOnce()) -> (Outbox, Captured) {
    run_with(level, tracing_subscriber::layer::Identity::new(), requests)
}

/// Runs requests with one more layer.
fn run_with(
    level: LevelFilter,
    more: impl Layer<Registry> + Send + Sync,
    requests: impl AsyncFnOnce(),
) -> (Outbox, Captured) {
    let sent = Captured::new();
    let outbox = Outbox::builder("shop").in_memory();
    // A panic is an alert of every outbox of its process: also of those that run beside this one.
    let outbox = if is_child(PANICS) { outbox } else { outbox.without_panics() };
    let outbox = outbox.start().unwrap();
    let layer = sent.clone().layer(&outbox).unwrap().with_filter(level);
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(more).with(layer));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(requests());
    let report = outbox.flush(Duration::from_secs(20));
    assert_eq!(report.pending, 0);
    (outbox, sent)
}

#[test]
fn a_failed_request_is_one_alert() {
    if !is_child(PANICS) {
        return alone(PANICS);
    }
    // (path, status, title of its alert)
    let cases: [(&str, Option<u16>, Option<&str>); 11] = [
        ("/orders/4711", Some(500), Some("could not charge")),
        ("/bare", Some(502), Some("502 Bad Gateway: GET /bare")),
        ("/panics", Some(500), Some("no stock")),
        ("/hangs", None, None),
        ("/nowhere", Some(404), None),
        ("/forbidden", Some(403), None),
        ("/outgoing", Some(503), Some("the bank does not answer")),
        ("/stream", Some(200), Some("response body failed: GET /stream")),
        ("/stream_panics", Some(200), Some("the stream broke")),
        ("/well", Some(200), None),
        ("/orders/none", Some(400), None),
    ];
    for stack in STACKS {
        for (path, status, title) in cases {
            let (outbox, sent) = run(LevelFilter::ERROR, async || {
                let answered = ask(app(stack), path, "request-7").await;
                assert_eq!(answered.map(|status| status.as_u16()), status, "{path} {stack:?}");
            });
            let titles = sent.titles();
            assert_eq!(titles.len(), usize::from(title.is_some()), "{path} {stack:?}: {titles:?}");
            if let Some(title) = title {
                assert!(titles[0].contains(title), "{path} {stack:?}: {titles:?}");
                assert!(sent.texts()[0].contains("request-7"), "{path} {stack:?}: {:?}", sent.texts());
            }
            drop(outbox);
        }
    }
}

#[test]
fn a_client_error_is_a_warning_of_one_group() {
    for stack in STACKS {
        let (_outbox, sent) = run(LevelFilter::WARN, async || {
            for path in ["/nowhere", "/wp-login.php", "/.env", "/forbidden"] {
                ask(app(stack), path, "request-7").await;
            }
        });
        let titles = sent.titles();
        assert_eq!(titles.len(), 2, "all unknown paths are one group, {stack:?}: {titles:?}");
        assert!(titles[0].contains("404 Not Found: GET /nowhere"), "{titles:?}");
    }
}

#[test]
fn each_of_many_requests_at_a_time_has_its_own_context() {
    const COUNT: u64 = 1_000;
    let lines = Lines::default();
    let (outbox, _sent) = run_with(LevelFilter::ERROR, HandlerLayer::new(lines.clone()), async || {
        let app = Router::new()
            .route(
                "/{n}",
                get(async |Path(n): Path<u32>| {
                    tokio::task::yield_now().await;
                    tracing::error!(n, "failed");
                    tokio::task::yield_now().await;
                    StatusCode::INTERNAL_SERVER_ERROR
                }),
            )
            .layer(TraceLayer::new_for_http())
            .layer(RequestLayer::new());
        let asked: Vec<_> = (0..COUNT)
            .map(|n| {
                let app = app.clone();
                tokio::spawn(async move { ask(app, &format!("/{n}"), &format!("id-{n}")).await })
            })
            .collect();
        for one in asked {
            one.await.unwrap();
        }
    });
    let stats = outbox.stats();
    assert_eq!((stats.channels[0].captured, stats.requests_reported_again), (COUNT, 2 * COUNT));
    let lines = lines.0.lock().unwrap();
    assert_eq!(lines.len() as u64, COUNT);
    for (n, id) in lines.iter() {
        assert_eq!(*id, format!("id-{n}"));
    }
}

/// Keeps the number of each event that has one, and the id of the request that it was emitted in.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(String, String)>>>);

impl Handler for Lines {
    fn handle(&self, event: &EventView<'_>) {
        if let Some(n) = event.field("n") {
            let id = event.field("request_id").unwrap_or_default();
            self.0.lock().unwrap().push((n.to_owned(), id.to_owned()));
        }
    }
}

#[test]
fn an_error_of_another_task_is_an_alert_by_itself() {
    let (outbox, sent) = run(LevelFilter::ERROR, async || {
        let app = Router::new()
            .route(
                "/",
                get(async || {
                    let work = async { tracing::error!("the job failed") };
                    tokio::spawn(work.instrument(tracing::Span::current())).await.ok();
                    StatusCode::INTERNAL_SERVER_ERROR
                }),
            )
            .layer(RequestLayer::new());
        ask(app, "/", "request-7").await;
    });
    assert_eq!(sent.titles().len(), 2, "{:?}", sent.titles());
    assert_eq!(outbox.stats().requests_reported_again, 0);
}
