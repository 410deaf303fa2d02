//! Make filters and rewrites of their tables.

use std::collections::HashMap;

use tracing_core::Metadata;
use watchfire_core::{ConfigError, EventView, Rewrite, Severity};
use watchfire_filter::{self as filter, EventFilter, Verdict};

use crate::{
    directives::Directives,
    level::Threshold,
    mistake::{Findings, Mistake},
    parts::Parts,
    place::{Path, Places},
    setting::{Options, Setting},
};

mod rewrite;

/// Is one step of a list of filters.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// How the configuration calls it.
    pub(crate) name: String,
    pub(crate) act: Act,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Keep(EventFilter),
    /// Shows events otherwise, to everyone after it.
    Rewrite {
        when: Option<EventFilter>,
        to: Rewrite,
    },
}

impl Rule {
    pub(crate) fn is_rewrite(&self) -> bool {
        matches!(self.act, Act::Rewrite { .. })
    }

    /// Tells whether events may get another severity by it.
    pub(crate) fn gives_severity(&self) -> bool {
        matches!(&self.act, Act::Rewrite { to, .. } if to.severity_given().is_some())
    }
}

/// Applies rules in order, and hands the event as it then is to `then`, with the rule that has kept it back, if one has.
///
/// What a rewrite changes lies on the stack, so the rest happens within. `note` hears of each that is applied.
pub(crate) fn through(
    rules: &[Rule],
    event: &EventView<'_>,
    note: &dyn Fn(&Rule),
    then: &mut dyn FnMut(&EventView<'_>, Option<&Rule>),
) {
    let mut rest = rules;
    while let Some((rule, after)) = rest.split_first() {
        rest = after;
        match &rule.act {
            Act::Keep(filter) => {
                if !filter.passes(event) {
                    return then(event, Some(rule));
                }
            }
            Act::Rewrite { when, to } => {
                if when.as_ref().is_none_or(|when| when.passes(event)) {
                    note(rule);
                    return event.rewritten(to, |event| through(rest, event, note, then));
                }
            }
        }
    }
    then(event, None);
}

/// Applies rules in order, and hands an event that passes them to `then`.
pub(crate) fn apply(rules: &[Rule], event: &EventView<'_>, then: &mut dyn FnMut(&EventView<'_>)) {
    through(rules, event, &|_| {}, &mut |event, kept_by| {
        if kept_by.is_none() {
            then(event);
        }
    });
}

/// Follows which severities an event of one callsite may have, through rules that rewrite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    severities: [bool; 6],
    pub(crate) is_rewritten: bool,
}

const ALL: [Severity; 6] =
    [Severity::Trace, Severity::Debug, Severity::Info, Severity::Warn, Severity::Error, Severity::Critical];

impl Reach {
    pub(crate) fn of(metadata: &Metadata<'_>) -> Self {
        let own = Severity::from(*metadata.level());
        let may_be_critical = own == Severity::Error && metadata.fields().field("severity").is_some();
        let severities =
            ALL.map(|severity| severity == own || (may_be_critical && severity == Severity::Critical));
        Self { severities, is_rewritten: false }
    }

    /// Judges rules by what is known of the callsite, and takes in what they may make of its events.
    pub(crate) fn through(&mut self, rules: &[Rule], metadata: &Metadata<'_>) -> Verdict {
        let mut verdict = Verdict::Always;
        for rule in rules {
            match &rule.act {
                Act::Keep(filter) => match filter.verdict(metadata) {
                    // After a rewrite its answer is about another level.
                    _ if self.is_rewritten => verdict = Verdict::PerEvent,
                    Verdict::Always => {}
                    Verdict::PerEvent => verdict = Verdict::PerEvent,
                    Verdict::Never => return Verdict::Never,
                },
                Act::Rewrite { when, to } => {
                    // Other fields make no other verdict: of fields none is known before the event.
                    let Some(to) = to.severity_given() else { continue };
                    let applies = match when {
                        Some(_) if self.is_rewritten => Verdict::PerEvent,
                        Some(when) => when.verdict(metadata),
                        None => Verdict::Always,
                    };
                    if applies == Verdict::Never {
                        continue;
                    }
                    for (known, reached) in ALL.iter().zip(&mut self.severities) {
                        *reached = *known == to || (*reached && applies == Verdict::PerEvent);
                    }
                    self.is_rewritten = true;
                }
            }
        }
        verdict
    }

    /// Takes in what `other` may be as well.
    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.severities.iter_mut().zip(other.severities) {
            *mine |= theirs;
        }
        self.is_rewritten |= other.is_rewritten;
    }

    /// Judges a level by the severities that events may have.
    pub(crate) fn against(&self, level: Threshold) -> Verdict {
        let reached = || {
            ALL.iter().zip(&self.severities).filter(|(_, reached)| **reached).map(|(severity, _)| *severity)
        };
        match (
            reached().all(|severity| level.admits(severity)),
            reached().any(|severity| level.admits(severity)),
        ) {
            (true, _) => Verdict::Always,
            (false, true) => Verdict::PerEvent,
            (false, false) => Verdict::Never,
        }
    }
}

/// Makes rules; a filter that is named twice is made once, so that what it counts is shared.
pub(crate) struct Rules<'a> {
    defined: Option<&'a Options>,
    parts: &'a Parts,
    places: &'a Places,
    made: HashMap<String, Option<Rule>>,
}

impl<'a> Rules<'a> {
    pub(crate) fn new(options: &'a Options, parts: &'a Parts, places: &'a Places) -> Self {
        Self { defined: options.table("filters"), parts, places, made: HashMap::new() }
    }

    /// Makes the rules of a list; what cannot be made is a mistake.
    pub(crate) fn list(
        &mut self,
        value: Option<&Setting>,
        path: &Path,
        findings: &mut Findings,
    ) -> Vec<Rule> {
        match value {
            None => Vec::new(),
            Some(Setting::List(list)) => {
                let make = |(i, value): (usize, &Setting)| self.rule(value, &path.child(i), findings);
                list.iter().enumerate().filter_map(make).collect()
            }
            Some(one) => self.rule(one, path, findings).into_iter().collect(),
        }
    }

    fn rule(&mut self, value: &Setting, path: &Path, findings: &mut Findings) -> Option<Rule> {
        match value {
            Setting::Text(name) => self.named(name, path, findings),
            Setting::Table(table) => self.make(&path.to_string(), table, path, findings),
            _ => None,
        }
    }

    fn named(&mut self, name: &str, path: &Path, findings: &mut Findings) -> Option<Rule> {
        if let Some(made) = self.made.get(name) {
            return made.clone();
        }
        let rule = match self.defined.and_then(|defined| defined.table(name)) {
            Some(table) => {
                let path = Path::of(["filters", name]);
                // While it is made it is not there: one that names itself finds nothing, and that is its mistake.
                self.made.insert(name.to_owned(), None);
                self.make(name, table, &path, findings)
            }
            None => {
                let bare = Options::new().with("type", name);
                self.make(name, &bare, path, findings)
            }
        };
        self.made.insert(name.to_owned(), rule.clone());
        rule
    }

    fn make(&mut self, name: &str, table: &Options, path: &Path, findings: &mut Findings) -> Option<Rule> {
        let kind = table.text("type")?;
        if kind == "rewrite" {
            let to = match rewrite::rewrite(table) {
                Ok(to) => to,
                Err((key, reason)) => {
                    let (path, place) = match key {
                        "" => (path.clone(), self.places.key(path)),
                        key => (path.child(key), self.places.value(&path.child(key))),
                    };
                    findings.add(Mistake::new(&path, reason).at(place));
                    return None;
                }
            };
            let when = table.get("when").map(|when| self.filter(when, &path.child("when"), findings));
            let when = match when {
                Some(made) => Some(made?),
                None => None,
            };
            let from = table.get("from").map(|_| filter::levels(severities(table, "from")));
            let when = match (when, from) {
                (Some(when), Some(from)) => Some(from.and(when)),
                (one, other) => one.or(other),
            };
            return Some(Rule { name: name.to_owned(), act: Act::Rewrite { when, to } });
        }
        let made = match kind {
            "all" | "any" => {
                let path = path.child("filters");
                let list: Vec<_> = match table.get("filters")? {
                    Setting::List(list) => {
                        list.iter().enumerate().map(|(i, one)| (one, path.child(i))).collect()
                    }
                    one => vec![(one, path.clone())],
                };
                let mut filters = Vec::new();
                for (one, path) in list {
                    filters.push(self.filter(one, &path, findings)?);
                }
                let join = if kind == "all" { EventFilter::and } else { EventFilter::or };
                let joined = filters.into_iter().reduce(join);
                Ok(joined.unwrap_or_else(|| filter::callback(move |_| true)))
            }
            "not" => Ok(self.filter(table.get("filter")?, &path.child("filter"), findings)?.not()),
            _ => self.plain(kind, table)?,
        };
        match made {
            Ok(filter) => Some(Rule { name: name.to_owned(), act: Act::Keep(filter) }),
            Err(error) => {
                // The last word of the field is the key here, where there is such a key.
                let key = error.field().rsplit('.').next().filter(|key| table.get(key).is_some());
                let path = match (key, table.get("matches")) {
                    (Some(key), _) => path.child(key),
                    (None, Some(_)) => path.child("matches"),
                    (None, None) => path.clone(),
                };
                findings.add(Mistake::new(&path, error.reason()).at(self.places.value(&path)));
                None
            }
        }
    }

    /// Makes a filter that looks at nothing but events.
    fn plain(&self, kind: &str, table: &Options) -> Option<Result<EventFilter, ConfigError>> {
        let level = |key: &str| Threshold::parse(table.get(key)?).ok();
        let made = match kind {
            "require_debug_true" => filter::require_debug_true(),
            "require_debug_false" => filter::require_debug_false(),
            "level" => at_level(level("level")?),
            "levels" => filter::levels(severities(table, "levels")),
            "range" => {
                let least = match level("least")? {
                    Threshold::All => Severity::Trace,
                    Threshold::From(severity) => severity,
                    Threshold::Off => return Some(Ok(filter::levels::<Severity>([]))),
                };
                match level("most")? {
                    Threshold::From(most) => filter::level_range(least, most),
                    Threshold::All => filter::level_range(least, Severity::Trace),
                    Threshold::Off => filter::level_range(least, Severity::Critical),
                }
            }
            "directives" => {
                let made =
                    Directives::parse(table.text("directives")?).and_then(|directives| directives.filter());
                return Some(made.map_err(|wrong| ConfigError::new("directives", wrong.reason)));
            }
            "ignore" => {
                let made = filter::ignore(table.texts("targets"));
                return Some(made.map_err(|errors| ConfigError::new("targets", errors.to_string())));
            }
            "field" => return Some(field(table)),
            "sample" => {
                let every = table.get("every").and_then(Setting::as_integer)?;
                filter::sample(u64::try_from(every).unwrap_or(1)).filter()
            }
            own => {
                return Some(
                    self.parts.make_filter(own, table).unwrap_or_else(|| Ok(filter::callback(|_| true))),
                );
            }
        };
        Some(Ok(made))
    }

    fn filter(&mut self, value: &Setting, path: &Path, findings: &mut Findings) -> Option<EventFilter> {
        let is_unfinished =
            value.as_text().is_some_and(|name| self.made.get(name).is_some_and(Option::is_none));
        let before = findings.list.len();
        match self.rule(value, path, findings).map(|rule| rule.act) {
            Some(Act::Keep(filter)) => Some(filter),
            Some(Act::Rewrite { .. }) => {
                let reason =
                    "a rewrite lets everything pass; it stands in a list of filters, and in no other filter";
                findings.add(Mistake::new(path, reason).at(self.places.value(path)));
                None
            }
            None => {
                if is_unfinished && findings.list.len() == before {
                    findings.add(Mistake::new(path, "names itself in the end").at(self.places.value(path)));
                }
                None
            }
        }
    }
}

/// Makes the filter of one level.
pub(crate) fn at_level(level: Threshold) -> EventFilter {
    match level {
        Threshold::All => filter::level(tracing_core::LevelFilter::TRACE),
        Threshold::From(severity) => filter::level_range(severity, Severity::Critical),
        Threshold::Off => filter::levels::<Severity>([]),
    }
}

/// Reads a list of levels.
pub(crate) fn severities(table: &Options, key: &str) -> Vec<Severity> {
    let named = |name: &&str| match Threshold::named(name) {
        Ok(Threshold::From(severity)) => Some(severity),
        _ => None,
    };
    table.texts(key).iter().filter_map(named).collect()
}

fn field(table: &Options) -> Result<EventFilter, ConfigError> {
    let field = || filter::field(table.text("field").unwrap_or_default());
    let tests = ["equals", "matches", "present"].iter().filter(|key| table.get(key).is_some()).count();
    if tests != 1 {
        let reason = "expected one of `equals`, `matches` and `present`";
        return Err(ConfigError::new("field", reason));
    }
    if let Some(text) = table.text("equals") {
        return Ok(field().equals(text));
    }
    if let Some(pattern) = table.text("matches") {
        return field().matches(pattern);
    }
    let is_wanted = table.get("present").and_then(Setting::as_bool).unwrap_or(true);
    Ok(if is_wanted { field().present() } else { field().present().not() })
}
