use std::{fmt, path::Path as FilePath};

use tracing_core::Subscriber;
use tracing_subscriber::registry::LookupSpan;

use crate::{
    Explanation, Handle, Mistake, Mistakes, Options, Parts, Question, RouterLayer, Setting, Setup,
    compile::{self, Scene},
    env_form, environment, explain, lint,
    mistake::{Cause, Findings},
    place::Places,
    read_toml,
    resolve::Surroundings,
    setup::setup,
    watch::{FollowedFile, Stamp},
    workshop,
};

/// Is a configuration as a plain value: read, changed in code, written, compared, and only then put in force.
///
/// ```
/// use watchfire_config::Config;
/// let mut config = Config::parse("root = { level = \"info\", handlers = [] }")?;
/// config.set(["loggers", "storefront::payments", "level"], "debug");
/// assert!(config.to_string().contains("[loggers.\"storefront::payments\"]"));
/// # Ok::<_, watchfire_config::Mistakes>(())
/// ```
#[derive(Clone)]
pub struct Config {
    options: Options,
    places: Places,
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
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        Self::named("watchfire.toml", text)
    }

    /// Reads TOML that came from `name`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn named(name: impl Into<String>, text: &str) -> Result<Self, Mistakes> {
        let (config, mut findings) = Self::read_text(name.into(), text);
        if findings.is_empty() {
            return Ok(config);
        }
        crate::check::check(&config.options, &config.places, &Parts::new(), &mut findings);
        findings.forget_what_follows_from_syntax(text);
        Err(config.mistakes(findings))
    }

    /// Reads a file, as JSON if its name ends so and the feature `json` is on, else as TOML.
    ///
    /// The configuration remembers the file: once in force it follows it. One that is changed in code before that stays
    /// as it is, until [`Handle::reload`] is called.
    ///
    /// # Errors
    /// If it cannot be read, and as [`parse`](Self::parse).
    pub fn read(path: impl AsRef<FilePath>) -> Result<Self, Mistakes> {
        let path = path.as_ref();
        let name = path.display().to_string();
        // Before the text: a change in between is then seen.
        let stamp = Stamp::of(path);
        match environment::file(path) {
            Ok(text) => {
                let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                let file = FollowedFile { path: absolute, stamp, is_changed: false };
                Ok(Self { file: Some(file), ..Self::named(name, &text)? })
            }
            Err(error) => Err(Mistakes::one(&name, Mistake::new("", format!("cannot be read: {error}")))),
        }
    }

    /// Makes the configuration that the environment describes, see [`init_from_env`](crate::init_from_env).
    ///
    /// # Errors
    /// Names all mistakes, half-given groups too.
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::from_variables(&environment::variable)
    }

    /// As [`from_env`](Self::from_env), with an environment of your own.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        let mut findings = Findings::default();
        let options = env_form::read(variable, &mut findings);
        let config = Self { name: "environment".to_owned(), ..Self::from(options) };
        if findings.is_empty() { Ok(config) } else { Err(config.mistakes(findings)) }
    }

    /// Checks a text as a program would at its start, and what is legal but pointless besides.
    ///
    /// All mistakes of all programs that use it are found at once. Nothing is opened or started.
    #[must_use]
    pub fn examine(name: &str, text: &str, parts: &Parts) -> Mistakes {
        let (config, mut findings) = Self::read_text(name.to_owned(), text);
        config.examine_into(parts, &environment::variable, &mut findings);
        findings.forget_what_follows_from_syntax(text);
        config.mistakes(findings)
    }

    /// As [`examine`](Self::examine), with every variable taken as set: for a machine that has no secrets.
    #[must_use]
    pub fn examine_without_environment(name: &str, text: &str, parts: &Parts) -> Mistakes {
        let (config, mut findings) = Self::read_text(name.to_owned(), text);
        config.examine_into(parts, &|_| None, &mut findings);
        findings.forget_what_follows_from_syntax(text);
        findings.list.retain(|mistake| mistake.cause != Cause::Environment);
        config.mistakes(findings)
    }

    /// Returns all settings.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the names of the services.
    #[must_use]
    pub fn services(&self) -> Vec<&str> {
        compile::names(&self.options, "services")
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
    /// Names all mistakes of the configuration.
    pub fn explain(&self, question: &Question, parts: &Parts) -> Result<Explanation, Mistakes> {
        let mut findings = Findings::default();
        let scene = Scene {
            service: question.service.as_deref(),
            rust_log: question.rust_log.as_deref(),
            parts,
            from: &Surroundings {
                variable: &|_| Some("unknown".to_owned()),
                file: &|_| Ok("unknown".to_owned()),
            },
        };
        let (_, plan) = compile::compile(&self.options, &self.places, &scene, &mut findings);
        if findings.is_empty() { Ok(explain::explain(plan, question)) } else { Err(self.mistakes(findings)) }
    }

    /// Puts the configuration in force for the whole process.
    ///
    /// # Errors
    /// Names all mistakes; nothing is started then. Also if there is a global subscriber already.
    pub fn init(self) -> Result<Handle, Mistakes> {
        Setup::of(self).init()
    }

    /// Makes the layer without installing it, to be added to a registry of your own.
    ///
    /// # Errors
    /// Names all mistakes; nothing is started then.
    pub fn layers<S>(self) -> Result<(RouterLayer<S>, Handle), Mistakes>
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        Setup::of(self).layers()
    }

    /// Begins to set it up for one of its services, or with parts of the program's own.
    pub fn service(self, name: impl Into<String>) -> Setup {
        setup(name).config(self)
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
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

    pub(crate) fn mistakes(&self, findings: Findings) -> Mistakes {
        Mistakes::new(&self.name, &self.text, &self.places, findings)
    }

    pub(crate) fn read_text(name: String, text: &str) -> (Self, Findings) {
        let mut findings = Findings::default();
        #[cfg(feature = "json")]
        let (options, places) =
            if FilePath::new(&name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
                crate::json::read(text, &mut findings)
            } else {
                read_toml::read(text, &mut findings)
            };
        #[cfg(not(feature = "json"))]
        let (options, places) = read_toml::read(text, &mut findings);
        (Self { options, places, name, text: text.to_owned(), file: None }, findings)
    }

    fn examine_into(
        &self,
        parts: &Parts,
        variable: &dyn Fn(&str) -> Option<String>,
        findings: &mut Findings,
    ) {
        let mut services: Vec<_> = self.services().into_iter().map(Some).collect();
        services.push(None);
        let from = Surroundings { variable, file: &environment::file };
        let mut plans = Vec::new();
        for service in services {
            let scene = Scene { service, rust_log: None, parts, from: &from };
            let (options, plan) = compile::compile(&self.options, &self.places, &scene, findings);
            workshop::rehearse(&plan, &options, parts, &self.places, findings);
            plans.push(plan);
        }
        if findings.is_empty() {
            lint::lint(&self.options, (&self.places, &self.text), &plans, parts.known_lock(), findings);
        }
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
        Self { options, places: Places::default(), name, text: String::new(), file: None }
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
