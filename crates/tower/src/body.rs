//! The body of a response: works in the request's span, reports an error in it, and its end.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use watchfire_core::request::{Answered, RequestScope};

use crate::{
    outcome::{self, Class},
    report::Watch,
};

pin_project! {
    /// The body of a response, watched until its end.
    pub struct ResponseBody<B> {
        #[pin]
        inner: Option<B>,
        watch: Option<Watch>,
        status: StatusCode,
        mark: Option<Answered>,
        bytes: u64,
        length: Option<u64>,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            *this.mark = None;
            let Some(mut watch) = this.watch.take() else { return };
            watch.within(|| this.inner.set(None));
            let is_whole = this.length.is_some_and(|length| *this.bytes >= length)
                || watch.method == Method::HEAD
                || matches!(*this.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
            match is_whole {
                true => watch.ended(*this.status, *this.bytes),
                // A failed response may be dropped by a layer that makes a page of its own.
                false if watch.is_reported || std::thread::panicking() => {}
                false => watch.cut_off(),
            }
        }
    }
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn new(body: B, watch: Watch, status: StatusCode, mark: Option<Answered>) -> Self {
        let length = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
        Self { inner: Some(body), watch: Some(watch), status, mark, bytes: 0, length }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Error: fmt::Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        *this.mark = None;
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let Some(watch) = this.watch.as_mut() else { return inner.poll_frame(cx) };
        let frame = ready!(watch.within(|| inner.poll_frame(cx)));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    *this.bytes += bytes::Buf::remaining(data) as u64;
                }
                if let Some(code) = frame.trailers_ref().and_then(outcome::grpc_code)
                    && outcome::of_grpc(code) != Class::Ok
                    && !watch.is_reported
                {
                    watch.answered(*this.status, Some(code));
                }
            }
            Some(Err(error)) => {
                watch.failed("response body", error);
                *this.mark = Some(RequestScope::mark_answered());
            }
            None => {
                if let Some(mut watch) = this.watch.take() {
                    watch.ended(*this.status, *this.bytes);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self {
            inner: Some(B::default()),
            watch: None,
            status: StatusCode::OK,
            mark: None,
            bytes: 0,
            length: None,
        }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
