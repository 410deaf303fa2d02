//! Build a configuration in code, handler by handler.

use tracing_core::Subscriber;
use tracing_subscriber::registry::LookupSpan;

use crate::{Components, Config, Diagnostics, Handle, Options, RouterLayer, Setting, Setup};

/// Begins a stack in code for the program `app`: the same engine as behind a file.
///
/// ```no_run
/// # let slack_url = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/notARealSecretNotARealOne";
/// let _watchfire = watchfire_config::stack("shop")
///     .file("shop.log")
///     .slack(slack_url)
///     .level("storefront::payments", "debug")
///     .init()?;
/// # Ok::<_, watchfire_config::Diagnostics>(())
/// ```
pub fn stack(app: impl Into<String>) -> StackBuilder {
    let mut config = Config::new();
    config.set(["app", "name"], app.into());
    config.set(["root", "level"], "info");
    StackBuilder { config, named: Vec::new(), components: Components::new(), service: None }
}

/// A stack on its way. Each handler hears what the root hears; an alert handler ERROR and up of that.
///
/// A handler is called as its type is, the second of a type `slack-2`, and so on.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before init() or layers()"]
pub struct StackBuilder {
    config: Config,
    named: Vec<String>,
    components: Components,
    service: Option<String>,
}

impl StackBuilder {
    /// Writes to a file that is rotated daily, of which a week is kept.
    pub fn file(self, path: impl Into<String>) -> Self {
        let rotate = Options::new().with("every", "day").with("keep", 7);
        self.handler(
            "file",
            Options::new().with("type", "file").with("path", path.into()).with("rotate", rotate),
        )
    }

    /// Writes to stderr.
    pub fn console(self) -> Self {
        self.handler("console", Options::new().with("type", "console"))
    }

    /// Alerts through an incoming webhook of Slack.
    pub fn slack(self, webhook: impl Into<String>) -> Self {
        self.handler("slack", Options::new().with("type", "slack").with("webhook", literal(webhook)))
    }

    /// Alerts by mail to the admins.
    pub fn email<A: Into<String>>(
        self,
        to: impl IntoIterator<Item = A>,
        from: impl Into<String>,
        server: impl Into<String>,
    ) -> Self {
        let to: Vec<String> = to.into_iter().map(Into::into).collect();
        let handler = Options::new().with("type", "email").with("to", to);
        self.handler("email", handler.with("from", from.into()).with("server", literal(server)))
    }

    /// Alerts a Telegram chat.
    pub fn telegram(self, token: impl Into<String>, chat: impl Into<String>) -> Self {
        let handler = Options::new().with("type", "telegram").with("token", literal(token));
        self.handler("telegram", handler.with("chats", chat.into()))
    }

    /// Alerts through Sentry.
    pub fn sentry(self, dsn: impl Into<String>) -> Self {
        self.handler("sentry", Options::new().with("type", "sentry").with("dsn", literal(dsn)))
    }

    /// Adds any handler, by the table that a file would have; the root names it.
    pub fn handler(mut self, name: &str, table: Options) -> Self {
        let taken = |name: &str| self.named.iter().any(|known| known == name);
        let mut unique = name.to_owned();
        let mut number = 1;
        while taken(&unique) {
            number += 1;
            unique = format!("{name}-{number}");
        }
        self.config.set(["handlers", &unique], table);
        self.named.push(unique);
        self.config.set(["root", "handlers"], self.named.clone());
        self
    }

    /// Sets the level of a target and of all below it; the empty target is the root. A level, or directives.
    pub fn level(mut self, target: &str, level: impl Into<Setting>) -> Self {
        if target.is_empty() {
            self.config.set(["root", "level"], level);
        } else {
            self.config.set(["loggers", target, "level"], level);
        }
        self
    }

    /// Sets levels by directives as in `RUST_LOG`, such as `info,sqlx=warn`.
    pub fn directives(self, directives: &str) -> Self {
        self.level("", directives)
    }

    /// Has only these handlers hear a target and all below it.
    pub fn target<H: Into<String>>(mut self, target: &str, handlers: impl IntoIterator<Item = H>) -> Self {
        let handlers: Vec<String> = handlers.into_iter().map(Into::into).collect();
        self.config.set(["loggers", target, "handlers"], handlers);
        self.config.set(["loggers", target, "propagate"], false);
        self
    }

    /// Describes a service, by the table that a file would have.
    pub fn service(mut self, name: &str, table: Options) -> Self {
        self.config.set(["services", name], table);
        self
    }

    /// Takes the stack of this service.
    pub fn for_service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Changes what the methods here have no word for.
    pub fn change(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Adds the components of the program.
    pub fn components(mut self, components: Components) -> Self {
        self.components = components;
        self
    }

    /// Returns the configuration that it stands for.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Puts it in force for the whole process.
    ///
    /// # Errors
    /// Returns all errors; nothing is started then. Also if there is a global subscriber already.
    pub fn init(self) -> Result<Handle, Diagnostics> {
        self.setup().init()
    }

    /// Makes the layer without installing it, to be added to a registry of your own.
    ///
    /// # Errors
    /// Returns all errors; nothing is started then.
    pub fn layers<S>(self) -> Result<(RouterLayer<S>, Handle), Diagnostics>
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        self.setup().layers()
    }

    fn setup(self) -> Setup {
        let setup = match self.service {
            Some(service) => self.config.service(service),
            None => Setup::of(self.config),
        };
        setup.components(self.components)
    }
}

/// Values from code are literal.
fn literal(secret: impl Into<String>) -> String {
    secret.into().replace("${", "$${")
}
