//! The routes, and who may use them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use watchfire_core::{Secret, clock};
use watchfire_outbox::{GroupId, Outbox, OutboxView, Silence};

use crate::{metrics, page, snapshot::Snapshot};

/// The longest silence that the form gives.
const LONGEST: u64 = 7 * 24 * 60;

/// Routes that show how an outbox does: to be served on an address that only operators reach.
///
/// | route | answer |
/// |---|---|
/// | `GET /healthz` | 200 while the process runs: for a liveness probe, which must not depend on providers |
/// | `GET /metrics` | the counts, in the text format of Prometheus |
/// | `GET /` | a page: channels, groups, backlog, silences |
/// | `POST /silence` | silences a group, or ends a silence; only with [`silences`](Self::silences) |
///
/// ```
/// use axum::Router;
/// use watchfire_health::HealthRoutes;
/// use watchfire_outbox::Outbox;
///
/// let outbox = Outbox::start("shop")?;
/// let app: Router = Router::new().nest("/watchfire", HealthRoutes::new(&outbox).into_router());
/// # Ok::<_, watchfire_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HealthRoutes {
    outbox: OutboxView,
    token: Option<Secret>,
}

impl HealthRoutes {
    /// Makes routes that only show.
    pub fn new(outbox: &Outbox) -> Self {
        Self { outbox: outbox.view(), token: None }
    }

    /// Lets who has `token` silence groups by the page. Default: nobody. An empty token is nobody's.
    pub fn silences(mut self, token: impl Into<String>) -> Self {
        let token: String = token.into();
        self.token = (!token.is_empty()).then(|| Secret::new(token));
        self
    }

    /// Makes the router.
    pub fn into_router(self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/metrics", get(metrics))
            .route("/", get(show))
            .route("/silence", axum::routing::post(silence))
            .with_state(Arc::new(self))
    }
}

async fn metrics(State(routes): State<Arc<HealthRoutes>>) -> Response {
    let text = metrics::text(&routes.outbox.stats(), &routes.outbox.health());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn show(State(routes): State<Arc<HealthRoutes>>) -> Response {
    let can_silence = routes.token.is_some();
    // It reads the spool's folder.
    let page = tokio::task::spawn_blocking(move || page::html(&Snapshot::take(&routes.outbox), can_silence));
    match page.await {
        Ok(page) => (
            [
                (
                    header::CONTENT_SECURITY_POLICY,
                    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
                ),
                (header::CACHE_CONTROL, "no-store"),
                (header::REFERRER_POLICY, "no-referrer"),
                (header::X_FRAME_OPTIONS, "DENY"),
            ],
            Html(page),
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn silence(State(routes): State<Arc<HealthRoutes>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(token) = &routes.token else {
        return refuse(StatusCode::NOT_FOUND, "silences are switched off: HealthRoutes::silences(token)");
    };
    // A page of another site cannot know the token; a browser says where a form comes from all the same.
    if headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return refuse(StatusCode::FORBIDDEN, "the form was sent by another site");
    }
    let value = |name: &str| {
        form_urlencoded::parse(&body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if !is_equal(&value("token").unwrap_or_default(), token.expose()) {
        return refuse(StatusCode::FORBIDDEN, "the token is not the one that the program was given");
    }
    let Some(group) = value("group").and_then(|text| text.trim().parse::<GroupId>().ok()) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "`group` is not a group's id; expected 16 hexadecimal digits",
        );
    };
    let ends = value("action").as_deref() == Some("end");
    let minutes = value("minutes").and_then(|text| text.trim().parse::<u64>().ok());
    let Some(minutes) = minutes.filter(|minutes| (1..=LONGEST).contains(minutes)).or(ends.then_some(1))
    else {
        return refuse(StatusCode::BAD_REQUEST, "`minutes` is not a number of minutes; expected 1 to 10080");
    };
    let (by, why) = (value("by").unwrap_or_default(), value("why").unwrap_or_default());
    let changed = tokio::task::spawn_blocking(move || {
        let mut folder =
            routes.outbox.spool_folder().ok_or("the outbox has no spool, where silences are kept")?;
        let changed = if ends {
            folder.end_silence(group).map(drop)
        } else {
            let span = Duration::from_secs(60 * minutes);
            folder.silence(&Silence::new(group, clock::now(), span).by(by).why(why))
        };
        changed.map_err(|error| format!("the silence cannot be written: {error}"))
    });
    match changed.await {
        Ok(Ok(())) => Redirect::to("./").into_response(),
        Ok(Err(why)) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &why),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}

/// Compares without telling by its time how much of the text was right.
fn is_equal(given: &str, wanted: &str) -> bool {
    let differs = given.bytes().zip(wanted.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == wanted.len() && differs == 0
}
