//! Make the handlers of a plan, and keep those that a reload must not disturb.

use std::{collections::HashMap, sync::Arc, time::Duration};

use watchfire_core::{App, ConfigError, Diagnostic, Handler, LevelTable, Null};
use watchfire_outbox::{Outbox, OutboxBuilder, UncleanEnd};

use crate::{
    channels::{Prepared, Running, Tuned},
    environment,
    files::{self, severity},
    mistake::{Findings, Mistake},
    parts::Parts,
    place::{Path, Places},
    plan::{HandlerPlan, Plan},
    quote::without_values,
    setting::{Options, Setting},
    shape::Section,
    table::{Entry, Table},
    units,
};

/// Holds what outlives a table: the outbox, its channels, and handlers that are the same as before.
#[derive(Default)]
pub(crate) struct Workshop {
    outbox: Option<Outbox>,
    /// The `app` and `outbox` that it was started with.
    started: Option<(Options, Options)>,
    channels: HashMap<String, (String, Running)>,
    kept: HashMap<String, (Options, Arc<dyn Handler>)>,
    /// The layer's own, which it has for good.
    span_levels: Option<LevelTable>,
}

/// How long dropping the handle may take when nothing is said, as long as an outbox.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// Is one handler, so far.
enum Begun {
    Done(Arc<dyn Handler>),
    Channel(Prepared),
}

impl Workshop {
    /// Makes all handlers and the table; without all of them nothing changes.
    pub(crate) fn build(
        &mut self,
        plan: Plan,
        options: &Options,
        parts: &Parts,
        places: &Places,
        findings: &mut Findings,
    ) -> Option<Table> {
        let before = findings.count();
        let mut begun = Vec::new();
        for handler in &plan.handlers {
            match self.begin(handler, options, parts) {
                Ok(one) => begun.push(one),
                Err(error) => place_error(&handler.name, &error, &handler.options, places, findings),
            }
        }
        if findings.count() > before {
            return None;
        }
        self.refuse_what_needs_a_restart(&plan, places, findings);
        if findings.count() > before {
            return None;
        }
        if let Err(error) = self.ensure_outbox(&plan, &begun) {
            let key = error.field().rsplit('.').next().unwrap_or_default().to_owned();
            let path = Path::of(["outbox"]).child(key);
            findings.add(Mistake::new(&path, error.reason()).at(places.value(&path)));
            return None;
        }
        let begun = self.open_channels(&plan, begun, places, findings)?;
        let mut kept = HashMap::new();
        let mut entries = Vec::new();
        for (handler, made) in plan.handlers.into_iter().zip(begun) {
            kept.insert(handler.name.clone(), (identity(&handler.options, options), Arc::clone(&made)));
            entries.push(Entry {
                name: handler.name,
                level: handler.level,
                rules: handler.rules,
                handler: made,
            });
        }
        self.kept = kept;
        self.span_levels = Some(plan.span_levels);
        Some(Table::new(entries, &plan.loggers, plan.spans))
    }

    /// Opens the channels that are new, and puts the settings and sinks of all in force: the last step, and the only one
    /// that changes what runs.
    fn open_channels(
        &mut self,
        plan: &Plan,
        begun: Vec<Begun>,
        places: &Places,
        findings: &mut Findings,
    ) -> Option<Vec<Arc<dyn Handler>>> {
        let mut handlers: Vec<Arc<dyn Handler>> = Vec::new();
        let mut tuned = Vec::new();
        for (handler, begun) in plan.handlers.iter().zip(begun) {
            let prepared = match begun {
                Begun::Done(made) => {
                    handlers.push(made);
                    continue;
                }
                Begun::Channel(prepared) => prepared.tuned(&handler.name),
            };
            match self.channel(handler, &prepared) {
                Ok(made) => handlers.push(made),
                Err(error) => {
                    place_error(&handler.name, &error, &handler.options, places, findings);
                    return None;
                }
            }
            tuned.push((handler, prepared));
        }
        let is_named = |name: &str| plan.handlers.iter().any(|handler| handler.name == name);
        let gone = self.channels.iter().filter(|(name, _)| !is_named(name));
        let gone = gone.map(|(_, (_, running))| running.settings_alone());
        let settings: Vec<_> = tuned.iter().map(|(_, tuned)| tuned.settings()).chain(gone).collect();
        if let Some(outbox) = &self.outbox
            && let Err(error) = outbox.retune(settings)
        {
            findings.add(Mistake::new("handlers", error.reason()).at(places.key(&Path::of(["handlers"]))));
            return None;
        }
        let has_changed = !tuned.is_empty();
        for (handler, tuned) in tuned {
            if let Some((_, running)) = self.channels.get_mut(&handler.name) {
                running.take(tuned);
            }
        }
        if let Some(outbox) = &self.outbox
            && has_changed
        {
            // What waits may have waited for this: it is tried at once. Nobody waits for it here.
            let _said = outbox.drain(Duration::ZERO);
        }
        Some(handlers)
    }

    /// Refuses other settings of what runs and cannot take them.
    fn refuse_what_needs_a_restart(&self, plan: &Plan, places: &Places, findings: &mut Findings) {
        if self.span_levels.as_ref().is_some_and(|known| *known != plan.span_levels) {
            let path = Path::of(["spans"]);
            let reason = "are others than when the program started, and need a restart";
            findings.add(Mistake::new(&path, reason).at(places.value(&path)));
        }
        let Some((app, outbox)) = &self.started else { return };
        let needs_restart = |key: &&str| !matches!(*key, "debug");
        for (section, known, given) in [("app", app, &plan.app), ("outbox", outbox, &plan.outbox)] {
            let keys = known.iter().chain(given.iter()).map(|(key, _)| key).filter(needs_restart);
            let mut changed: Vec<&str> = keys.filter(|key| known.get(key) != given.get(key)).collect();
            changed.sort_unstable();
            changed.dedup();
            for key in changed {
                let path = Path::of([section, key]);
                let was = if known.get(key).is_some() { "another value" } else { "no value" };
                let reason = format!("had {was} when the program started; a change needs a restart");
                findings.add(Mistake::new(&path, reason).at(places.value(&path)));
            }
        }
    }

    pub(crate) fn span_levels(&self) -> LevelTable {
        self.span_levels.clone().unwrap_or_default()
    }

    /// Gives up the outbox, for the end of the program: with the names of its channels, and how long its end may take.
    pub(crate) fn end(&mut self) -> (Option<Outbox>, Vec<String>, Duration) {
        let settings = self.started.as_ref().map(|(_, outbox)| outbox);
        let within = settings.and_then(|outbox| units::duration(outbox.get("drop_deadline")?).ok());
        (self.outbox.take(), self.channels.keys().cloned().collect(), within.unwrap_or(DROP_DEADLINE))
    }

    pub(crate) fn outbox(&self) -> Option<&Outbox> {
        self.outbox.as_ref()
    }

    fn begin(&self, plan: &HandlerPlan, options: &Options, parts: &Parts) -> Result<Begun, ConfigError> {
        if let Some((kind, _)) = self.channels.get(&plan.name)
            && *kind != plan.kind
        {
            let reason = format!(
                "was a `{kind}` before, and what waits for that cannot go another way; give it another name"
            );
            return Err(ConfigError::new("type", reason));
        }
        if let Some((known, handler)) = self.kept.get(&plan.name)
            && *known == identity(&plan.options, options)
        {
            return Ok(Begun::Done(Arc::clone(handler)));
        }
        if let Some(prepared) = Prepared::make(&plan.kind, &plan.options) {
            return prepared.map(Begun::Channel);
        }
        Ok(Begun::Done(match plan.kind.as_str() {
            "file" => Arc::new(files::make(options, &plan.options, parts)?.handler()?),
            "console" => Arc::new(files::console(options, &plan.options, parts)?.handler()?),
            "null" => Arc::new(Null),
            own => match parts.make_handler(own, &plan.options) {
                Some(made) => made?,
                None => Arc::new(Null),
            },
        }))
    }

    /// Returns the handler of a channel, which is opened if it is new.
    fn channel(&mut self, plan: &HandlerPlan, tuned: &Tuned) -> Result<Arc<dyn Handler>, ConfigError> {
        if let Some((_, running)) = self.channels.get(&plan.name) {
            return Ok(Arc::<watchfire_outbox::AlertHandler<_>>::clone(&running.handler));
        }
        let outbox = self.outbox.as_ref().ok_or_else(|| ConfigError::new("outbox", "is not there"))?;
        let running = tuned.open(outbox)?;
        let handler = Arc::<watchfire_outbox::AlertHandler<_>>::clone(&running.handler);
        self.channels.insert(plan.name.clone(), (plan.kind.clone(), running));
        Ok(handler)
    }

    fn ensure_outbox(&mut self, plan: &Plan, begun: &[Begun]) -> Result<(), ConfigError> {
        let is_needed = begun.iter().any(|begun| matches!(begun, Begun::Channel(_)));
        if !is_needed || self.outbox.is_some() {
            return Ok(());
        }
        let settings = &plan.outbox;
        let duration = |key: &str| settings.get(key).and_then(|value| units::duration(value).ok());
        let mut builder = Outbox::builder(app(&plan.app));
        if let Some(folder) = settings.text("spool") {
            builder = builder.spool(folder);
        } else if settings.get("in_memory").and_then(Setting::as_bool) == Some(true) {
            builder = builder.in_memory();
        }
        if settings.get("require_spool").and_then(Setting::as_bool) == Some(true) {
            builder = builder.require_spool();
        }
        if let Some(alerts) = settings.get("capacity").and_then(Setting::as_integer) {
            builder = builder.capacity(usize::try_from(alerts).unwrap_or(1024));
        }
        if let Some(deadline) = duration("drop_deadline") {
            builder = builder.drop_deadline(deadline);
        }
        if let Some(deadline) = duration("exit_deadline") {
            builder = builder.exit_deadline(deadline);
        }
        builder = match settings.text("sync_from") {
            Some("never") => builder.never_sync(),
            _ => severity(settings, "sync_from").into_iter().fold(builder, OutboxBuilder::sync_from),
        };
        if let Some(within) = duration("sync_within") {
            builder = builder.sync_within(within);
        }
        match settings.text("unclean_end") {
            Some("off") => builder = builder.unclean_end(UncleanEnd::Off),
            Some("critical") => builder = builder.unclean_end(UncleanEnd::Critical),
            _ => {}
        }
        if let Some(severity) = severity(settings, "stacks_from") {
            builder = builder.stacks_from(severity);
        }
        self.outbox = Some(builder.start()?);
        self.started = Some((plan.app.clone(), plan.outbox.clone()));
        Ok(())
    }
}

/// Checks that the handlers of a plan can be made, without opening or starting anything.
pub(crate) fn rehearse(
    plan: &Plan,
    options: &Options,
    parts: &Parts,
    places: &Places,
    findings: &mut Findings,
) {
    for handler in &plan.handlers {
        // One mistake is named once: what follows from it is none.
        let path = Path::of(["handlers", &handler.name]).to_string();
        let formatter =
            handler.options.text("formatter").map(|name| Path::of(["formatters", name]).to_string());
        let is_wrong = findings.list.iter().any(|mistake| {
            let is_below = |path: &str| {
                mistake
                    .path
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            is_below(&path) || formatter.as_deref().is_some_and(is_below)
        });
        if is_wrong {
            continue;
        }
        let made = match handler.kind.as_str() {
            _ if has_unresolved(&handler.options) => Ok(()),
            "file" => files::make(options, &handler.options, parts).map(drop),
            "console" => files::console(options, &handler.options, parts).map(drop),
            kind => Prepared::make(kind, &handler.options).map_or(Ok(()), |made| made.map(drop)),
        };
        if let Err(error) = made {
            place_error(&handler.name, &error, &handler.options, places, findings);
        }
    }
}

fn has_unresolved(table: &Options) -> bool {
    table.iter().any(|(_, value)| {
        value.as_list().contains(&Setting::Unresolved) || value.as_table().is_some_and(has_unresolved)
    })
}

/// Returns what a handler is made of; what stands before it may change without its being made anew.
fn identity(table: &Options, options: &Options) -> Options {
    let mut identity = table.clone();
    for key in ["level", "levels", "filters"] {
        identity.remove(key);
    }
    let formatters = options.table("formatters");
    let formatter = table.text("formatter").and_then(|name| formatters?.table(name));
    if let Some(formatter) = formatter {
        identity.set("formatter", formatter.clone());
    }
    identity
}

/// Finds the keys of a handler that an error is about, and adds its problems.
pub(crate) fn place_error(
    name: &str,
    error: &ConfigError,
    table: &Options,
    places: &Places,
    findings: &mut Findings,
) {
    for problem in error.diagnostics() {
        findings.add(place(name, problem, table, places));
    }
}

fn place(name: &str, problem: &Diagnostic, table: &Options, places: &Places) -> Mistake {
    let path = Path::of(["handlers", name]);
    let key = problem.path().rsplit('.').next().unwrap_or_default();
    let plural = format!("{key}s");
    let found = [key, plural.as_str()].into_iter().find(|key| table.get(key).is_some());
    let nested = table.iter().find(|(name, value)| {
        value.as_table().is_some_and(|table| table.get(key).is_some()) && problem.path().contains(name)
    });
    let path = match (found, table.text("formatter")) {
        (None, _) if nested.is_some() => path.child(nested.map_or("", |(name, _)| name)).child(key),
        (Some(key), _) => path.child(key),
        (None, Some(formatter)) if key.contains("format") || key.contains("template") => {
            Path::of(["formatters", formatter, "format"])
        }
        _ => path,
    };
    let reason = without_values(problem.reason(), Section::Handlers, table);
    Mistake::new(&path, reason).hint(problem.hint()).at(places.value(&path))
}

pub(crate) fn app(table: &Options) -> App {
    let name = table.text("name").map_or_else(environment::program, str::to_owned);
    let mut app = App::new(name);
    if let Some(environment) = table.text("environment") {
        app = app.environment(environment.to_owned());
    }
    if let Some(release) = table.text("release") {
        app = app.release(release.to_owned());
    }
    app
}
