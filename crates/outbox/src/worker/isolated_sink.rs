//! Keep a sink that blocks in `render` from holding up the worker.

use std::{
    panic::resume_unwind,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    time::{Duration, SystemTime},
};

use watchfire_core::{caught, mute_thread};

use crate::{
    Answers, Delivering, DeliveryPolicy, GroupSummary, Notification, Occasion, Receipt, Sink, Verifying,
    worker::shared::{Shared, THREAD},
};

/// How long the worker waits for a rendering: it is pure, and takes microseconds.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many threads a sink may lose by not returning, until it renders nothing more.
const MOST_LOST: usize = 3;

/// A sink that renders on a thread beside the worker's.
///
/// A rendering that does not return counts as one that panicked; its thread is lost until it returns.
pub(crate) struct IsolatedSink {
    inner: Arc<dyn Sink>,
    shared: Weak<Shared>,
    thread: Mutex<Option<RenderThread>>,
    lost: Arc<AtomicUsize>,
}

struct RenderThread {
    requests: Sender<Request>,
    is_lost: Arc<AtomicBool>,
}

struct Request {
    summary: GroupSummary,
    channel: String,
    unreported: u64,
    receipts: Vec<Receipt>,
    now: SystemTime,
    spool: Option<String>,
    /// Takes what was rendered; `None` for a panic.
    answer: SyncSender<Option<Vec<Notification>>>,
}

impl IsolatedSink {
    pub(crate) fn new(inner: Arc<dyn Sink>, shared: &Arc<Shared>) -> Self {
        Self { inner, shared: Arc::downgrade(shared), thread: Mutex::default(), lost: Arc::default() }
    }

    /// Starts the other thread before there is something to render: a caller that waits for the spool does not wait for
    /// that as well.
    pub(crate) fn start_early(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            *thread = self.start();
        }
    }

    /// Renders on the other thread; `None` if it panicked or did not return.
    fn render_beside(&self, occasion: &Occasion<'_>) -> Option<Vec<Notification>> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() && self.lost.load(Ordering::Acquire) >= MOST_LOST {
            return None;
        }
        if thread.is_none() {
            *thread = self.start();
        }
        let Some(RenderThread { requests, is_lost }) = thread.as_ref() else {
            // Without a thread to spare it is as it was before there was one.
            return caught(|| self.inner.render(occasion));
        };
        let (answer, rendered) = sync_channel(1);
        let request = Request {
            summary: occasion.summary().clone(),
            channel: occasion.channel().to_owned(),
            unreported: occasion.unreported_count(),
            receipts: occasion.all_receipts().to_vec(),
            now: occasion.now(),
            spool: occasion.spool_folder().map(str::to_owned),
            answer,
        };
        if requests.send(request).is_err() {
            *thread = None;
            return None;
        }
        match rendered.recv_timeout(PATIENCE) {
            Ok(rendered) => rendered,
            Err(_) => {
                // Its end takes back the count.
                self.lost.fetch_add(1, Ordering::AcqRel);
                is_lost.store(true, Ordering::Release);
                *thread = None;
                None
            }
        }
    }

    fn start(&self) -> Option<RenderThread> {
        let (sender, requests) = channel::<Request>();
        let (inner, shared, lost) = (Arc::clone(&self.inner), self.shared.clone(), Arc::clone(&self.lost));
        let is_lost = Arc::<AtomicBool>::default();
        let was_lost = Arc::clone(&is_lost);
        let started = std::thread::Builder::new().name(format!("{THREAD}-render")).spawn(move || {
            // Events of a sink that renders must never become alerts.
            mute_thread();
            shared.upgrade().inspect(|shared| shared.note_thread());
            serve(&*inner, &requests);
            if was_lost.load(Ordering::Acquire) {
                lost.fetch_sub(1, Ordering::AcqRel);
            }
            shared.upgrade().inspect(|shared| shared.forget_thread());
        });
        started.is_ok().then_some(RenderThread { requests: sender, is_lost })
    }
}

/// Renders until the worker has given up this thread, or is gone.
fn serve(inner: &dyn Sink, requests: &Receiver<Request>) {
    while let Ok(request) = requests.recv() {
        let Request { summary, channel, unreported, receipts, now, spool, answer } = request;
        let occasion = Occasion::new(&summary, &channel, now).unreported(unreported).receipts(&receipts);
        let occasion = occasion.spool(spool.as_deref());
        let rendered = caught(|| inner.render(&occasion));
        if answer.send(rendered).is_err() {
            return;
        }
    }
}

impl Sink for IsolatedSink {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        // As the sink itself would have ended: the caller counts it, and renders less.
        self.render_beside(occasion).unwrap_or_else(|| resume_unwind(Box::new("the sink did not render")))
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.inner.deliver(notification)
    }

    fn policy(&self) -> DeliveryPolicy {
        self.inner.policy()
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        self.inner.verify(answers)
    }
}
