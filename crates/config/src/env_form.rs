//! The environment form: every key of Coaster's logger under its old and new names, and a clean set of our own.

use crate::{
    json,
    level::Threshold,
    mistake::{Findings, Mistake},
    setting::{Options, Setting},
};

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Makes the configuration that the environment describes.
///
/// Half-given groups are mistakes, and so is an old name beside a new one that says something else.
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
    /// Returns the first of the names that is set and not empty; two that differ are a mistake.
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
        self.findings.add(Mistake::new(name, reason));
    }

    /// Reads a level under one of these names.
    fn level(&mut self, names: &[&'static str], usual: &str) -> Setting {
        let Some((name, text)) = self.get(names) else { return usual.into() };
        if let Err(wrong) = Threshold::named(&text) {
            self.findings.add(Mistake::new(name, wrong.reason).meant(wrong.meant.as_deref()));
        }
        text.into()
    }

    fn is_on(&mut self, names: &[&'static str]) -> Option<bool> {
        let (name, text) = self.get(names)?;
        match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => {
                self.wrong(name, "expected true or false");
                None
            }
        }
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
                    self.wrong(name, format!("`{when}`: {expected}"));
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

    fn email(&mut self) {
        let to = self.get(&["WATCHFIRE_EMAIL_TO", "LOG_EMAIL_TO", "ADMINS"]);
        let from = self.get(&[
            "WATCHFIRE_EMAIL_FROM",
            "LOG_EMAIL_FROM",
            "MAIL_DEFAULT_SENDER",
            "DEFAULT_MAIL_SENDER",
        ]);
        // A program may send mail of its own: only the admins' addresses say that alerts are mailed.
        let Some((to_name, to)) = to else {
            if let Some(url) = self.text(&["WATCHFIRE_EMAIL_SERVER"]) {
                drop(watchfire_core::Secret::new(url));
                self.wrong("WATCHFIRE_EMAIL_SERVER", "is set, but mail also needs WATCHFIRE_EMAIL_TO");
            }
            return;
        };
        let Some((_, from)) = from else {
            let other =
                if to_name == "WATCHFIRE_EMAIL_TO" { "WATCHFIRE_EMAIL_FROM" } else { "MAIL_DEFAULT_SENDER" };
            return self.wrong(to_name, format!("is set, but mail also needs {other}"));
        };
        let to = Setting::List(list(&to).into_iter().map(Setting::Text).collect());
        let mut handler = Options::new().with("type", "email").with("to", to).with("from", sender(&from));
        let level = self.level(&["WATCHFIRE_EMAIL_LEVEL"], "error");
        handler.set("level", level);
        let user = self.text(&["MAIL_USERNAME"]);
        let password = self.text(&["MAIL_PASSWORD"]);
        let is_whole = self
            .is_whole("a login", &[("MAIL_USERNAME", user.is_some()), ("MAIL_PASSWORD", password.is_some())]);
        if !is_whole && (user.is_some() || password.is_some()) {
            return;
        }
        let has_login = user.is_some();
        if let (Some(user), Some(password)) = (user, password) {
            handler.set("user", user);
            handler.set("password", password);
        }
        let server = match self.text(&["WATCHFIRE_EMAIL_SERVER"]) {
            Some(url) => url,
            None => self.server(has_login),
        };
        handler.set("server", server);
        if let Some(path) = self.text(&["WATCHFIRE_EMAIL_CA_FILE"]) {
            handler.set("ca_file", path);
        }
        self.add("email", handler);
    }

    /// Makes the URL of the mail server out of Coaster's keys.
    fn server(&mut self, has_login: bool) -> String {
        let host = self.text(&["MAIL_SERVER"]).unwrap_or_else(|| "localhost".to_owned());
        let host = host.trim();
        let port = self.get(&["MAIL_PORT"]);
        if let Some((name, port)) = &port
            && port.trim().parse::<u16>().is_err()
        {
            self.wrong(name, "expected a port");
        }
        let (tls, ssl) = (self.is_on(&["MAIL_USE_TLS"]), self.is_on(&["MAIL_USE_SSL"]));
        if tls == Some(true) && ssl == Some(true) {
            self.wrong("MAIL_USE_SSL", "expected one of MAIL_USE_SSL and MAIL_USE_TLS");
        }
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
        let (scheme, usual) = match (ssl, tls) {
            (Some(true), _) => ("smtps", "465"),
            (_, Some(true)) => ("smtp", "587"),
            // A password goes over no line that can be listened to.
            _ if has_login && !is_local => ("smtp", "587"),
            _ => ("smtp+plain", "25"),
        };
        let port = port.map_or_else(|| usual.to_owned(), |(_, port)| port.trim().to_owned());
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        format!("{scheme}://{host}:{port}")
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
                        format!("`{other}` is unknown; known are url, levelnames, username, icon_emoji"),
                    ),
                }
            }
            for key in ["url", "levelnames"].into_iter().filter(|key| hook.get(key).is_none()) {
                self.wrong(&place, format!("has no `{key}`"));
            }
            for level in hook.texts("levelnames") {
                if let Err(wrong) = Threshold::named(level) {
                    self.findings.add(Mistake::new(&place, wrong.reason).meant(wrong.meant.as_deref()));
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
                    account.set("base_url", url);
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
        let mut app = Options::new();
        for (key, names) in [
            ("name", ["WATCHFIRE_APP", "SITE_ID"].as_slice()),
            ("environment", &["WATCHFIRE_ENVIRONMENT"]),
            ("release", &["WATCHFIRE_RELEASE"]),
        ] {
            if let Some(value) = self.text(names) {
                app.set(key, value);
            }
        }
        let level = self.level(&["WATCHFIRE_LEVEL"], "info");
        let mut options = Options::new().with("version", 1).with("app", app);
        if let Some(folder) = self.text(&["WATCHFIRE_SPOOL"]) {
            options.set("outbox", Options::new().with("spool", folder));
        }
        let root = Options::new().with("level", level).with("handlers", Setting::from(self.named));
        options.with("handlers", escaped(self.handlers)).with("root", root)
    }
}

/// What the environment says is meant as it stands: a `${` in a password is no reference.
fn escaped(options: Options) -> Options {
    fn escape(value: Setting) -> Setting {
        match value {
            Setting::Text(text) => Setting::Text(text.replace("${", "$${")),
            Setting::List(list) => Setting::List(list.into_iter().map(escape).collect()),
            Setting::Table(table) => Setting::Table(escaped(table)),
            other => other,
        }
    }
    options.iter().map(|(key, value)| (key.to_owned(), escape(value.clone()))).collect()
}

/// Reads Python's `when` of a rotated file, or our own words.
fn every(when: &str) -> Option<&'static str> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let when = when.trim().to_ascii_lowercase();
    if let Some(day) = when.strip_prefix('w').and_then(|day| day.parse::<usize>().ok()) {
        return DAYS.get(day).copied();
    }
    match when.as_str() {
        "never" | "none" => Some("never"),
        "m" | "minute" => Some("minute"),
        "h" | "hour" => Some("hour"),
        "d" | "midnight" | "day" => Some("day"),
        "week" => Some("week"),
        day => DAYS.into_iter().find(|known| *known == day),
    }
}

/// Reads a list: JSON's or Python's, of texts or of (name, address) pairs, or texts with commas between.
fn list(text: &str) -> Vec<String> {
    let text = text.trim();
    if !text.starts_with(['[', '(']) {
        let parts = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
        return parts.map(str::to_owned).collect();
    }
    match json::value(&as_json(text)) {
        Ok(value) => value.as_list().iter().filter_map(one).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

/// Reads a sender: `Name <a@b>`, an address, or a pair of name and address in JSON's or Python's form.
fn sender(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with(['[', '(']) {
        return text.to_owned();
    }
    json::value(&as_json(text)).ok().as_ref().and_then(one).unwrap_or_else(|| text.to_owned())
}

fn one(value: &Setting) -> Option<String> {
    match value {
        Setting::Text(text) => Some(text.clone()),
        Setting::Integer(number) => Some(number.to_string()),
        Setting::List(pair) => match pair.as_slice() {
            [Setting::Text(name), Setting::Text(address)] => Some(format!("{name} <{address}>")),
            [Setting::Text(address)] => Some(address.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Turns Python's brackets and quotes into JSON's.
fn as_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (None, '(') => json.push('['),
            (None, ')') => {
                // Python's `('a',)`.
                let kept = json.trim_end().trim_end_matches(',').len();
                json.truncate(kept);
                json.push(']');
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                json.push('"');
            }
            (Some(open), c) if c == open => {
                quote = None;
                json.push('"');
            }
            (Some('\''), '"') => json.push_str("\\\""),
            (_, c) => json.push(c),
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(variables: &[(&str, &str)]) -> (Options, Vec<String>) {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let mut findings = Findings::default();
        let options = read(&variable, &mut findings);
        let said =
            findings.list.iter().map(|mistake| format!("{}: {}", mistake.path, mistake.reason)).collect();
        (options, said)
    }

    #[test]
    fn each_key_of_the_page_has_its_place_under_both_names() {
        let hooks = r#"[{"levelnames": ["WARNING", "ERROR", "CRITICAL"], "url": "https://hooks.slack.com/services/T0/B0/not-a-real-one"}]"#;
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);
        let cases: &[Case<'_>] = &[
            (&[], "file", "path", "\"error.log\""),
            (&[], "file", "level", "\"warning\""),
            (&[], "file", "rotate", "{ every = \"day\" }"),
            (&[("LOGFILE", "shop.log")], "file", "path", "\"shop.log\""),
            (&[("LOG_FILE", "shop.log")], "file", "path", "\"shop.log\""),
            (&[("LOGFILE_LEVEL", "INFO")], "file", "level", "\"INFO\""),
            (
                &[("LOG_FILE_ROTATE_WHEN", "W6"), ("LOG_FILE_ROTATE_COUNT", "7")],
                "file",
                "rotate",
                "{ every = \"sunday\", keep = 7 }",
            ),
            (&[("LOGFILE_BACKUPCOUNT", "0")], "file", "rotate", "{ every = \"day\" }"),
            (
                &[
                    ("ADMINS", "ada@example.com, Bo <bo@example.com>"),
                    ("MAIL_DEFAULT_SENDER", "a@example.com"),
                ],
                "email",
                "to",
                "[\"ada@example.com\", \"Bo <bo@example.com>\"]",
            ),
            (
                &[
                    ("ADMINS", "[('Ada', 'ada@example.com')]"),
                    ("MAIL_DEFAULT_SENDER", "('Shop', 'a@example.com')"),
                ],
                "email",
                "from",
                "\"Shop <a@example.com>\"",
            ),
            (
                &[("ADMINS", "[('Ada', 'ada@example.com')]"), ("MAIL_DEFAULT_SENDER", "a@example.com")],
                "email",
                "to",
                "[\"Ada <ada@example.com>\"]",
            ),
            (
                &[("ADMINS", "a@example.com"), ("MAIL_DEFAULT_SENDER", "Shop <a@example.com>")],
                "email",
                "server",
                "\"smtp+plain://localhost:25\"",
            ),
            (
                &[
                    ("ADMINS", "a@example.com"),
                    ("MAIL_DEFAULT_SENDER", "a@example.com"),
                    ("MAIL_SERVER", "mail.example.com"),
                    ("MAIL_USERNAME", "u"),
                    ("MAIL_PASSWORD", "planted"),
                ],
                "email",
                "server",
                "\"smtp://mail.example.com:587\"",
            ),
            (
                &[
                    ("ADMINS", "a@example.com"),
                    ("MAIL_DEFAULT_SENDER", "a@example.com"),
                    ("MAIL_USE_SSL", "true"),
                    ("MAIL_PORT", "4650"),
                ],
                "email",
                "server",
                "\"smtps://localhost:4650\"",
            ),
            (
                &[("SLACK_LOGGING_WEBHOOKS", hooks)],
                "slack",
                "levels",
                "[\"WARNING\", \"ERROR\", \"CRITICAL\"]",
            ),
            (
                &[("LOG_SLACK_WEBHOOKS", hooks)],
                "slack",
                "webhook",
                "\"https://hooks.slack.com/services/T0/B0/not-a-real-one\"",
            ),
            (
                &[("TELEGRAM_ERROR_CHATID", "-100123"), ("TELEGRAM_ERROR_APIKEY", "k")],
                "telegram",
                "chats",
                "[\"-100123\"]",
            ),
            (
                &[
                    ("LOG_TELEGRAM_CHATID", "-100123"),
                    ("LOG_TELEGRAM_APIKEY", "k"),
                    ("LOG_TELEGRAM_THREADID", "42"),
                ],
                "telegram",
                "chats",
                "[\"-100123/42\"]",
            ),
            (
                &[
                    ("ADMIN_NUMBERS", "['+436601234567']"),
                    ("SMS_TWILIO_SID", "AC1"),
                    ("SMS_TWILIO_TOKEN", "t"),
                    ("SMS_TWILIO_FROM", "+15005550006"),
                ],
                "sms",
                "twilio",
                "{ account_sid = \"AC1\", auth_token = \"t\", from = \"+15005550006\" }",
            ),
            (
                &[
                    ("ADMIN_NUMBERS", "+919800000001"),
                    ("SMS_EXOTEL_SID", "s"),
                    ("SMS_EXOTEL_TOKEN", "t"),
                    ("SMS_EXOTEL_FROM", "EXSHOP"),
                ],
                "sms",
                "exotel",
                "{ account_sid = \"s\", token = \"t\", from = \"EXSHOP\" }",
            ),
            (
                &[
                    ("WATCHFIRE_SLACK_WEBHOOK", "https://example.com/$${x"),
                    ("WATCHFIRE_SLACK_LEVEL", "critical"),
                ],
                "slack",
                "level",
                "\"critical\"",
            ),
        ];
        for (variables, handler, key, expected) in cases {
            let (options, said) = read_from(variables);
            let found = options.table("handlers").and_then(|handlers| handlers.table(handler)?.get(key));
            assert_eq!(found.map(ToString::to_string).as_deref(), Some(*expected), "{variables:?} {said:?}");
            assert_eq!(said, [""; 0], "{variables:?}");
        }
        let (options, _) = read_from(&[("LOGFILE", "")]);
        assert!(options.table("handlers").is_some_and(Options::is_empty), "an empty text turns the file off");
    }

    #[test]
    fn what_is_half_given_or_contradicts_itself_is_a_mistake() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("ADMINS", "a@example.com")], "ADMINS: is set, but mail also needs MAIL_DEFAULT_SENDER"),
            (
                &[
                    ("ADMINS", "a@example.com"),
                    ("MAIL_DEFAULT_SENDER", "a@example.com"),
                    ("MAIL_USERNAME", "u"),
                ],
                "MAIL_USERNAME: is set, but a login also needs MAIL_PASSWORD",
            ),
            (&[("LOGFILE", "a.log"), ("LOG_FILE", "b.log")], "LOGFILE: says something else than `LOG_FILE`"),
            (
                &[("TELEGRAM_ERROR_CHATID", "1")],
                "TELEGRAM_ERROR_CHATID: is set, but Telegram also needs TELEGRAM_ERROR_APIKEY",
            ),
            (&[("ADMIN_NUMBERS", "+436601234567")], "ADMIN_NUMBERS: is set, but SMS also needs an account"),
            (
                &[("ADMIN_NUMBERS", "+436601234567"), ("SMS_TWILIO_SID", "AC1")],
                "SMS_TWILIO_SID: is set, but twilio also needs SMS_TWILIO_TOKEN, SMS_TWILIO_FROM",
            ),
            (
                &[("SMS_EXOTEL_SID", "a"), ("SMS_EXOTEL_TOKEN", "b"), ("SMS_EXOTEL_FROM", "c")],
                "SMS_EXOTEL_SID: is set, but SMS also needs ADMIN_NUMBERS",
            ),
            (&[("SLACK_LOGGING_WEBHOOKS", "[{]")], "SLACK_LOGGING_WEBHOOKS: is no JSON"),
            (
                &[("SLACK_LOGGING_WEBHOOKS", "[{\"url\": \"https://example.com/planted\"}]")],
                "SLACK_LOGGING_WEBHOOKS[0]: has no `levelnames`",
            ),
            (
                &[(
                    "SLACK_LOGGING_WEBHOOKS",
                    "[{\"url\": \"https://example.com/planted\", \"levelnames\": [\"WARNNG\"]}]",
                )],
                "SLACK_LOGGING_WEBHOOKS[0]: `WARNNG` is no level",
            ),
            (&[("LOGFILE_LEVEL", "loud")], "LOGFILE_LEVEL: `loud` is no level"),
            (&[("LOGFILE_WHEN", "W9")], "LOGFILE_WHEN: `W9`"),
        ];
        for (variables, expected) in cases {
            let (_, said) = read_from(variables);
            assert!(said.len() == 1 && said[0].starts_with(expected), "{variables:?}: {said:?}");
            assert!(!said[0].contains("planted"), "{said:?}");
        }
    }
}
