//! Hands an incident to the handlers, on a thread of its own: in the panic hook another panic ends the process, a lock may
//! be held by the thread that panics, and a handler of somebody else may do both.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use tracing_core::{Dispatch, dispatcher::get_default};

use super::{Incident, visit};
use crate::{
    Redactor, SpanNode, clock,
    guard::{caught, mute_thread},
    process::REPORTERS,
    span_slot,
};

/// How long the look-up of the spans is waited for.
const LOOK_UP: Duration = Duration::from_millis(50);
/// How long handlers have to write an incident. Where a panic ends the process, nothing else waits for it.
const WRITE: Duration = Duration::from_millis(if cfg!(panic = "abort") { 2_000 } else { 200 });
/// How many of these threads there are at once.
const MOST: usize = 8;

/// The thread, and the subscriber in force on the thread that has the incident.
pub(super) struct Reporter {
    /// The rules of all layers.
    pub(super) redactors: Vec<Redactor>,
    thread: Option<Thread>,
}

struct Thread {
    span: Receiver<Option<Arc<SpanNode>>>,
    incident: Sender<Arc<Incident>>,
    done: Receiver<()>,
}

impl Reporter {
    pub(super) fn start() -> Self {
        let dispatch = get_default(Dispatch::clone);
        let redactors = visit::redactors(&dispatch);
        if redactors.is_empty() {
            return Self { redactors, thread: None };
        }
        Self { redactors, thread: Thread::start(dispatch) }
    }

    /// Returns the innermost span of this thread, if it is found in time.
    pub(super) fn span(&self) -> Option<Arc<SpanNode>> {
        self.thread.as_ref()?.span.recv_timeout(LOOK_UP).ok()?
    }

    /// Hands the incident to the handlers and waits until they have written it, for a moment.
    pub(super) fn report(self, incident: Arc<Incident>) {
        if let Some(thread) = self.thread
            && thread.incident.send(incident).is_ok()
        {
            thread.done.recv_timeout(WRITE).unwrap_or_default();
        }
    }
}

impl Thread {
    fn start(dispatch: Dispatch) -> Option<Self> {
        let counted = CountedThread::new()?;
        let current = dispatch.current_span();
        let id = current.id().cloned();
        let (span_found, span) = mpsc::channel();
        let (incident, incident_given) = mpsc::channel::<Arc<Incident>>();
        let (is_done, done) = mpsc::channel();
        let work = move || {
            let _counted = counted;
            mute_thread();
            span_found.send(id.and_then(|id| span_slot::in_dispatch(&dispatch, &id))).ok();
            if let Ok(incident) = incident_given.recv() {
                caught(|| visit::report(&dispatch, incident, clock::instant() + WRITE));
                is_done.send(()).ok();
            }
        };
        std::thread::Builder::new().name("watchfire-report".to_owned()).spawn(work).ok()?;
        Some(Self { span, incident, done })
    }
}

/// Counts the threads that are at work.
struct CountedThread;

impl CountedThread {
    fn new() -> Option<Self> {
        let before = REPORTERS.fetch_add(1, Ordering::AcqRel);
        let counted = Self;
        (before < MOST).then_some(counted)
    }
}

impl Drop for CountedThread {
    fn drop(&mut self) {
        REPORTERS.fetch_sub(1, Ordering::AcqRel);
    }
}
