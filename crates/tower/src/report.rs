//! One request under way, and the events that say how it ended.

use std::{fmt, sync::Arc, time::Instant};

use http::{Method, StatusCode};
use tracing::Span;
use watchfire_core::{clock, request::RequestScope};

use crate::{
    AccessLog,
    outcome::{self, Class},
    settings::Settings,
};

/// One request under way.
pub(crate) struct Watch {
    pub(crate) scope: RequestScope,
    pub(crate) span: Span,
    pub(crate) settings: Arc<Settings>,
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) is_grpc: bool,
    /// The route, for messages and groups; the path of a request that no route matches.
    pub(crate) route: Option<String>,
    pub(crate) path: String,
    pub(crate) started: Instant,
    pub(crate) line: Option<LineParts>,
    pub(crate) is_reported: bool,
}

/// The data that only the combined format needs.
pub(crate) struct LineParts {
    pub(crate) client: String,
    pub(crate) version: http::Version,
    pub(crate) referer: String,
    pub(crate) user_agent: String,
}

impl Watch {
    /// Runs `work` in the request and its span.
    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = self.scope.enter();
        let _span = self.span.enter();
        work()
    }

    fn place(&self) -> Place<'_> {
        Place { method: &self.method, path: self.route.as_deref().unwrap_or(&self.path) }
    }

    fn latency_ms(&self) -> f64 {
        clock::instant().saturating_duration_since(self.started).as_secs_f64() * 1_000.0
    }

    fn conclude(&self, report: impl FnOnce()) {
        self.span.in_scope(|| self.scope.conclude(report));
    }

    /// Reports the head of a response. Returns whether it is a failure of the server.
    pub(crate) fn answered(&mut self, status: StatusCode, grpc: Option<u32>) -> bool {
        let class = grpc.map_or_else(|| outcome::of_status(status), outcome::of_grpc);
        let said = Said { status, grpc };
        match class {
            Class::ServerError => self.report_failure(&said, status),
            // Its own report may be at a lower level: what another layer calls a failure is one.
            _ if self.scope.has_foreign_report() => self.report_failure(&said, status),
            Class::ClientError => {
                self.is_reported = true;
                let (place, latency_ms) = (self.place(), self.latency_ms());
                // Paths that no route matches are as many as a client likes.
                let group =
                    format!("{said} {} {}", self.method, self.route.as_deref().unwrap_or("unmatched"));
                self.conclude(|| {
                    tracing::warn!(
                        target: "http::request::client_error",
                        status_code = status.as_u16(),
                        latency_ms,
                        alert.group = group,
                        "{said}: {place}"
                    );
                });
            }
            Class::Ok => {}
        }
        class == Class::ServerError
    }

    fn report_failure(&mut self, said: &dyn fmt::Display, status: StatusCode) {
        self.is_reported = true;
        let (place, latency_ms) = (self.place(), self.latency_ms());
        let group = format!("{said} {place}");
        self.conclude(|| {
            tracing::error!(
                target: "http::request",
                status_code = status.as_u16(),
                latency_ms,
                alert.group = group,
                "{said}: {place}"
            );
        });
    }

    /// Reports that a service or a body has returned an error.
    pub(crate) fn failed(&mut self, during: &str, error: &dyn fmt::Display) {
        self.is_reported = true;
        let (place, latency_ms) = (self.place(), self.latency_ms());
        let group = format!("{during} failed {place}");
        self.conclude(|| {
            tracing::error!(
                target: "http::request",
                error = %error,
                latency_ms,
                alert.group = group,
                "{during} failed: {place}"
            );
        });
    }

    /// Reports a panic: to readers that do not take panics by themselves.
    pub(crate) fn panicked(&mut self) {
        self.report_failure(&"panicked", StatusCode::INTERNAL_SERVER_ERROR);
    }

    /// Reports that the client went away before the end.
    pub(crate) fn cut_off(&mut self) {
        self.is_reported = true;
        let (place, latency_ms) = (self.place(), self.latency_ms());
        self.conclude(|| {
            tracing::info!(
                target: "http::request::cut_off",
                latency_ms,
                "the client closed the connection: {place}"
            );
        });
    }

    /// Reports the end of a response: a slow one, and the line of the access log.
    pub(crate) fn ended(&mut self, status: StatusCode, bytes: u64) {
        let latency_ms = self.latency_ms();
        let limit = self.settings.slow_after.map(|limit| limit.as_secs_f64() * 1_000.0);
        if limit.is_some_and(|limit| latency_ms >= limit) && !self.is_reported {
            let place = self.place();
            let group = format!("slow {place}");
            self.conclude(|| {
                tracing::warn!(
                    target: "http::request::slow",
                    status_code = status.as_u16(),
                    latency_ms,
                    alert.group = group,
                    "slow: {place}"
                );
            });
        }
        match (self.settings.access_log, &self.line) {
            (AccessLog::Off, _) => {}
            (AccessLog::Combined, Some(line)) => self.conclude(|| {
                let LineParts { client, version, referer, user_agent } = line;
                let (method, path, status) = (&self.method, &self.path, status.as_u16());
                tracing::info!(
                    target: "http::access",
                    "{client} \"{method} {path} {version:?}\" {status} {bytes} \"{referer}\" \"{user_agent}\" {latency_ms:.1} ms"
                );
            }),
            (AccessLog::Combined | AccessLog::Fields, _) => self.conclude(|| {
                tracing::info!(
                    target: "http::access",
                    status_code = status.as_u16(),
                    latency_ms,
                    bytes,
                    "{}", self.place()
                );
            }),
        }
    }
}

struct Place<'a> {
    method: &'a Method,
    path: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

struct Said {
    status: StatusCode,
    grpc: Option<u32>,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grpc {
            Some(code) => write!(f, "gRPC status {code}"),
            // Code and reason; without a reason the code alone.
            None => f.write_str(self.status.to_string().trim_end_matches(" <unknown status code>")),
        }
    }
}
