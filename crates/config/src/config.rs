//! The configuration as a plain value: read, changed, written, and put in force.

use std::{fmt, path::Path as FilePath};

use tracing_core::Subscriber;
use tracing_subscriber::registry::LookupSpan;
use watchfire_core::SelfLog;

use crate::{
    Components, Diagnostics, Explanation, Handle, Options, Question, RouterLayer, Setting, Setup,
    compile::{self, CompileContext},
    diagnostics::{Finding, Findings},
    env_form, environment, explain, lint, read_toml,
    resolve::Surroundings,
    setting::names,
    setup::setup,
    source_map::SourceMap,
    watch::{FollowedFile, Stamp},
};

/// A configuration as a plain value: read, changed in code, written, compared, and only then put in force.
///
/// ```
/// use watchfire_config::Config;
/// let mut config = Config::parse("root = { level = \"info\", handlers = [] }")?;
/// config.set(["loggers", "storefront::payments", "level"], "debug");
/// assert!(config.to_string().contains("[loggers.\"storefront::payments\"]"));
/// # Ok::<_, watchfire_config::Diagnostics>(())
/// ```
#[derive(Clone)]
pub struct Config {
    options: Options,
    source_map: SourceMap,
    name: String,
    text: String,
    file: Option<FollowedFile>,
}

impl Config {
    /// Makes an empty configuration: nobody hears anything.
    #[must_use]
    pub fn new() -> Self {
        Self::from(Options::new())
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// Says everything that is no TOML, and everything else that is wrong in what could be read.
    pub fn parse(text: &str) -> Result<Self, Diagnostics> {
        Self::named("watchfire.toml", text)
    }

    /// Reads TOML that came from `name`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn named(name: impl Into<String>, text: &str) -> Result<Self, Diagnostics> {
        let (config, findings) = Self::read_text(name.into(), text);
        config.without_mistakes(findings)
    }

    /// Reads a file, as JSON if its name ends so and the feature `json` is on, else as TOML.
    ///
    /// The configuration remembers the file: once in force it follows it. One that is changed in code before that stays
    /// as it is, until [`Handle::reload`] is called.
    ///
    /// # Errors
    /// If it cannot be read, and as [`parse`](Self::parse).
    pub fn read(path: impl AsRef<FilePath>) -> Result<Self, Diagnostics> {
        let path = path.as_ref();
        let name = path.display().to_string();
        // Before the text: a change in between is then seen.
        let stamp = Stamp::of(path);
        match environment::file(path) {
            Ok(text) => {
                let (config, findings) = Self::read_text(name, &text);
                config.of_file(path, stamp).without_mistakes(findings)
            }
            Err(error) => Err(Diagnostics::one(&name, Finding::new("", format!("cannot be read: {error}")))),
        }
    }

    /// Makes the configuration that the environment describes, see [`init_from_env`](crate::init_from_env).
    ///
    /// # Errors
    /// Returns all errors, half-given groups too.
    pub fn from_env() -> Result<Self, Diagnostics> {
        let config = Self::from_variables(&environment::variable)?;
        let mut unknown = Findings::default();
        lint::variables(&environment::variables(lint::PREFIX), "", &mut unknown);
        let log = SelfLog::default();
        unknown.list.into_iter().for_each(|warning| log.say(warning.diagnostic(None)));
        Ok(config)
    }

    /// As [`from_env`](Self::from_env), with an environment of your own.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Diagnostics> {
        let mut findings = Findings::default();
        let options = env_form::read(variable, &mut findings);
        let config = Self { name: "environment".to_owned(), ..Self::from(options) };
        if findings.is_empty() { Ok(config) } else { Err(config.diagnostics(findings)) }
    }

    /// Returns all settings.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the names of the services.
    #[must_use]
    pub fn services(&self) -> Vec<&str> {
        names(&self.options, "services")
    }

    /// Returns the value at the end of the keys.
    pub fn get<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Option<&Setting> {
        let mut keys = keys.into_iter();
        let first = self.options.get(keys.next()?);
        keys.fold(first, |setting, key| setting?.as_table()?.get(key))
    }

    /// Sets the value at the end of the keys; tables on the way are made.
    pub fn set<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>, value: impl Into<Setting>) {
        let keys: Vec<&str> = keys.into_iter().collect();
        set(&mut self.options, &keys, value.into());
        self.note_change();
    }

    /// Takes out the value at the end of the keys.
    pub fn remove<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>) -> Option<Setting> {
        let keys: Vec<&str> = keys.into_iter().collect();
        self.note_change();
        remove(&mut self.options, &keys)
    }

    /// Says for each handler whether it hears such an event, and which rule decides.
    ///
    /// References to the environment are not followed, handlers are not made.
    ///
    /// # Errors
    /// Returns all errors of the configuration.
    pub fn explain(&self, question: &Question, components: &Components) -> Result<Explanation, Diagnostics> {
        let mut findings = Findings::default();
        let context = CompileContext {
            service: question.service.as_deref(),
            rust_log: question.rust_log.as_deref(),
            components,
            from: &Surroundings {
                variable: &|_| Some("unknown".to_owned()),
                file: &|_| Ok("unknown".to_owned()),
                folder: None,
            },
        };
        let (_, plan) = compile::compile(&self.options, &self.source_map, &context, &mut findings);
        if findings.is_empty() {
            Ok(explain::explain(plan, question))
        } else {
            Err(self.diagnostics(findings))
        }
    }

    /// Puts the configuration in force for the whole process.
    ///
    /// # Errors
    /// Returns all errors; nothing is started then. Also if there is a global subscriber already.
    pub fn init(self) -> Result<Handle, Diagnostics> {
        Setup::of(self).init()
    }

    /// Makes the layer without installing it, to be added to a registry of your own.
    ///
    /// # Errors
    /// Returns all errors; nothing is started then.
    pub fn layers<S>(self) -> Result<(RouterLayer<S>, Handle), Diagnostics>
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        Setup::of(self).layers()
    }

    /// Begins to set it up for one of its services, or with components of the program.
    pub fn service(self, name: impl Into<String>) -> Setup {
        setup(name).config(self)
    }

    pub(crate) fn source_map(&self) -> &SourceMap {
        &self.source_map
    }

    /// Returns the folder of the file that it was read from, in which relative files are looked for.
    pub(crate) fn folder(&self) -> Option<&FilePath> {
        self.file.as_ref()?.path.parent()
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the file that it was read from.
    pub(crate) fn file(&self) -> Option<&FollowedFile> {
        self.file.as_ref()
    }

    fn note_change(&mut self) {
        if let Some(file) = &mut self.file {
            file.is_changed = true;
        }
    }

    /// Names the program, where the configuration does not: no change by code.
    pub(crate) fn name_app(&mut self, name: &str) {
        if self.get(["app", "name"]).is_none() {
            set(&mut self.options, &["app", "name"], Setting::from(name));
        }
    }

    pub(crate) fn diagnostics(&self, findings: Findings) -> Diagnostics {
        Diagnostics::new(&self.name, &self.text, &self.source_map, findings)
    }

    /// Notes the file that the text came from.
    pub(crate) fn of_file(mut self, path: &FilePath, stamp: Option<Stamp>) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.file = Some(FollowedFile { path, stamp, is_changed: false });
        self
    }

    /// Returns the configuration, if its text could be read; else everything that is wrong with it.
    fn without_mistakes(self, mut findings: Findings) -> Result<Self, Diagnostics> {
        if findings.is_empty() {
            return Ok(self);
        }
        crate::check::check(&self.options, &self.source_map, &Components::new(), &mut findings);
        findings.forget_what_follows_from_syntax(&self.text);
        Err(self.diagnostics(findings))
    }

    pub(crate) fn read_text(name: String, text: &str) -> (Self, Findings) {
        let mut findings = Findings::default();
        #[cfg(feature = "json")]
        let (options, source_map) =
            if FilePath::new(&name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
                crate::json::read(text, &mut findings)
            } else {
                read_toml::read(text, &mut findings)
            };
        #[cfg(not(feature = "json"))]
        let (options, source_map) = read_toml::read(text, &mut findings);
        (Self { options, source_map, name, text: text.to_owned(), file: None }, findings)
    }
}

/// Shows keys, and of values kind and length: a configuration holds credentials.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.options == other.options
    }
}

impl From<Options> for Config {
    fn from(options: Options) -> Self {
        let name = "configuration".to_owned();
        Self { options, source_map: SourceMap::default(), name, text: String::new(), file: None }
    }
}

/// Writes TOML. References to the environment stay references.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}

fn set(table: &mut Options, keys: &[&str], value: Setting) {
    match keys {
        [] => {}
        [last] => table.set(*last, value),
        [first, rest @ ..] => table.edit(first, |table| set(table, rest, value)),
    }
}

fn remove(table: &mut Options, keys: &[&str]) -> Option<Setting> {
    match keys {
        [] => None,
        [last] => table.remove(last),
        [first, rest @ ..] => {
            table.table(first)?;
            let mut removed = None;
            table.edit(first, |table| removed = remove(table, rest));
            removed
        }
    }
}

/// Says where a program looks for its file.
pub(crate) fn default_path() -> std::path::PathBuf {
    environment::variable("WATCHFIRE_CONFIG")
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| "watchfire.toml".to_owned())
        .into()
}
