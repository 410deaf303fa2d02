//! The layer, and its settings as users make them.

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use tower_layer::Layer;

use crate::{AccessLog, RequestService, settings::Settings};

/// A tower layer that reports how requests end, as Django's `django.request` does.
///
/// Each request has a span `request` at INFO with the fields `method`, `route`, `path`, `request_id`, `trace_id`,
/// `client`, and `user` and `tenant` once the program [records](crate::RequestInfo) them. All events of the request
/// show them. How it ends:
///
/// | end | event |
/// |---|---|
/// | status 5xx, an error of the service or of the body, a panic | ERROR, target `http::request` |
/// | status 4xx | WARN, target `http::request::client_error` |
/// | longer than [`slow_after`](Self::slow_after) | WARN, target `http::request::slow` |
/// | the client went away first | INFO, target `http::request::cut_off` |
/// | otherwise | nothing, or a line of the [access log](Self::access_log): INFO, target `http::access` |
///
/// gRPC's status counts instead of HTTP's where there is one.
///
/// **One failure is one alert.** If the handler has logged an error, the alert handlers have that and leave the report
/// of the response out; likewise what tower-http's `TraceLayer` and `CatchPanicLayer` log, with this layer inside or
/// outside of them. Files and the console have every line. An error that another task logs is an alert by itself.
///
/// ```
/// use std::time::Duration;
/// use watchfire_tower::{AccessLog, RequestLayer};
///
/// let layer = RequestLayer::new()
///     .headers(["user-agent", "referer"])
///     .trusted_proxies(1)
///     .slow_after(Duration::from_secs(2))
///     .access_log(AccessLog::Combined);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RequestLayer {
    settings: Settings,
}

impl RequestLayer {
    /// Makes a layer with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the header that has the request's id, in the request and in the response. Default `x-request-id`.
    ///
    /// An id of the request is kept if it has at most 128 letters, digits and `-_.:/+=`; otherwise a new one is made. A
    /// name that is not a valid header name is left out.
    pub fn request_id_header(mut self, name: &str) -> Self {
        if let Ok(name) = HeaderName::try_from(name) {
            self.settings.id_header = name;
        }
        self
    }

    /// Makes a new id for each request, whatever the client has sent. Default: the client's is kept.
    pub fn new_request_ids(mut self) -> Self {
        self.settings.trusts_ids = false;
        self
    }

    /// Sets how many proxies of yours stand in front: the client's address is the entry of `X-Forwarded-For` that the
    /// outermost of them has made. Default 0: the address of the connection.
    pub fn trusted_proxies(mut self, count: usize) -> Self {
        self.settings.trusted_hops = count;
        self
    }

    /// Adds headers of the request to its span, as the field `headers`. Default none; values are redacted like all
    /// others. A name that is not a valid header name is left out.
    pub fn headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.settings.headers.extend(names.into_iter().filter_map(|name| HeaderName::try_from(name).ok()));
        self
    }

    /// Adds parameters of the query to the span, as the field `query`. Default none.
    pub fn query<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.settings.query.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// Sets how requests that end well are logged. Default not at all.
    pub fn access_log(mut self, access_log: AccessLog) -> Self {
        self.settings.access_log = access_log;
        self
    }

    /// Reports requests whose response took this long or longer. Default: none.
    pub fn slow_after(mut self, latency: Duration) -> Self {
        self.settings.slow_after = Some(latency);
        self
    }

    /// Lets panics of handlers go through, for a layer further out that catches them. Default: the client gets an empty
    /// response with status 500.
    pub fn without_catching_panics(mut self) -> Self {
        self.settings.catches_panics = false;
        self
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService::new(inner, Arc::new(self.settings.clone()))
    }
}
