//! Find targets at which nothing of the program logs, by the packages of its `Cargo.lock`.

use std::ops::Range;

use watchfire_core::ConfigError;

use crate::{
    check::level_or_directives,
    diagnostics::{Finding, Findings},
    directives::Directives,
    plan::normalised,
    quote::quoted,
    read_toml,
    setting::{Options, Setting},
    source_map::{Path, SourceMap},
    suggest::nearest,
};

/// Knows the packages that a program is built of: a target that begins with none of them is pointless.
///
/// ```
/// use watchfire_config::{Config, Lock, Components};
/// let lock = Lock::parse("[[package]]\nname = \"web-shop\"\nversion = \"1.0.0\"")?;
/// let text = "[handlers.c]\ntype = \"console\"\n[root]\nhandlers = [\"c\"]\n[loggers.web_shap]\nlevel = \"debug\"";
/// let said = Config::examine("watchfire.toml", text, &Components::new().lock(lock)).to_string();
/// assert!(said.contains("watchfire.toml:5:10: warning") && said.contains("did you mean `web_shop`?"));
/// # Ok::<_, watchfire_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    crates: Vec<String>,
}

impl Lock {
    /// Reads the text of a `Cargo.lock`.
    ///
    /// # Errors
    ///
    /// If it is no TOML, or lists no package.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let wrong = |reason: &str| ConfigError::new("Cargo.lock", reason);
        let mut findings = Findings::default();
        let (options, _) = read_toml::read(text, &mut findings);
        if let Some(first) = findings.list.first() {
            return Err(wrong(&first.reason));
        }
        let packages = options.get("package").map(Setting::as_list).unwrap_or_default();
        // A crate is a package's name in the code: `web-shop` logs at `web_shop`.
        let name = |package: &Setting| Some(package.as_table()?.text("name")?.replace('-', "_"));
        let crates: Vec<_> = packages.iter().filter_map(name).collect();
        if crates.is_empty() { Err(wrong("lists no package")) } else { Ok(Self { crates }) }
    }

    /// Accepts a target besides, such as `audit` of `tracing::info!(target: "audit", ..)`.
    #[must_use]
    pub fn and(mut self, target: impl Into<String>) -> Self {
        self.crates.push(target.into());
        self
    }
}

/// Warns of each target in loggers, levels and filters that no package of the lock has.
pub(super) fn lint(
    options: &Options,
    source_map: &SourceMap,
    text: &str,
    lock: &Lock,
    findings: &mut Findings,
) {
    let mut search = Search { source_map, text, lock, findings };
    search.table(options, &Path::default());
}

struct Search<'a> {
    source_map: &'a SourceMap,
    text: &'a str,
    lock: &'a Lock,
    findings: &'a mut Findings,
}

impl Search<'_> {
    fn table(&mut self, table: &Options, path: &Path) {
        for (key, value) in table.iter() {
            let path = path.child(key);
            match (key, value) {
                ("loggers", Setting::Table(loggers)) => {
                    for (target, logger) in loggers.iter() {
                        let path = path.child(target);
                        self.target(target, &path, self.source_map.key(&path));
                        self.value(logger, &path);
                    }
                }
                ("level", value) => self.directives(level_or_directives(value).ok(), &path),
                ("directives", Setting::Text(text)) => self.directives(Directives::parse(text).ok(), &path),
                // In a filter that ignores it is a target; elsewhere it belongs to the component.
                ("targets", value) if table.text("type") == Some("ignore") => {
                    let is_list = matches!(value, Setting::List(_));
                    for (i, target) in value.as_list().iter().enumerate() {
                        let path = if is_list { path.child(i) } else { path.clone() };
                        self.target(
                            target.as_text().unwrap_or_default(),
                            &path,
                            self.source_map.value(&path),
                        );
                    }
                }
                // Names of fields.
                ("set" | "rename", _) => {}
                (_, value) => self.value(value, &path),
            }
        }
    }

    fn value(&mut self, value: &Setting, path: &Path) {
        match value {
            Setting::Table(table) => self.table(table, path),
            Setting::List(list) => {
                list.iter().enumerate().for_each(|(i, value)| self.value(value, &path.child(i)));
            }
            _ => {}
        }
    }

    fn directives(&mut self, directives: Option<Directives>, path: &Path) {
        let Some(Directives { targets, spans, .. }) = directives else { return };
        let of_spans = spans.iter().map(|span| span.split('[').next().unwrap_or_default().trim());
        for target in targets.iter().map(|(target, _)| target.as_str()).chain(of_spans) {
            let place = self.source_map.value(path).map(|place| self.within(place, target));
            self.target(target, path, place);
        }
    }

    /// Finds a target in the text of its directives: as a whole, not in another one.
    fn within(&self, place: Range<usize>, target: &str) -> Range<usize> {
        let text = self.text.get(place.clone()).unwrap_or_default();
        let is_inside =
            |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.'));
        let found = text.match_indices(target).find(|(at, _)| {
            let (before, after) = (text.get(..*at), text.get(at + target.len()..));
            !is_inside(before.and_then(|text| text.chars().next_back()))
                && !is_inside(after.and_then(|text| text.chars().next()))
        });
        match found {
            Some((at, _)) => place.start + at..place.start + at + target.len(),
            None => place,
        }
    }

    fn target(&mut self, target: &str, path: &Path, place: Option<Range<usize>>) {
        let normal = normalised(target);
        let first = normal.split("::").next().unwrap_or_default();
        if first.is_empty() || self.lock.crates.iter().any(|name| name == first) {
            return;
        }
        let reason = format!("no package of Cargo.lock logs at {}", quoted(first));
        let hint = match nearest(first, self.lock.crates.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "right only if a program or library has another name than its package, or for a target of your own"
                .to_owned(),
        };
        self.findings.add(Finding::new(path, reason).at(place).warning().hint(Some(hint)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Components, Config};

    const LOCK: &str = "version = 4\n[[package]]\nname = \"web-shop\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"sqlx\"\nversion = \"0.8.0\"\n";

    #[test]
    fn warns_of_each_target_that_is_no_package_with_its_place() {
        let text = r#"
[handlers.c]
type = "console"
level = "info,sqlx=warn,sqxl::query=debug,tonic[request]=debug"
filters = ["noise"]
[filters.noise]
type = "ignore"
targets = ["sqlx::query", "hyper.client"]
[loggers."web_shop.pay"]
level = "debug"
[loggers.web-shop]
level = "debug"
[loggers."audit::x"]
level = "info"
[root]
level = "info,sqlx::query=warn"
handlers = ["c"]
[services.a]
directives = "warn,web_shop=info,wbe_shop=debug"
[services.a.loggers.sqlx_core]
level = "debug"
"#;
        let lock = Lock::parse(LOCK).unwrap().and("audit");
        let found = Config::examine("x.toml", text, &Components::new().assume_environment().lock(lock));
        let short: Vec<_> = found
            .list()
            .iter()
            .filter(|one| one.reason().contains("Cargo.lock"))
            .map(|one| {
                let (line, column) = one.position().unwrap();
                let name = one.reason().split('`').nth(1).unwrap_or_default();
                let meant = one.hint().unwrap().split('`').nth(1).unwrap_or_default();
                format!("{line}:{column} {name} {meant}").trim_end().to_owned()
            })
            .collect();
        assert_eq!(
            short,
            [
                "4:25 sqxl sqlx",
                "4:43 tonic",
                "8:27 hyper",
                "11:10 web-shop web_shop",
                "19:34 wbe_shop web_shop",
                "20:21 sqlx_core",
            ],
            "{found}"
        );
        assert!(found.list().iter().all(|one| one.is_warning()));
        let without = Config::examine("x.toml", text, &Components::new());
        assert!(!without.to_string().contains("Cargo.lock"), "{without}");
    }

    #[test]
    fn a_lock_that_is_none_is_said_to_be_none() {
        for text in ["", "version = 4", "[[package]", "[[package]]\nversion = \"1\""] {
            assert_eq!(Lock::parse(text).unwrap_err().field(), "Cargo.lock", "{text}");
        }
    }
}
