//! The application that alerts come from.

use std::borrow::Cow;

/// Tells which program speaks: the facts that every alert carries.
///
/// The host name and the process id are found out by [`App::new`]; the rest is what you set.
///
/// ```
/// use watchfire_core::App;
/// let app = App::new("storefront").environment("production").release("storefront@1.4.2");
/// assert_eq!(app.name(), "storefront");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    name: Cow<'static, str>,
    environment: Option<Cow<'static, str>>,
    release: Option<Cow<'static, str>>,
    host: Cow<'static, str>,
    pid: u32,
    links: Vec<NamedText>,
    facts: Vec<NamedText>,
}

/// A name and what it stands for.
type NamedText = (Cow<'static, str>, Cow<'static, str>);

impl App {
    /// Names the program; host and process id are those of this machine and process.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            environment: None,
            release: None,
            host: crate::process::host_name().into(),
            pid: std::process::id(),
            links: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// Sets the environment, such as `production` or `staging`. Default: none.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<Cow<'static, str>>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Sets the release, such as `storefront@1.4.2`. Default: none.
    #[must_use]
    pub fn release(mut self, release: impl Into<Cow<'static, str>>) -> Self {
        self.release = Some(release.into());
        self
    }

    /// Replaces the host name that was found.
    #[must_use]
    pub fn host(mut self, host: impl Into<Cow<'static, str>>) -> Self {
        self.host = host.into();
        self
    }

    /// Replaces the process id that was found; for fixtures and replays.
    #[must_use]
    pub fn pid(mut self, pid: u32) -> Self {
        self.pid = pid;
        self
    }

    /// Adds a link to every alert, such as `runbook`, `dashboard` or `trace`; the link `source` leads to the line.
    ///
    /// `{name}` stands for a value, with the characters that a URL cannot have as they are encoded: `{path}` and `{line}`
    /// of the source, `{release}`, `{version}` (the release without `name@`), `{app}`, `{environment}`, `{host}`,
    /// `{target}`, `{alert}`, `{group}`, and any field of the event or its spans. A link without a value for one of its
    /// names is left out.
    ///
    /// ```
    /// # use watchfire_core::App;
    /// let app = App::new("storefront")
    ///     .link("source", "https://git.example.com/storefront/blob/v{version}/{path}#L{line}")
    ///     .link("runbook", "https://wiki.example.com/runbooks/{target}");
    /// ```
    #[must_use]
    pub fn link(
        mut self,
        name: impl Into<Cow<'static, str>>,
        template: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.links.push((name.into(), template.into()));
        self
    }

    /// Adds a field of events or spans to the facts at the head of every alert, beside the known ones such as the
    /// request, the user and the tenant.
    #[must_use]
    pub fn fact(mut self, label: impl Into<Cow<'static, str>>, field: impl Into<Cow<'static, str>>) -> Self {
        self.facts.push((label.into(), field.into()));
        self
    }

    /// Returns the links: their names and templates.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        self.links.iter().map(|(name, template)| (&**name, &**template))
    }

    /// Returns the further facts: their labels, and the fields that have them.
    pub fn facts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.facts.iter().map(|(label, field)| (&**label, &**field))
    }

    /// Returns the program's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the environment, if one was set.
    #[must_use]
    pub fn environment_name(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Returns the release, if one was set.
    #[must_use]
    pub fn release_name(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Returns the host name.
    #[must_use]
    pub fn host_name(&self) -> &str {
        &self.host
    }

    /// Returns the process id.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.pid
    }
}

impl From<&'static str> for App {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl From<String> for App {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}
