//! The outbox: the handle that a program keeps, and its builder.

#[cfg(all(unix, feature = "signals"))]
mod terminate;
mod view;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use watchfire_core::{
    Alert, App, Capture, ConfigError, Problems, Redactor, SelfLog, Severity, clock, process,
};

use crate::{
    Channel, FlushReport, Health, Reason, Sink, Stats, folder,
    model::{random, refuse_circle},
    pipeline::{
        channel_state::{ChannelState, Settings, Tuning},
        dispatch::{Dispatch, LastResort},
    },
    sink::link_refusal,
    spool::{Disk, Owner, Spool, alive, is_refused},
    worker::{
        buffer_pool::BufferPool,
        ending::Ending,
        isolated_sink::IsolatedSink,
        panics::Panics,
        producer::Producer,
        queue::Queue,
        run_marker::{RunMarker, UncleanEnd},
        shared::{Lifeline, Orders, Published, Shared, To},
        spool_wait::SpoolWait,
        worker_loop,
    },
};

pub use view::OutboxView;

/// The handle that the program keeps: it owns the worker thread, what waits, and the counts.
///
/// Dropping it flushes within a deadline and returns. The worker lives on while a layer uses it, and what is left is
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
    drop_within: Duration,
    redactor: Redactor,
    /// The folder of the spool, as an operator names it.
    spool: Option<String>,
}

/// Sets up an [`Outbox`].
#[must_use]
pub struct OutboxBuilder {
    app: App,
    capacity: usize,
    unclean_end: UncleanEnd,
    sync_from: Option<Severity>,
    sync_within: Duration,
    drop_deadline: Duration,
    exit_deadline: Duration,
    stacks: Option<Severity>,
    self_log: SelfLog,
    folder: Folder,
    requires_spool: bool,
    redactor: Redactor,
    last_resort: Option<LastResort>,
    panics: bool,
    #[cfg(feature = "sim")]
    slower: Duration,
}

#[derive(Debug)]
enum Folder {
    /// systemd's, if there is one.
    Default,
    Memory,
    Path(PathBuf),
}

impl Outbox {
    /// Starts an outbox for the program of this name, with the defaults.
    ///
    /// # Errors
    ///
    /// If the worker thread cannot be started.
    pub fn start(app: impl Into<App>) -> Result<Self, ConfigError> {
        Self::builder(app).start()
    }

    /// Begins to set up an outbox.
    pub fn builder(app: impl Into<App>) -> OutboxBuilder {
        OutboxBuilder {
            app: app.into(),
            capacity: 1024,
            unclean_end: UncleanEnd::default(),
            sync_from: Some(Severity::Critical),
            sync_within: Duration::from_millis(20),
            drop_deadline: Duration::from_secs(5),
            exit_deadline: Duration::from_secs(2),
            stacks: None,
            self_log: SelfLog::default(),
            folder: Folder::Default,
            requires_spool: false,
            redactor: Redactor::default(),
            last_resort: None,
            panics: true,
            #[cfg(feature = "sim")]
            slower: Duration::ZERO,
        }
    }

    /// Makes the worker panic, as a bug in it would.
    #[cfg(feature = "sim")]
    #[doc(hidden)]
    pub fn kill_worker(&self) {
        self.shared.orders.dies.store(true, Ordering::Release);
        self.shared.queue.nudge();
    }

    /// Delivers what is there, and waits for it until `within` is over.
    ///
    /// Blocks the calling thread, never the worker; works in and outside of an async runtime.
    pub fn flush(&self, within: Duration) -> FlushReport {
        self.shared.flush(clock::after(clock::instant(), within))
    }

    /// Delivers what is there, as [`flush`](Self::flush), and tries at once what waits for a backoff; only what a
    /// provider asked for is still waited for.
    pub fn drain(&self, within: Duration) -> FlushReport {
        self.shared.orders.hurry.store(true, Ordering::Release);
        self.shared.flush(clock::after(clock::instant(), within))
    }

    /// Ends the outbox as dropping it does, but waits for at most `within`.
    pub fn end(mut self, within: Duration) {
        self.drop_within = within;
    }

    /// Alerts all channels, whatever their filters, without tracing.
    ///
    /// ```
    /// use watchfire_core::{Alert, App, Severity};
    /// use watchfire_outbox::Outbox;
    /// let outbox = Outbox::start("shop")?;
    /// outbox.alert(Alert::new(App::new("shop"), Severity::Error, "the ledger does not balance").field("cents", 12_u64));
    /// # Ok::<_, watchfire_core::ConfigError>(())
    /// ```
    pub fn alert(&self, alert: Alert) {
        self.shared.post(To::All, || Box::new(alert.redacted(&self.redactor)));
    }

    /// Puts other settings in force for channels that run, all of them or none: timeouts, ages, pace, digests, budgets,
    /// quiet hours, failover. Each is known by its name.
    ///
    /// The counts of groups, the spent budgets and the queued messages stay, and are treated by the new
    /// settings from now on; an attempt that is under way keeps its timeout. The sink stays, and so do the function that
    /// names groups and whether panics are heard.
    ///
    /// # Errors
    ///
    /// If there is no channel of a name, the failover would go round in a circle, or a channel is to send every alert
    /// at another rate, which it cannot change while it runs.
    pub fn retune<S: Sink>(&self, channels: impl IntoIterator<Item = Channel<S>>) -> Result<(), ConfigError> {
        let known = self.shared.channels.write().unwrap_or_else(PoisonError::into_inner);
        let mut tunings: Vec<Option<Tuning>> = known.iter().map(|_| None).collect();
        for channel in channels {
            let name = channel.name().unwrap_or_default().to_owned();
            let settings = channel.settings;
            let place = known.iter().zip(&mut tunings).find(|(channel, _)| channel.name == name);
            let Some((channel, tuning)) = place else {
                return Err(ConfigError::new("channel.name", format!("there is no channel `{name}`")));
            };
            if channel.tuning().policy.notifications.every != settings.policy.notifications.every {
                let reason = format!("`{name}` cannot send every alert at another rate before a restart");
                return Err(ConfigError::new("channel.notifications.every", reason));
            }
            *tuning = Some(Tuning { policy: settings.policy, fail_over: settings.fail_over });
        }
        let mut routes: Vec<(&str, Vec<String>)> = Vec::new();
        for (channel, tuning) in known.iter().zip(&tunings) {
            let present = channel.tuning();
            let next = tuning.as_ref().unwrap_or(&present).fail_over.as_ref();
            routes.push((&channel.name, next.map(|other| other.to.clone()).unwrap_or_default()));
        }
        let routes: Vec<(&str, &[String])> = routes.iter().map(|(name, to)| (*name, to.as_slice())).collect();
        refuse_circle(&routes)?;
        for (channel, tuning) in known.iter().zip(tunings) {
            tuning.into_iter().for_each(|tuning| channel.retune(tuning));
        }
        drop(known);
        self.shared.orders.retune.store(true, Ordering::Release);
        self.shared.queue.nudge();
        Ok(())
    }

    /// Returns what was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Returns whether alerts get through, and why not.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Returns a view for whoever shows the state of the outbox: a page, metrics.
    #[must_use]
    pub fn view(&self) -> OutboxView {
        OutboxView(Arc::clone(&self.shared))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Checks the name and the failover of a channel that cannot be opened for another reason.
    pub(crate) fn check_channel(&self, name: &str, settings: &Settings) -> Result<(), ConfigError> {
        let channels = self.shared.channels.read().unwrap_or_else(PoisonError::into_inner);
        check_channel(&channels, name, settings)
    }

    pub(crate) fn register(
        &self,
        name: String,
        sink: Arc<dyn Sink>,
        settings: Settings,
    ) -> Result<Producer, ConfigError> {
        let mut channels = self.shared.channels.write().unwrap_or_else(PoisonError::into_inner);
        check_channel(&channels, &name, &settings)?;
        let sink = Arc::new(IsolatedSink::new(sink, &self.shared));
        if self.shared.sync.is_for(Severity::Critical) {
            sink.start_early();
        }
        let channel = Arc::new(ChannelState::new(name, sink, settings).in_spool(self.spool.clone()));
        channels.push(Arc::clone(&channel));
        let number = channels.len() - 1;
        drop(channels);
        // There may be something in the spool for it.
        self.shared.queue.nudge();
        Ok(Producer {
            number,
            channel,
            shared: Arc::clone(&self.shared),
            _lifeline: Arc::clone(&self.lifeline),
        })
    }
}

/// Checks the name and the failover of a channel beside those that are there.
fn check_channel(channels: &[Arc<ChannelState>], name: &str, settings: &Settings) -> Result<(), ConfigError> {
    let mut problems = Problems::new();
    let is_name = !name.trim().is_empty() && !name.chars().any(char::is_control);
    problems.check(is_name, "channel.name", "expected a name without control characters");
    let is_new = channels.iter().all(|channel| channel.name != name);
    problems.check(
        is_new,
        "channel.name",
        format!("there is a channel `{name}` already; give this one another name with .named(..)"),
    );
    let mut routes: Vec<(&str, &[String])> = Vec::new();
    routes.extend(settings.fail_over.as_ref().map(|other| (name, other.to.as_slice())));
    let tunings: Vec<_> = channels.iter().map(|channel| (channel, channel.tuning())).collect();
    routes.extend(tunings.iter().filter_map(|(channel, tuning)| {
        tuning.fail_over.as_ref().map(|other| (channel.name.as_str(), other.to.as_slice()))
    }));
    if is_new {
        problems.keep(refuse_circle(&routes));
    }
    problems.finish(|| Some(()))
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.end(self.drop_within);
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl OutboxBuilder {
    /// Sets how many alerts may wait for the worker; what comes on top is dropped and counted. Default 1,024.
    pub fn capacity(mut self, alerts: usize) -> Self {
        self.capacity = alerts;
        self
    }

    /// Sets the spool's folder, which is made if it is not there: what was accepted survives the end of the process.
    ///
    /// Default: `watchfire` in systemd's `$STATE_DIRECTORY`; without it alerts are kept in memory, and that is said
    /// once. Several processes may share a folder on a local disk. If it cannot be written to, alerts are kept in
    /// memory until it can, and that is said.
    pub fn spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Folder::Path(folder.into());
        self
    }

    /// Refuses to start without a spool that can be written to. Default: alerts are kept in memory then.
    pub fn require_spool(mut self) -> Self {
        self.requires_spool = true;
        self
    }

    /// Sets the rules by which alerts of [`Outbox::alert`] are redacted. Default: those of [`Redactor::default`].
    ///
    /// Events are redacted by the rules of the layer that captures them, panics by those of all layers.
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = redactor;
        self
    }

    /// Keeps alerts in memory, and says nothing about it.
    pub fn in_memory(mut self) -> Self {
        self.folder = Folder::Memory;
        self
    }

    /// Sets who is told what no channel could say. Default: a line of the self-log, on stderr.
    ///
    /// It runs on the worker's thread and must not block; a panic of it is caught.
    pub fn last_resort(mut self, tell: impl Fn(&Alert, &Reason) + Send + Sync + 'static) -> Self {
        self.last_resort = Some(Arc::new(tell));
        self
    }

    /// Sets how long dropping the handle may wait. Default 5 s.
    ///
    /// It waits only while something may be delivered: not for a channel that is held, nor for messages that are in the
    /// spool and whose destination has just failed.
    pub fn drop_deadline(mut self, deadline: Duration) -> Self {
        self.drop_deadline = deadline;
        self
    }

    /// Sets how long the end of the process may wait. Default 2 s.
    ///
    /// The wait of dropping the handle counts towards it: both together take the longer of the two, not the sum.
    pub fn exit_deadline(mut self, deadline: Duration) -> Self {
        self.exit_deadline = deadline;
        self
    }

    /// Sets from which severity on an alert is in the spool before the call that reports it returns. Default: critical.
    ///
    /// It survives the end of the process then, and a loss of power when it is forced to the disk a moment later. The
    /// call waits at most for [`sync_within`](Self::sync_within); an alert that comes later is counted
    /// (`Stats::unsynced`). Only what passes the limiter of its callsite waits, and without a spool nothing.
    pub fn sync_from(mut self, severity: Severity) -> Self {
        self.sync_from = Some(severity);
        self
    }

    /// Has no call wait for the spool.
    pub fn never_sync(mut self) -> Self {
        self.sync_from = None;
        self
    }

    /// Sets how long a call may wait for the spool, for all channels of an event together. Default 20 ms.
    pub fn sync_within(mut self, within: Duration) -> Self {
        self.sync_within = within;
        self
    }

    /// Sets how the next start, or another program with the same spool, reports that this program ended without an
    /// orderly exit: by a crash, `kill -9`, the loss of power. Default: as a warning.
    ///
    /// It goes to all channels but those that were set up [`without_panics`](Channel::without_panics). Without a spool
    /// nothing is left behind that could say it.
    pub fn unclean_end(mut self, report: UncleanEnd) -> Self {
        self.unclean_end = report;
        self
    }

    /// Captures the call stack of alerts of this severity and up. Default: of none.
    pub fn stacks_from(mut self, severity: Severity) -> Self {
        self.stacks = Some(severity);
        self
    }

    /// Makes panics no alerts. Default: each panic of the process is an alert for all channels, see
    /// [`panic`](crate::panic).
    pub fn without_panics(mut self) -> Self {
        self.panics = false;
        self
    }

    /// Sets where the outbox says what nobody else can be told. Default: stderr.
    pub fn self_log(mut self, log: SelfLog) -> Self {
        self.self_log = log;
        self
    }

    /// Makes each sync of the spool take longer, as on a slow disk.
    #[cfg(feature = "sim")]
    #[doc(hidden)]
    pub fn slow_disk(mut self, by: Duration) -> Self {
        self.slower = by;
        self
    }

    /// Starts the worker.
    ///
    /// # Errors
    ///
    /// If a setting is out of range, the spool's path names a file, a required spool cannot be used, or the worker
    /// thread cannot be started.
    pub fn start(self) -> Result<Outbox, ConfigError> {
        let mut problems = Problems::new();
        problems.check(self.capacity > 0, "outbox.capacity", "is 0; expected at least 1");
        problems.keep(check_folder(&self.folder));
        for (name, template) in self.app.links() {
            if let Some(reason) = link_refusal(template) {
                problems.add(ConfigError::new(format!("links.{name}"), reason));
            }
        }
        problems.finish(|| Some(()))?;
        let host = self.app.host_name().to_owned();
        let (disk, trouble) = open_spool(self.folder, &host, &self.self_log);
        if self.requires_spool {
            let unusable = match (&disk, &trouble) {
                (None, None) => Some("is required, and no folder is set"),
                (_, trouble) => trouble.as_deref(),
            };
            if let Some(reason) = unusable {
                return Err(ConfigError::new("outbox.spool", reason));
            }
        }
        #[cfg(feature = "sim")]
        let disk = disk.map(|disk| disk.slower(self.slower));
        let app = self.app.name().to_owned();
        let spool = |disk: &Disk| {
            let owner = Owner::this(&host);
            let alive = alive(disk, &owner);
            Spool::new(disk.clone(), owner, alive, random::bits()).of_app(&app)
        };
        let spool_folder = disk.as_ref().map(|disk| absolute(disk.root()));
        let run_marker = RunMarker::new(disk.as_ref(), &self.app, self.unclean_end, clock::now());
        let capture = Capture::new(self.app);
        let shared = Arc::new(Shared {
            capture: match self.stacks {
                Some(severity) => capture.stacks_from(severity),
                None => capture,
            },
            queue: Queue::new(self.capacity),
            buffers: BufferPool::default(),
            channels: RwLock::default(),
            in_hand: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            settled: <(Mutex<()>, _)>::default(),
            orders: Orders::default(),
            ending: Ending::default(),
            run_marker,
            sync: SpoolWait::new(self.sync_from.filter(|_| disk.is_some()), self.sync_within),
            began: clock::instant(),
            published: Mutex::new(Published { trouble: trouble.clone(), ..Published::default() }),
            worker: OnceLock::new(),
            sink_threads: Mutex::default(),
            panics: Panics::new(disk.clone().map(|disk| (disk, host.clone())), self.panics),
            requests_reported_again: Default::default(),
            is_durable: disk.is_some(),
            drop_deadline: self.drop_deadline,
            exit_deadline: self.exit_deadline,
            self_log: self.self_log,
            forks: process::forks(),
        });
        process::watch_forks();
        let last_resort = self.last_resort.unwrap_or_else(|| on_stderr(shared.self_log.clone()));
        let dispatch = Dispatch::new(disk.as_ref().map(spool), shared.self_log.clone(), last_resort, trouble);
        worker_loop::start(&shared, dispatch)
            .map_err(|error| ConfigError::new("outbox", format!("cannot start its thread: {error}")))?;
        let weak = Arc::downgrade(&shared);
        process::at_exit(weak);
        let weak = Arc::<Shared>::downgrade(&shared);
        process::on_incident(weak);
        let lifeline = Arc::new(Lifeline(Arc::clone(&shared)));
        Ok(Outbox {
            drop_within: shared.drop_deadline,
            shared,
            lifeline,
            redactor: self.redactor,
            spool: spool_folder,
        })
    }
}

impl fmt::Debug for OutboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxBuilder")
            .field("app", &self.app)
            .field("capacity", &self.capacity)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Opens the folder; one that cannot be used is said, and alerts are kept in memory.
fn open_spool(folder: Folder, host: &str, log: &SelfLog) -> (Option<Disk>, Option<String>) {
    let path = match folder {
        Folder::Memory => return (None, None),
        Folder::Path(path) => path,
        Folder::Default => match folder::default() {
            Some(path) => path,
            None => {
                log.say(
                    "alerts are kept in memory: what is not delivered when the process ends is lost; \
                     set a folder with .spool(..), or say .in_memory()",
                );
                return (None, None);
            }
        },
    };
    match Disk::open(&path, host) {
        Ok(disk) => {
            if is_open_to_all(&path) {
                log.say(format_args!(
                    "the spool `{}` can be changed by every user of this machine: take the right away (chmod o-w)",
                    path.display()
                ));
            }
            (Some(disk), None)
        }
        Err(error) => {
            let trouble =
                format!("the spool `{}` cannot be used, alerts are kept in memory: {error}", path.display());
            log.say(&trouble);
            // The files of a newer version must be left alone.
            let disk = (!is_refused(&error)).then(|| Disk::later(&path, host));
            (disk, Some(trouble))
        }
    }
}

/// Tells whether every user of the machine may put files into a folder.
fn is_open_to_all(folder: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(folder).is_ok_and(|about| about.permissions().mode() & 0o002 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        false
    }
}

fn absolute(folder: &std::path::Path) -> String {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).display().to_string()
}

fn check_folder(folder: &Folder) -> Result<(), ConfigError> {
    let path = match folder {
        Folder::Memory => None,
        Folder::Path(path) => Some(path.clone()),
        Folder::Default => folder::default(),
    };
    match path {
        Some(path) if path.as_os_str().is_empty() || path.is_file() => {
            let reason = format!("expected a folder, found `{}`", path.display());
            Err(ConfigError::new("outbox.spool", reason))
        }
        _ => Ok(()),
    }
}

fn on_stderr(log: SelfLog) -> LastResort {
    Arc::new(move |alert, reason| {
        let place = alert.place_text().unwrap_or_default();
        log.say(format_args!(
            "no channel could say this: {} {} {place} {}: {}",
            crate::model::text::format_timestamp(alert.at),
            alert.severity,
            alert.target,
            crate::one_line(&alert.message, 500),
        ));
        log.say(format_args!("  because: {reason}"));
    })
}
