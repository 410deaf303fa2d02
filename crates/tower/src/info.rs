//! The facts about a request that handlers can read and add.

use std::{fmt, sync::Arc};

use tracing::Span;

/// A request's id, and the way to say later whose request it is. It is among the request's extensions.
///
/// ```
/// # async fn handler(info: watchfire_tower::RequestInfo) {
/// // In axum: `Extension(info): Extension<RequestInfo>`.
/// info.user("ada").tenant("acme");
/// let page = format!("Something went wrong. Your request has the number {}.", info.id());
/// # }
/// ```
#[derive(Clone)]
pub struct RequestInfo {
    id: Arc<str>,
    span: Span,
}

impl RequestInfo {
    pub(crate) fn new(id: &str, span: &Span) -> Self {
        Self { id: id.into(), span: span.clone() }
    }

    /// Returns the request's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the request's span, for tasks that go on with its work.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Records the user in the request's span: all later events of the request show it.
    pub fn user(&self, user: impl fmt::Display) -> &Self {
        self.span.record("user", tracing::field::display(user));
        self
    }

    /// Records the tenant in the request's span.
    pub fn tenant(&self, tenant: impl fmt::Display) -> &Self {
        self.span.record("tenant", tracing::field::display(tenant));
        self
    }
}

impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo").field("id", &self.id).finish_non_exhaustive()
    }
}
