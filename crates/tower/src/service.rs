//! The service: a span and a scope for each request.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response, header};
use http_body::Body;
use tower_service::Service;
use tracing::field::Empty;
use watchfire_core::{clock, request::RequestScope};

use crate::{
    AccessLog, RequestInfo, ResponseBody, ResponseFuture, client,
    report::{LineParts, Watch},
    request_id,
    settings::Settings,
};

/// The service that a [`RequestLayer`](crate::RequestLayer) makes.
#[derive(Clone, Debug)]
pub struct RequestService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> RequestService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display,
    R: Body + Default,
    R::Error: fmt::Display,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let watch = watch(&self.settings, &request);
        request.extensions_mut().insert(RequestInfo::new(&watch.id, &watch.span));
        let inner = watch.within(|| self.inner.call(request));
        ResponseFuture::new(inner, watch)
    }
}

fn watch<B>(settings: &Arc<Settings>, request: &Request<B>) -> Watch {
    let headers = request.headers();
    let sent = settings.trusts_ids.then(|| request_id::sent(headers, &settings.id_header)).flatten();
    let id = sent.unwrap_or_else(request_id::new);
    let route = route(request);
    let address = client::address(headers, request.extensions(), settings.trusted_hops);
    let method = request.method().clone();
    let path = request.uri().path();
    let span = tracing::info_span!(
        target: "http::request",
        "request",
        method = %method,
        route,
        path,
        request_id = id,
        trace_id = request_id::trace_id(headers),
        client = address.map(tracing::field::display),
        user = Empty,
        tenant = Empty,
        headers = chosen_headers(settings, headers),
        query = chosen_query(settings, request.uri().query()),
    );
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let line = (settings.access_log == AccessLog::Combined).then(|| LineParts {
        client: address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
        version: request.version(),
        referer: text(header::REFERER),
        user_agent: text(header::USER_AGENT),
    });
    let content_type = headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    Watch {
        scope: RequestScope::new(),
        span,
        settings: Arc::clone(settings),
        id,
        method,
        is_grpc: content_type.is_some_and(|text| text.starts_with(b"application/grpc")),
        route,
        path: path.to_owned(),
        started: clock::instant(),
        line,
        is_reported: false,
    }
}

#[cfg(feature = "axum")]
fn route<B>(request: &Request<B>) -> Option<String> {
    request.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned())
}

#[cfg(not(feature = "axum"))]
fn route<B>(_request: &Request<B>) -> Option<String> {
    None
}

fn chosen_headers(settings: &Settings, headers: &HeaderMap) -> Option<String> {
    let chosen = settings.headers.iter().flat_map(|name| {
        headers
            .get_all(name)
            .iter()
            .map(move |value| format!("{name}: {}", value.to_str().unwrap_or("not ASCII")))
    });
    joined(chosen, "; ")
}

fn chosen_query(settings: &Settings, query: Option<&str>) -> Option<String> {
    let pairs = query?.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        settings.query.iter().any(|chosen| chosen == name)
    });
    joined(pairs.map(str::to_owned), "&")
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> Option<String> {
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(between))
}
