//! Make alert channels of their tables, and change what is behind one while it runs.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use watchfire_core::ConfigError;
use watchfire_outbox::{AlertHandler, Channel, Delivering, Notification, Occasion, Outbox, Policy, Sink};

use crate::{setting::Options, units};

/// Is what a handler's table says of a channel; nothing is started yet.
pub(crate) struct Prepared {
    sink: Box<dyn Sink>,
    timeout: Option<Duration>,
    max_age: Option<Duration>,
}

/// Is a channel of the outbox whose sink can be replaced: groups and spool stay.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) handler: Arc<AlertHandler<Swapped>>,
    sink: Swapped,
}

/// Is a sink that another can take the place of.
#[derive(Clone)]
pub(crate) struct Swapped(Arc<ArcSwap<Box<dyn Sink>>>);

impl Prepared {
    /// Makes the sink of a handler's table; `None` if the type is none of people's channels.
    pub(crate) fn make(kind: &str, table: &Options) -> Option<Result<Self, ConfigError>> {
        let sink = match kind {
            #[cfg(feature = "email")]
            "email" => email(table).map(boxed),
            #[cfg(feature = "slack")]
            "slack" => slack(table).map(boxed),
            #[cfg(feature = "telegram")]
            "telegram" => telegram(table).map(boxed),
            _ => return None,
        };
        let duration = |key: &str| table.get(key).and_then(|value| units::duration(value).ok());
        Some(sink.map(|sink| Self { sink, timeout: duration("timeout"), max_age: duration("max_age") }))
    }

    /// Opens a channel of this name.
    pub(crate) fn open(self, name: &str, outbox: &Outbox) -> Result<Running, ConfigError> {
        let sink = Swapped(Arc::new(ArcSwap::from_pointee(self.sink)));
        let mut channel = Channel::new(sink.clone()).named(name);
        if let Some(timeout) = self.timeout {
            channel = channel.timeout(timeout);
        }
        if let Some(age) = self.max_age {
            channel = channel.max_age(age);
        }
        Ok(Running { handler: Arc::new(channel.handler(outbox)?), sink })
    }

    /// Puts the sink behind a channel that runs.
    pub(crate) fn replace(self, running: &Running) {
        running.sink.0.store(Arc::new(self.sink));
    }
}

impl Sink for Swapped {
    fn kind(&self) -> &'static str {
        self.0.load().kind()
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        self.0.load().render(occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let sink = self.0.load_full();
        Box::pin(async move { sink.deliver(notification).await })
    }

    fn policy(&self) -> Policy {
        self.0.load().policy()
    }
}

impl fmt::Debug for Swapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Swapped").field(&self.kind()).finish()
    }
}

fn boxed<S: Sink>(sink: S) -> Box<dyn Sink> {
    Box::new(sink)
}

/// Applies an option if it is there.
fn with<T, V>(
    made: T,
    value: Option<V>,
    apply: impl FnOnce(T, V) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    match value {
        Some(value) => apply(made, value),
        None => Ok(made),
    }
}

#[cfg(feature = "email")]
fn email(table: &Options) -> Result<watchfire_email::Email, ConfigError> {
    use watchfire_email::Email;
    let text = |key: &str| table.text(key);
    let is_on = |key: &str| table.get(key).and_then(crate::Setting::as_bool);
    let mut mail = Email::to(table.texts("to"))
        .from(text("from").unwrap_or_default())
        .server(text("server").unwrap_or_default())?;
    mail = match (text("user"), text("password")) {
        (Some(user), Some(password)) => mail.login(user, password)?,
        (None, None) => mail,
        (Some(_), None) => return Err(ConfigError::new("email.user", "has no `password` beside it")),
        (None, Some(_)) => return Err(ConfigError::new("email.password", "has no `user` beside it")),
    };
    mail = with(mail, text("subject_prefix"), |mail, prefix| Ok(mail.subject_prefix(prefix)))?;
    mail = with(mail, text("reply_to"), Email::reply_to)?;
    mail = with(mail, is_on("html"), |mail, on| Ok(mail.html(on)))?;
    mail = with(mail, is_on("thread"), |mail, on| Ok(mail.thread(on)))?;
    mail = with(mail, text("hello_name"), Email::hello_name)?;
    let step = table.get("step_timeout").and_then(|value| units::duration(value).ok());
    mail = with(mail, step, |mail, step| Ok(mail.step_timeout(step)))?;
    with(mail, text("ca_file"), Email::ca_file)
}

#[cfg(feature = "slack")]
fn slack(table: &Options) -> Result<watchfire_slack::Slack, ConfigError> {
    use watchfire_slack::Slack;
    let text = |key: &str| table.text(key);
    let channels = table.texts("channels");
    let mut slack = match (text("webhook"), text("token"), channels.split_first()) {
        (Some(url), None, None) => Slack::webhook(url)?,
        (None, Some(token), Some((first, more))) => {
            more.iter().try_fold(Slack::bot(token, first)?, |slack, channel| slack.also_to(channel))?
        }
        (Some(_), ..) => {
            let reason = "is complete by itself; `token` and `channels` are for a bot";
            return Err(ConfigError::new("slack.webhook", reason));
        }
        (None, Some(_), None) => return Err(ConfigError::new("slack.token", "has no `channels` beside it")),
        (None, None, Some(_)) => return Err(ConfigError::new("slack.channels", "has no `token` beside it")),
        (None, None, None) => {
            return Err(ConfigError::new("slack", "expected `webhook`, or `token` and `channels`"));
        }
    };
    for whom in table.texts("mention") {
        slack = slack.mention(whom)?;
    }
    slack = with(slack, text("username"), Slack::username)?;
    slack = with(slack, text("icon_emoji"), Slack::icon_emoji)?;
    slack = with(slack, text("api_url"), Slack::api_url)?;
    with(slack, text("ca_file"), Slack::ca_file)
}

#[cfg(feature = "telegram")]
fn telegram(table: &Options) -> Result<watchfire_telegram::Telegram, ConfigError> {
    use watchfire_telegram::Telegram;
    let text = |key: &str| table.text(key);
    let chats = table.texts("chats");
    let (first, more) = chats.split_first().map_or(("", &[][..]), |(first, more)| (*first, more));
    let mut telegram = Telegram::bot(text("token").unwrap_or_default(), first)?;
    for chat in more {
        telegram = telegram.also_to(chat)?;
    }
    if table.get("silent").and_then(crate::Setting::as_bool) == Some(true) {
        telegram = telegram.silent();
    }
    telegram = with(telegram, text("api_url"), Telegram::api_url)?;
    with(telegram, text("ca_file"), Telegram::ca_file)
}
