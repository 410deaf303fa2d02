//! The future of a response: works in the request's span, catches a panic, reports how it ended.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use watchfire_core::request::RequestScope;

use crate::{ResponseBody, outcome, report::Watch};

pin_project! {
    /// The response of a [`RequestService`](crate::RequestService).
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        // Goes on to the body.
        watch: Option<Watch>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(mut watch) = this.watch.take() else { return };
            watch.within(|| this.inner.set(None));
            // A panic that goes through is no client that left.
            if !std::thread::panicking() {
                watch.cut_off();
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, watch: Watch) -> Self {
        Self { inner: Some(inner), watch: Some(watch) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body + Default,
    E: fmt::Display,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (Some(inner), Some(watch)) = (this.inner.as_mut().as_pin_mut(), this.watch.as_mut()) else {
            // Polled after its end, which the contract of `Future` forbids.
            return Poll::Pending;
        };
        let catches = watch.settings.catches_panics;
        let polled = watch.within(|| {
            if catches { catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) } else { Ok(inner.poll(cx)) }
        });
        let result = match polled {
            Ok(polled) => Some(ready!(polled)),
            Err(_) => None,
        };
        let Some(mut watch) = this.watch.take() else { return Poll::Pending };
        // Its values may log when they are dropped, or panic once more.
        let dropped = watch.within(|| catch_unwind(AssertUnwindSafe(|| this.inner.set(None))));
        if let (false, Err(payload)) = (catches, dropped) {
            resume_unwind(payload);
        }
        Poll::Ready(match result {
            Some(Ok(response)) => {
                let (status, grpc) = (response.status(), outcome::grpc_code(response.headers()));
                let is_failure = watch.answered(status, grpc);
                Ok(respond(response, watch, is_failure))
            }
            Some(Err(error)) => {
                watch.failed("request", &error);
                RequestScope::mark_failed();
                Err(error)
            }
            None => {
                watch.panicked();
                Ok(respond(after_panic(watch.is_grpc), watch, true))
            }
        })
    }
}

fn respond<B: Body>(mut response: Response<B>, watch: Watch, is_failure: bool) -> Response<ResponseBody<B>> {
    if let Ok(value) = HeaderValue::from_str(&watch.id) {
        response.headers_mut().insert(watch.settings.id_header.clone(), value);
    }
    let (head, body) = response.into_parts();
    let mark = is_failure.then(RequestScope::mark_answered);
    let status = head.status;
    Response::from_parts(head, ResponseBody::new(body, watch, status, mark))
}

fn after_panic<B: Default>(is_grpc: bool) -> Response<B> {
    let mut response = Response::new(B::default());
    if is_grpc {
        // INTERNAL, as a response of trailers only: HTTP's status is 200.
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        response.headers_mut().insert("grpc-status", HeaderValue::from_static("13"));
    } else {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
