//! Set a service up from a file, a value or the environment.

use std::path::{Path, PathBuf};

use tracing_core::Subscriber;
use tracing_subscriber::{prelude::*, registry::LookupSpan, util::TryInitError};
use watchfire_core::{ConfigError, EventView, Handler};

use crate::{
    Components, Config, Diagnostics, Handle, Options, RouterLayer, config::default_path,
    diagnostics::Finding, handle::Origin,
};

/// Begins to set up the service `name` of a configuration file.
///
/// The file is the one that `WATCHFIRE_CONFIG` names, else `./watchfire.toml`, unless another is given.
///
/// ```no_run
/// let _watchfire = watchfire_config::setup("checkout")
///     .callback("real_tenants", |event| event.field("tenant") != Some("load-test"))
///     .init()?;
/// # Ok::<_, watchfire_config::Diagnostics>(())
/// ```
pub fn setup(name: impl Into<String>) -> Setup {
    Setup {
        service: Some(name.into()),
        source: ConfigSource::Found,
        components: Components::new(),
        rust_log: RustLog::Environment,
    }
}

/// Puts the stack of the service `name` in force, from the file that `WATCHFIRE_CONFIG` names, else `./watchfire.toml`.
///
/// Keep the handle: dropping it flushes, and ends the reloads.
///
/// # Errors
/// Returns all errors of the file at once; nothing is started then. Also if there is a global subscriber already.
pub fn init(name: impl Into<String>) -> Result<Handle, Diagnostics> {
    setup(name).init()
}

/// Puts the stack that the environment describes in force: Coaster's keys under their old and new names, or our own.
///
/// `docs/guide/from-coaster.md` has the table of all keys.
///
/// # Errors
/// Returns all errors at once, half-given groups too; nothing is started then.
pub fn init_from_env() -> Result<Handle, Diagnostics> {
    Setup::of(Config::from_env()?).init()
}

/// A configuration on its way to being put in force.
#[derive(Debug)]
#[must_use = "nothing happens before init() or layers()"]
pub struct Setup {
    service: Option<String>,
    source: ConfigSource,
    components: Components,
    rust_log: RustLog,
}

#[derive(Debug)]
enum ConfigSource {
    Found,
    File(PathBuf),
    Value(Box<Config>),
}

#[derive(Debug)]
enum RustLog {
    Environment,
    Given(String),
}

impl Setup {
    /// Takes a configuration without services.
    pub(crate) fn of(config: Config) -> Self {
        Self {
            service: None,
            source: ConfigSource::Value(Box::new(config)),
            components: Components::new(),
            rust_log: RustLog::Environment,
        }
    }

    /// Reads this file instead.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = ConfigSource::File(path.into());
        self
    }

    /// Takes this configuration instead of a file.
    pub fn config(mut self, config: Config) -> Self {
        self.source = ConfigSource::Value(Box::new(config));
        self
    }

    /// Adds the components of the program.
    pub fn components(mut self, components: Components) -> Self {
        self.components = components;
        self
    }

    /// Registers a callback, see [`Components::callback`].
    pub fn callback(
        mut self,
        name: impl Into<String>,
        decide: impl Fn(&EventView<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.components = self.components.callback(name, decide);
        self
    }

    /// Registers a callback for rotated files, see [`Components::on_rotation`].
    pub fn on_rotation(
        mut self,
        name: impl Into<String>,
        then: impl Fn(&Path) + Send + Sync + 'static,
    ) -> Self {
        self.components = self.components.on_rotation(name, then);
        self
    }

    /// Registers a type of handler, see [`Components::handler`].
    pub fn handler<H: Handler>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&Options) -> Result<H, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        self.components = self.components.handler(kind, make);
        self
    }

    /// Takes these directives in place of `RUST_LOG`; an empty text is none.
    pub fn rust_log(mut self, directives: impl Into<String>) -> Self {
        self.rust_log = RustLog::Given(directives.into());
        self
    }

    /// Makes the layer without installing it, to be added to a registry of your own.
    ///
    /// The file is followed as after [`init`](Self::init).
    ///
    /// # Errors
    /// Returns all errors; nothing is started then.
    pub fn layers<S>(self) -> Result<(RouterLayer<S>, Handle), Diagnostics>
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        let handle = self.handle()?;
        let layer = handle.layer();
        handle.watch();
        Ok((layer, handle))
    }

    /// Puts it in force for the whole process.
    ///
    /// The file is looked at once a second, and read again when it has changed or after a SIGHUP. A [`Config`] that code
    /// has changed after it was read is not replaced by its file: then only [`Handle::reload`] reads it.
    ///
    /// # Errors
    /// Returns all errors; nothing is started then. Also if there is a global subscriber already.
    pub fn init(self) -> Result<Handle, Diagnostics> {
        let handle = self.handle()?;
        let installed = tracing_subscriber::registry().with(handle.layer()).try_init();
        installed.map_err(|error: TryInitError| {
            let reason = format!("{error}; watchfire's layers() go into a registry of your own");
            Diagnostics::one("watchfire", Finding::new("", reason))
        })?;
        handle.watch();
        Ok(handle)
    }

    fn handle(self) -> Result<Handle, Diagnostics> {
        let mut config = match self.source {
            ConfigSource::Value(config) => *config,
            ConfigSource::File(path) => Config::read(path)?,
            ConfigSource::Found => Config::read(default_path())?,
        };
        let rust_log = match self.rust_log {
            RustLog::Environment => crate::environment::variable("RUST_LOG"),
            RustLog::Given(text) => Some(text),
        };
        if let Some(service) = &self.service {
            config.name_app(service);
        }
        let file = config.file().cloned();
        Handle::build(config, Origin { file, service: self.service, components: self.components, rust_log })
    }
}
