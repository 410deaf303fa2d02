//! The settings of a request layer, shared by its services.

use std::time::Duration;

use http::HeaderName;

/// How requests that end well are logged, as INFO events of the target `http::access`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLog {
    /// Never.
    #[default]
    Off,
    /// A message in the combined format of Apache's httpd, without the query.
    Combined,
    /// Fields: `status_code`, `latency_ms`, `bytes`. Those of the request are on its span.
    Fields,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) id_header: HeaderName,
    pub(crate) trusts_ids: bool,
    pub(crate) trusted_hops: usize,
    pub(crate) headers: Vec<HeaderName>,
    pub(crate) query: Vec<String>,
    pub(crate) access_log: AccessLog,
    pub(crate) slow_after: Option<Duration>,
    pub(crate) catches_panics: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id_header: HeaderName::from_static("x-request-id"),
            trusts_ids: true,
            trusted_hops: 0,
            headers: Vec::new(),
            query: Vec::new(),
            access_log: AccessLog::Off,
            slow_after: None,
            catches_panics: true,
        }
    }
}
