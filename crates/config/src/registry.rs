//! The components that a program registers, for a configuration to name.

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use watchfire_core::{ConfigError, EventView, Handler};
use watchfire_file::Format;
use watchfire_filter::{self as filter, EventFilter};

pub use crate::lint::Lock;
use crate::{keys::Section, setting::Options};

/// The components that a program registers: handlers, filters and formatters that a configuration may name.
///
/// ```
/// use watchfire_config::Components;
/// let components = Components::new()
///     .callback("real_tenants", |event| event.field("tenant") != Some("load-test"))
///     .handler("blackhole", |_options| Ok(watchfire_core::Null));
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Components {
    handlers: HashMap<String, Maker<Arc<dyn Handler>>>,
    filters: HashMap<String, Maker<EventFilter>>,
    formatters: HashMap<String, Maker<Arc<dyn Format>>>,
    rotation_callbacks: HashMap<String, RotationCallback>,
    /// Names that are accepted and never made: those of a program that is not this one.
    assumed: Vec<String>,
    lock: Option<Lock>,
    assumes_environment: bool,
}

/// A callback that gets the path of a rotated file.
pub(crate) type RotationCallback = Arc<dyn Fn(&Path) + Send + Sync>;

type Maker<T> = Arc<dyn Fn(&Options) -> Result<T, ConfigError> + Send + Sync>;

impl Components {
    /// Makes an empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a type of handler; `make` is given the handler's table and says what is wrong with it.
    pub fn handler<H: Handler>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&Options) -> Result<H, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        let make: Maker<Arc<dyn Handler>> = Arc::new(move |options| Ok(Arc::new(make(options)?)));
        self.handlers.insert(kind.into(), make);
        self
    }

    /// Registers a type of filter, which may also be named without a table of its own.
    pub fn filter(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&Options) -> Result<EventFilter, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        self.filters.insert(kind.into(), Arc::new(make));
        self
    }

    /// Registers a filter that lets the events pass that `decide` says `true` to.
    pub fn callback(
        self,
        name: impl Into<String>,
        decide: impl Fn(&EventView<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let filter = filter::callback(decide);
        self.filter(name, move |_| Ok(filter.clone()))
    }

    /// Registers a type of formatter, which may also be named without a table of its own.
    pub fn formatter<F: Format>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&Options) -> Result<F, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        let make: Maker<Arc<dyn Format>> = Arc::new(move |options| Ok(Arc::new(make(options)?)));
        self.formatters.insert(kind.into(), make);
        self
    }

    /// Registers a callback that log files may name in `on_rotation`, see
    /// [`LogFile::on_rotation`](watchfire_file::LogFile::on_rotation).
    pub fn on_rotation(
        mut self,
        name: impl Into<String>,
        then: impl Fn(&Path) + Send + Sync + 'static,
    ) -> Self {
        self.rotation_callbacks.insert(name.into(), Arc::new(then));
        self
    }

    pub(crate) fn rotation_callback(&self, name: &str) -> Option<RotationCallback> {
        self.rotation_callbacks.get(name).cloned()
    }

    pub(crate) fn knows_rotation_callback(&self, name: &str) -> bool {
        self.rotation_callbacks.contains_key(name) || self.assumed.iter().any(|assumed| assumed == name)
    }

    pub(crate) fn rotation_callbacks(&self) -> Vec<&str> {
        self.rotation_callbacks.keys().map(String::as_str).collect()
    }

    /// Accepts `name` wherever a part of the program's own may stand; for checks outside of the program.
    ///
    /// An assumed filter passes every event, and an assumed handler drops its events.
    pub fn assume(mut self, name: impl Into<String>) -> Self {
        self.assumed.push(name.into());
        self
    }

    /// Takes every reference to a variable or a file as good; for checks on a machine that has no secrets.
    pub fn assume_environment(mut self) -> Self {
        self.assumes_environment = true;
        self
    }

    pub(crate) fn assumes_environment(&self) -> bool {
        self.assumes_environment
    }

    /// Names the packages that the program is built of; for checks outside of the program, which then warn of targets at
    /// which none of them logs.
    pub fn lock(mut self, lock: Lock) -> Self {
        self.lock = Some(lock);
        self
    }

    pub(crate) fn known_lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Returns the types that a part of a section may have.
    pub(crate) fn types(&self, section: Section) -> Vec<String> {
        let built_in = section.types().iter().map(|(name, _)| (*name).to_owned());
        let mut own = self.own(section);
        own.sort();
        built_in.filter(|name| self.is_compiled(section, name)).chain(own).collect()
    }

    /// Returns what may be named without a table of its own.
    pub(crate) fn nameable(&self, section: Section) -> Vec<&str> {
        let built_in: &[&str] = match section {
            Section::Handlers => return Vec::new(),
            Section::Filters => &["require_debug_true", "require_debug_false"],
            Section::Formatters => &["text", "json", "logfmt", "pretty"],
        };
        let own: Vec<&String> = match section {
            Section::Handlers => Vec::new(),
            Section::Filters => self.filters.keys().collect(),
            Section::Formatters => self.formatters.keys().collect(),
        };
        let assumed = self.assumed.iter();
        built_in.iter().copied().chain(own.into_iter().chain(assumed).map(String::as_str)).collect()
    }

    pub(crate) fn is_own(&self, section: Section, kind: &str) -> bool {
        self.own(section).iter().any(|known| known == kind)
    }

    #[expect(clippy::unused_self, reason = "asked beside what the program registered")]
    pub(crate) fn is_compiled(&self, section: Section, kind: &str) -> bool {
        let left_out = [
            ("email", !cfg!(feature = "email")),
            ("sentry", !cfg!(feature = "sentry")),
            ("slack", !cfg!(feature = "slack")),
            ("sms", !cfg!(feature = "sms")),
            ("telegram", !cfg!(feature = "telegram")),
        ];
        section != Section::Handlers || !left_out.contains(&(kind, true))
    }

    pub(crate) fn make_handler(
        &self,
        kind: &str,
        options: &Options,
    ) -> Option<Result<Arc<dyn Handler>, ConfigError>> {
        self.handlers.get(kind).map(|make| make(options))
    }

    pub(crate) fn make_filter(
        &self,
        kind: &str,
        options: &Options,
    ) -> Option<Result<EventFilter, ConfigError>> {
        self.filters.get(kind).map(|make| make(options))
    }

    pub(crate) fn make_formatter(
        &self,
        kind: &str,
        options: &Options,
    ) -> Option<Result<Arc<dyn Format>, ConfigError>> {
        self.formatters.get(kind).map(|make| make(options))
    }

    fn own(&self, section: Section) -> Vec<String> {
        let own: Vec<&String> = match section {
            Section::Handlers => self.handlers.keys().collect(),
            Section::Filters => self.filters.keys().collect(),
            Section::Formatters => self.formatters.keys().collect(),
        };
        own.into_iter().chain(&self.assumed).cloned().collect()
    }
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Components")
            .field("handlers", &self.own(Section::Handlers))
            .field("filters", &self.own(Section::Filters))
            .field("formatters", &self.own(Section::Formatters))
            .finish()
    }
}
