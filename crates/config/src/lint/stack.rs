//! Warns of stacks that lose events or write them twice.

use tracing_core::{Level, Metadata};
use watchfire_outbox::folder::SpoolFolder;

use crate::{
    Config,
    check::level_or_directives,
    diagnostics::{Finding, Findings},
    directives::Directives,
    environment,
    level::Threshold,
    plan::{HandlerPlan, ProgramPlan},
    probe,
    quote::quoted,
    setting::{Options, Setting},
    source_map::Path,
    table::{HandlerEntry, Table, covers},
};

/// Warns of each stack; the one without a service is that of the file itself.
pub(super) fn lint(config: &Config, plans: &[(Option<&str>, ProgramPlan)], findings: &mut Findings) {
    let mut linter = Linter { config, findings };
    let has_services = plans.len() > 1;
    for (service, plan) in plans {
        let at = service.map_or_else(|| Path::of(["root"]), |service| Path::of(["services", service]));
        // A file of services may leave the rest to them.
        let is_for_services_alone = service.is_none() && has_services && plan.handlers.is_empty();
        if plan.handlers.is_empty() {
            if service.is_some() {
                let reason = "has no handlers, so nothing that it logs goes anywhere";
                linter.warn(&at, reason, "name some in its `handlers`, or in those of `root`");
            }
        } else if !is_for_services_alone && !is_warned_of(plan) {
            let reason = "a WARN of a target without a logger of its own reaches no handler";
            linter.warn(&at, reason, "give the root a handler whose level is WARN or below");
        }
        linter.destinations(plan);
        linter.spool(plan);
        linter.off(plan);
    }
    linter.off_of_filters();
}

struct Linter<'a> {
    config: &'a Config,
    findings: &'a mut Findings,
}

impl Linter<'_> {
    fn warn(&mut self, path: &Path, reason: impl Into<String>, hint: &str) {
        let place = self.config.source_map().key(path);
        self.findings.add(Finding::new(path, reason).at(place).warning().hint(Some(hint)));
    }

    /// Warns of handlers of one program that go to the same place.
    fn destinations(&mut self, plan: &ProgramPlan) {
        let mut taken: Vec<(String, &str)> = Vec::new();
        for handler in &plan.handlers {
            let raw = self.config.options().table("handlers").and_then(|all| all.table(&handler.name));
            for (key, destination) in destinations(handler, raw) {
                let other = taken.iter().find(|(known, name)| *known == destination && *name != handler.name);
                if let Some((_, other)) = other {
                    let path = Path::of(["handlers", handler.name.as_str(), key]);
                    let reason = format!("goes to the same place as the handler {}", quoted(other));
                    let hint = match key {
                        "path" => "two handlers cannot rotate one file; give one another path, or merge them",
                        _ => {
                            "an event that both receive arrives twice; merge them, or give each its own levels"
                        }
                    };
                    self.warn(&path, reason, hint);
                } else {
                    taken.push((destination, &handler.name));
                }
            }
        }
    }

    /// Looks at whether alerts survive the end of the program.
    fn spool(&mut self, plan: &ProgramPlan) {
        let alerts = plan.handlers.iter().find(|handler| is_channel(&handler.kind));
        let is_meant = plan.outbox.get("in_memory").and_then(Setting::as_bool) == Some(true);
        let has_spool = plan.outbox.get("spool").is_some() || SpoolFolder::default_path().is_some();
        let is_required = plan.outbox.get("require_spool").and_then(Setting::as_bool) == Some(true);
        if is_required && (is_meant || !has_spool) {
            let path = Path::of(["outbox", "require_spool"]);
            let reason = match is_meant {
                true => "contradicts `in_memory = true`",
                false => "has no `spool` beside it",
            };
            self.findings.add(Finding::new(&path, reason).at(self.config.source_map().key(&path)));
        } else if let Some(first) = alerts
            && !is_meant
            && !has_spool
        {
            let reason = "its alerts are kept in memory: those not yet sent when the program ends are lost";
            let hint = "set `spool` in [outbox], or `in_memory = true` if that is meant; systemd's StateDirectory= counts too";
            self.warn(&Path::of(["handlers", &first.name]), reason, hint);
        }
    }

    /// Warns of targets that are switched off below one that is off.
    fn off(&mut self, plan: &ProgramPlan) {
        for logger in plan.loggers.iter().filter(|logger| logger.level == Some(Threshold::Off)) {
            let above = plan.loggers.iter().filter(|above| {
                above.level.is_some()
                    && above.target != logger.target
                    && covers(&above.target, &logger.target)
            });
            let nearest = above.max_by_key(|above| above.target.len());
            let is_off = nearest.is_some_and(|above| above.level == Some(Threshold::Off));
            // RUST_LOG and the levels of services are checked with the whole text.
            if is_off && !logger.target.is_empty() && logger.level_from.is_none() {
                let path = Path::of(["loggers", &logger.target, "level"]);
                self.warn(&path, HAS_NO_EFFECT, "remove it: the logger above is off");
            }
        }
    }

    /// Warns of `target=off` in directives that leave everything else off as well.
    fn off_of_filters(&mut self) {
        let options = self.config.options().clone();
        for (name, table) in tables(&options, "handlers") {
            if let Some(level) = table.get("level") {
                self.alone(level, &Path::of(["handlers", name, "level"]));
            }
            let filters = table.get("filters").map(Setting::as_list).unwrap_or_default();
            for (i, filter) in filters.iter().enumerate() {
                if let Some(filter) = filter.as_table() {
                    self.filter(filter, &Path::of(["handlers", name, "filters"]).child(i));
                }
            }
        }
        for (name, table) in tables(&options, "filters") {
            self.filter(table, &Path::of(["filters", name]));
        }
    }

    fn filter(&mut self, table: &Options, path: &Path) {
        if table.text("type") == Some("directives")
            && let Some(directives) = table.get("directives")
        {
            self.alone(directives, &path.child("directives"));
        }
    }

    fn alone(&mut self, value: &Setting, path: &Path) {
        let Ok(directives) = level_or_directives(value) else { return };
        for target in off_in_vain(&directives) {
            let reason = format!("{}: what it covers is off without it", quoted(&target));
            let hint = format!("`trace,{target}=off` lets everything else pass");
            self.warn(path, format!("`off` has no effect for {reason}"), &hint);
        }
    }
}

const HAS_NO_EFFECT: &str = "`off` has no effect: what it covers is off without it";

/// Returns the targets that are switched off by directives that leave them off in any case.
fn off_in_vain(directives: &Directives) -> Vec<String> {
    let off = directives.targets.iter().filter(|(_, level)| *level == Threshold::Off);
    let is_vain = |target: &str| {
        let above = directives.targets.iter().filter(|(other, _)| other != target && covers(other, target));
        match above.max_by_key(|(other, _)| other.len()) {
            Some((_, level)) => *level == Threshold::Off,
            // Without a level for the rest, a filter lets nothing else pass.
            None => directives.bare.is_none_or(|level| level == Threshold::Off),
        }
    };
    off.filter(|(target, _)| is_vain(target)).map(|(target, _)| target.clone()).collect()
}

/// Returns where a handler goes to, with the key that says so. Texts that only the program knows are compared as written.
fn destinations(handler: &HandlerPlan, raw: Option<&Options>) -> Vec<(&'static str, String)> {
    let known = |key: &str| match handler.options.get(key) {
        Some(Setting::Text(text)) => Some(text.clone()),
        _ => raw?.get(key).map(ToString::to_string),
    };
    let each = |key: &'static str, list: &'static str| {
        let Some(of) = known(key) else { return Vec::new() };
        let entries = handler.options.get(list).map(Setting::as_list).unwrap_or_default();
        entries.iter().map(|entry| (list, format!("{} {of} {entry}", handler.kind))).collect::<Vec<_>>()
    };
    let one = |key: &'static str| known(key).map(|value| (key, format!("{} {value}", handler.kind)));
    match handler.kind.as_str() {
        "file" => handler
            .options
            .text("path")
            .map(|path| ("path", environment::one_spelling(path.as_ref()).display().to_string()))
            .into_iter()
            .collect(),
        "slack" => one("webhook").into_iter().chain(each("token", "channels")).collect(),
        "telegram" => each("token", "chats"),
        "sentry" => one("dsn").into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Tells whether a WARN that only the root covers may reach a handler.
fn is_warned_of(plan: &ProgramPlan) -> bool {
    if plan.loggers.iter().any(|logger| logger.target.is_empty() && logger.level == Some(Threshold::Off)) {
        return true;
    }
    let entries: Vec<_> = plan
        .handlers
        .iter()
        .map(|handler| HandlerEntry {
            name: handler.name.clone(),
            level: handler.level.clone(),
            // A filter may decide by the event and the mode.
            rules: Vec::new(),
            handler: std::sync::Arc::new(watchfire_core::Null),
            is_channel: false,
        })
        .collect();
    let table = Table::new(entries, &plan.loggers, plan.spans.clone());
    let metadata: &Metadata<'_> =
        probe::metadata("watchfire::probe", Level::WARN, vec!["message".to_owned()]);
    table.work_out(metadata).mask != 0
}

fn tables<'o>(options: &'o Options, section: &str) -> impl Iterator<Item = (&'o str, &'o Options)> {
    let tables = options.table(section).into_iter().flat_map(Options::iter);
    tables.filter_map(|(name, value)| Some((name, value.as_table()?)))
}

fn is_channel(kind: &str) -> bool {
    crate::channels::KINDS.contains(&kind)
}
