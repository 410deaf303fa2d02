use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

use watchfire_core::{
    Alert, App, Capture, ConfigError, EventView, SelfLog, Severity, clock,
    process::{self, AtExit},
};

use crate::{
    FlushReport, Policy, Sink, Stats, courier,
    queue::Queue,
    stats::{Counters, bump},
};

/// Is the handle that the program keeps: it owns the courier thread, what waits, and the counts.
///
/// Dropping it flushes within a deadline and returns. The courier lives on while a layer uses it, and what is left is
/// flushed again when the process ends by a return from `main` or by `process::exit`: losing the handle loses nothing.
///
/// ```
/// use watchfire_outbox::Outbox;
/// let outbox = Outbox::start("shop")?;
/// assert!(outbox.stats().channels.is_empty());
/// # Ok::<_, watchfire_core::ConfigError>(())
/// ```
#[must_use = "dropping the outbox flushes it and waits up to its deadline; keep it for as long as the program runs"]
pub struct Outbox {
    shared: Arc<Shared>,
    lifeline: Arc<Lifeline>,
}

/// Sets up an [`Outbox`].
#[derive(Debug)]
#[must_use]
pub struct OutboxBuilder {
    app: App,
    capacity: usize,
    drop_deadline: Duration,
    exit_deadline: Duration,
    stacks: Option<Severity>,
    self_log: SelfLog,
}

impl Outbox {
    /// Starts an outbox for the program of this name, with the defaults.
    ///
    /// # Errors
    ///
    /// If the courier thread cannot be started.
    pub fn start(app: impl Into<App>) -> Result<Self, ConfigError> {
        Self::builder(app).start()
    }

    /// Begins to set up an outbox.
    pub fn builder(app: impl Into<App>) -> OutboxBuilder {
        OutboxBuilder {
            app: app.into(),
            capacity: 1024,
            drop_deadline: Duration::from_secs(5),
            exit_deadline: Duration::from_secs(2),
            stacks: None,
            self_log: SelfLog::default(),
        }
    }

    /// Delivers what is there, and waits for it until `within` is over.
    ///
    /// Blocks the calling thread, never the courier; works in and outside of an async runtime.
    pub fn flush(&self, within: Duration) -> FlushReport {
        self.shared.flush(clock::instant() + within)
    }

    /// Returns what was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let channels = self.shared.channels.read().unwrap_or_else(PoisonError::into_inner);
        Stats { channels: channels.iter().map(|channel| channel.counters.snapshot(&channel.name)).collect() }
    }

    pub(crate) fn register(
        &self,
        name: String,
        sink: Arc<dyn Sink>,
        policy: Policy,
    ) -> Result<Port, ConfigError> {
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(ConfigError::new("channel.name", "expected a name without control characters"));
        }
        let mut channels = self.shared.channels.write().unwrap_or_else(PoisonError::into_inner);
        if channels.iter().any(|channel| channel.name == name) {
            let reason =
                format!("there is a channel `{name}` already; give this one another name with .named(..)");
            return Err(ConfigError::new("channel.name", reason));
        }
        let channel = Arc::new(ChannelState { name, sink, policy, counters: Counters::default() });
        channels.push(Arc::clone(&channel));
        Ok(Port {
            number: channels.len() - 1,
            channel,
            shared: Arc::clone(&self.shared),
            _lifeline: Arc::clone(&self.lifeline),
        })
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        drop_report(self.shared.flush(clock::instant() + self.shared.drop_deadline));
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl OutboxBuilder {
    /// Sets how many alerts may wait for the courier; what comes on top is dropped and counted. Default 1,024.
    pub fn capacity(mut self, alerts: usize) -> Self {
        self.capacity = alerts;
        self
    }

    /// Sets how long dropping the handle may wait. Default 5 s.
    pub fn drop_deadline(mut self, deadline: Duration) -> Self {
        self.drop_deadline = deadline;
        self
    }

    /// Sets how long the end of the process may wait. Default 2 s.
    pub fn exit_deadline(mut self, deadline: Duration) -> Self {
        self.exit_deadline = deadline;
        self
    }

    /// Captures the call stack of alerts of this severity and up. Default: of none.
    pub fn stacks_from(mut self, severity: Severity) -> Self {
        self.stacks = Some(severity);
        self
    }

    /// Sets where the outbox says what nobody else can be told. Default: stderr.
    pub fn self_log(mut self, log: SelfLog) -> Self {
        self.self_log = log;
        self
    }

    /// Starts the courier.
    ///
    /// # Errors
    ///
    /// If a setting is out of range, or the courier thread cannot be started.
    pub fn start(self) -> Result<Outbox, ConfigError> {
        if self.capacity == 0 {
            return Err(ConfigError::new("outbox.capacity", "expected at least 1"));
        }
        let capture = Capture::new(self.app);
        let shared = Arc::new(Shared {
            capture: match self.stacks {
                Some(severity) => capture.stacks_from(severity),
                None => capture,
            },
            queue: Queue::new(self.capacity),
            channels: RwLock::default(),
            in_hand: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            settled: (Mutex::default(), Condvar::new()),
            stop: AtomicBool::new(false),
            courier: OnceLock::new(),
            drop_deadline: self.drop_deadline,
            exit_deadline: self.exit_deadline,
            self_log: self.self_log,
        });
        courier::start(&shared)
            .map_err(|error| ConfigError::new("outbox", format!("cannot start its thread: {error}")))?;
        let weak = Arc::downgrade(&shared);
        process::at_exit(weak);
        let lifeline = Arc::new(Lifeline(Arc::clone(&shared)));
        Ok(Outbox { shared, lifeline })
    }
}

/// Is what the handle, the layers and the courier share.
pub(crate) struct Shared {
    pub(crate) capture: Capture,
    pub(crate) queue: Queue<(usize, Box<Alert>)>,
    pub(crate) channels: RwLock<Vec<Arc<ChannelState>>>,
    /// Alerts that the courier took out of the queue and has not yet turned into notifications.
    pub(crate) in_hand: AtomicUsize,
    /// Notifications that wait or are under way.
    pub(crate) pending: AtomicUsize,
    /// Is notified whenever the courier has settled something.
    pub(crate) settled: (Mutex<()>, Condvar),
    pub(crate) stop: AtomicBool,
    pub(crate) courier: OnceLock<ThreadId>,
    pub(crate) self_log: SelfLog,
    drop_deadline: Duration,
    pub(crate) exit_deadline: Duration,
}

/// Is one channel.
pub(crate) struct ChannelState {
    pub(crate) name: String,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) policy: Policy,
    pub(crate) counters: Counters,
}

impl Shared {
    fn waiting(&self) -> usize {
        // In this order: an alert on its way through is counted twice rather than not at all.
        self.queue.len() + self.in_hand.load(Ordering::Acquire) + self.pending.load(Ordering::Acquire)
    }

    fn totals(&self) -> (u64, u64) {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.iter().fold((0, 0), |(delivered, dropped), channel| {
            let stats = channel.counters.snapshot("");
            (delivered + stats.delivered, dropped + stats.dropped_full + stats.refused + stats.dead)
        })
    }

    fn flush(&self, deadline: Instant) -> FlushReport {
        let before = self.totals();
        // The courier must not wait for itself.
        if self.courier.get() != Some(&std::thread::current().id()) {
            self.queue.nudge();
            let (lock, settled) = &self.settled;
            let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
            while self.waiting() > 0 {
                let left = deadline.saturating_duration_since(clock::instant());
                if left.is_zero() {
                    break;
                }
                // Looked at again now and then: between the count and the wait a notification may pass.
                let nap = left.min(Duration::from_millis(20));
                guard = settled.wait_timeout(guard, nap).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        let after = self.totals();
        FlushReport {
            delivered: after.0.saturating_sub(before.0),
            pending: self.waiting() as u64,
            dropped: after.1.saturating_sub(before.1),
        }
    }
}

impl AtExit for Shared {
    fn at_exit(&self) {
        drop_report(self.flush(clock::instant() + self.exit_deadline));
    }
}

/// Ends the courier when the handle and the last layer are gone.
struct Lifeline(Arc<Shared>);

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Release);
        self.0.queue.nudge();
    }
}

/// Is a handler's end of the outbox.
pub(crate) struct Port {
    number: usize,
    channel: Arc<ChannelState>,
    shared: Arc<Shared>,
    _lifeline: Arc<Lifeline>,
}

impl Port {
    pub(crate) fn name(&self) -> &str {
        &self.channel.name
    }

    pub(crate) fn capture(&self, event: &EventView<'_>) {
        let counters = &self.channel.counters;
        bump(&counters.captured);
        let alert = Box::new(self.shared.capture.alert(event));
        if self.shared.queue.push((self.number, alert)).is_err() {
            bump(&counters.dropped_full);
            bump(&counters.unreported);
        }
    }

    pub(crate) fn flush(&self, deadline: Instant) -> FlushReport {
        self.shared.flush(deadline)
    }
}

/// Lets go of a report that nobody is there to read.
fn drop_report(_: FlushReport) {}
