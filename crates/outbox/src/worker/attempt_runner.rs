//! Make the attempts, on a thread per channel: what is on its way goes on while the worker waits for the disk, and a sink
//! that blocks its thread holds up nobody but itself.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::Runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::LocalSet,
    time,
};
use watchfire_core::{caught, clock, counted, mute_thread};

use super::worker_loop::runtime;
use crate::{
    Notification, Outcome, Reason,
    model::QueueKey,
    pipeline::channel_state::ChannelState,
    worker::shared::{Shared, THREAD},
};

/// How long the end waits for attempts to be dropped, which takes no time unless a sink blocks its thread.
const STOPPING: Duration = Duration::from_millis(100);
/// How often a thread shows that it goes on while attempts are under way.
const BEAT: Duration = Duration::from_millis(250);
/// How long a thread may show nothing until it is given up: its sink blocks it, or does nothing but compute.
const BLOCKED: Duration = Duration::from_secs(10);
/// How many threads a channel may lose that way, until it gets no more.
const MOST_LOST: usize = 3;

/// Hands attempts to the threads that make them, and takes their ends.
///
/// The delivery bounds how many are under way.
pub(super) struct AttemptRunner {
    lanes: BTreeMap<usize, Lane>,
    ends: Arc<Ends>,
    shared: Arc<Shared>,
}

struct Attempt {
    key: QueueKey,
    channel: Arc<ChannelState>,
    notification: Notification,
}

/// The attempts of one channel.
#[derive(Default)]
struct Lane {
    thread: Option<LaneThread>,
    under_way: BTreeMap<QueueKey, Instant>,
    /// How many threads the sink blocks; one that comes back is none of them any more.
    lost: Arc<AtomicUsize>,
}

/// The thread of a lane.
struct LaneThread {
    attempts: UnboundedSender<Attempt>,
    pulse: Arc<Pulse>,
}

/// The signs of life of a thread.
struct Pulse {
    began: Instant,
    /// When it last went on, in milliseconds since it began.
    last: AtomicU64,
    /// Whether it was given up: its ends count no more.
    is_lost: AtomicBool,
}

#[derive(Default)]
struct Ends {
    finished: Mutex<Vec<(QueueKey, Outcome)>>,
    /// How many threads may still make attempts.
    threads: (Mutex<usize>, Condvar),
}

impl AttemptRunner {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { lanes: BTreeMap::new(), ends: Arc::default(), shared: Arc::clone(shared) }
    }

    /// Hands an attempt to the thread of its channel; [`finished`](Self::finished) returns how it ended.
    pub(super) fn make(
        &mut self,
        key: QueueKey,
        number: usize,
        channel: Arc<ChannelState>,
        notification: Notification,
    ) {
        let lane = self.lanes.entry(number).or_default();
        let lost = lane.lost.load(Ordering::Acquire);
        if lane.thread.is_none() && lost >= MOST_LOST {
            let reason = format!("the sink blocks {}, and gets no more", counted(lost as u64, "thread"));
            return self.ends.note(key, Outcome::Held(Reason::new(reason)));
        }
        if lane.thread.is_none() {
            match LaneThread::start(&self.shared, &self.ends, &lane.lost) {
                Ok(thread) => lane.thread = Some(thread),
                Err(error) => {
                    let reason = Reason::new(format_args!("no thread can be started to send: {error}"));
                    return self.ends.note(key, Outcome::Transient(reason));
                }
            }
        }
        let attempt = Attempt { key, channel, notification };
        if lane.thread.as_ref().is_some_and(|thread| thread.attempts.send(attempt).is_ok()) {
            lane.under_way.insert(key, clock::instant());
        } else {
            lane.thread = None;
            self.ends.note(key, Outcome::Transient(Reason::new("the thread that sends has ended")));
        }
    }

    /// Takes the ends of attempts, and gives up threads that do not go on; with the numbers of the channels that lost one.
    pub(super) fn finished(&mut self) -> (Vec<(QueueKey, Outcome)>, Vec<usize>) {
        let now = clock::instant();
        let mut blocked = Vec::new();
        for (number, lane) in &mut self.lanes {
            let Some(thread) = lane.thread.take_if(|thread| is_stuck(&thread.pulse, &lane.under_way, now))
            else {
                continue;
            };
            thread.pulse.is_lost.store(true, Ordering::Release);
            lane.lost.fetch_add(1, Ordering::AcqRel);
            blocked.push(*number);
            let reason = format!("the sink has blocked its thread for {} s", BLOCKED.as_secs());
            for key in std::mem::take(&mut lane.under_way).into_keys() {
                self.ends.note(key, Outcome::Ambiguous(Reason::new(&reason)));
            }
        }
        let finished =
            std::mem::take(&mut *self.ends.finished.lock().unwrap_or_else(PoisonError::into_inner));
        for (key, _) in &finished {
            for lane in self.lanes.values_mut() {
                lane.under_way.remove(key);
            }
        }
        (finished, blocked)
    }

    pub(super) fn has_finished(&self) -> bool {
        !self.ends.finished.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Returns after how long to look whether the threads go on, if one has something to do.
    pub(super) fn look_after(&self) -> Option<Duration> {
        self.lanes.values().any(|lane| !lane.under_way.is_empty()).then_some(BLOCKED / 4)
    }

    /// Returns how many threads the sink of a channel blocks.
    pub(super) fn lost(&self, number: usize) -> usize {
        self.lanes.get(&number).map_or(0, |lane| lane.lost.load(Ordering::Acquire))
    }

    /// Drops what is under way, and makes nothing more.
    pub(super) fn stop(&mut self) {
        self.lanes.clear();
        let until = clock::instant() + STOPPING;
        let (lock, bell) = &self.ends.threads;
        let mut threads = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while *threads > 0 {
            let left = until.saturating_duration_since(clock::instant());
            if left.is_zero() {
                return;
            }
            threads = bell.wait_timeout(threads, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Tells whether a thread has shown nothing for too long, and has had something to do for as long.
fn is_stuck(pulse: &Pulse, under_way: &BTreeMap<QueueKey, Instant>, now: Instant) -> bool {
    let quiet = now
        .saturating_duration_since(pulse.began + Duration::from_millis(pulse.last.load(Ordering::Acquire)));
    let waited = under_way.values().min().map(|began| now.saturating_duration_since(*began));
    quiet > BLOCKED && waited.is_some_and(|waited| waited > BLOCKED)
}

impl Pulse {
    fn beat(&self) {
        let passed = self.began.elapsed();
        self.last.store(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }
}

impl LaneThread {
    fn start(shared: &Arc<Shared>, ends: &Arc<Ends>, lost: &Arc<AtomicUsize>) -> io::Result<Self> {
        let runtime = runtime(THREAD)?;
        let (attempts, receiver) = unbounded_channel();
        let pulse = Arc::new(Pulse {
            began: clock::instant(),
            last: AtomicU64::new(0),
            is_lost: AtomicBool::new(false),
        });
        let over = Over { ends: Arc::clone(ends), pulse: Arc::clone(&pulse), lost: Arc::clone(lost) };
        *ends.threads.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let shared = Arc::clone(shared);
        // If it does not start, `over` goes with the closure, and takes back the count.
        std::thread::Builder::new().name(format!("{THREAD}-send")).spawn(move || {
            // Events of hyper, rustls and lettre on this thread must never become alerts.
            mute_thread();
            shared.note_thread();
            carry(&runtime, receiver, &shared, &over);
            shared.forget_thread();
            drop(over);
            // A resolver that hangs must not hold the end of the program.
            runtime.shutdown_timeout(Duration::from_millis(100));
        })?;
        Ok(Self { attempts, pulse })
    }
}

impl Ends {
    fn note(&self, key: QueueKey, outcome: Outcome) {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push((key, outcome));
    }
}

/// Says that a thread makes no attempts any more, also when it ends by a panic.
struct Over {
    ends: Arc<Ends>,
    pulse: Arc<Pulse>,
    lost: Arc<AtomicUsize>,
}

impl Drop for Over {
    fn drop(&mut self) {
        if self.pulse.is_lost.load(Ordering::Acquire) {
            self.lost.fetch_sub(1, Ordering::AcqRel);
        }
        let (lock, bell) = &self.ends.threads;
        let mut threads = lock.lock().unwrap_or_else(PoisonError::into_inner);
        *threads = threads.saturating_sub(1);
        bell.notify_all();
    }
}

fn carry(runtime: &Runtime, mut attempts: UnboundedReceiver<Attempt>, shared: &Arc<Shared>, over: &Over) {
    LocalSet::new().block_on(runtime, async {
        while let Some(Attempt { key, channel, notification }) = attempts.recv().await {
            let (shared, ends, pulse) = (Arc::clone(shared), Arc::clone(&over.ends), Arc::clone(&over.pulse));
            pulse.beat();
            let mut attempt = tokio::task::spawn_local(make(channel, notification));
            tokio::task::spawn_local(async move {
                let ended = loop {
                    if let Ok(ended) = time::timeout(BEAT, &mut attempt).await {
                        break ended;
                    }
                    pulse.beat();
                };
                pulse.beat();
                // A sink that panics costs one rendering, never the thread.
                let outcome = ended.unwrap_or_else(|_| Outcome::Degrade(Reason::new("the sink panicked")));
                // A thread that was given up reports on an attempt that has its end already.
                if !pulse.is_lost.load(Ordering::Acquire) {
                    ends.note(key, outcome);
                    shared.queue.nudge();
                }
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
