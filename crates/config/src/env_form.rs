//! The environment form: every key of Coaster's logger under its old and new names, and a clean set of our own.

mod mail;
mod values;

use self::values::{escaped, every, list};
use crate::{
    check,
    diagnostics::{Finding, Findings},
    json,
    keys::{self, KeySpec, ValueKind},
    level::Threshold,
    quote::quoted,
    setting::{Options, Setting},
};

/// Our own variables, so that a misspelt one is found.
pub(crate) const VARIABLES: [&str; 36] = [
    "WATCHFIRE_APP",
    "WATCHFIRE_CAPACITY",
    "WATCHFIRE_DROP_DEADLINE",
    "WATCHFIRE_EMAIL_CA_FILE",
    "WATCHFIRE_EMAIL_FROM",
    "WATCHFIRE_EMAIL_LEVEL",
    "WATCHFIRE_EMAIL_SERVER",
    "WATCHFIRE_EMAIL_TO",
    "WATCHFIRE_ENVIRONMENT",
    "WATCHFIRE_EXIT_DEADLINE",
    "WATCHFIRE_EXOTEL_URL",
    "WATCHFIRE_FILE",
    "WATCHFIRE_FILE_KEEP",
    "WATCHFIRE_FILE_LEVEL",
    "WATCHFIRE_FILE_ROTATE",
    "WATCHFIRE_IN_MEMORY",
    "WATCHFIRE_LEVEL",
    "WATCHFIRE_PANICS",
    "WATCHFIRE_RELEASE",
    "WATCHFIRE_REQUIRE_SPOOL",
    "WATCHFIRE_SENTRY_DSN",
    "WATCHFIRE_SENTRY_LEVEL",
    "WATCHFIRE_SLACK_LEVEL",
    "WATCHFIRE_SLACK_WEBHOOK",
    "WATCHFIRE_SMS_LEVEL",
    "WATCHFIRE_SMS_TO",
    "WATCHFIRE_SPOOL",
    "WATCHFIRE_STACKS_FROM",
    "WATCHFIRE_SYNC_FROM",
    "WATCHFIRE_SYNC_WITHIN",
    "WATCHFIRE_TELEGRAM_API_URL",
    "WATCHFIRE_TELEGRAM_CHATS",
    "WATCHFIRE_TELEGRAM_LEVEL",
    "WATCHFIRE_TELEGRAM_TOKEN",
    "WATCHFIRE_TWILIO_URL",
    "WATCHFIRE_UNCLEAN_END",
];

/// The keys of `[app]` and their variables. `debug` is missing: core reads `WATCHFIRE_DEBUG` for every set-up.
const APP: [(&str, &[&str]); 4] = [
    ("name", &["WATCHFIRE_APP", "SITE_ID"]),
    ("environment", &["WATCHFIRE_ENVIRONMENT"]),
    ("release", &["WATCHFIRE_RELEASE"]),
    ("panics", &["WATCHFIRE_PANICS"]),
];

/// The keys of `[outbox]` and their variables.
const OUTBOX: [(&str, &[&str]); 10] = [
    ("spool", &["WATCHFIRE_SPOOL"]),
    ("require_spool", &["WATCHFIRE_REQUIRE_SPOOL"]),
    ("in_memory", &["WATCHFIRE_IN_MEMORY"]),
    ("capacity", &["WATCHFIRE_CAPACITY"]),
    ("drop_deadline", &["WATCHFIRE_DROP_DEADLINE"]),
    ("exit_deadline", &["WATCHFIRE_EXIT_DEADLINE"]),
    ("sync_from", &["WATCHFIRE_SYNC_FROM"]),
    ("sync_within", &["WATCHFIRE_SYNC_WITHIN"]),
    ("unclean_end", &["WATCHFIRE_UNCLEAN_END"]),
    ("stacks_from", &["WATCHFIRE_STACKS_FROM"]),
];

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Makes the configuration that the environment describes.
///
/// Half-given groups are errors, and so is an old name beside a new one that says something else.
pub(crate) fn read(variable: Variable<'_>, findings: &mut Findings) -> Options {
    let mut form = Form { variable, findings, handlers: Options::new(), named: Vec::new() };
    form.file();
    form.email();
    form.slack();
    form.telegram();
    form.sms();
    form.sentry();
    form.finish()
}

struct Form<'a> {
    variable: Variable<'a>,
    findings: &'a mut Findings,
    handlers: Options,
    named: Vec<String>,
}

impl Form<'_> {
    /// Returns the first of the names that is set and not empty; two that differ are an error.
    fn get(&mut self, names: &[&'static str]) -> Option<(&'static str, String)> {
        let mut found: Option<(&'static str, String)> = None;
        for name in names {
            let Some(value) = (self.variable)(name).filter(|value| !value.trim().is_empty()) else {
                continue;
            };
            match &found {
                None => found = Some((name, value)),
                Some((known, other)) if *other != value => {
                    let reason =
                        format!("says something else than `{known}`, which is the newer name of the same");
                    self.wrong(name, reason);
                }
                Some(_) => {}
            }
        }
        found
    }

    fn text(&mut self, names: &[&'static str]) -> Option<String> {
        self.get(names).map(|(_, value)| value)
    }

    fn is_set(&self, name: &str) -> bool {
        (self.variable)(name).is_some()
    }

    fn wrong(&mut self, name: &str, reason: impl Into<String>) {
        self.findings.add(Finding::new(name, reason));
    }

    /// Reads a level under one of these names.
    fn level(&mut self, names: &[&'static str], usual: &str) -> Setting {
        let Some((name, text)) = self.get(names) else { return usual.into() };
        if let Err(wrong) = Threshold::named(&text) {
            self.findings.add(Finding::new(name, wrong.reason).meant(wrong.meant.as_deref()));
        }
        text.into()
    }

    fn is_on(&mut self, names: &[&'static str]) -> Option<bool> {
        let (name, text) = self.get(names)?;
        let is_on = switch(&text);
        if is_on.is_none() {
            self.wrong(name, "expected true or false");
        }
        is_on
    }

    /// Reads the keys of a section. A value is checked as in a file, and an error names its variable.
    fn section(&mut self, variables: &[(&str, &[&'static str])], keys: &[KeySpec]) -> Options {
        let mut section = Options::new();
        for (key, names) in variables {
            let Some(kind) = keys.iter().find(|known| known.name == *key).map(|known| known.kind) else {
                continue;
            };
            let Some((name, text)) = self.get(names) else { continue };
            let value = match kind {
                ValueKind::Bool => switch(&text).map(Setting::Bool),
                ValueKind::Integer(..) => text.trim().parse().ok().map(Setting::Integer),
                ValueKind::Text | ValueKind::Folder => Some(Setting::Text(text.clone())),
                _ => Some(Setting::Text(text.trim().to_ascii_lowercase())),
            };
            let value = value.unwrap_or(Setting::Text(text));
            check::one(&value, kind, name, self.findings);
            section.set(*key, value);
        }
        section
    }

    /// Names what is missing of a group that is half given; `true` if all of it is there.
    fn is_whole(&mut self, group: &str, keys: &[(&str, bool)]) -> bool {
        let there: Vec<_> = keys.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
        let missing: Vec<_> = keys.iter().filter(|(_, is_there)| !is_there).map(|(name, _)| *name).collect();
        let (Some(first), false) = (there.first(), missing.is_empty()) else { return missing.is_empty() };
        let reason = format!("is set, but {group} also needs {}", missing.join(", "));
        self.wrong(first, reason);
        false
    }

    fn add(&mut self, name: &str, handler: Options) {
        self.handlers.set(name, handler);
        self.named.push(name.to_owned());
    }

    fn file(&mut self) {
        const NAMES: [&str; 3] = ["WATCHFIRE_FILE", "LOG_FILE", "LOGFILE"];
        let path = match self.text(&NAMES) {
            Some(path) => path,
            // As on Coaster's page; an empty text turns the file off.
            None if NAMES.iter().any(|name| self.is_set(name)) => return,
            None => "error.log".to_owned(),
        };
        let level = self.level(&["WATCHFIRE_FILE_LEVEL", "LOG_FILE_LEVEL", "LOGFILE_LEVEL"], "warning");
        let mut handler = Options::new().with("type", "file").with("path", path).with("level", level);
        let when = self.get(&["WATCHFIRE_FILE_ROTATE", "LOG_FILE_ROTATE_WHEN", "LOGFILE_WHEN"]);
        let rotates = self.is_on(&["LOG_FILE_ROTATE"]) != Some(false);
        let mut rotate = Options::new();
        if rotates {
            let (name, when) = when.unwrap_or(("", "midnight".to_owned()));
            match every(&when) {
                Some("never") => {}
                Some(every) => rotate.set("every", every),
                None => {
                    let expected =
                        "expected never, minute, hour, day, week, or Python's M, H, D, midnight, W0 to W6";
                    self.wrong(name, format!("{}: {expected}", quoted(&when)));
                }
            }
        }
        if let Some((name, interval)) = self.get(&["LOG_FILE_ROTATE_INTERVAL"])
            && interval.trim() != "1"
        {
            self.wrong(name, "expected 1; for other spans set WATCHFIRE_FILE_ROTATE");
        }
        // Opened at the start, so that a wrong path is found then.
        self.is_on(&["LOG_FILE_DELAY"]);
        if let Some((name, count)) =
            self.get(&["WATCHFIRE_FILE_KEEP", "LOG_FILE_ROTATE_COUNT", "LOGFILE_BACKUPCOUNT"])
        {
            match count.trim().parse::<i64>() {
                // Python's 0 keeps all of them.
                Ok(0) => {}
                Ok(count) if count > 0 && rotates => rotate.set("keep", count),
                Ok(_) if !rotates => {}
                _ => self.wrong(name, "expected how many rotated files are kept, or 0 for all"),
            }
        }
        if !rotate.is_empty() && rotate.get("every").is_some() {
            handler.set("rotate", rotate);
        }
        if self.is_on(&["LOG_FILE_ROTATE_UTC"]) == Some(false) {
            handler.set("zone", "local");
        }
        self.add("file", handler);
    }

    fn slack(&mut self) {
        if let Some(url) = self.text(&["WATCHFIRE_SLACK_WEBHOOK"]) {
            let level = self.level(&["WATCHFIRE_SLACK_LEVEL"], "error");
            self.add("slack", Options::new().with("type", "slack").with("webhook", url).with("level", level));
        }
        let Some((name, text)) = self.get(&["LOG_SLACK_WEBHOOKS", "SLACK_LOGGING_WEBHOOKS"]) else { return };
        let hooks = match json::value(&text) {
            Ok(hooks @ (Setting::List(_) | Setting::Table(_))) => hooks,
            Ok(_) => return self.wrong(name, "expected a list of `{\"url\": .., \"levelnames\": [..]}`"),
            Err(reason) => return self.wrong(name, format!("is no JSON: {reason}")),
        };
        for (number, hook) in hooks.as_list().iter().enumerate() {
            let place = format!("{name}[{number}]");
            let Some(hook) = hook.as_table() else {
                self.wrong(&place, "expected an object with `url` and `levelnames`");
                continue;
            };
            if let Some(url) = hook.text("url") {
                drop(watchfire_core::Secret::new(url));
            }
            let mut handler = Options::new().with("type", "slack");
            for (key, value) in hook.iter() {
                match key {
                    "url" => handler.set("webhook", value.clone()),
                    "levelnames" => handler.set("levels", value.clone()),
                    "username" | "icon_emoji" => handler.set(key, value.clone()),
                    "channel" => {
                        self.wrong(&place, "a webhook posts into its own channel only; leave `channel` out")
                    }
                    other => self.wrong(
                        &place,
                        format!(
                            "{} is unknown; known are url, levelnames, username, icon_emoji",
                            quoted(other)
                        ),
                    ),
                }
            }
            for key in ["url", "levelnames"].into_iter().filter(|key| hook.get(key).is_none()) {
                self.wrong(&place, format!("has no `{key}`"));
            }
            for level in hook.texts("levelnames") {
                if let Err(wrong) = Threshold::named(level) {
                    self.findings.add(Finding::new(&place, wrong.reason).meant(wrong.meant.as_deref()));
                }
            }
            let name = if number == 0 && self.handlers.get("slack").is_none() {
                "slack".to_owned()
            } else {
                format!("slack-{}", number + 1)
            };
            self.add(&name, handler);
        }
    }

    fn telegram(&mut self) {
        let token = self.get(&["WATCHFIRE_TELEGRAM_TOKEN", "LOG_TELEGRAM_APIKEY", "TELEGRAM_ERROR_APIKEY"]);
        let chats = self.get(&["WATCHFIRE_TELEGRAM_CHATS", "LOG_TELEGRAM_CHATID", "TELEGRAM_ERROR_CHATID"]);
        let is_clean = [&token, &chats].into_iter().flatten().any(|(name, _)| name.starts_with("WATCHFIRE"));
        let names = match (
            is_clean,
            [&token, &chats].into_iter().flatten().any(|(name, _)| name.starts_with("LOG_")),
        ) {
            (true, _) => ("WATCHFIRE_TELEGRAM_TOKEN", "WATCHFIRE_TELEGRAM_CHATS"),
            (false, true) => ("LOG_TELEGRAM_APIKEY", "LOG_TELEGRAM_CHATID"),
            (false, false) => ("TELEGRAM_ERROR_APIKEY", "TELEGRAM_ERROR_CHATID"),
        };
        self.is_whole("Telegram", &[(names.0, token.is_some()), (names.1, chats.is_some())]);
        let (Some((_, token)), Some((_, chats))) = (token, chats) else { return };
        let topic = self.text(&["LOG_TELEGRAM_THREADID"]);
        let chat = |chat: String| match &topic {
            Some(topic) if !chat.contains('/') => Setting::Text(format!("{chat}/{}", topic.trim())),
            _ => Setting::Text(chat),
        };
        let chats = Setting::List(list(&chats).into_iter().map(chat).collect());
        let level = self.level(&["WATCHFIRE_TELEGRAM_LEVEL", "LOG_TELEGRAM_LEVEL"], "error");
        let mut handler = Options::new()
            .with("type", "telegram")
            .with("token", token)
            .with("chats", chats)
            .with("level", level);
        if let Some(url) = self.text(&["WATCHFIRE_TELEGRAM_API_URL"]) {
            handler.set("api_url", url);
        }
        self.add("telegram", handler);
    }

    fn sms(&mut self) {
        let numbers = self.get(&["WATCHFIRE_SMS_TO", "ADMIN_NUMBERS"]);
        let mut handler = Options::new().with("type", "sms");
        let accounts: [(&str, [&'static str; 3], [&str; 3], &'static str); 2] = [
            (
                "twilio",
                ["SMS_TWILIO_SID", "SMS_TWILIO_TOKEN", "SMS_TWILIO_FROM"],
                ["account_sid", "auth_token", "from"],
                "WATCHFIRE_TWILIO_URL",
            ),
            (
                "exotel",
                ["SMS_EXOTEL_SID", "SMS_EXOTEL_TOKEN", "SMS_EXOTEL_FROM"],
                ["account_sid", "token", "from"],
                "WATCHFIRE_EXOTEL_URL",
            ),
        ];
        let mut first = None;
        for (provider, names, keys, url) in accounts {
            let values = names.map(|name| self.text(&[name]));
            let is_there: Vec<_> =
                names.iter().zip(&values).map(|(name, value)| (*name, value.is_some())).collect();
            if is_there.iter().any(|(_, is_there)| *is_there) {
                self.is_whole(provider, &is_there);
                first = first.or(is_there.iter().find(|(_, is_there)| *is_there).map(|(name, _)| *name));
                let mut account: Options = keys
                    .iter()
                    .zip(values)
                    .filter_map(|(key, value)| Some(((*key).to_owned(), Setting::Text(value?))))
                    .collect();
                if let Some(url) = self.text(&[url]) {
                    account.set("api_url", url);
                }
                handler.set(provider, account);
            }
        }
        for (name, key) in [
            ("SMS_EXOTEL_DLT_ENTITY_ID", "dlt_entity_id"),
            ("SMS_EXOTEL_DLT_TEMPLATE_ID", "dlt_template_id"),
            ("SMS_EXOTEL_TEMPLATE", "template"),
            ("SMS_EXOTEL_KEY", "key"),
        ] {
            if let Some(value) = self.text(&[name]) {
                if handler.get("exotel").is_none() {
                    self.wrong(
                        name,
                        "is set, but exotel also needs SMS_EXOTEL_SID, SMS_EXOTEL_TOKEN, SMS_EXOTEL_FROM",
                    );
                }
                handler.edit("exotel", |account| account.set(key, value));
            }
        }
        match (numbers, first) {
            (Some((_, numbers)), Some(_)) => {
                handler.set("to", Setting::List(list(&numbers).into_iter().map(Setting::Text).collect()));
                let level = self.level(&["WATCHFIRE_SMS_LEVEL"], "error");
                // Our own default tells what is critical only; Coaster's people are told of each error.
                handler.set("first_from", level.clone());
                handler.set("level", level);
                self.add("sms", handler);
            }
            (Some((name, _)), None) => {
                let reason = "is set, but SMS also needs an account: SMS_TWILIO_SID, _TOKEN and _FROM, or those of SMS_EXOTEL_";
                self.wrong(name, reason);
            }
            (None, Some(first)) => self.wrong(first, "is set, but SMS also needs ADMIN_NUMBERS"),
            (None, None) => {}
        }
    }

    fn sentry(&mut self) {
        let Some(dsn) = self.text(&["WATCHFIRE_SENTRY_DSN", "SENTRY_DSN"]) else { return };
        let level = self.level(&["WATCHFIRE_SENTRY_LEVEL"], "error");
        self.add("sentry", Options::new().with("type", "sentry").with("dsn", dsn).with("level", level));
    }

    fn finish(mut self) -> Options {
        let app = self.section(&APP, keys::APP);
        let outbox = self.section(&OUTBOX, keys::OUTBOX);
        let level = self.level(&["WATCHFIRE_LEVEL"], "info");
        let mut options = Options::new().with("version", 1).with("app", escaped(app));
        if !outbox.is_empty() {
            options.set("outbox", escaped(outbox));
        }
        let root = Options::new().with("level", level).with("handlers", Setting::from(self.named));
        options.with("handlers", escaped(self.handlers)).with("root", root)
    }
}

/// Reads a switch.
fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
