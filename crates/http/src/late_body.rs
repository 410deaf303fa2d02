//! A body that leaves only when the server has had the head for a moment.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How long the head is alone on its way: a server that refuses or resets the connection has done so by then.
const MOMENT: Duration = Duration::from_millis(200);

/// Whether the body of a request was handed to the connection: from then on it may have arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandedOver(Arc<AtomicBool>);

impl HandedOver {
    pub(crate) fn note(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The body of a request that must not be made twice.
pub(crate) struct LateBody {
    bytes: Option<Bytes>,
    wait: Option<Pin<Box<Sleep>>>,
    handed_over: HandedOver,
}

impl LateBody {
    pub(crate) fn new(bytes: Vec<u8>, handed_over: HandedOver) -> Self {
        Self { bytes: Some(bytes.into()), wait: None, handed_over }
    }
}

impl Body for LateBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // From the first question on, which comes when there is a connection.
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(MOMENT)));
        ready!(wait.as_mut().poll(context));
        self.handed_over.note();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
