//! Make filters and rewrites of their tables.

use std::{collections::HashMap, sync::Arc};

use watchfire_core::{ConfigError, EventView, Rewrite, Severity};
use watchfire_filter::{self as filter, EventFilter};

use crate::{
    diagnostics::{Finding, Findings},
    directives::Directives,
    keys::Section,
    level::Threshold,
    quote::without_values,
    registry::Components,
    setting::{Options, Setting},
    source_map::{Path, SourceMap},
};

mod reach;
mod rewrite;

pub(crate) use reach::Reach;

/// One step of a list of filters.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// How the configuration calls it.
    pub(crate) name: String,
    pub(crate) act: Act,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Keep(EventFilter),
    /// Rewrites events for the handlers after it.
    Rewrite {
        when: Option<EventFilter>,
        to: Rewrite,
        /// The names of the fields that it changes, without values.
        about: String,
    },
    /// Keeps most back, and has those that pass say how many these were.
    Sample(Arc<Sampled>),
}

/// A sample with what an event says of it: the first, and all others.
#[derive(Debug)]
pub(crate) struct Sampled {
    sample: filter::Sample,
    first: Rewrite,
    later: Rewrite,
}

impl Sampled {
    fn new(every: u64) -> Self {
        // In the first as well: another field would make it another group.
        let says = |held_back: u64| Rewrite::new().set("held_back", held_back);
        Self { sample: filter::sample(every), first: says(0), later: says(every.saturating_sub(1)) }
    }

    fn pass(&self) -> Option<&Rewrite> {
        self.sample.pass().map(|held_back| if held_back == 0 { &self.first } else { &self.later })
    }
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

/// The state of an event after the rules of a list.
#[derive(Clone, Copy, Default)]
pub(crate) struct Judged<'a> {
    /// The rule that has kept it back.
    pub(crate) kept_by: Option<&'a Rule>,
    /// The answer of a sample, for the handlers of the list only.
    pub(crate) said: Option<&'a Rewrite>,
}

impl Judged<'_> {
    /// Hands an event to those whom the list is of, if no rule has kept it back.
    pub(crate) fn hand(&self, event: &EventView<'_>, to: &mut dyn FnMut(&EventView<'_>)) {
        match (self.kept_by, self.said) {
            (None, Some(said)) => event.rewritten(said, |event| to(event)),
            (None, None) => to(event),
            (Some(_), _) => {}
        }
    }
}

/// Applies rules in order, and hands the event as it then is to `then`, with what they have made of it.
///
/// The changed fields are on the stack, so the rest runs inside. `note` receives each rewrite that is applied.
pub(crate) fn through(
    rules: &[Rule],
    event: &EventView<'_>,
    note: &dyn Fn(&Rule),
    then: &mut dyn FnMut(&EventView<'_>, Judged<'_>),
) {
    go_through(rules, Judged::default(), event, note, then);
}

fn go_through<'a>(
    rules: &'a [Rule],
    mut judged: Judged<'a>,
    event: &EventView<'_>,
    note: &dyn Fn(&Rule),
    then: &mut dyn FnMut(&EventView<'_>, Judged<'_>),
) {
    let mut rest = rules;
    while let Some((rule, after)) = rest.split_first() {
        rest = after;
        match &rule.act {
            Act::Keep(filter) => {
                if !filter.passes(event) {
                    return then(event, Judged { kept_by: Some(rule), ..judged });
                }
            }
            Act::Sample(sampled) => match sampled.pass() {
                Some(said) => judged.said = Some(said),
                None => return then(event, Judged { kept_by: Some(rule), ..judged }),
            },
            Act::Rewrite { when, to, .. } => {
                if when.as_ref().is_none_or(|when| when.passes(event)) {
                    note(rule);
                    return event.rewritten(to, |event| go_through(rest, judged, event, note, then));
                }
            }
        }
    }
    then(event, judged);
}

/// Applies rules in order, and hands an event that passes them to `then`.
pub(crate) fn apply(rules: &[Rule], event: &EventView<'_>, then: &mut dyn FnMut(&EventView<'_>)) {
    through(rules, event, &|_| {}, &mut |event, judged| judged.hand(event, then));
}

/// Makes rules. A filter that is named twice is made once; one that counts, for each that names it: two that shared a
/// sample of every second event would have it pass always to the one and never to the other.
pub(crate) struct RuleBuilder<'a> {
    defined: Option<&'a Options>,
    components: &'a Components,
    source_map: &'a SourceMap,
    made: HashMap<String, Option<Rule>>,
    /// How many samples were made.
    samples: usize,
    /// How many filters are being made, each for the one before.
    depth: usize,
}

/// How deep filters may name each other, and how many a list may have: they are asked one within the other.
const DEEPEST: usize = 32;
const LONGEST: usize = 256;

impl<'a> RuleBuilder<'a> {
    pub(crate) fn new(options: &'a Options, components: &'a Components, source_map: &'a SourceMap) -> Self {
        let defined = options.table("filters");
        Self { defined, components, source_map, made: HashMap::new(), samples: 0, depth: 0 }
    }

    /// Makes the rules of a list; a rule that cannot be made is an error.
    pub(crate) fn list(
        &mut self,
        value: Option<&Setting>,
        path: &Path,
        findings: &mut Findings,
    ) -> Vec<Rule> {
        match value {
            None => Vec::new(),
            Some(Setting::List(list)) => {
                if self.is_too_long(list, path, findings) {
                    return Vec::new();
                }
                let make = |(i, value): (usize, &Setting)| self.rule(value, &path.child(i), findings);
                list.iter().enumerate().filter_map(make).collect()
            }
            Some(one) => self.rule(one, path, findings).into_iter().collect(),
        }
    }

    fn is_too_long(&self, list: &[Setting], path: &Path, findings: &mut Findings) -> bool {
        let is_too_long = list.len() > LONGEST;
        if is_too_long {
            let finding = Finding::new(path, format!("has more than {LONGEST} filters"));
            findings.add(finding.at(self.source_map.value(path)));
        }
        is_too_long
    }

    fn rule(&mut self, value: &Setting, path: &Path, findings: &mut Findings) -> Option<Rule> {
        if self.depth == DEEPEST {
            let finding = Finding::new(path, format!("is nested deeper than {DEEPEST} filters"));
            findings.add(finding.at(self.source_map.value(path)));
            return None;
        }
        self.depth += 1;
        let rule = match value {
            Setting::Text(name) => self.named(name, path, findings),
            Setting::Table(table) => self.make(&path.to_string(), table, path, findings),
            _ => None,
        };
        self.depth -= 1;
        rule
    }

    fn named(&mut self, name: &str, path: &Path, findings: &mut Findings) -> Option<Rule> {
        if let Some(made) = self.made.get(name) {
            return made.clone();
        }
        let samples = self.samples;
        let rule = match self.defined.and_then(|defined| defined.table(name)) {
            Some(table) => {
                let path = Path::of(["filters", name]);
                // While it is made it is not there: one that names itself finds nothing, and that is its error.
                self.made.insert(name.to_owned(), None);
                self.make(name, table, &path, findings)
            }
            None => {
                let bare = Options::new().with("type", name);
                self.make(name, &bare, path, findings)
            }
        };
        if rule.is_some() && self.samples > samples {
            self.made.remove(name);
        } else {
            self.made.insert(name.to_owned(), rule.clone());
        }
        rule
    }

    fn make(&mut self, name: &str, table: &Options, path: &Path, findings: &mut Findings) -> Option<Rule> {
        let kind = table.text("type")?;
        if kind == "rewrite" {
            let to = match rewrite::rewrite(table) {
                Ok(to) => to,
                Err((key, reason)) => {
                    let (path, place) = match key {
                        "" => (path.clone(), self.source_map.key(path)),
                        key => (path.child(key), self.source_map.value(&path.child(key))),
                    };
                    findings.add(Finding::new(&path, reason).at(place));
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
            let about = rewrite::describe(table);
            return Some(Rule { name: name.to_owned(), act: Act::Rewrite { when, to, about } });
        }
        if kind == "sample" {
            let every = table.get("every").and_then(Setting::as_integer)?;
            self.samples += 1;
            let sampled = Sampled::new(u64::try_from(every).unwrap_or(1));
            return Some(Rule { name: name.to_owned(), act: Act::Sample(Arc::new(sampled)) });
        }
        let made = match kind {
            "all" | "any" => {
                let path = path.child("filters");
                let list: Vec<_> = match table.get("filters")? {
                    Setting::List(list) if self.is_too_long(list, &path, findings) => return None,
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
                let reason = without_values(error.reason(), Section::Filters, table);
                findings.add(Finding::new(&path, reason).at(self.source_map.value(&path)));
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
                // A target that is none was found before.
                return filter::ignore(table.texts("targets")).ok().map(Ok);
            }
            "field" => return Some(field(table)),
            own => {
                return Some(
                    self.components.make_filter(own, table).unwrap_or_else(|| Ok(filter::callback(|_| true))),
                );
            }
        };
        Some(Ok(made))
    }

    fn filter(&mut self, value: &Setting, path: &Path, findings: &mut Findings) -> Option<EventFilter> {
        let is_unfinished =
            value.as_text().is_some_and(|name| self.made.get(name).is_some_and(Option::is_none));
        let before = findings.count();
        match self.rule(value, path, findings).map(|rule| rule.act) {
            Some(Act::Keep(filter)) => Some(filter),
            Some(Act::Sample(sampled)) => Some(sampled.sample.filter()),
            Some(Act::Rewrite { .. }) => {
                let reason =
                    "a rewrite lets everything pass; it stands in a list of filters, and in no other filter";
                findings.add(Finding::new(path, reason).at(self.source_map.value(path)));
                None
            }
            None => {
                if is_unfinished && findings.count() == before {
                    findings
                        .add(Finding::new(path, "names itself in the end").at(self.source_map.value(path)));
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

/// Widens a bound of the file; above 2^53 it is as near as a floating-point number gets.
#[expect(clippy::cast_precision_loss, reason = "no bound of use is that large")]
fn precise(bound: i64) -> f64 {
    bound as f64
}

fn field(table: &Options) -> Result<EventFilter, ConfigError> {
    let field = || filter::field(table.text("field").unwrap_or_default());
    let has = |key: &&&str| table.get(key).is_some();
    let bounds = ["at_least", "at_most"].iter().filter(has).count();
    let tests = ["equals", "matches", "present"].iter().filter(has).count() + bounds.min(1);
    if tests != 1 {
        let reason =
            "expected one of `equals`, `matches`, `present`, and `at_least` with or without `at_most`";
        return Err(ConfigError::new("field", reason));
    }
    if let Some(text) = table.text("equals") {
        return Ok(field().equals(text));
    }
    if let Some(pattern) = table.text("matches") {
        return field().matches(pattern);
    }
    if bounds > 0 {
        let bound = |key: &str| table.get(key).and_then(Setting::as_integer).map(precise);
        let least = bound("at_least").map(|least| field().at_least(least));
        let most = bound("at_most").map(|most| field().at_most(most));
        return Ok(match (least, most) {
            (Some(least), Some(most)) => least.and(most),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => field().present(),
        });
    }
    let is_wanted = table.get("present").and_then(Setting::as_bool).unwrap_or(true);
    Ok(if is_wanted { field().present() } else { field().present().not() })
}
