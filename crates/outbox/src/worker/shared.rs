//! The state that handlers and the worker share.

use std::{
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

use watchfire_core::{
    Alert, Capture, Captured, Incident, OnIncident, Origin, SelfLog, clock, counted,
    process::{self, AtExit},
};

use crate::{
    FlushReport, Health, Stats,
    aggregate::callsite_limiter,
    model::{
        Timestamp,
        stats::{DeliveryView, bump},
    },
    pipeline::channel_state::ChannelState,
    worker::{
        health::{ChannelSigns, HealthInputs},
        panics::{Heard, Panics},
        queue::Queue,
    },
};

use super::{buffer_pool::BufferPool, ending::Ending, run_marker::RunMarker, spool_wait::SpoolWait};

/// The state that the handle, the layers and the worker share.
pub(crate) struct Shared {
    pub(crate) capture: Capture,
    pub(crate) queue: Queue<WorkerRequest>,
    pub(crate) buffers: BufferPool,
    pub(crate) channels: RwLock<Vec<Arc<ChannelState>>>,
    /// Alerts that the worker took out of the queue and has not yet turned into notifications.
    pub(crate) in_hand: AtomicUsize,
    /// Notifications that wait or are under way.
    pub(crate) pending: AtomicUsize,
    /// Notified whenever the worker has settled something.
    pub(crate) settled: (Mutex<()>, Condvar),
    pub(crate) orders: Orders,
    pub(crate) ending: Ending,
    pub(crate) run_marker: RunMarker,
    pub(crate) sync: SpoolWait,
    /// From when on the gates count their time.
    pub(crate) began: Instant,
    pub(crate) published: Mutex<Published>,
    pub(crate) worker: OnceLock<ThreadId>,
    /// The threads that run code of sinks: none of them waits for the worker.
    pub(crate) sink_threads: Mutex<Vec<ThreadId>>,
    pub(crate) panics: Panics,
    pub(crate) requests_reported_again: AtomicU64,
    pub(crate) self_log: SelfLog,
    /// Whether there is a spool, which the next start reads.
    pub(crate) is_durable: bool,
    pub(crate) drop_deadline: Duration,
    pub(crate) exit_deadline: Duration,
    /// How often the process was forked when this was made: in a child there is no worker.
    pub(crate) forks: u32,
}

/// A request to the worker.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// End when nothing is left, or soon: the handle and the last layer are gone.
    pub(crate) stop: AtomicBool,
    /// Look into the spool now: how often that was asked for.
    pub(crate) look: AtomicU64,
    /// Which of these was the last to be done, its finds counted as pending.
    pub(crate) looked: AtomicU64,
    /// Try everything now that waits only for a backoff.
    pub(crate) hurry: AtomicBool,
    /// The settings of a channel have changed.
    pub(crate) retune: AtomicBool,
    /// Start nothing more, give all claims back, and end: the process is ending.
    pub(crate) close: AtomicBool,
    /// Say what is counted and not told: the process is ending.
    pub(crate) last_words: AtomicBool,
    /// Set when that is reported.
    pub(crate) last_words_said: AtomicBool,
    /// Have the worker panic, for tests of what is true then.
    #[cfg(feature = "sim")]
    pub(crate) dies: AtomicBool,
    /// Set when the worker has ended by a panic: what it had is not done.
    pub(crate) died: AtomicBool,
    /// Set when the worker has ended, for whatever reason.
    pub(crate) closed: AtomicBool,
}

/// The worker's periodic report.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) views: Vec<DeliveryView>,
    pub(crate) signs: Vec<ChannelSigns>,
    pub(crate) trouble: Option<String>,
    pub(crate) spooled: u64,
}

/// One alert on its way to the worker.
#[derive(Debug)]
pub(crate) struct WorkerRequest {
    pub(crate) to: To,
    pub(crate) what: What,
    /// Where the callsite limiter counts its repeats.
    pub(crate) repeats: Option<callsite_limiter::RepeatKey>,
}

/// An item of the queue.
#[derive(Debug)]
pub(crate) enum What {
    Alert(Box<Alert>),
    /// An event, of which the worker makes the alert: most of that work is not the caller's.
    Captured(Captured),
}

/// Says which channels an alert is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To {
    Channel(usize),
    /// All that the program has.
    All,
    /// All that hear of panics.
    Panic,
}

impl Shared {
    /// Takes an alert, if there is a worker and room.
    pub(crate) fn post(&self, to: To, alert: impl FnOnce() -> Box<Alert>) {
        self.count(to, |channel| bump(&channel.counters.captured));
        if self.is_gone() {
            return self.count(to, |channel| bump(&channel.counters.dropped_shutdown));
        }
        let drop_one = || {
            self.count(to, |channel| {
                bump(&channel.counters.dropped_full);
                bump(&channel.counters.drops_to_note);
            });
        };
        // Asked first, so that nothing is captured for a full queue.
        if self.queue.is_full() {
            return drop_one();
        }
        let alert = alert();
        let announced = self.sync.announce(alert.severity);
        if self.queue.push(WorkerRequest { to, what: What::Alert(alert), repeats: None }).is_err() {
            return drop_one();
        }
        if announced.is_some() {
            self.wait_for_spool(0);
        }
    }

    /// Waits until what was pushed for a channel is in the spool, at most for the time set.
    pub(crate) fn wait_for_spool(&self, channel: usize) {
        let this = std::thread::current().id();
        if self.worker.get() != Some(&this) {
            let is_over = || self.orders.closed.load(Ordering::Acquire);
            self.sync.wait(channel, || self.queue.nudge(), is_over);
        }
    }

    /// Tells whether this is the child of the process that started the outbox.
    pub(crate) fn is_forked(&self) -> bool {
        process::forks() != self.forks
    }

    /// Tells whether nobody will ever take anything out of the queue.
    pub(crate) fn is_gone(&self) -> bool {
        if self.is_forked() {
            process::say_once_after_fork(
                "this process was forked after its outbox was started: only its panics and what is critical reach the spool, \
                 from where its parent sends them; start an outbox after the fork",
            );
            return true;
        }
        self.orders.closed.load(Ordering::Acquire)
    }

    fn count(&self, to: To, count: impl Fn(&ChannelState)) {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        match to {
            To::Channel(number) => channels.get(number).into_iter().for_each(|channel| count(channel)),
            To::All => channels.iter().for_each(|channel| count(channel)),
            To::Panic => {
                channels.iter().filter(|channel| channel.hears_panics).for_each(|channel| count(channel))
            }
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        // In a forked child the worker that held it may be gone.
        let published = process::try_lock_for_a_while(&self.published);
        let blank = DeliveryView::default();
        let known = published.as_ref().map(|published| published.views.as_slice()).unwrap_or_default();
        let views = known.iter().chain(std::iter::repeat(&blank));
        Stats {
            channels: channels
                .iter()
                .zip(views)
                .map(|(channel, view)| {
                    let waiting = channel.callsite_limiter.waiting();
                    let mut stats = channel.counters.snapshot(&channel.name, view);
                    stats.captured += waiting;
                    stats.unreported += waiting;
                    stats
                })
                .collect(),
            queue_length: self.queue.len() as u64,
            queue_capacity: self.queue.capacity() as u64,
            unsynced: self.sync.missed.load(Ordering::Acquire),
            panics: self.panics.heard.load(Ordering::Acquire),
            panics_counted: self.panics.counted.load(Ordering::Acquire),
            panics_logged_again: self.panics.again.load(Ordering::Relaxed),
            requests_reported_again: self.requests_reported_again.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn health(&self) -> Health {
        let stats = self.stats();
        let published = process::try_lock_for_a_while(&self.published);
        let known = published.as_ref().map(|published| published.views.as_slice()).unwrap_or_default();
        let signs = HealthInputs {
            worker_dead: self.is_gone(),
            trouble: published.as_ref().and_then(|published| published.trouble.as_deref()),
            oldest_critical: known.iter().filter_map(|view| view.oldest_critical).min().map(Into::into),
            channels: published.as_ref().map(|published| published.signs.as_slice()).unwrap_or_default(),
        };
        Health::of(&stats, &signs, Timestamp::of_unix(process::steady_now()).into())
    }

    fn waiting(&self) -> usize {
        // Where no panic is survived, nothing is gained by waiting for what one has left behind.
        let held = if cfg!(panic = "abort") { 0 } else { self.panics.held.load(Ordering::Acquire) };
        // In this order: an alert on its way through is counted twice rather than not at all.
        self.on_its_way() + held + self.pending.load(Ordering::Acquire)
    }

    /// Counts alerts that a budget, a storm or quiet hours hold back: a flush reports them, and does not wait for them.
    fn held_back(&self) -> u64 {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.iter().map(|channel| channel.counters.held_back.load(Ordering::Acquire)).sum()
    }

    /// Counts alerts that the worker has not yet turned into notifications.
    fn on_its_way(&self) -> usize {
        self.queue.len() + self.in_hand.load(Ordering::Acquire)
    }

    fn totals(&self) -> (u64, u64) {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.iter().fold((0, 0), |(delivered, dropped), channel| {
            let counters = &channel.counters;
            (delivered + counters.delivered.load(Ordering::Acquire), dropped + counters.dropped())
        })
    }

    pub(crate) fn flush(&self, deadline: Instant) -> FlushReport {
        self.flush_until(deadline, || self.waiting() == 0)
    }

    /// Flushes as the outbox is dropped: within what the end of the program has left, and for what may be delivered.
    pub(crate) fn end(&self, limit: Duration) {
        let began = clock::instant();
        let before = process::waited_by_drops(began);
        let by = self.ending.begin(limit, before, began);
        self.flush_until(by, || self.is_flushed_at_end()).nobody_reads();
        let ended = clock::instant();
        let waited = self.ending.finish(began, ended);
        process::note_last_wait(waited.max(before + ended.saturating_duration_since(began)));
    }

    fn is_flushed_at_end(&self) -> bool {
        // Not what a panic has left behind: until it is plain that the process survives, only its exit sends that.
        self.on_its_way() == 0 && (self.ending.is_in_vain() || self.pending.load(Ordering::Acquire) == 0)
    }

    fn flush_until(&self, deadline: Instant, is_flushed: impl Fn() -> bool) -> FlushReport {
        if self.is_forked() {
            // What waits is the parent's, and so are the locks.
            return FlushReport { pending: self.waiting() as u64, ..FlushReport::default() };
        }
        let before = self.totals();
        let mut looked = self.is_gone();
        // The worker must not wait for itself, nor a sink for its own attempt.
        let this = std::thread::current().id();
        let ours = self.worker.get() == Some(&this) || self.is_sink_thread(this);
        if !ours && !looked {
            if std::thread::panicking() {
                // A destructor runs: this thread survived its panic.
                self.panics.survived();
            }
            let asked = self.orders.look.fetch_add(1, Ordering::AcqRel) + 1;
            self.queue.nudge();
            // In this order: what was found is pending before the look is over.
            self.wait_until(deadline, || self.orders.looked.load(Ordering::Acquire) >= asked && is_flushed());
            looked = self.orders.looked.load(Ordering::Acquire) >= asked;
        }
        let after = self.totals();
        let pending = self.waiting() as u64 + self.held_back();
        FlushReport {
            delivered: after.0.saturating_sub(before.0),
            pending,
            spooled: self.spooled().min(pending),
            dropped: after.1.saturating_sub(before.1),
            is_complete: looked && pending == 0 && !self.orders.died.load(Ordering::Acquire),
        }
    }

    /// Notes that the present thread runs code of a sink.
    pub(crate) fn note_thread(&self) {
        let mut threads = self.sink_threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(std::thread::current().id());
    }

    /// Notes that the present thread runs none any more.
    pub(crate) fn forget_thread(&self) {
        let this = std::thread::current().id();
        self.sink_threads.lock().unwrap_or_else(PoisonError::into_inner).retain(|thread| *thread != this);
    }

    fn is_sink_thread(&self, thread: ThreadId) -> bool {
        self.sink_threads.lock().unwrap_or_else(PoisonError::into_inner).contains(&thread)
    }

    fn spooled(&self) -> u64 {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).spooled
    }

    fn wait_until(&self, deadline: Instant, done: impl Fn() -> bool) {
        let (lock, settled) = &self.settled;
        let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !done() && !self.orders.closed.load(Ordering::Acquire) {
            let left = deadline.saturating_duration_since(clock::instant());
            if left.is_zero() {
                return;
            }
            // Looked at again now and then: between the question and the wait a notification may pass.
            let nap = left.min(Duration::from_millis(20));
            guard = settled.wait_timeout(guard, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Flushes, then has the worker give its claims back and end. The deadline counts from `began`.
    fn close(&self, began: Instant) -> FlushReport {
        let now = clock::instant();
        let by = self
            .ending
            .begin(self.exit_deadline, Duration::ZERO, now)
            .min(clock::after(began, self.exit_deadline))
            .max(now);
        // The last part is for giving back.
        let flush_by = by - CLOSING.min((by - now) / 4);
        if !self.is_gone() {
            self.before_exit();
            self.wait_until(flush_by, || self.orders.last_words_said.load(Ordering::Acquire));
        }
        let mut report = self.flush_until(flush_by, || self.is_flushed_at_end());
        if !self.is_gone() {
            self.orders.close.store(true, Ordering::Release);
            self.queue.nudge();
            self.wait_until(by.max(clock::instant() + CLOSING), || false);
        }
        self.ending.finish(now, clock::instant());
        // What came at the last moment has its file by now.
        report.pending = self.waiting() as u64;
        report.spooled = self.spooled().min(report.pending);
        report
    }
}

/// How long the worker has to give its claims back.
const CLOSING: Duration = Duration::from_millis(400);

impl AtExit for Shared {
    fn before_exit(&self) {
        if !self.is_forked() {
            self.orders.last_words.store(true, Ordering::Release);
            self.queue.nudge();
        }
    }

    fn at_exit(&self, began: Instant) {
        if self.is_forked() {
            return;
        }
        let FlushReport { pending, spooled, .. } = self.close(began);
        // By the worker too, unless it is busy for longer than there is time.
        self.run_marker.remove();
        if pending > 0 {
            let lost = pending - spooled;
            self.self_log.say(format_args!(
                "{} not delivered when the program ended: {spooled} in the spool for the next start, {lost} lost",
                counted(pending, "message")
            ));
        }
        let held_back = self.held_back();
        if held_back > 0 {
            let then = match self.is_durable {
                true => "the next start goes on with what was held back",
                false => "what was held back is lost",
            };
            self.self_log.say(format_args!(
                "a budget, a storm or quiet hours held back {} when the program ended: {then}",
                counted(held_back, "alert")
            ));
        }
    }
}

impl OnIncident for Shared {
    fn on_incident(&self, incident: &Incident) {
        match incident.origin() {
            Origin::Panic if self.panics.is_on() => {}
            Origin::Failure => {
                let alert = Box::new(incident.alert(&self.capture));
                // The program goes on to its end in order, which flushes; that of a forked child has nothing to flush with.
                if !self.is_forked() || !self.panics.leave(&alert, None) {
                    self.post(To::All, || alert);
                }
                return;
            }
            _ => return,
        }
        match self.panics.hear(incident, &self.capture) {
            Heard::Counted => {}
            // The worker leaves it alone for now, and has to know until when.
            Heard::Spooled => self.queue.nudge(),
            Heard::Queue(alert) => {
                // As in `post`, without a lock that this thread may hold.
                let Ok(channels) = self.channels.try_read() else { return };
                let hears = || channels.iter().filter(|channel| channel.hears_panics);
                hears().for_each(|channel| bump(&channel.counters.captured));
                if self.is_gone()
                    || self
                        .queue
                        .try_push(WorkerRequest { to: To::Panic, what: What::Alert(alert), repeats: None })
                        .is_err()
                {
                    hears().for_each(|channel| {
                        bump(&channel.counters.dropped_full);
                        bump(&channel.counters.drops_to_note);
                    });
                }
            }
        }
    }

    fn after_hook(&self) {
        if self.panics.hook_returned() {
            self.queue.nudge();
        }
    }
}

/// What the names of the outbox's threads begin with.
pub(crate) const THREAD: &str = "watchfire";

/// Ends the worker when the handle and the last layer are gone.
pub(crate) struct Lifeline(pub(crate) Arc<Shared>);

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.0.orders.stop.store(true, Ordering::Release);
        self.0.queue.nudge();
    }
}
