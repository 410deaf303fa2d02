//! The handle of a running configuration: reload, levels for a time, flush and end.

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::AtomicBool},
    time::{Duration, Instant},
};

use tracing_core::{Level, Subscriber};
use tracing_subscriber::registry::LookupSpan;
use watchfire_core::{Alert, Flushed, Handler, SelfLog, clock, process};
use watchfire_outbox::{Health, Outbox, Stats};

use crate::{
    Components, Config, Diagnostics, Options, RouterLayer, Setting,
    build::{LiveHandlers, dry_run},
    compile::{CompileContext, compile},
    diagnostics::{Finding, Findings},
    directives::Directives,
    environment,
    level::Threshold,
    resolve::{SecretFiles, Surroundings},
    router::Router,
    watch::{self, Bell, FollowedFile, falls_silent},
};

mod names;

/// The handle that the program keeps of a configuration in force: to reload it, to change it, to flush.
///
/// Dropping it writes and delivers what waits, up to the outbox's `drop_deadline`, and ends the reloads; the layers go
/// on.
#[must_use = "dropping the handle flushes and ends the reloads; keep it for as long as the program runs"]
pub struct Handle {
    shared: Arc<HandleShared>,
}

/// The origin of a configuration.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) file: Option<FollowedFile>,
    pub(crate) service: Option<String>,
    pub(crate) components: Components,
    pub(crate) rust_log: Option<String>,
}

pub(crate) struct HandleShared {
    router: Arc<Router>,
    pub(crate) origin: Origin,
    state: Mutex<ConfigState>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) is_watched: AtomicBool,
    pub(crate) log: SelfLog,
}

pub(crate) struct ConfigState {
    config: Config,
    live: LiveHandlers,
    /// Levels that were set by hand, the last wins.
    by_hand: Vec<ByHand>,
}

#[derive(Clone)]
struct ByHand {
    target: String,
    level: Threshold,
    until: Option<Instant>,
}

impl Handle {
    pub(crate) fn build(config: Config, origin: Origin) -> Result<Self, Diagnostics> {
        let mut live = LiveHandlers::default();
        let table = assemble(&config, &origin, &mut live, &[])?;
        if let Some(debug) = debug_mode(&config, &origin) {
            process::set_debug(debug);
        }
        let router = Router::new(table, live.span_levels(), live.redactor());
        let state = ConfigState { config, live, by_hand: Vec::new() };
        let state = Mutex::new(state);
        let (bell, is_watched, log) = (Arc::default(), AtomicBool::new(false), SelfLog::default());
        Ok(Self { shared: Arc::new(HandleShared { router, origin, state, bell, is_watched, log }) })
    }

    pub(crate) fn layer<S>(&self) -> RouterLayer<S>
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        self.shared.router.layer()
    }

    /// Begins to look for changes of the file, of files with secrets, and for signals, if there is such a file.
    pub(crate) fn watch(&self) {
        if self.shared.origin.file.is_some() || self.shared.state().live.has_secret_files() {
            watch::start(&self.shared);
        }
    }

    /// Returns the configuration in force, without what was set for a time.
    #[must_use]
    pub fn config(&self) -> Config {
        self.shared.state().config.clone()
    }

    /// Reads the file again and puts it in force: all is built, then the table is swapped whole.
    ///
    /// Changes made in code are undone, and the file is followed from then on. Spool, groups and open files of handlers
    /// that stay the same survive; of an alert channel they do also when its settings change. Without a file the same
    /// configuration is built again, with what the environment says now.
    ///
    /// # Errors
    /// Returns all errors; the old configuration stays in force then. Errors are also: a file that names no handlers
    /// for any logger, as an empty one does; `spans`, `redaction` and keys of `app` and `outbox`, which need a restart; and another
    /// `type` of an alert channel under the same name.
    pub fn reload(&self) -> Result<(), Diagnostics> {
        self.shared.reload()
    }

    /// Puts another configuration in force. The file no longer replaces it, see [`change`](Self::change).
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn reload_with(&self, config: Config) -> Result<(), Diagnostics> {
        self.shared.replace(config)
    }

    /// Changes the configuration in force: handlers and filters added, replaced or removed by name, levels set for good.
    ///
    /// From then on neither a changed file nor SIGHUP replaces what is in force; [`reload`](Self::reload) does.
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn change(&self, change: impl FnOnce(&mut Config)) -> Result<(), Diagnostics> {
        let mut config = self.config();
        change(&mut config);
        self.shared.replace(config)
    }

    /// Adds or replaces a handler, and names it at the root if no logger names it yet.
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn set_handler(&self, name: &str, handler: Options) -> Result<(), Diagnostics> {
        self.change(|config| {
            config.set(["handlers", name], handler);
            if !names::is_named(config, "handlers", name) {
                let mut handlers = match config.get(["root", "handlers"]) {
                    Some(known) => known.as_list().to_vec(),
                    None => Vec::new(),
                };
                handlers.push(name.into());
                config.set(["root", "handlers"], Setting::List(handlers));
            }
        })
    }

    /// Removes a handler, wherever it is named: loggers, services, and those that hand over to it.
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn remove_handler(&self, name: &str) -> Result<(), Diagnostics> {
        self.change(|config| {
            config.remove(["handlers", name]);
            names::unname(config, "handlers", name);
        })
    }

    /// Adds or replaces a filter. It is in force where handlers and loggers name it.
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn set_filter(&self, name: &str, filter: Options) -> Result<(), Diagnostics> {
        self.change(|config| config.set(["filters", name], filter))
    }

    /// Removes a filter, and its name from the lists of handlers and loggers.
    ///
    /// # Errors
    /// As [`reload`](Self::reload); also if another filter is made of it.
    pub fn remove_filter(&self, name: &str) -> Result<(), Diagnostics> {
        self.change(|config| {
            config.remove(["filters", name]);
            names::unname(config, "filters", name);
        })
    }

    /// Sets the level of a target, and of all below it, for a time; then it is again what the configuration says.
    ///
    /// ```no_run
    /// # fn set(watchfire: watchfire_config::Handle) -> Result<(), watchfire_config::Diagnostics> {
    /// watchfire.set("storefront::payments", tracing::Level::DEBUG, std::time::Duration::from_secs(600))
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn set(&self, target: &str, level: Level, during: Duration) -> Result<(), Diagnostics> {
        let until = clock::instant().checked_add(during);
        {
            let mut state = self.shared.state();
            let target = target.to_owned();
            state.by_hand.retain(|set| set.target != target);
            state.by_hand.push(ByHand { target, level: Threshold::From(level.into()), until });
        }
        self.shared.rebuild()?;
        // Somebody has to look at the clock, also for a program that watches no file.
        watch::start(&self.shared);
        self.shared.bell.ring();
        Ok(())
    }

    /// Delivers and writes what is there, and waits for it until `within` is over.
    pub fn flush(&self, within: Duration) -> Flushed {
        self.shared.router.flush(clock::after(clock::instant(), within))
    }

    /// Delivers and writes what is there as [`flush`](Self::flush), and tries at once what waits for a backoff; only what
    /// a provider asked for is still waited for.
    pub fn drain(&self, within: Duration) -> Flushed {
        if let Some(outbox) = self.outbox() {
            // Said here and waited for below: a reload must not wait for a provider.
            let _said = outbox.drain(Duration::ZERO);
        }
        self.flush(within)
    }

    /// Returns the outbox of the alert channels. There is none as long as no alert channel is configured.
    ///
    /// Whoever keeps it longer than the handle keeps what its end waits for.
    #[must_use]
    pub fn outbox(&self) -> Option<Arc<Outbox>> {
        self.shared.state().live.outbox().cloned()
    }

    /// Alerts all channels, whatever their filters, without tracing. Without an alert channel it does nothing.
    pub fn alert(&self, alert: Alert) {
        if let Some(outbox) = self.outbox() {
            outbox.alert(alert);
        }
    }

    /// Returns the counts of the alert channels.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        self.outbox().map(|outbox| outbox.stats())
    }

    /// Returns whether alerts get through, and why not. Without an alert channel all is well.
    #[must_use]
    pub fn health(&self) -> Health {
        self.outbox().map_or_else(Health::default, |outbox| outbox.health())
    }

    /// Has SIGTERM, SIGINT and SIGHUP write and deliver what waits before they end the process, see
    /// [`Outbox::flush_on_termination`]. A SIGHUP that reloads a file goes on doing so.
    ///
    /// # Errors
    /// If the handlers or their thread cannot be set up.
    #[cfg(unix)]
    pub fn flush_on_termination(&self) -> std::io::Result<()> {
        process::end_at_signals()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("router", &self.shared.router).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.bell.ring();
        let (outbox, within) = self.shared.state().live.end();
        let began = clock::instant();
        let by = clock::after(began, within);
        // At the same time: neither a file nor a provider that hangs takes the time of the other.
        let _flushed = self.shared.router.flush_others(by, || {
            if let Some(outbox) = outbox.and_then(Arc::into_inner) {
                outbox.end(by.saturating_duration_since(clock::instant()));
            }
        });
    }
}

impl HandleShared {
    pub(crate) fn state(&self) -> MutexGuard<'_, ConfigState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reload(&self) -> Result<(), Diagnostics> {
        let Some(file) = &self.origin.file else { return self.rebuild() };
        let mut config = Config::read(&file.path)?;
        if let Some(service) = &self.origin.service {
            config.name_app(service);
        }
        if falls_silent(&config, &self.state().config) {
            let finding = Finding::new(
                "root.handlers",
                "is missing, and no logger names a handler: nothing would be logged any more",
            );
            let hint = "`handlers = []` in `root` says that this is meant";
            let mut findings = Findings::default();
            findings.add(finding.hint(Some(hint)));
            return Err(config.diagnostics(findings));
        }
        self.replace(config)
    }

    /// Tells whether the file may replace what is in force without a call: code has changed nothing.
    pub(crate) fn follows(&self) -> bool {
        let state = self.state();
        let paths = |file: &FollowedFile| !file.is_changed && self.origin.is_from(file);
        state.config.file().is_some_and(paths)
    }

    /// Returns the text of the configuration in force.
    pub(crate) fn text(&self) -> String {
        self.state().config.text().to_owned()
    }

    fn replace(&self, config: Config) -> Result<(), Diagnostics> {
        let mut state = self.state();
        let by_hand = state.by_hand.clone();
        let table = assemble(&config, &self.origin, &mut state.live, &by_hand)?;
        if let Some(debug) = debug_mode(&config, &self.origin) {
            process::set_debug(debug);
        }
        state.config = config;
        // The lock is held: of two reloads the later is the one that stays.
        self.router.swap(table);
        Ok(())
    }

    /// Builds the configuration in force again, with what the environment says now.
    pub(crate) fn rebuild(&self) -> Result<(), Diagnostics> {
        let config = self.state().config.clone();
        self.replace(config)
    }

    /// Reads the secrets in files again, if a provider has refused a channel and one of them has changed.
    pub(crate) fn renew(&self) {
        if !self.state().live.may_be_renewed() {
            return;
        }
        match self.rebuild() {
            Ok(()) => self.log.say(
                "a provider refused the credentials, and a file with a secret has changed: it was read again",
            ),
            Err(diagnostics) => self
                .log
                .say(format_args!("a file with a secret has changed and cannot be used: {diagnostics}")),
        }
    }

    /// Ends what was set for a time that is over; returns how long it is until the next end.
    pub(crate) fn expire(&self, now: Instant) -> Option<Duration> {
        let (is_over, next) = {
            let mut state = self.state();
            let before = state.by_hand.len();
            state.by_hand.retain(|set| set.until.is_none_or(|until| until > now));
            let next = state.by_hand.iter().filter_map(|set| set.until).min();
            (state.by_hand.len() < before, next)
        };
        if is_over && let Err(diagnostics) = self.rebuild() {
            self.log.say(format_args!("a level that was set for a time stays: {diagnostics}"));
        }
        next.map(|next| next.saturating_duration_since(now))
    }
}

pub(crate) type Watched = Weak<HandleShared>;

impl Origin {
    fn is_from(&self, file: &FollowedFile) -> bool {
        self.file.as_ref().is_some_and(|known| known.path == file.path)
    }
}

fn assemble(
    config: &Config,
    origin: &Origin,
    live: &mut LiveHandlers,
    by_hand: &[ByHand],
) -> Result<crate::table::Table, Diagnostics> {
    let mut findings = Findings::default();
    let files = RefCell::new(SecretFiles::default());
    let read = |path: &std::path::Path| {
        let text = environment::file(path);
        files.borrow_mut().note(path, &text);
        text
    };
    let from = Surroundings { variable: &environment::variable, file: &read, folder: config.folder() };
    let context = CompileContext {
        service: origin.service.as_deref(),
        rust_log: origin.rust_log.as_deref(),
        components: &origin.components,
        from: &from,
    };
    let (options, mut plan) = compile(config.options(), config.source_map(), &context, &mut findings);
    // Also of a configuration that cannot be used: it is not tried again before a file has changed once more.
    live.note_files(files.take());
    if !findings.is_empty() {
        // Nothing is started: then everything else that is wrong is named as well.
        dry_run(&options, &origin.components, config.source_map(), &mut findings);
        return Err(config.diagnostics(findings));
    }
    for set in by_hand {
        let level = Directives { targets: vec![(set.target.clone(), set.level)], ..Directives::default() };
        plan.overlay("", &level, Some("set by hand"));
    }
    match live.build(plan, &options, &origin.components, config.source_map(), &mut findings) {
        Some(table) => Ok(table),
        None => Err(config.diagnostics(findings)),
    }
}

/// Returns the debug mode that the configuration asks for, unless the environment has a word of its own.
fn debug_mode(config: &Config, origin: &Origin) -> Option<bool> {
    if environment::variable("WATCHFIRE_DEBUG").is_some() {
        return None;
    }
    let of_service =
        origin.service.as_deref().and_then(|name| config.get(["services", name, "app", "debug"]));
    of_service.or_else(|| config.get(["app", "debug"]))?.as_bool()
}
