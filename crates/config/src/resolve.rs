//! Follow references to the environment and to files: `${NAME}`, `{ env = "NAME" }`, `{ file = "/run/secrets/x" }`.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path as FilePath, PathBuf},
};

use crate::{
    diagnostics::{Cause, Finding, Findings},
    environment,
    quote::quoted,
    setting::{Options, Setting},
    source_map::{Path, SourceMap},
};

/// The environment and the files that references name, so that a test or a check can bring others.
pub(crate) struct Surroundings<'a> {
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) file: &'a dyn Fn(&FilePath) -> std::io::Result<String>,
    /// The folder in which relative files are looked for: that of the configuration. Default: the working directory.
    pub(crate) folder: Option<&'a FilePath>,
}

/// The files that secrets were read from, with a hash of what was in them.
#[derive(Default)]
pub(crate) struct SecretFiles(Vec<(PathBuf, Option<u64>)>);

impl SecretFiles {
    /// Notes what was read.
    pub(crate) fn note(&mut self, path: &FilePath, text: &std::io::Result<String>) {
        self.0.push((path.to_owned(), text.as_deref().ok().map(hash)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the files again; returns whether one has another content.
    pub(crate) fn have_changed(&self) -> bool {
        self.0.iter().any(|(path, known)| environment::file(path).ok().as_deref().map(hash) != *known)
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.trim_end().hash(&mut hasher);
    hasher.finish()
}

/// Returns the configuration with every reference followed; a reference that cannot be followed is
/// an error and `Unresolved`.
pub(crate) fn resolve(
    options: &Options,
    source_map: &SourceMap,
    from: &Surroundings<'_>,
    findings: &mut Findings,
) -> Options {
    Resolver { source_map, from, findings }.table(options, &Path::default())
}

struct Resolver<'a> {
    source_map: &'a SourceMap,
    from: &'a Surroundings<'a>,
    findings: &'a mut Findings,
}

impl Resolver<'_> {
    fn table(&mut self, table: &Options, path: &Path) -> Options {
        let is_rewrite = table.text("type") == Some("rewrite");
        let mut resolved = |(key, value): (&str, &Setting)| {
            let path = path.child(key);
            let value = match value {
                // Its keys are names of fields, and a field may well be called `env`.
                Setting::Table(fields) if is_rewrite && matches!(key, "set" | "rename") => {
                    Setting::Table(self.table(fields, &path))
                }
                value => self.value(value, &path),
            };
            (key.to_owned(), value)
        };
        table.iter().map(&mut resolved).collect()
    }

    fn value(&mut self, value: &Setting, path: &Path) -> Setting {
        match value {
            Setting::Text(text) => self.text(text, path),
            Setting::List(list) => Setting::List(
                list.iter().enumerate().map(|(i, value)| self.value(value, &path.child(i))).collect(),
            ),
            Setting::Table(table) => match reference(table) {
                Some(("env", name)) => self.variable(name, None, path),
                Some((_, name)) => self.file(name, path),
                None => Setting::Table(self.table(table, path)),
            },
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str, path: &Path) -> Setting {
        let mut done = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(escaped) = before.strip_suffix('$') {
                done.push_str(escaped);
                done.push_str("${");
                rest = after;
                continue;
            }
            done.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return self.refuse(
                    path,
                    "has `${` without `}`; a `${` that is meant as it stands is `$${`".to_owned(),
                    Cause::Value,
                );
            };
            let (name, default) = match name.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (name, None),
            };
            match self.variable(name, default, path) {
                Setting::Text(value) => done.push_str(&value),
                unresolved => return unresolved,
            }
            rest = after;
        }
        done.push_str(rest);
        Setting::Text(done)
    }

    fn variable(&mut self, name: &str, default: Option<&str>, path: &Path) -> Setting {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(good) {
            let reason = "`${…}` does not hold the name of an environment variable".to_owned();
            return self.refuse(path, reason, Cause::Value);
        }
        match ((self.from.variable)(name).filter(|value| !value.is_empty()), default) {
            (Some(value), _) => Setting::Text(value),
            (None, Some(default)) => default.into(),
            (None, None) => {
                // In a password with `${`, the rest does not look like a variable's name.
                let is_usual = !name.chars().any(|c| c.is_ascii_lowercase());
                let reason = match is_usual {
                    true => format!("the environment variable {} is not set", quoted(name)),
                    false => "names an environment variable that is not set".to_owned(),
                };
                self.refuse(path, reason, Cause::Environment)
            }
        }
    }

    fn file(&mut self, name: &str, path: &Path) -> Setting {
        let beside = beside(self.from.folder, name);
        match (self.from.file)(&beside) {
            // Files of secrets end with a newline that is not part of them.
            Ok(text) if !text.trim_end().is_empty() => text.trim_end().into(),
            Ok(_) => self.refuse(path, "the file is empty".to_owned(), Cause::Environment),
            Err(error) => {
                let looked = match self.from.folder {
                    Some(folder) if FilePath::new(name).is_relative() => {
                        format!("; it is looked for in {}, beside the configuration", folder.display())
                    }
                    _ => String::new(),
                };
                let reason = format!("the file cannot be read: {error}{looked}");
                self.refuse(path, reason, Cause::Environment)
            }
        }
    }

    fn refuse(&mut self, path: &Path, reason: String, cause: Cause) -> Setting {
        self.findings.add(Finding::new(path, reason).because(cause).at(self.source_map.value(path)));
        Setting::Unresolved
    }
}

/// Names a file that the configuration has read: a relative one is beside it.
fn beside(folder: Option<&FilePath>, name: &str) -> PathBuf {
    folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
}

/// Makes the paths of certificates absolute, which are looked for beside the configuration as secrets are.
pub(crate) fn place_certificates(options: &mut Options, folder: Option<&FilePath>) {
    options.edit("handlers", |handlers| {
        for handler in handlers.tables_mut() {
            let file = handler.text("ca_file").filter(|file| !file.trim().is_empty());
            if let Some(file) = file.map(|file| beside(folder, file).display().to_string()) {
                handler.set("ca_file", file);
            }
        }
    });
}

/// Tells whether a table is a reference: one key, `env` or `file`, with a text.
fn reference(table: &Options) -> Option<(&str, &str)> {
    let mut entries = table.iter();
    let (Some((key @ ("env" | "file"), Setting::Text(name))), None) = (entries.next(), entries.next()) else {
        return None;
    };
    Some((key, name))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn resolved(value: Setting) -> (Setting, Vec<String>) {
        let variable = |name: &str| (name == "HOOK").then(|| "https://example.com/planted".to_owned());
        let file = |path: &FilePath| match path.to_str() {
            Some("/run/secrets/token") => Ok("from-a-file\n".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let mut findings = Findings::default();
        let options = Options::new().with("it", value);
        let from = Surroundings { variable: &variable, file: &file, folder: None };
        let done = resolve(&options, &SourceMap::default(), &from, &mut findings);
        (done.get("it").unwrap().clone(), findings.list.into_iter().map(|finding| finding.reason).collect())
    }

    #[test]
    fn follows_variables_defaults_and_files() {
        for (given, expected) in [
            (Setting::from("${HOOK}"), "https://example.com/planted"),
            ("a ${HOOK} b".into(), "a https://example.com/planted b"),
            ("${NONE:-there}".into(), "there"),
            ("$${HOOK} costs $5".into(), "${HOOK} costs $5"),
            (Options::new().with("env", "HOOK").into(), "https://example.com/planted"),
            (Options::new().with("file", "/run/secrets/token").into(), "from-a-file"),
        ] {
            assert_eq!(resolved(given), (expected.into(), vec![]));
        }
    }

    #[test]
    fn says_what_is_missing_and_shows_no_value() {
        for (given, part) in [
            (Setting::from("${NONE}"), "`NONE` is not set"),
            ("${HOOK".into(), "without `}`"),
            ("${a-b}".into(), "does not hold the name"),
            ("x${hunter}y".into(), "names an environment variable"),
            (Options::new().with("file", "/nowhere").into(), "cannot be read"),
        ] {
            let (value, reasons) = resolved(given);
            assert_eq!(value, Setting::Unresolved);
            assert!(
                reasons.len() == 1
                    && reasons[0].contains(part)
                    && !["planted", "hunter", "nowhere"].iter().any(|value| reasons[0].contains(value)),
                "{reasons:?}"
            );
        }
    }
}
