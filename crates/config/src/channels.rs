//! Make alert channels of their tables, and change what is behind one while it runs.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use watchfire_core::{ConfigError, Problems, Severity};
use watchfire_outbox::{
    AlertHandler, Answers, Channel, Delivering, DeliveryPolicy, Notification, Occasion, Outbox, Outcome,
    QuietHours, Rate, Sink, Verifying,
};

use crate::{
    setting::{Options, Setting},
    units,
};

/// The types of handlers that alert people.
pub(crate) const KINDS: [&str; 5] = ["email", "slack", "telegram", "sms", "sentry"];

/// The settings of a channel from a handler's table. Nothing is started yet.
pub(crate) struct Prepared {
    sink: Box<dyn Sink>,
    timeout: Option<Duration>,
    max_age: Option<Duration>,
    failover: Option<(Duration, Vec<String>)>,
    digests: Vec<Duration>,
    min_count: Option<(u32, Duration)>,
    first_from: Option<Severity>,
    budget: Vec<Rate>,
    quiet: Option<QuietHours>,
}

/// A channel of the outbox whose sink can be replaced: groups and spool stay.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) handler: Arc<AlertHandler<Swapped>>,
    sink: Swapped,
    /// The settings that it has.
    settings: Channel<Swapped>,
}

/// A channel with all its settings, and the sink that is to be behind it.
pub(crate) struct Tuned {
    settings: Channel<Swapped>,
    sink: Swapped,
}

/// A sink that another can take the place of.
#[derive(Clone)]
pub(crate) struct Swapped {
    sink: Arc<ArcSwap<Box<dyn Sink>>>,
    /// Whether the provider has refused the channel as a whole, as it does with wrong credentials, since another sink was
    /// put in.
    is_refused: Arc<AtomicBool>,
}

impl Swapped {
    fn new(sink: Box<dyn Sink>) -> Self {
        Self { sink: Arc::new(ArcSwap::from_pointee(sink)), is_refused: Arc::default() }
    }
}

impl Prepared {
    /// Makes the sink of a handler's table; `None` if the type is none of people's channels.
    #[cfg_attr(
        not(any(
            feature = "email",
            feature = "sentry",
            feature = "slack",
            feature = "sms",
            feature = "telegram"
        )),
        expect(unused_variables, unreachable_code, reason = "a program without channels has none to make")
    )]
    pub(crate) fn make(kind: &str, table: &Options) -> Option<Result<Self, ConfigError>> {
        let sink: Result<Box<dyn Sink>, ConfigError> = match kind {
            #[cfg(feature = "email")]
            "email" => email(table).map(boxed),
            #[cfg(feature = "slack")]
            "slack" => slack(table).map(boxed),
            #[cfg(feature = "telegram")]
            "telegram" => telegram(table).map(boxed),
            #[cfg(feature = "sms")]
            "sms" => sms(table).map(boxed),
            #[cfg(feature = "sentry")]
            "sentry" => sentry(table).map(boxed),
            _ => return None,
        };
        Some(Self::around(sink, table))
    }

    fn around(sink: Result<Box<dyn Sink>, ConfigError>, table: &Options) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let sink = problems.keep(sink);
        let duration =
            |table: &Options, key: &str| table.get(key).and_then(|value| units::duration(value).ok());
        let count = |table: &Options, key: &str| u32::try_from(table.get(key)?.as_integer()?).ok();
        let failover = table.table("failover").and_then(|failover| {
            let to = failover.texts("to").into_iter().map(str::to_owned).collect();
            Some((duration(failover, "after")?, to))
        });
        let digests = table.get("digests").map(Setting::as_list).unwrap_or_default();
        let rates = table.get("budget").map(Setting::as_list).unwrap_or_default();
        let rate = |rate: &Setting| {
            let Some(table) = rate.as_table() else { return rate.as_text()?.parse().ok() };
            let rate = Rate::new(count(table, "most")?, duration(table, "per")?);
            Some(count(table, "burst").map_or(rate, |burst| rate.burst(burst)))
        };
        let quiet = problems.keep(quiet(table));
        problems.finish(|| {
            Some(Self {
                sink: sink?,
                quiet: quiet?,
                timeout: duration(table, "timeout"),
                max_age: duration(table, "max_age"),
                failover,
                digests: digests.iter().filter_map(|value| units::duration(value).ok()).collect(),
                min_count: table
                    .table("min_count")
                    .and_then(|table| Some((count(table, "count")?, duration(table, "within")?))),
                first_from: crate::files::severity(table, "first_from"),
                budget: rates.iter().filter_map(rate).collect(),
            })
        })
    }

    /// Makes the channel of this name, with everything that the table says.
    pub(crate) fn tuned(self, name: &str) -> Tuned {
        let sink = Swapped::new(self.sink);
        let mut channel = Channel::new(sink.clone()).named(name);
        if let Some(severity) = self.first_from {
            let mut policy = sink.policy();
            policy.notifications = policy.notifications.first_from(severity);
            channel = channel.policy(policy);
        }
        if let Some(timeout) = self.timeout {
            channel = channel.timeout(timeout);
        }
        if let Some(age) = self.max_age {
            channel = channel.max_age(age);
        }
        if let Some((after, to)) = self.failover {
            channel = channel.failover(after, to);
        }
        if !self.digests.is_empty() {
            channel = channel.digests(self.digests);
        }
        if let Some((count, within)) = self.min_count {
            channel = channel.min_count(count, within);
        }
        if !self.budget.is_empty() {
            channel = channel.budget(self.budget);
        }
        if let Some(hours) = self.quiet {
            channel = channel.quiet_hours(hours);
        }
        Tuned { settings: channel, sink }
    }

    pub(crate) fn into_sink(self) -> Box<dyn Sink> {
        self.sink
    }
}

/// Tells whether a key is there, with whatever value: a wrong one was found before, and is not missing as well.
fn has(table: &Options, key: &str) -> bool {
    table.get(key).is_some()
}

fn quiet(table: &Options) -> Result<Option<QuietHours>, ConfigError> {
    let (Some(hours), zone) = (table.text("quiet_hours"), table.text("quiet_zone")) else {
        return match table.text("quiet_zone") {
            Some(_) if !has(table, "quiet_hours") => {
                Err(ConfigError::new("quiet_zone", "has no `quiet_hours` beside it"))
            }
            _ => Ok(None),
        };
    };
    let hours: QuietHours =
        hours.parse().map_err(|error: ConfigError| ConfigError::new("quiet_hours", error.reason()))?;
    match zone {
        Some(zone) => {
            let hours = hours.in_zone(zone);
            hours.map(Some).map_err(|error| ConfigError::new("quiet_zone", error.reason()))
        }
        None => Ok(Some(hours)),
    }
}

impl Tuned {
    /// Opens the channel. It hands over to nobody before it is [retuned](Outbox::retune): the others may not be there yet.
    pub(crate) fn open(&self, outbox: &Outbox) -> Result<Running, ConfigError> {
        let handler = Arc::new(self.settings.clone().without_failover().handler(outbox)?);
        Ok(Running { handler, sink: self.sink.clone(), settings: self.settings.clone() })
    }

    pub(crate) fn settings(&self) -> Channel<Swapped> {
        self.settings.clone()
    }
}

impl Running {
    /// Puts the sink of `tuned` in the place of the present one. Its settings are the outbox's to change.
    pub(crate) fn take(&mut self, tuned: Tuned) {
        self.sink.sink.store(tuned.sink.sink.load_full());
        self.sink.is_refused.store(false, Ordering::Release);
        self.settings = tuned.settings;
    }

    /// Returns whether the provider has refused the channel since the present sink was put in.
    pub(crate) fn is_refused(&self) -> bool {
        self.sink.is_refused.load(Ordering::Acquire)
    }

    /// Returns the settings of a channel that no configuration names any more: it delivers what waits, and hands over to
    /// nobody.
    pub(crate) fn settings_alone(&self) -> Channel<Swapped> {
        self.settings.clone().without_failover()
    }
}

impl Sink for Swapped {
    fn kind(&self) -> &'static str {
        self.sink.load().kind()
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        self.sink.load().render(occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let sink = self.sink.load_full();
        let is_refused = Arc::clone(&self.is_refused);
        Box::pin(async move {
            let outcome = sink.deliver(notification).await;
            if matches!(outcome, Outcome::Held(_)) {
                is_refused.store(true, Ordering::Release);
            }
            outcome
        })
    }

    fn policy(&self) -> DeliveryPolicy {
        self.sink.load().policy()
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        let sink = self.sink.load_full();
        Box::pin(async move { sink.verify(answers).await })
    }
}

impl fmt::Debug for Swapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Swapped").field(&self.kind()).finish()
    }
}

#[cfg(any(feature = "email", feature = "sentry", feature = "slack", feature = "sms", feature = "telegram"))]
fn boxed<S: Sink>(sink: S) -> Box<dyn Sink> {
    Box::new(sink)
}

/// Applies an option if it is there.
#[cfg(any(feature = "email", feature = "sentry", feature = "slack", feature = "sms", feature = "telegram"))]
fn with<B, V>(builder: B, value: Option<V>, apply: impl FnOnce(B, V) -> B) -> B {
    match value {
        Some(value) => apply(builder, value),
        None => builder,
    }
}

#[cfg(feature = "email")]
fn email(table: &Options) -> Result<watchfire_email::Email, ConfigError> {
    use watchfire_email::{Email, EmailBuilder};
    let text = |key: &str| table.text(key);
    let is_off = |key: &str| table.get(key).and_then(Setting::as_bool) == Some(false);
    let mut problems = Problems::new();
    let mut mail = Email::to(table.texts("to"));
    mail = with(mail, text("from"), EmailBuilder::from);
    mail = with(mail, text("server"), EmailBuilder::server);
    mail = match (text("user"), text("password")) {
        (Some(user), Some(password)) => mail.login(user, password),
        (user, password) => {
            let (no_user, no_password) = (!has(table, "user"), !has(table, "password"));
            problems.check(user.is_none() || !no_password, "email.user", "has no `password` beside it");
            problems.check(password.is_none() || !no_user, "email.password", "has no `user` beside it");
            mail
        }
    };
    mail = with(mail, text("subject_prefix"), EmailBuilder::subject_prefix);
    mail = with(mail, text("reply_to"), EmailBuilder::reply_to);
    if is_off("html") {
        mail = mail.without_html();
    }
    if is_off("thread") {
        mail = mail.without_threads();
    }
    mail = with(mail, text("hello_name"), EmailBuilder::hello_name);
    let step = table.get("step_timeout").and_then(|value| units::duration(value).ok());
    mail = with(mail, step, EmailBuilder::step_timeout);
    let mail = problems.keep(with(mail, text("ca_file"), EmailBuilder::ca_file).build());
    problems.finish(|| mail)
}

#[cfg(feature = "slack")]
fn slack(table: &Options) -> Result<watchfire_slack::Slack, ConfigError> {
    use watchfire_slack::{Slack, SlackBuilder};
    let text = |key: &str| table.text(key);
    let channels = table.texts("channels");
    let mut problems = Problems::new();
    let is_whole = has(table, "webhook") || (has(table, "token") && has(table, "channels"));
    let mut wrong = |field: &'static str, reason: &str| {
        problems.check(is_whole && field != "slack.webhook", field, reason);
        // The rest is looked at as well: all errors are found at once.
        Slack::bot("xoxb-stands-in-for-a-missing-one", "C0STANDIN")
    };
    let slack = match (text("webhook"), text("token"), channels.split_first()) {
        (Some(url), None, None) => Slack::webhook(url),
        (None, Some(token), Some((first, more))) => {
            more.iter().fold(Slack::bot(token, *first), |slack, channel| slack.also_to(*channel))
        }
        (Some(_), ..) => {
            wrong("slack.webhook", "is complete by itself; `token` and `channels` are for a bot")
        }
        (None, Some(_), None) => wrong("slack.token", "has no `channels` beside it"),
        (None, None, Some(_)) => wrong("slack.channels", "has no `token` beside it"),
        (None, None, None) => wrong("slack", "expected `webhook`, or `token` and `channels`"),
    };
    let slack = table.texts("mention").into_iter().fold(slack, SlackBuilder::mention);
    let slack = with(slack, text("username"), SlackBuilder::username);
    let slack = with(slack, text("icon_emoji"), SlackBuilder::icon_emoji);
    let slack = with(slack, text("api_url"), SlackBuilder::api_url);
    let slack = problems.keep(with(slack, text("ca_file"), SlackBuilder::ca_file).build());
    problems.finish(|| slack)
}

#[cfg(feature = "telegram")]
fn telegram(table: &Options) -> Result<watchfire_telegram::Telegram, ConfigError> {
    use watchfire_telegram::{Telegram, TelegramBuilder};
    let text = |key: &str| table.text(key);
    let chats = table.texts("chats");
    let (first, more) = chats.split_first().map_or(("", &[][..]), |(first, more)| (*first, more));
    let telegram = Telegram::bot(text("token").unwrap_or_default(), first);
    let mut telegram = more.iter().fold(telegram, |telegram, chat| telegram.also_to(chat));
    if table.get("silent").and_then(Setting::as_bool) == Some(true) {
        telegram = telegram.silent();
    }
    let telegram = with(telegram, text("api_url"), TelegramBuilder::api_url);
    with(telegram, text("ca_file"), TelegramBuilder::ca_file).build()
}

#[cfg(feature = "sms")]
fn sms(table: &Options) -> Result<watchfire_sms::Sms, ConfigError> {
    use watchfire_sms::{Exotel, Sms, SmsBuilder, Twilio};
    let mut problems = Problems::new();
    let mut sms = Sms::to(table.texts("to"));
    if let Some(account) = table.table("twilio") {
        let text = |key: &str| account.text(key);
        let (sid, token) = (text("account_sid").unwrap_or_default(), text("auth_token").unwrap_or_default());
        let twilio = Twilio::with_key(sid, text("key_sid").unwrap_or(sid), token);
        let twilio = with(twilio, text("from"), Twilio::from);
        let twilio = with(twilio, text("messaging_service"), Twilio::messaging_service);
        sms = sms.twilio(with(twilio, text("api_url"), Twilio::api_url));
    }
    if let Some(account) = table.table("exotel") {
        let text = |key: &str| account.text(key);
        let sid = text("account_sid").unwrap_or_default();
        let exotel = Exotel::new(sid, text("key").unwrap_or(sid), text("token").unwrap_or_default());
        let exotel = with(exotel, text("from"), Exotel::from);
        let exotel = match (text("dlt_entity_id"), text("dlt_template_id")) {
            (Some(entity), Some(template)) => exotel.dlt(entity, template),
            _ => {
                let is_whole = has(account, "dlt_entity_id") == has(account, "dlt_template_id");
                let reason = "expected both of `dlt_entity_id` and `dlt_template_id`";
                problems.check(is_whole, "sms.exotel", reason);
                exotel
            }
        };
        let exotel = with(exotel, text("template"), Exotel::template);
        sms = sms.exotel(with(exotel, text("api_url"), Exotel::api_url));
    }
    if let Some(segments) = table.get("max_segments").and_then(Setting::as_integer) {
        sms = sms.max_segments(usize::try_from(segments).unwrap_or(1));
    }
    let sms = problems.keep(with(sms, table.text("ca_file"), SmsBuilder::ca_file).build());
    problems.finish(|| sms)
}

#[cfg(feature = "sentry")]
fn sentry(table: &Options) -> Result<watchfire_sentry::Sentry, ConfigError> {
    use watchfire_sentry::{Sentry, SentryBuilder};
    let sentry = Sentry::dsn(table.text("dsn").unwrap_or_default()).tag_fields(table.texts("tag_fields"));
    with(sentry, table.text("ca_file"), SentryBuilder::ca_file).build()
}
