//! Explain which handlers receive an event, and which rule decides.

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use watchfire_core::{EventView, Null, Severity};

use crate::{
    directives::without_field_values,
    level::Threshold,
    plan::{HandlerLevel, LoggerPlan, ProgramPlan, normalised},
    probe,
    rules::{self, Act, Rule},
    table::{HandlerEntry, Table, covers},
};

/// The event that is asked about, and the program that it happens in.
#[derive(Clone, Debug)]
#[must_use]
pub struct Question {
    target: String,
    severity: Severity,
    fields: Vec<(String, String)>,
    pub(crate) service: Option<String>,
    pub(crate) rust_log: Option<String>,
}

/// Says who hears an event, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The target that was asked about.
    pub target: String,
    /// The severity that was asked about.
    pub severity: Severity,
    /// The logger that decides: the deepest that covers the target; the root's name is empty.
    pub logger: String,
    /// Its effective level, and the logger that has it.
    pub level: String,
    /// Each handler of the stack, with its answer.
    pub answers: Vec<HandlerAnswer>,
    /// The tree of loggers.
    pub tree: Vec<Branch>,
}

/// The answer for one handler.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerAnswer {
    /// The handler's name.
    pub handler: String,
    /// Its type.
    pub kind: String,
    /// Whether it hears the event.
    pub hears: bool,
    /// The rule that decides.
    pub because: String,
}

/// One logger of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Branch {
    /// The logger's target; the root's is empty.
    pub target: String,
    /// How deep it stands: the root 0.
    pub depth: usize,
    /// Its own level, if it has one.
    pub level: Option<String>,
    /// The level in force, and the logger that it is of.
    pub effective: String,
    /// Whether the handlers above hear its events as well.
    pub propagate: bool,
    /// Its own handlers.
    pub handlers: Vec<String>,
    /// Its own filters.
    pub filters: Vec<String>,
}

impl Question {
    /// Asks about an event of this target and severity, with no fields, in the file's own stack.
    pub fn new(target: impl Into<String>, severity: impl Into<Severity>) -> Self {
        Self {
            target: target.into(),
            severity: severity.into(),
            fields: Vec::new(),
            service: None,
            rust_log: None,
        }
    }

    /// Adds a field; of more than 14 only the first count.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Asks about the stack of this service.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Asks with `RUST_LOG` set so.
    pub fn rust_log(mut self, directives: impl Into<String>) -> Self {
        self.rust_log = Some(directives.into());
        self
    }
}

/// Answers by the same table that routes events.
pub(crate) fn explain(plan: ProgramPlan, question: &Question) -> Explanation {
    let kinds: Vec<_> = plan.handlers.iter().map(|handler| handler.kind.clone()).collect();
    let entries: Vec<_> = plan
        .handlers
        .into_iter()
        .map(|handler| HandlerEntry {
            name: handler.name,
            level: handler.level,
            rules: handler.rules,
            handler: Arc::new(Null),
            is_channel: false,
        })
        .collect();
    let table = Arc::new(Table::new(entries, &plan.loggers, plan.spans));
    let (logger, level) = table.route(&question.target).map_or_else(Default::default, |(_, route)| {
        (route.target.clone(), in_force(route.level, &route.level_of, &route.target))
    });
    let answers = Arc::new(Mutex::new(Vec::new()));
    let (gathered, asked, loggers) = (Arc::clone(&answers), Arc::clone(&table), plan.loggers.clone());
    probe::with_event(&question.target, question.severity, &question.fields, move |event| {
        *gathered.lock().unwrap_or_else(PoisonError::into_inner) = ask(&asked, &loggers, event);
    });
    let answers = std::mem::take(&mut *answers.lock().unwrap_or_else(PoisonError::into_inner));
    let answers = answers.into_iter().zip(&table.entries).zip(kinds);
    Explanation {
        target: question.target.clone(),
        severity: question.severity,
        logger,
        level,
        answers: answers
            .map(|(((hears, because), entry), kind)| HandlerAnswer {
                handler: entry.name.clone(),
                kind,
                hears,
                because,
            })
            .collect(),
        tree: tree(&table, &plan.loggers),
    }
}

/// Asks each handler in turn, and returns the answers in the order of the table's entries.
fn ask(table: &Table, loggers: &[LoggerPlan], event: &EventView<'_>) -> Vec<(bool, String)> {
    let all = |because: String| vec![(false, because); table.entries.len()];
    let Some((_, route)) = table.route(event.target()) else { return all("there is no root".to_owned()) };
    let named = logger_name(&route.target);
    if !table.is_heard(route, event) {
        return all(format!("{named} hears {}", in_force(route.level, &route.level_of, &route.target)));
    }
    let notes = Notes::default();
    let mut asked = RouteQuery { table, loggers, notes: &notes, answers: vec![None; table.entries.len()] };
    let mut kept_back = None;
    let rules = table.rules_at(route, event.target());
    rules::through(rules, event, &|rule| notes.add(rule), &mut |view, judged| match judged.kept_by {
        Some(rule) => kept_back = Some(format!("the filter `{}` of {named} keeps it back", rule.name)),
        None => asked.go_on(&route.order, view),
    });
    if let Some(because) = kept_back {
        return all(because);
    }
    let absent = |number: usize| (false, not_reached(number, loggers, event.target()));
    let answers = asked.answers.into_iter().enumerate();
    answers.map(|(number, answer)| answer.unwrap_or_else(|| absent(number))).collect()
}

/// Asks the handlers of a route one after the other, as the table hands an event on.
struct RouteQuery<'a> {
    table: &'a Table,
    loggers: &'a [LoggerPlan],
    notes: &'a Notes,
    answers: Vec<Option<(bool, String)>>,
}

impl RouteQuery<'_> {
    fn go_on(&mut self, order: &[usize], view: &EventView<'_>) {
        let Some((number, rest)) = order.split_first() else { return };
        let Some(entry) = self.table.entries.get(*number) else { return self.go_on(rest, view) };
        if !entry.level.admits(view) {
            self.answer(*number, (false, format!("it hears {}{}", hears(&entry.level), self.notes.text())));
            return self.go_on(rest, view);
        }
        rules::through(&entry.rules, view, &|rule| self.notes.add(rule), &mut |view, judged| {
            let answer = match judged.kept_by {
                Some(rule) => {
                    (false, format!("its filter `{}` keeps it back{}", rule.name, self.notes.text()))
                }
                None => {
                    let of = self.loggers.iter().filter(|logger| {
                        logger.handlers.contains(number) && covers(&logger.target, view.target())
                    });
                    let of = of.max_by_key(|logger| logger.target.len());
                    let of = of.map_or_else(String::new, |logger| logger_name(&logger.target));
                    let text = self.notes.text();
                    (true, format!("{of} names it, and it hears {}{text}", hears(&entry.level)))
                }
            };
            self.answer(*number, answer);
            self.go_on(rest, view);
        });
    }

    fn answer(&mut self, number: usize, answer: (bool, String)) {
        if let Some(place) = self.answers.get_mut(number) {
            *place = Some(answer);
        }
    }
}

/// Holds what rewrites have made of the event so far.
#[derive(Default)]
struct Notes(RefCell<Vec<String>>);

impl Notes {
    fn add(&self, rule: &Rule) {
        if let Act::Rewrite { about, .. } = &rule.act {
            self.0.borrow_mut().push(format!("; `{}` rewrites it: {about}", rule.name));
        }
    }

    fn text(&self) -> String {
        self.0.borrow().concat()
    }
}

/// Says why the walk up the tree does not come to a handler.
fn not_reached(number: usize, loggers: &[LoggerPlan], target: &str) -> String {
    let mut above: Vec<_> = loggers.iter().filter(|logger| covers(&logger.target, target)).collect();
    above.sort_by_key(|logger| std::cmp::Reverse(logger.target.len()));
    let mut stopped_at = None;
    for logger in above {
        if logger.handlers.contains(&number)
            && let Some(stopped_at) = stopped_at
        {
            let of = logger_name(&logger.target);
            return format!("{of} names it, but `propagate = false` at {stopped_at} ends the way up");
        }
        if !logger.propagate && stopped_at.is_none() {
            stopped_at = Some(logger_name(&logger.target));
        }
    }
    "no logger at or above the target names it".to_owned()
}

fn tree(table: &Table, loggers: &[LoggerPlan]) -> Vec<Branch> {
    let mut branches: Vec<_> = loggers
        .iter()
        .map(|logger| {
            let route = table.routes.iter().find(|route| route.target == logger.target);
            let depth = loggers
                .iter()
                .filter(|above| above.target != logger.target && covers(&above.target, &logger.target));
            Branch {
                target: logger.target.clone(),
                depth: depth.count(),
                level: logger.level.map(|level| match logger.level_from {
                    Some(from) => format!("{level} by {from}"),
                    None => level.to_string(),
                }),
                effective: route
                    .map_or_else(String::new, |route| in_force(route.level, &route.level_of, &route.target)),
                propagate: logger.propagate,
                handlers: logger
                    .handlers
                    .iter()
                    .filter_map(|number| Some(table.entries.get(*number)?.name.clone()))
                    .collect(),
                filters: logger.rules.iter().map(|rule| rule.name.clone()).collect(),
            }
        })
        .collect();
    branches.sort_by_key(|branch| normalised(&branch.target));
    branches
}

fn hears(level: &HandlerLevel) -> String {
    match level {
        HandlerLevel::From(level) => and_up(*level),
        HandlerLevel::Filter(_, text) => without_field_values(text),
    }
}

fn and_up(level: Threshold) -> String {
    match level {
        Threshold::All => "everything".to_owned(),
        Threshold::From(Severity::Critical) => "CRITICAL".to_owned(),
        Threshold::From(severity) => format!("{severity} and up"),
        Threshold::Off => "nothing".to_owned(),
    }
}

fn in_force(level: Threshold, of: &str, at: &str) -> String {
    let whose = if of == at { String::new() } else { format!(", the level of {}", logger_name(of)) };
    format!("{}{whose}", and_up(level))
}

fn logger_name(target: &str) -> String {
    if target.is_empty() { "the root".to_owned() } else { format!("the logger `{target}`") }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} at {}: {} hears {}",
            self.severity,
            self.target,
            logger_name(&self.logger),
            self.level
        )?;
        let width = self.answers.iter().map(|answer| answer.handler.chars().count()).max().unwrap_or(0);
        for answer in &self.answers {
            let word = if answer.hears { "yes" } else { "no " };
            writeln!(f, "  {word}  {:<width$}  {}", answer.handler, answer.because)?;
        }
        writeln!(f, "\nthe tree")?;
        for branch in &self.tree {
            let indent = "  ".repeat(branch.depth + 1);
            let name = if branch.target.is_empty() { "root" } else { &branch.target };
            write!(f, "{indent}{name}  ")?;
            match &branch.level {
                Some(level) => write!(f, "level {level}")?,
                None => write!(f, "inherits {}", branch.effective)?,
            }
            if !branch.handlers.is_empty() {
                write!(f, ", handlers {}", branch.handlers.join(", "))?;
            }
            if !branch.filters.is_empty() {
                write!(f, ", filters {}", branch.filters.join(", "))?;
            }
            writeln!(f, "{}", if branch.propagate { "" } else { ", does not propagate" })?;
        }
        Ok(())
    }
}
