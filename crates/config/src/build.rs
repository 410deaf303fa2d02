//! Make the handlers of a plan, and keep those that a reload must not disturb.

use std::{collections::HashMap, sync::Arc, time::Duration};

use watchfire_core::{App, ConfigError, Diagnostic, Handler, LevelTable, Null, Redactor};
use watchfire_outbox::{Outbox, OutboxBuilder, UncleanEnd};

use crate::{
    channels::{Prepared, Running, Tuned},
    diagnostics::{Finding, Findings},
    environment,
    files::{self, severity},
    keys::{KeySpec, Section, ValueKind},
    plan::{HandlerPlan, ProgramPlan},
    quote::without_values,
    redaction,
    registry::Components,
    resolve::SecretFiles,
    setting::{Options, Setting},
    source_map::{Path, SourceMap},
    suggest::nearest,
    table::{HandlerEntry, Table},
    units,
};

/// Holds what outlives a table: the outbox, its channels, and handlers that are the same as before.
#[derive(Default)]
pub(crate) struct LiveHandlers {
    outbox: Option<Arc<Outbox>>,
    /// The `app` and `outbox` that it was started with.
    started: Option<(Options, Options)>,
    channels: HashMap<String, (String, Running)>,
    kept: HashMap<String, (Options, Arc<dyn Handler>)>,
    /// The layer's own, which it has for good.
    span_levels: Option<LevelTable>,
    /// The files that secrets were read from.
    secret_files: SecretFiles,
    /// The rules of redaction, likewise.
    redaction: Option<Options>,
}

/// How long dropping the handle may take when nothing is said, as long as an outbox.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// One handler, so far.
enum Begun {
    Done(Arc<dyn Handler>),
    Channel(Prepared),
}

impl LiveHandlers {
    /// Makes all handlers and the table; without all of them nothing changes.
    pub(crate) fn build(
        &mut self,
        plan: ProgramPlan,
        options: &Options,
        components: &Components,
        source_map: &SourceMap,
        findings: &mut Findings,
    ) -> Option<Table> {
        let before = findings.count();
        let mut begun = Vec::new();
        for handler in &plan.handlers {
            match self.begin(handler, options, components) {
                Ok(one) => begun.push(one),
                Err(error) => place_error(&handler.name, &error, &handler.options, source_map, findings),
            }
        }
        if findings.count() > before {
            return None;
        }
        self.refuse_what_needs_a_restart(&plan, source_map, findings);
        if findings.count() > before {
            return None;
        }
        if let Err(error) = self.ensure_outbox(&plan, &begun) {
            let key = error.field().rsplit('.').next().unwrap_or_default().to_owned();
            let path = Path::of(["outbox"]).child(key);
            findings.add(Finding::new(&path, error.reason()).at(source_map.value(&path)));
            return None;
        }
        let begun = self.open_channels(&plan, begun, source_map, findings)?;
        let redactor = redaction::redactor(&plan.redaction);
        let mut kept = HashMap::new();
        let mut entries = Vec::new();
        for (handler, made) in plan.handlers.into_iter().zip(begun) {
            kept.insert(handler.name.clone(), (identity(&handler.options, options), Arc::clone(&made)));
            let made = redaction::with_own_rules(made, &handler.options, &redactor);
            entries.push(HandlerEntry {
                is_channel: self.channels.contains_key(&handler.name),
                name: handler.name,
                level: handler.level,
                rules: handler.rules,
                handler: made,
            });
        }
        self.kept = kept;
        self.span_levels = Some(plan.span_levels);
        self.redaction = Some(plan.redaction);
        let mut table = Table::new(entries, &plan.loggers, plan.spans);
        table.panics = reports_panics(&plan.app);
        Some(table)
    }

    /// Opens the channels that are new, and puts the settings and sinks of all in force: the last step, and the only one
    /// that changes what runs.
    fn open_channels(
        &mut self,
        plan: &ProgramPlan,
        begun: Vec<Begun>,
        source_map: &SourceMap,
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
                    place_error(&handler.name, &error, &handler.options, source_map, findings);
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
            findings
                .add(Finding::new("handlers", error.reason()).at(source_map.key(&Path::of(["handlers"]))));
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
            // Queued messages may have waited for this change, so they are tried at once.
            let _said = outbox.drain(Duration::ZERO);
        }
        Some(handlers)
    }

    /// Refuses other settings of what runs and cannot take them.
    fn refuse_what_needs_a_restart(
        &self,
        plan: &ProgramPlan,
        source_map: &SourceMap,
        findings: &mut Findings,
    ) {
        if self.span_levels.as_ref().is_some_and(|known| *known != plan.span_levels) {
            let path = Path::of(["spans"]);
            let reason = "are others than when the program started, and need a restart";
            findings.add(Finding::new(&path, reason).at(source_map.value(&path)));
        }
        if self.redaction.as_ref().is_some_and(|known| *known != plan.redaction) {
            let path = Path::of(["redaction"]);
            let reason = "is another than when the program started, and needs a restart";
            findings.add(Finding::new(&path, reason).at(source_map.value(&path)));
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
                findings.add(Finding::new(&path, reason).at(source_map.value(&path)));
            }
        }
    }

    /// Notes the files that secrets were read from.
    pub(crate) fn note_files(&mut self, files: SecretFiles) {
        self.secret_files = files;
    }

    pub(crate) fn has_secret_files(&self) -> bool {
        !self.secret_files.is_empty()
    }

    /// Returns whether a provider has refused a channel, and a file with a secret has another content now.
    pub(crate) fn may_be_renewed(&self) -> bool {
        self.channels.values().any(|(_, running)| running.is_refused()) && self.secret_files.have_changed()
    }

    pub(crate) fn redactor(&self) -> Redactor {
        self.redaction.as_ref().map_or_else(Redactor::default, redaction::redactor)
    }

    pub(crate) fn span_levels(&self) -> LevelTable {
        self.span_levels.clone().unwrap_or_default()
    }

    /// Gives up the outbox, for the end of the program: with the names of its channels, and how long its end may take.
    pub(crate) fn end(&mut self) -> (Option<Arc<Outbox>>, Duration) {
        let settings = self.started.as_ref().map(|(_, outbox)| outbox);
        let within = settings.and_then(|outbox| units::duration(outbox.get("drop_deadline")?).ok());
        (self.outbox.take(), within.unwrap_or(DROP_DEADLINE))
    }

    pub(crate) fn outbox(&self) -> Option<&Arc<Outbox>> {
        self.outbox.as_ref()
    }

    fn begin(
        &self,
        plan: &HandlerPlan,
        options: &Options,
        components: &Components,
    ) -> Result<Begun, ConfigError> {
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
            "file" => Arc::new(files::make(options, &plan.options, components)?.handler()?),
            "console" => Arc::new(files::console(options, &plan.options, components)?.handler()?),
            "null" => Arc::new(Null),
            own => match components.make_handler(own, &plan.options) {
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

    fn ensure_outbox(&mut self, plan: &ProgramPlan, begun: &[Begun]) -> Result<(), ConfigError> {
        let is_needed = begun.iter().any(|begun| matches!(begun, Begun::Channel(_)));
        if !is_needed || self.outbox.is_some() {
            return Ok(());
        }
        let settings = &plan.outbox;
        let duration = |key: &str| settings.get(key).and_then(|value| units::duration(value).ok());
        let redactor = redaction::redactor(&plan.redaction);
        let mut builder = Outbox::builder(app(&plan.app)).redactor(redactor);
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
        if !reports_panics(&plan.app) {
            builder = builder.without_panics();
        }
        self.outbox = Some(Arc::new(builder.start()?));
        self.started = Some((plan.app.clone(), plan.outbox.clone()));
        Ok(())
    }
}

/// Checks that all handlers can be made, without opening or starting anything. One cause gives one error: what
/// follows from those that are known is left out.
pub(crate) fn dry_run(
    options: &Options,
    components: &Components,
    source_map: &SourceMap,
    findings: &mut Findings,
) {
    let handlers = || options.table(Section::Handlers.name()).into_iter().flat_map(Options::iter);
    let (known, known_elsewhere) = known_paths(handlers().map(|(name, _)| name), findings);
    for (name, table) in handlers().filter_map(|(name, table)| Some((name, table.as_table()?))) {
        let kind = table.text("type").unwrap_or_default();
        let keys = Section::Handlers.types().iter().find(|(known, _)| *known == kind).map(|(_, keys)| *keys);
        let table = as_meant(table, keys.unwrap_or_default());
        let made = match kind {
            "file" => files::make(options, &table, components).and_then(|file| file.check()),
            "console" => files::console(options, &table, components).map(drop),
            kind => Prepared::make(kind, &table).map_or(Ok(()), |made| made.map(drop)),
        };
        let Err(error) = made else { continue };
        let handler = Path::of(["handlers", name]).to_string();
        let mut missing = Vec::new();
        unresolved(options, &Path::of(["handlers", name]), &mut missing);
        let meant = Path::of(["handlers", name]);
        let spelt =
            spelt(keys.unwrap_or_default(), options.table("handlers").and_then(|all| all.table(name)));
        let known = known.get(&handler).map(Vec::as_slice).unwrap_or_default();
        for problem in error.diagnostics() {
            let mut finding = place(name, problem, &table, source_map);
            if let Some((_, key)) = spelt.iter().find(|(key, _)| meant.child(key).to_string() == finding.path)
            {
                finding = finding.at(source_map.value(&meant.child(key)));
            }
            // A missing key and a wrong value are two causes, unless the value could not be resolved.
            let is_of_table = finding.path == handler
                || table.iter().any(|(key, value)| {
                    value.as_table().is_some()
                        && Path::of(["handlers", name, key]).to_string() == finding.path
                });
            let follows = missing.iter().any(|path| is_below(path, &finding.path))
                || known.iter().chain(&known_elsewhere).any(|path| {
                    let is_above = *path != handler && is_below(&finding.path, path);
                    *path == finding.path || is_above || (!is_of_table && is_below(path, &finding.path))
                });
            if !follows {
                findings.add(finding);
            }
        }
    }
}

/// Returns the paths of what was found of each handler, by the path of the handler, and of everything else.
fn known_paths<'a>(
    names: impl Iterator<Item = &'a str>,
    findings: &Findings,
) -> (HashMap<String, Vec<String>>, Vec<String>) {
    let mut elsewhere = Vec::new();
    let mut known: HashMap<_, _> =
        names.map(|name| (Path::of(["handlers", name]).to_string(), Vec::new())).collect();
    for finding in &findings.list {
        let handler = finding.paths().find(|path| known.contains_key(*path));
        let list = handler.and_then(|handler| known.get_mut(handler)).unwrap_or(&mut elsewhere);
        list.push(finding.path.clone());
    }
    (known, elsewhere)
}

/// Tells whether a path is another one or below it.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Returns a table with misspelt keys as they were probably meant, and without the entries of lists that could not be
/// resolved.
fn as_meant(table: &Options, keys: &'static [KeySpec]) -> Options {
    let mut meant = Options::new();
    let mut guesses = Guesses { keys, left: MOST_GUESSES };
    for (name, value) in table.iter() {
        // A key that is like none makes no difference.
        let Some(KeySpec { name, kind, .. }) = guesses.key(name) else { continue };
        let value = match (value, Some(*kind)) {
            (Setting::Table(below), Some(ValueKind::Table(keys))) => Setting::Table(as_meant(below, keys)),
            (Setting::List(list), _) => {
                Setting::List(list.iter().filter(|one| **one != Setting::Unresolved).cloned().collect())
            }
            (value, _) => value.clone(),
        };
        if meant.get(name).is_none() {
            meant.set(*name, value);
        }
    }
    meant
}

/// The most keys of a table for which the meant one is guessed.
const MOST_GUESSES: usize = 200;

/// The keys of a table, as they are or as they were probably meant.
struct Guesses {
    keys: &'static [KeySpec],
    left: usize,
}

impl Guesses {
    fn key(&mut self, name: &str) -> Option<&'static KeySpec> {
        self.keys.iter().find(|key| key.name == name).or_else(|| {
            self.left = self.left.checked_sub(1)?;
            let guess = nearest(name, self.keys.iter().map(|key| key.name))?;
            self.keys.iter().find(|key| key.name == guess)
        })
    }
}

/// Returns the misspelt keys of a table: as meant, and as spelt.
fn spelt<'t>(keys: &'static [KeySpec], table: Option<&'t Options>) -> Vec<(&'static str, &'t str)> {
    let mut guesses = Guesses { keys, left: MOST_GUESSES };
    let names = table.into_iter().flat_map(Options::iter).map(|(name, _)| name);
    let guessed = names.filter_map(|name| Some((guesses.key(name)?.name, name)));
    guessed.filter(|(meant, spelt)| meant != spelt).collect()
}

/// Gathers the paths of values that could not be resolved.
fn unresolved(options: &Options, path: &Path, found: &mut Vec<String>) {
    fn go(value: &Setting, path: &Path, found: &mut Vec<String>) {
        match value {
            Setting::Unresolved => found.push(path.to_string()),
            Setting::List(list) => {
                list.iter().enumerate().for_each(|(i, value)| go(value, &path.child(i), found));
            }
            Setting::Table(table) => table.iter().for_each(|(key, value)| go(value, &path.child(key), found)),
            _ => {}
        }
    }
    let name = path.last().unwrap_or_default();
    if let Some(value) = options.table("handlers").and_then(|handlers| handlers.get(name)) {
        go(value, path, found);
    }
}

/// Returns what a handler is made of; what stands before it may change without its being made anew.
fn identity(table: &Options, options: &Options) -> Options {
    let mut identity = table.clone();
    for key in ["level", "levels", "filters", "redaction"] {
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
    source_map: &SourceMap,
    findings: &mut Findings,
) {
    for problem in error.diagnostics() {
        findings.add(place(name, problem, table, source_map));
    }
}

fn place(name: &str, problem: &Diagnostic, table: &Options, source_map: &SourceMap) -> Finding {
    let path = Path::of(["handlers", name]);
    let key = problem.path().rsplit('.').next().unwrap_or_default();
    let plural = format!("{key}s");
    let found = [key, plural.as_str()].into_iter().find(|key| table.get(key).is_some());
    let nested = table.iter().find(|(name, value)| {
        value.as_table().is_some_and(|table| table.get(key).is_some()) && problem.path().contains(name)
    });
    let path = match (found, table.text("formatter")) {
        (None, _) if nested.is_some() => path.child(nested.map_or("", |(name, _)| name)).child(key),
        (Some(key), _) => of_list(path.child(key), table.get(key), problem.reason()),
        (None, Some(formatter)) if key.contains("format") || key.contains("template") => {
            Path::of(["formatters", formatter, "format"])
        }
        _ => match table.iter().find(|(name, value)| {
            value.as_table().is_some() && problem.path().split('.').any(|part| part == *name)
        }) {
            Some((name, _)) => path.child(name),
            None => path,
        },
    };
    let reason = in_words_of_the_file(&without_values(problem.reason(), Section::Handlers, table));
    Finding::new(&path, reason).hint(problem.hint()).at(source_map.value(&path))
}

/// Returns the path of the entry that a reason quotes, if the value is a list with it.
fn of_list(path: Path, value: Option<&Setting>, reason: &str) -> Path {
    let Some(Setting::List(list)) = value else { return path };
    // The expected value is our own example, whatever the list has.
    let reason = reason.split("expected").next().unwrap_or_default();
    let is_quoted =
        |entry: &Setting| entry.as_text().is_some_and(|text| reason.contains(&format!("`{text}`")));
    list.iter().position(is_quoted).map_or_else(|| path.clone(), |number| path.child(number))
}

/// Replaces the calls that a reason names by the keys that stand for them: `.from(..)` is `from` in a file.
fn in_words_of_the_file(reason: &str) -> String {
    let mut words = String::new();
    let mut rest = reason;
    while let Some((before, after)) = rest.split_once("(..)") {
        let start = before.rfind('.').unwrap_or(before.len());
        let (said, call) = before.split_at_checked(start).unwrap_or((before, ""));
        words.push_str(said);
        words.push_str(&match call.trim_start_matches('.') {
            "dlt" => "`dlt_entity_id` and `dlt_template_id`".to_owned(),
            key => format!("`{key}`"),
        });
        rest = after;
    }
    words + rest
}

fn reports_panics(app: &Options) -> bool {
    app.get("panics").and_then(Setting::as_bool).unwrap_or(true)
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
    // They stand beside `app` in the file, and belong to it.
    let texts = |key: &str| {
        let table = table.table(key).cloned().unwrap_or_default();
        let texts =
            table.iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_text()?.to_owned())));
        texts.collect::<Vec<_>>()
    };
    app = texts("links").into_iter().fold(app, |app, (name, template)| app.link(name, template));
    texts("facts").into_iter().fold(app, |app, (label, field)| app.fact(label, field))
}
