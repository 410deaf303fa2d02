//! Compare a configuration with what it may hold; all errors are found in one run.

use std::collections::HashSet;

use watchfire_core::Pattern;
use watchfire_outbox::{Rate, link_refusal};

use crate::{
    diagnostics::{Cause, Finding, Findings},
    directives::{Directives, span_levels},
    keys::{self, KeySpec, Section, ValueKind},
    level::{Threshold, Wrong},
    quote::quoted,
    registry::Components,
    setting::{Options, Setting},
    source_map::{Path, SourceMap},
    suggest::nearest,
    units,
};

/// Checks the whole configuration; `known` says what the program registered.
pub(crate) fn check(options: &Options, source_map: &SourceMap, known: &Components, findings: &mut Findings) {
    let mut checker = Checker { options, source_map, known, findings };
    checker.table(options, &[keys::ROOT], &Path::default());
    checker.circles();
}

/// Checks one value that is in no file; an error has this name.
pub(crate) fn one(value: &Setting, kind: ValueKind, name: &str, findings: &mut Findings) {
    let (options, source_map, known) = (&Options::new(), &SourceMap::default(), &Components::new());
    Checker { options, source_map, known, findings }.value(value, kind, &Path::of([name]));
}

struct Checker<'a> {
    options: &'a Options,
    source_map: &'a SourceMap,
    known: &'a Components,
    findings: &'a mut Findings,
}

impl Checker<'_> {
    fn table(&mut self, table: &Options, shapes: &[&'static [KeySpec]], path: &Path) {
        let keys = || shapes.iter().flat_map(|keys| keys.iter());
        // A key that is misspelt is not missing as well.
        let mut meant_keys = Vec::new();
        for (name, value) in table.iter() {
            let path = path.child(name);
            match keys().find(|key| key.name == name) {
                Some(key) => self.value(value, key.kind, &path),
                None if self.findings.is_full() => self.wrong(&path, "is unknown"),
                None => {
                    let meant = nearest(name, keys().map(|key| key.name));
                    meant_keys.extend(meant);
                    let expected: Vec<_> = keys().map(|key| key.name).collect();
                    let hint = match meant {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None if expected.is_empty() => "nothing can be set here".to_owned(),
                        None => format!("known are: {}", expected.join(", ")),
                    };
                    let is_stray = meant.is_none() && path.is_top();
                    let cause = if is_stray { Cause::UnknownSection } else { Cause::Value };
                    let finding = Finding::new(&path, "is unknown").at(self.source_map.key(&path));
                    self.findings.add(finding.because(cause).hint(Some(hint)));
                }
            }
        }
        for key in keys().filter(|key| key.required && table.get(key.name).is_none()) {
            if meant_keys.contains(&key.name) {
                continue;
            }
            let about = key.about.trim_end_matches('.');
            let finding = Finding::new(path, format!("has no `{}`", key.name)).at(self.source_map.key(path));
            self.findings.add(finding.hint(Some(format!("{}: {about}", key.name))));
        }
    }

    fn value(&mut self, value: &Setting, kind: ValueKind, path: &Path) {
        if *value == Setting::Unresolved {
            return;
        }
        match kind {
            ValueKind::Text | ValueKind::Secret | ValueKind::File | ValueKind::Folder => {
                if let Some(text) = self.text(value, path) {
                    if text.trim().is_empty() {
                        self.wrong(path, "is empty");
                    } else if matches!(kind, ValueKind::File) && names_a_folder(text) {
                        self.wrong(path, "names a folder; expected the path of a file");
                    }
                }
            }
            ValueKind::Texts => self.each_text(value, path, |checker, text, path| {
                if text.trim().is_empty() {
                    checker.wrong(path, "is empty");
                }
            }),
            ValueKind::Names => self.each_text(value, path, |checker, name, path| {
                if !name.chars().any(|char| char.is_alphanumeric() || char == '*') {
                    checker.wrong(path, "has no letter and no digit; expected the name of a field");
                }
            }),
            ValueKind::Patterns => self.each_text(value, path, |checker, pattern, path| {
                let checked = Pattern::new(pattern).map(|_| ());
                checker.parsed(checked.map_err(|error| Wrong::new(error.reason())), path);
            }),
            ValueKind::Targets => self.each_text(value, path, |checker, target, path| {
                checker.parsed(crate::directives::target(target), path);
            }),
            ValueKind::Bool => {
                if value.as_bool().is_none() {
                    self.wrong(path, &format!("expected true or false, and not {}", value.kind()));
                }
            }
            ValueKind::Integer(least, most) => match value.as_integer() {
                Some(number) if (least..=most).contains(&number) => {}
                Some(_) if least == most => self.wrong(path, &format!("expected {least}")),
                Some(_) if most == i64::MAX => self.wrong(path, &format!("expected at least {least}")),
                Some(_) => self.wrong(path, &format!("expected {least} to {most}")),
                None => self.wrong(path, &format!("expected a whole number, and not {}", value.kind())),
            },
            ValueKind::Duration => self.parsed(units::some_duration(value).map(|_| ()), path),
            ValueKind::Pause => self.parsed(units::duration(value).map(|_| ()), path),
            ValueKind::Durations => {
                for (i, one) in value.as_list().iter().enumerate() {
                    self.parsed(units::some_duration(one).map(|_| ()), &path.child(i));
                }
            }
            ValueKind::Rates(keys) => {
                let is_list = matches!(value, Setting::List(_));
                for (i, one) in value.as_list().iter().enumerate() {
                    let path = if is_list { path.child(i) } else { path.clone() };
                    if let Some(text) = one.as_text() {
                        let rate = text.parse::<Rate>().map(|_| ());
                        self.parsed(rate.map_err(|error| Wrong::new(error.reason())), &path);
                    } else if let Some(table) = self.shaped(one, keys, &path) {
                        self.table(table, &[keys], &path);
                    }
                }
            }
            ValueKind::Size => self.parsed(units::size(value).map(|_| ()), path),
            ValueKind::Clock => self.parsed(units::clock(value).map(|_| ()), path),
            ValueKind::Choice(names) => {
                if let Some(text) = self.text(value, path)
                    && !names.contains(&text)
                {
                    let reason =
                        format!("{} is unknown; expected {}", quoted(text), listed(names.iter().copied()));
                    self.add(Finding::new(path, reason).meant(nearest(text, names.iter().copied())), path);
                }
            }
            ValueKind::Level => self.parsed(Threshold::parse(value).map(|_| ()), path),
            ValueKind::LevelOrDirectives => self.parsed(level_or_directives(value).map(|_| ()), path),
            ValueKind::Directives => {
                if let Some(text) = self.text(value, path) {
                    self.parsed(Directives::parse(text).map(|_| ()), path);
                }
            }
            ValueKind::SpanLevels => {
                if let Some(text) = self.text(value, path) {
                    self.parsed(span_levels(text).map(|_| ()), path);
                }
            }
            ValueKind::Levels => self.levels(value, path),
            ValueKind::Handlers => {
                self.each_text(value, path, |checker, name, path| {
                    checker.reference(name, Section::Handlers, path)
                });
                self.twice(value, path);
            }
            ValueKind::Formatter => {
                if let Some(name) = self.text(value, path) {
                    self.reference(name, Section::Formatters, path);
                }
            }
            ValueKind::RotationCallback => {
                if let Some(name) = self.text(value, path)
                    && !self.known.knows_rotation_callback(name)
                {
                    let known = self.known.rotation_callbacks();
                    let reason = format!("the program has no callback {}", quoted(name));
                    let hint = match nearest(name, known.iter().copied()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => "register it with `.on_rotation(\"name\", ..)` at `setup`".to_owned(),
                    };
                    let finding = Finding::new(path, reason).hint(Some(hint));
                    self.add(finding.because(Cause::UnknownComponent), path);
                }
            }
            ValueKind::Filter => self.filter(value, path),
            ValueKind::Filters => match value {
                Setting::List(list) => {
                    list.iter().enumerate().for_each(|(i, value)| self.filter(value, &path.child(i)));
                }
                one => self.filter(one, path),
            },
            ValueKind::Service => {
                if let Some(name) = self.text(value, path) {
                    let services = self.options.table("services");
                    let known: Vec<_> =
                        services.into_iter().flat_map(Options::iter).map(|(name, _)| name).collect();
                    if !known.contains(&name) {
                        let finding = Finding::new(path, format!("there is no service {}", quoted(name)));
                        self.add(finding.meant(nearest(name, known)), path);
                    }
                }
            }
            ValueKind::Table(keys) => {
                if let Some(table) = self.shaped(value, keys, path) {
                    self.table(table, &[keys], path);
                }
            }
            ValueKind::Map(keys) => {
                let Some(map) = self.section(value, path) else { return };
                for (name, value) in map.iter() {
                    let path = path.child(name);
                    if let Some(table) = self.shaped(value, keys, &path) {
                        self.table(table, &[keys], &path);
                    }
                }
            }
            ValueKind::Links | ValueKind::Facts => {
                let Some(map) = self.section(value, path) else { return };
                for (name, value) in map.iter() {
                    let path = path.child(name);
                    let Some(text) = self.text(value, &path) else { continue };
                    if text.trim().is_empty() {
                        self.wrong(&path, "is empty");
                    } else if let Some(why) = link_refusal(text).filter(|_| matches!(kind, ValueKind::Links))
                    {
                        self.wrong(&path, why);
                    }
                }
            }
            ValueKind::Renames | ValueKind::Values => {
                let Some(map) = self.section(value, path) else { return };
                for (name, value) in map.iter() {
                    self.field(name, value, kind, &path.child(name));
                }
            }
            ValueKind::Typed(section) => {
                let Some(map) = self.section(value, path) else { return };
                for (name, value) in map.iter() {
                    let path = path.child(name);
                    if let Some(table) = self.section(value, &path) {
                        self.part(table, section, &path);
                    }
                }
            }
        }
    }

    /// Checks one field of a rewrite.
    fn field(&mut self, name: &str, value: &Setting, kind: ValueKind, path: &Path) {
        let what = if matches!(kind, ValueKind::Renames) { "the name" } else { "the value" };
        match value {
            _ if name.is_empty() => self.wrong(path, "has no name"),
            Setting::Text(text) if text.is_empty() && matches!(kind, ValueKind::Renames) => {
                self.wrong(path, "is empty")
            }
            Setting::Text(_) | Setting::Unresolved => {}
            Setting::Integer(_) | Setting::Float(_) | Setting::Bool(_)
                if matches!(kind, ValueKind::Values) => {}
            Setting::Table(_) => {
                let finding = Finding::new(path, format!("expected {what} of a field, and not a table"));
                let hint = format!("a name with a dot is quoted: \"{name}.…\"");
                self.add(finding.hint(Some(hint)), path);
            }
            other => self.wrong(path, &format!("expected {what} of a field, and not {}", other.kind())),
        }
    }

    /// Checks a handler, filter or formatter.
    fn part(&mut self, table: &Options, section: Section, path: &Path) {
        let kind = match table.get("type") {
            Some(Setting::Text(kind)) => kind.as_str(),
            Some(other) => {
                let path = path.child("type");
                return self.wrong(&path, &format!("expected a text, and not {}", other.kind()));
            }
            None if section == Section::Formatters && table.get("format").is_some() => "template",
            None => {
                let finding = Finding::new(path, "has no `type`").at(self.source_map.key(path));
                let types = listed(self.known.types(section).iter().map(String::as_str));
                return self.findings.add(finding.hint(Some(format!("type: one of {types}"))));
            }
        };
        if let Some((_, keys)) = section.types().iter().find(|(name, _)| *name == kind) {
            if !self.known.is_compiled(section, kind) {
                let path = path.child("type");
                let finding =
                    Finding::new(&path, format!("handlers of type `{kind}` are not part of this program"));
                let hint = format!("build it with the feature `{kind}`");
                return self.add(finding.hint(Some(hint)), &path);
            }
            return self.table(table, &[section.common(), keys], path);
        }
        if !self.known.is_own(section, kind) {
            let at = path.child("type");
            let types = self.known.types(section);
            let names = || types.iter().map(String::as_str);
            let reason = format!(
                "there is no type {} of {}; known are {}",
                quoted(kind),
                section.name(),
                listed(names())
            );
            if self.findings.is_full() {
                return self.wrong(&at, "is unknown");
            }
            let meant = nearest(kind, names());
            self.add(Finding::new(&at, reason).meant(meant).because(Cause::UnknownComponent), &at);
            // The rest is looked at as what was probably meant: all errors are found at once.
            let meant = section.types().iter().find(|(name, _)| Some(*name) == meant);
            if let Some((_, keys)) = meant {
                self.table(table, &[section.common(), keys], path);
            }
            return;
        }
        // The options of an own part are its maker's to check.
        for key in section.common() {
            if let Some(value) = table.get(key.name) {
                self.value(value, key.kind, &path.child(key.name));
            }
        }
    }

    fn filter(&mut self, value: &Setting, path: &Path) {
        match value {
            Setting::Text(name) => self.reference(name, Section::Filters, path),
            Setting::Table(table) => self.part(table, Section::Filters, path),
            other => {
                self.wrong(path, &format!("expected a filter's name, or a table, and not {}", other.kind()))
            }
        }
    }

    fn reference(&mut self, name: &str, section: Section, path: &Path) {
        let defined = self.options.table(section.name());
        if defined.is_some_and(|defined| defined.get(name).is_some()) {
            return;
        }
        let nameable = self.known.nameable(section);
        if !nameable.contains(&name) && self.findings.is_full() {
            return self.wrong(path, "is not defined");
        }
        let mut names: Vec<&str> =
            defined.into_iter().flat_map(Options::iter).map(|(name, _)| name).collect();
        names.extend(nameable);
        if !names.contains(&name) {
            let finding = Finding::new(path, format!("there is no {} {}", section.one(), quoted(name)));
            let hint = match nearest(name, names.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if names.is_empty() => format!("no {} is defined", section.one()),
                None => format!("defined are: {}", names.join(", ")),
            };
            let finding =
                if section == Section::Filters { finding.because(Cause::UnknownComponent) } else { finding };
            self.add(finding.hint(Some(hint)), path);
        }
    }

    /// Finds handlers that hand over to each other, at the one that closes the circle.
    fn circles(&mut self) {
        let handlers = self.options.table(Section::Handlers.name());
        let mut routes: Vec<(&str, Vec<String>)> = Vec::new();
        for (name, handler) in handlers.into_iter().flat_map(Options::iter) {
            let failover = handler.as_table().and_then(|handler| handler.table("failover"));
            let to = failover.map(|failover| failover.texts("to")).unwrap_or_default();
            routes.push((name, to.into_iter().map(str::to_owned).collect()));
        }
        while !self.findings.is_full() {
            let all: Vec<(&str, &[String])> = routes.iter().map(|(of, to)| (*of, to.as_slice())).collect();
            let Some(circle) = watchfire_outbox::failover_circle(&all) else { return };
            let reason = watchfire_outbox::circle_reason(&circle);
            let Some(last) = routes.iter().rposition(|(name, _)| circle.contains(name)) else { return };
            let (closing, _) = routes.remove(last);
            let path = Path::of([Section::Handlers.name(), closing, "failover", "to"]);
            self.add(Finding::new(&path, reason), &path);
        }
    }

    fn levels(&mut self, value: &Setting, path: &Path) {
        self.each_text(value, path, |checker, name, path| match Threshold::named(name) {
            Ok(Threshold::From(_)) => {}
            Ok(_) => checker.wrong(path, &format!("{} is not a level that an event has", quoted(name))),
            Err(wrong) => checker.parsed(Err(wrong), path),
        });
        if value.as_list().is_empty() {
            self.wrong(path, "is empty, so nothing passes");
        }
    }

    fn twice(&mut self, value: &Setting, path: &Path) {
        let mut seen = HashSet::new();
        for (i, name) in value.as_list().iter().filter_map(Setting::as_text).enumerate() {
            if !seen.insert(name) {
                self.wrong(&path.child(i), &format!("{} is listed twice", quoted(name)));
            }
        }
    }

    fn each_text(&mut self, value: &Setting, path: &Path, mut look: impl FnMut(&mut Self, &str, &Path)) {
        match value {
            Setting::List(list) => {
                for (i, value) in list.iter().enumerate() {
                    let path = path.child(i);
                    if let Some(text) = self.text(value, &path) {
                        look(self, text, &path);
                    }
                }
            }
            Setting::Text(text) => look(self, text, path),
            other => self.wrong(path, &format!("expected a list of texts, and not {}", other.kind())),
        }
    }

    fn text<'v>(&mut self, value: &'v Setting, path: &Path) -> Option<&'v str> {
        if value.as_text().is_none() && *value != Setting::Unresolved {
            self.wrong(path, &format!("expected a text, and not {}", value.kind()));
        }
        value.as_text()
    }

    fn section<'v>(&mut self, value: &'v Setting, path: &Path) -> Option<&'v Options> {
        if value.as_table().is_none() {
            self.wrong(path, &format!("expected a table, and not {}", value.kind()));
        }
        value.as_table()
    }

    /// Takes a table, and says what stands in one where there is none.
    fn shaped<'v>(
        &mut self,
        value: &'v Setting,
        keys: &'static [KeySpec],
        path: &Path,
    ) -> Option<&'v Options> {
        if value.as_table().is_none() {
            let finding = Finding::new(path, format!("expected a table, and not {}", value.kind()));
            let keys: Vec<_> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
            self.add(finding.hint(Some(format!("its keys: {}", keys.join(", ")))), path);
        }
        value.as_table()
    }

    fn parsed(&mut self, result: Result<(), Wrong>, path: &Path) {
        if let Err(wrong) = result {
            self.add(Finding::new(path, wrong.reason).meant(wrong.meant.as_deref()), path);
        }
    }

    fn wrong(&mut self, path: &Path, reason: &str) {
        if self.findings.is_full() {
            return self.findings.count_one();
        }
        self.add(Finding::new(path, reason), path);
    }

    fn add(&mut self, finding: Finding, path: &Path) {
        self.findings.add(finding.at(self.source_map.value(path)));
    }
}

/// Reads what stands where a level or directives may.
pub(crate) fn level_or_directives(value: &Setting) -> Result<Directives, Wrong> {
    if let Setting::Text(text) = value {
        // A single word is a level, and its errors are those of a level.
        if text.contains(['=', ',', '[']) {
            return Directives::parse(text);
        }
    }
    Threshold::parse(value).map(|level| Directives { bare: Some(level), ..Directives::default() })
}

fn names_a_folder(path: &str) -> bool {
    path.ends_with(['/', std::path::MAIN_SEPARATOR]) || path == "." || path == ".." || path.ends_with("/..")
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
