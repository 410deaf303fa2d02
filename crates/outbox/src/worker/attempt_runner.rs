//! Make the attempts, on a thread of their own: what is on its way goes on while the worker waits for the disk.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::LocalSet,
    time,
};
use watchfire_core::{caught, clock, mute_thread};

use super::worker_loop::runtime;
use crate::{
    Notification, Outcome, Reason,
    model::QueueKey,
    pipeline::channel_state::ChannelState,
    worker::shared::{Shared, THREAD},
};

/// How long the end waits for attempts to be dropped, which takes no time unless a sink blocks the thread.
const STOPPING: Duration = Duration::from_millis(100);

/// Hands attempts to the thread that makes them, and takes their ends.
///
/// Unbounded, for of each destination one attempt is under way at a time.
pub(super) struct AttemptRunner {
    attempts: Option<UnboundedSender<Attempt>>,
    ends: Arc<Ends>,
}

struct Attempt {
    key: QueueKey,
    channel: Arc<ChannelState>,
    notification: Notification,
}

#[derive(Default)]
struct Ends {
    finished: Mutex<Vec<(QueueKey, Outcome)>>,
    /// Whether the thread makes no attempts any more.
    over: (Mutex<bool>, Condvar),
}

impl AttemptRunner {
    /// Starts the thread.
    pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let runtime = runtime(THREAD)?;
        let (sender, receiver) = unbounded_channel();
        let ends = Arc::<Ends>::default();
        let (shared, told) = (Arc::clone(shared), Over(Arc::clone(&ends)));
        std::thread::Builder::new().name(format!("{THREAD}-send")).spawn(move || {
            // What hyper, rustls and lettre emit on this thread must never become an alert.
            mute_thread();
            shared.attempt_runner.set(std::thread::current().id()).ok();
            carry(&runtime, receiver, &shared, &told.0);
            drop(told);
            // A resolver that hangs must not hold the end of the program.
            runtime.shutdown_timeout(Duration::from_millis(100));
        })?;
        Ok(Self { attempts: Some(sender), ends })
    }

    /// Has an attempt made; its end comes by [`finished`](Self::finished).
    pub(super) fn make(&self, key: QueueKey, channel: Arc<ChannelState>, notification: Notification) {
        let attempt = Attempt { key, channel, notification };
        let sent = self.attempts.as_ref().is_some_and(|attempts| attempts.send(attempt).is_ok());
        if !sent {
            self.ends.note(key, Outcome::Transient(Reason::new("the thread that sends has ended")));
        }
    }

    /// Takes the ends of attempts.
    pub(super) fn finished(&self) -> Vec<(QueueKey, Outcome)> {
        std::mem::take(&mut *self.ends.finished.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has_finished(&self) -> bool {
        !self.ends.finished.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Drops what is under way, and makes nothing more.
    pub(super) fn stop(&mut self) {
        self.attempts = None;
        let until = clock::instant() + STOPPING;
        let (lock, bell) = &self.ends.over;
        let mut over = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !*over {
            let left = until.saturating_duration_since(clock::instant());
            if left.is_zero() {
                return;
            }
            over = bell.wait_timeout(over, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Ends {
    fn note(&self, key: QueueKey, outcome: Outcome) {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push((key, outcome));
    }
}

/// Says that the thread makes no attempts any more, also when it ends by a panic.
struct Over(Arc<Ends>);

impl Drop for Over {
    fn drop(&mut self) {
        let (lock, bell) = &self.0.over;
        *lock.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
    }
}

fn carry(
    runtime: &Runtime,
    mut attempts: UnboundedReceiver<Attempt>,
    shared: &Arc<Shared>,
    ends: &Arc<Ends>,
) {
    LocalSet::new().block_on(runtime, async {
        while let Some(Attempt { key, channel, notification }) = attempts.recv().await {
            let (shared, ends) = (Arc::clone(shared), Arc::clone(ends));
            let attempt = tokio::task::spawn_local(make(channel, notification));
            tokio::task::spawn_local(async move {
                // A sink that panics costs one rendering, never the thread.
                let outcome =
                    attempt.await.unwrap_or_else(|_| Outcome::Degrade(Reason::new("the sink panicked")));
                ends.note(key, outcome);
                shared.queue.nudge();
            });
        }
    });
}

async fn make(channel: Arc<ChannelState>, notification: Notification) -> Outcome {
    let timeout = channel.tuning().policy.timeout;
    // A sink may panic before it returns its future, or within it.
    let Some(delivering) = caught(|| channel.sink.deliver(&notification)) else {
        return Outcome::Degrade(Reason::new("the sink panicked"));
    };
    match time::timeout(timeout, delivering).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::Ambiguous(Reason::new(format!("no answer within {} s", timeout.as_secs()))),
    }
}
