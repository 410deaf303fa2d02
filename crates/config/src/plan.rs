//! Work out the stack of one program: services, directives and the environment laid over each other.

use std::collections::{HashMap, HashSet};

use tracing_core::LevelFilter;
use watchfire_core::LevelTable;
use watchfire_filter::{self as filter, EventFilter};

use crate::{
    channels::KINDS,
    check::level_or_directives,
    diagnostics::{Finding, Findings},
    directives::{Directives, span_levels},
    level::Threshold,
    registry::Components,
    rules::{Rule, RuleBuilder, severities},
    setting::{Options, Setting, names},
    source_map::{Path, SourceMap},
};

/// The stack of one program, with nothing opened or started.
#[derive(Debug)]
pub(crate) struct ProgramPlan {
    pub(crate) app: Options,
    pub(crate) outbox: Options,
    /// The rules of redaction that the configuration adds.
    pub(crate) redaction: Options,
    /// Which spans are shown with events.
    pub(crate) span_levels: LevelTable,
    pub(crate) handlers: Vec<HandlerPlan>,
    pub(crate) loggers: Vec<LoggerPlan>,
    /// The numbers of loggers by target: a file may have very many.
    numbers: HashMap<String, usize>,
    /// The numbers of handlers by name, likewise.
    handler_numbers: HashMap<String, usize>,
    /// The directives on spans and fields of loggers, services and `RUST_LOG`.
    pub(crate) spans: Option<EventFilter>,
}

#[derive(Debug)]
pub(crate) struct HandlerPlan {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) level: HandlerLevel,
    pub(crate) rules: Vec<Rule>,
    pub(crate) options: Options,
}

/// Says which events a handler hears.
#[derive(Clone, Debug)]
pub(crate) enum HandlerLevel {
    From(Threshold),
    /// Directives or an exact set, as they were written.
    Filter(EventFilter, String),
}

#[derive(Clone, Debug)]
pub(crate) struct LoggerPlan {
    /// Its segments joined by `::`; the root's is empty.
    pub(crate) target: String,
    pub(crate) level: Option<Threshold>,
    /// Where its level comes from, if not from its own table.
    pub(crate) level_from: Option<&'static str>,
    /// Numbers of handlers in the plan, in order.
    pub(crate) handlers: Vec<usize>,
    pub(crate) propagate: bool,
    pub(crate) rules: Vec<Rule>,
}

/// A mask has 64 bits, and one is kept free.
pub(crate) const MOST_HANDLERS: usize = 63;

impl ProgramPlan {
    /// Plans the stack of `service`, or of the file itself.
    pub(crate) fn new(
        options: &Options,
        service: Option<&str>,
        rust_log: Option<&str>,
        components: &Components,
        source_map: &SourceMap,
        findings: &mut Findings,
    ) -> Self {
        let mut layered = Layered::new(options, service, source_map, findings);
        if let Some(text) = rust_log.filter(|text| !text.trim().is_empty()) {
            match Directives::parse(text) {
                Ok(directives) => layered.directives = Some(("RUST_LOG", directives)),
                Err(wrong) => findings.add(Finding::new("RUST_LOG", wrong.reason)),
            }
        }
        let mut rules = RuleBuilder::new(options, components, source_map);
        let mut plan = Self {
            app: layered.app,
            outbox: layered.outbox,
            redaction: layered.redaction,
            span_levels: layered.spans.and_then(|text| span_levels(&text).ok()).unwrap_or_default(),
            handlers: Vec::new(),
            loggers: Vec::new(),
            numbers: HashMap::new(),
            handler_numbers: HashMap::new(),
            spans: None,
        };
        // In the order of the file, whoever names them first.
        let tables =
            || layered.loggers.iter().filter_map(|(target, table)| Some((target, table.as_table()?)));
        let named: HashSet<_> = tables().flat_map(|(_, table)| table.texts("handlers")).collect();
        for name in names(options, "handlers").into_iter().filter(|name| named.contains(name)) {
            plan.handler(name, options, &mut rules, findings);
        }
        // Failover channels must exist, even if no logger names them.
        let mut next = 0;
        while let Some(handler) = plan.handlers.get(next) {
            let failover = handler.options.table("failover").map(|failover| failover.texts("to"));
            let to: Vec<_> = failover.unwrap_or_default().into_iter().map(str::to_owned).collect();
            for name in to {
                if !plan.handler_numbers.contains_key(&name) {
                    plan.handler(&name, options, &mut rules, findings);
                }
            }
            next += 1;
        }
        for (target, table) in tables() {
            plan.logger(target, table, (options, source_map), &mut rules, findings);
        }
        if let Some((from, directives)) = &layered.directives {
            plan.overlay("", directives, Some(from));
        }
        if let Some(root) = plan.loggers.iter_mut().find(|logger| logger.target.is_empty()) {
            root.level.get_or_insert(Threshold::From(watchfire_core::Severity::Warn));
        }
        plan
    }

    fn logger(
        &mut self,
        target: &str,
        table: &Options,
        (options, source_map): (&Options, &SourceMap),
        rules: &mut RuleBuilder<'_>,
        findings: &mut Findings,
    ) {
        let path = if target.is_empty() { Path::of(["root"]) } else { Path::of(["loggers", target]) };
        let normal = normalised(target);
        if normal.split("::").any(str::is_empty) && !target.is_empty() {
            findings.add(
                Finding::new(&path, "is not a valid target: a segment is empty").at(source_map.key(&path)),
            );
        }
        let mut handlers = Vec::new();
        for name in table.texts("handlers") {
            let known = self.handler_numbers.get(name).copied();
            let number = known.or_else(|| self.handler(name, options, rules, findings));
            handlers.extend(number);
        }
        let rules = rules.list(table.get("filters"), &path.child("filters"), findings);
        let level = table.get("level").and_then(|level| level_or_directives(level).ok()).unwrap_or_default();
        let propagate = table.get("propagate").and_then(Setting::as_bool).unwrap_or(true);
        let logger = self.logger_mut(&normal);
        (logger.handlers, logger.propagate, logger.rules) = (handlers, propagate, rules);
        self.overlay(&normal, &level, None);
        if self.handlers.len() > MOST_HANDLERS {
            let reason = format!("the stack has more than {MOST_HANDLERS} handlers");
            findings.add(
                Finding::new(path.child("handlers"), reason).at(source_map.value(&path.child("handlers"))),
            );
            self.handlers.truncate(MOST_HANDLERS);
            self.handler_numbers.retain(|_, number| *number < MOST_HANDLERS);
            self.loggers
                .iter_mut()
                .for_each(|logger| logger.handlers.retain(|number| *number < MOST_HANDLERS));
        }
    }

    fn handler(
        &mut self,
        name: &str,
        options: &Options,
        rules: &mut RuleBuilder<'_>,
        findings: &mut Findings,
    ) -> Option<usize> {
        let table = options.table("handlers")?.table(name)?;
        let kind = table.text("type")?;
        let path = Path::of(["handlers", name]);
        let level = handler_level(kind, table);
        self.handlers.push(HandlerPlan {
            name: name.to_owned(),
            kind: kind.to_owned(),
            level,
            rules: rules.list(table.get("filters"), &path.child("filters"), findings),
            options: table.clone(),
        });
        let number = self.handlers.len() - 1;
        self.handler_numbers.insert(name.to_owned(), number);
        Some(number)
    }

    /// Lays directives over the levels of the tree: the bare one is that of `at`.
    pub(crate) fn overlay(&mut self, at: &str, directives: &Directives, from: Option<&'static str>) {
        let at_level = directives.bare.map(|level| (at, level));
        let targets = directives.targets.iter().map(|(target, level)| (target.as_str(), *level));
        for (target, level) in at_level.into_iter().chain(targets) {
            let logger = self.logger_mut(&normalised(target));
            // NOTSET says nothing of its own below the root, as in Python.
            let inherits = level == Threshold::All && !target.is_empty() && directives.as_level().is_some();
            logger.level = (!inherits).then_some(level);
            logger.level_from = from;
        }
        if let Some(spans) = directives.span_filter() {
            self.spans = Some(match self.spans.take() {
                Some(known) => known.or(spans),
                None => spans,
            });
        }
    }

    pub(crate) fn logger_mut(&mut self, target: &str) -> &mut LoggerPlan {
        let at = match self.numbers.get(target) {
            Some(at) => *at,
            None => {
                self.numbers.insert(target.to_owned(), self.loggers.len());
                let target = target.to_owned();
                let (level, level_from, handlers, rules) = (None, None, Vec::new(), Vec::new());
                self.loggers.push(LoggerPlan { target, level, level_from, handlers, propagate: true, rules });
                self.loggers.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
        &mut self.loggers[at]
    }
}

/// Returns from which level on a type of handler hears events when nothing is said.
pub(crate) fn usual_level(kind: &str) -> Threshold {
    match kind {
        kind if KINDS.contains(&kind) => Threshold::From(watchfire_core::Severity::Error),
        _ => Threshold::All,
    }
}

fn handler_level(kind: &str, table: &Options) -> HandlerLevel {
    if table.get("levels").is_some() {
        let exactly = table.texts("levels").join(", ");
        return HandlerLevel::Filter(
            filter::levels(severities(table, "levels")),
            format!("exactly {exactly}"),
        );
    }
    let directives = table.get("level").and_then(|level| level_or_directives(level).ok());
    match directives {
        None => HandlerLevel::From(usual_level(kind)),
        Some(directives) => match (directives.as_level(), directives.filter()) {
            (Some(level), _) => HandlerLevel::From(level),
            (None, Ok(filter)) => {
                HandlerLevel::Filter(filter, table.text("level").unwrap_or_default().to_owned())
            }
            // Found before: a finding is never planned for.
            (None, Err(_)) => HandlerLevel::From(usual_level(kind)),
        },
    }
}

impl HandlerLevel {
    pub(crate) fn most_verbose(&self) -> LevelFilter {
        match self {
            Self::From(level) => level.most_verbose(),
            Self::Filter(filter, _) => filter.most_verbose(),
        }
    }
}

/// Writes a target with `::` between its segments: `a.b` is `a::b`.
pub(crate) fn normalised(target: &str) -> String {
    target.replace('.', "::")
}

/// Holds the tables of a file with those of one service laid over them.
struct Layered {
    app: Options,
    outbox: Options,
    redaction: Options,
    loggers: Options,
    spans: Option<String>,
    directives: Option<(&'static str, Directives)>,
}

impl Layered {
    fn new(
        options: &Options,
        service: Option<&str>,
        source_map: &SourceMap,
        findings: &mut Findings,
    ) -> Self {
        let table = |key: &str| options.table(key).cloned().unwrap_or_default();
        let mut loggers = table("loggers");
        let root = table("root");
        if let Some(named) = loggers.remove("").filter(|_| !root.is_empty()) {
            let both =
                named.as_table().into_iter().flat_map(Options::iter).find(|(key, _)| root.get(key).is_some());
            if let Some((key, _)) = both {
                let path = Path::of(["loggers", "", key]);
                let finding = Finding::new(&path, format!("the root's `{key}` stands in `root` as well"));
                findings.add(finding.at(source_map.value(&path)));
            }
        }
        let (mut app, outbox, spans) =
            (table("app"), table("outbox"), options.text("spans").map(str::to_owned));
        for key in ["links", "facts"] {
            app.set(key, table(key));
        }
        let redaction = table("redaction");
        let mut layered = Self { app, outbox, redaction, loggers: Options::new(), spans, directives: None };
        layered.loggers.set("", Options::new());
        layered.loggers.overlay(&table("loggers"));
        layered.loggers.overlay(&Options::new().with("", root));
        for name in chain(options, service, source_map, findings).iter().rev() {
            let Some(over) = options.table("services").and_then(|services| services.table(name)) else {
                continue;
            };
            layered.lay(over);
        }
        layered
    }

    fn lay(&mut self, service: &Options) {
        let empty = Options::new();
        self.app.overlay(service.table("app").unwrap_or(&empty));
        self.outbox.overlay(service.table("outbox").unwrap_or(&empty));
        self.redaction.overlay(service.table("redaction").unwrap_or(&empty));
        self.loggers.overlay(service.table("loggers").unwrap_or(&empty));
        self.loggers.edit("", |root| {
            for key in ["level", "handlers"] {
                if let Some(value) = service.get(key) {
                    root.set(key, value.clone());
                }
            }
        });
        if let Some(spans) = service.text("spans") {
            self.spans = Some(spans.to_owned());
        }
        if let Some(directives) = service.text("directives").and_then(|text| Directives::parse(text).ok()) {
            self.directives = Some(("the service's directives", directives));
        }
    }
}

/// Returns a service and those it extends, itself first.
fn chain<'a>(
    options: &'a Options,
    service: Option<&'a str>,
    source_map: &SourceMap,
    findings: &mut Findings,
) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut next = service;
    while let Some(name) = next {
        if names.contains(&name) {
            let path = Path::of(["services", name, "extends"]);
            findings.add(Finding::new(&path, "extends itself in the end").at(source_map.value(&path)));
            break;
        }
        names.push(name);
        next = options.table("services").and_then(|services| services.table(name)?.text("extends"));
    }
    names
}
