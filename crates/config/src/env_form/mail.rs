//! The keys of mail.

use super::{
    Form,
    values::{list, sender},
};
use crate::setting::{Options, Setting};

impl Form<'_> {
    pub(super) fn email(&mut self) {
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
}
