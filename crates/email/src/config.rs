use std::{fmt, fs, path::Path, time::Duration};

use lettre::{
    message::Mailbox,
    transport::smtp::{client::Certificate, extension::ClientId},
};
use watchfire_core::{ConfigError, HandlerLayer, Secret};
use watchfire_outbox::{
    AlertHandler, Answers, Delivering, DeliveryPolicy, Notification, NotificationPolicy, Occasion, Sink,
    Verifying,
};

use crate::{render, transport::Transport, verify};

/// Is a layer that mails alerts.
pub type EmailLayer = HandlerLayer<AlertHandler<Email>>;

/// Mails alerts to the admins, each in a mail of their own.
///
/// ```
/// use watchfire_email::Email;
/// let error = Email::to(["nobody"]).from("errors@example.com").server("smtp://localhost").unwrap_err();
/// assert_eq!(error.field(), "email.to");
/// ```
pub struct Email {
    pub(crate) admins: Vec<Mailbox>,
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) subject_prefix: String,
    pub(crate) html: bool,
    pub(crate) thread: bool,
    pub(crate) transport: Transport,
}

/// Holds what every mail needs, until the server is named.
#[derive(Clone, Debug)]
#[must_use]
pub struct EmailBuilder {
    to: Vec<String>,
    from: Option<String>,
}

impl Email {
    /// Names the admins: `ada@example.com` or `Ada <ada@example.com>`, at least one.
    pub fn to<A: Into<String>>(admins: impl IntoIterator<Item = A>) -> EmailBuilder {
        EmailBuilder { to: admins.into_iter().map(Into::into).collect(), from: None }
    }

    /// Sets what stands at the start of each subject, such as `[shop] `; at most 100 characters of it. Default: nothing.
    #[must_use]
    pub fn subject_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.subject_prefix = prefix.into();
        self
    }

    /// Sets where answers go. Default: to the sender.
    ///
    /// # Errors
    ///
    /// If it is no address.
    pub fn reply_to(mut self, address: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.reply_to = Some(mailbox("email.reply_to", address.as_ref())?);
        Ok(self)
    }

    /// Sets whether mails have an HTML part beside the text. Default: yes.
    #[must_use]
    pub fn html(mut self, on: bool) -> Self {
        self.html = on;
        self
    }

    /// Sets whether the mails of one group form a thread under the first of them. Default: yes.
    #[must_use]
    pub fn thread(mut self, on: bool) -> Self {
        self.thread = on;
        self
    }

    /// Logs in with a name and a password that are not in the URL. `AUTH PLAIN` or `LOGIN`, whichever the server offers.
    ///
    /// # Errors
    ///
    /// If one of them is empty, or the way to the server is not encrypted and leaves the machine.
    pub fn login(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let (user, password) = (user.into(), password.into());
        if user.is_empty() || password.is_empty() {
            return Err(ConfigError::new("email.login", "expected a user and a password that are not empty"));
        }
        self.transport.server.login = Some((user, Secret::new(password)));
        self.transport.server.check("email.login")?;
        Ok(self)
    }

    /// Trusts the certificates in this PEM file too, besides those that the system trusts.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds no certificate.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        if path.as_os_str().is_empty() {
            return Err(ConfigError::new("email.ca_file", "is empty; expected the path of a PEM file"));
        }
        let wrong =
            |reason: String| ConfigError::new("email.ca_file", format!("{}: {reason}", path.display()));
        let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Err(wrong("expected certificates in PEM".to_owned()));
        }
        let roots = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        self.transport.trust(roots).map_err(|error| wrong(error.to_string()))?;
        Ok(self)
    }

    /// Sets the name that the program greets the server with: a host name or an address. Default `[127.0.0.1]`.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn hello_name(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        let name = name.into();
        self.transport.hello = match name.parse() {
            Ok(std::net::IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Ok(std::net::IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            Err(_) if is_host(&name) => ClientId::Domain(name),
            Err(_) => {
                return Err(ConfigError::new("email.hello_name", "expected a host name or an IP address"));
            }
        };
        Ok(self)
    }

    /// Sets how long the server may take for one step, such as connecting or one command. Default 10 s.
    ///
    /// All steps before the mail itself get four times this, and the answer to the mail five times.
    #[must_use]
    pub fn step_timeout(mut self, step: Duration) -> Self {
        self.transport.step = step.max(Duration::from_millis(10));
        self
    }
}

impl EmailBuilder {
    /// Names the sender: `errors@example.com` or `Shop <errors@example.com>`. Bounces go there, too.
    pub fn from(mut self, address: impl Into<String>) -> Self {
        self.from = Some(address.into());
        self
    }

    /// Names the server: `smtps://user:password@host:465` (TLS from the start),
    /// `smtp://user:password@host:587` (STARTTLS, required but for a loopback host that offers none),
    /// or `smtp+plain://host:25` (no encryption, and no login unless the host is loopback).
    /// The port may be left out. What a URL cannot hold as it is, such as `/` or `@` in a password, stands as `%2F`, `%40`.
    ///
    /// # Errors
    ///
    /// If the URL or one of the addresses is wrong or missing; the error names the field.
    pub fn server(self, url: impl AsRef<str>) -> Result<Email, ConfigError> {
        let mut admins: Vec<Mailbox> = Vec::with_capacity(self.to.len());
        for text in &self.to {
            let admin = mailbox("email.to", text)?;
            if admins.iter().any(|known| known.email == admin.email) {
                return Err(ConfigError::new("email.to", format!("`{}` stands there twice", admin.email)));
            }
            admins.push(admin);
        }
        if admins.is_empty() {
            return Err(ConfigError::new("email.to", "expected at least one address"));
        }
        let from = self.from.ok_or_else(|| {
            ConfigError::new("email.from", "is missing; expected an address such as `errors@example.com`")
        })?;
        Ok(Email {
            admins,
            from: mailbox("email.from", &from)?,
            reply_to: None,
            subject_prefix: String::new(),
            html: true,
            thread: true,
            transport: Transport::new(Server::parse(url.as_ref())?),
        })
    }
}

impl Sink for Email {
    fn kind(&self) -> &'static str {
        "email"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::mails(self, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(self.transport.deliver(&self.from.email, notification))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(&self.transport, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        // A server that knows us only from the second time on wants minutes, and mail is not the fastest channel anyway.
        policy.backoff_base = Duration::from_secs(5);
        policy.backoff_cap = Duration::from_secs(15 * 60);
        policy.timeout = self.transport.longest();
        policy.notifications = NotificationPolicy::mail();
        policy
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("to", &self.admins.iter().map(ToString::to_string).collect::<Vec<_>>())
            .field("from", &self.from.to_string())
            .field("server", &self.transport.server)
            .finish_non_exhaustive()
    }
}

/// Is where the mails go, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) security: Security,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, Secret)>,
}

/// Says how the way to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Plain first, then STARTTLS; required unless the host is loopback.
    StartTls,
    /// None, as asked for.
    Plain,
}

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        // The URL may hold a password: no error shows a part of it.
        let wrong = |reason: &str| ConfigError::new("email.server", reason);
        let (scheme, rest) = url
            .trim()
            .split_once("://")
            .ok_or_else(|| wrong("expected a URL such as `smtps://user:password@mail.example.com`"))?;
        let (security, usual_port) = match scheme.to_ascii_lowercase().as_str() {
            "smtps" => (Security::Tls, 465),
            "smtp" => (Security::StartTls, 587),
            "smtp+plain" => (Security::Plain, 25),
            _ => return Err(wrong("expected `smtps://`, `smtp://` (with STARTTLS) or `smtp+plain://`")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) || rest.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong(
                "expected nothing after the port; in a password write `/` as %2F, `?` as %3F, `#` as %23",
            ));
        }
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(parse_login(login).ok_or_else(|| {
                wrong("expected `user:password@` before the host, with `@` as %40, `:` as %3A and `%` as %25")
            })?), place),
            None => (None, rest),
        };
        let (host, port) = parse_place(place, usual_port).ok_or_else(|| {
            wrong("expected a host name or an address (IPv6 in brackets), and a port from 1 to 65535 if any")
        })?;
        let server = Self { security, host, port, login };
        server.check("email.server")?;
        Ok(server)
    }

    /// Tells whether the way to the server stays on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    fn check(&self, field: &'static str) -> Result<(), ConfigError> {
        if self.security == Security::Plain && self.login.is_some() && !self.is_loopback() {
            let reason = "a password goes over TLS or to loopback only; expected `smtps://` or `smtp://` (with STARTTLS)";
            return Err(ConfigError::new(field, reason));
        }
        Ok(())
    }
}

fn parse_login(text: &str) -> Option<(String, Secret)> {
    let (user, password) = text.split_once(':')?;
    let (user, password) = (percent_decoded(user)?, percent_decoded(password)?);
    (!user.is_empty() && !password.is_empty()).then(|| (user, Secret::new(password)))
}

fn parse_place(text: &str, usual_port: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (ip, port) = rest.split_once(']')?;
            ip.parse::<std::net::Ipv6Addr>().ok()?;
            (ip, port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = if port.is_empty() { usual_port } else { port.parse().ok().filter(|port| *port != 0)? };
    (host.contains(':') || is_host(host)).then(|| (host.to_owned(), port))
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    // A line end or NUL would end the command that carries it.
    String::from_utf8(out).ok().filter(|text| !text.contains(['\0', '\r', '\n']))
}

fn mailbox(field: &'static str, text: &str) -> Result<Mailbox, ConfigError> {
    let wrong = || {
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        ConfigError::new(
            field,
            format!("`{shown}` is no address; expected `ada@example.com` or `Ada <ada@example.com>`"),
        )
    };
    if text.trim().is_empty() {
        return Err(ConfigError::new(field, "is empty; expected an address such as `ada@example.com`"));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    text.trim().parse().map_err(|_| match text.matches('@').count() {
        0 | 1 => wrong(),
        _ => ConfigError::new(field, format!("{}; one address per entry", wrong().reason())),
    })
}

#[cfg(test)]
mod tests;
