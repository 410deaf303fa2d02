//! The settings: collected by the builder, and checked all at once.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        client::{Certificate, TlsParameters},
        extension::ClientId,
    },
};
use watchfire_core::{ConfigError, Problems, Secret};

/// The settings of an [`Email`](crate::Email) in the making; `.layer(&outbox)` or [`build`](Self::build) checks them.
///
/// ```
/// use watchfire_email::Email;
/// let error = Email::to(["nobody"]).from("errors@example.com").build().unwrap_err();
/// let paths: Vec<_> = error.diagnostics().map(|problem| problem.path()).collect();
/// assert_eq!(paths, ["email.to", "email.server"]);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EmailBuilder {
    to: Vec<String>,
    from: Option<String>,
    server: Option<ServerUrl>,
    login: Option<(String, Secret)>,
    reply_to: Option<String>,
    subject_prefix: String,
    parts: MailParts,
    threads: Threads,
    hello_name: Option<String>,
    step: Duration,
    ca_files: Vec<PathBuf>,
}

/// The URL of a server, which may hold a password. Whole, it is not registered as a credential: a reason that names the
/// server would be masked.
#[derive(Clone)]
struct ServerUrl(String);

/// Settings that were checked.
#[derive(Clone)]
pub(crate) struct EmailSettings {
    pub(crate) admins: Vec<Mailbox>,
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) subject_prefix: String,
    pub(crate) parts: MailParts,
    pub(crate) threads: Threads,
    pub(crate) server: MailServer,
    pub(crate) hello: ClientId,
    pub(crate) step: Duration,
    /// Authorities to trust beside those of the system.
    pub(crate) roots: Vec<Certificate>,
}

/// The parts of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailParts {
    TextAndHtml,
    Text,
}

/// Whether the mails of one group form a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    ByGroup,
    None,
}

impl EmailBuilder {
    pub(crate) fn to(to: Vec<String>) -> Self {
        Self {
            to,
            from: None,
            server: None,
            login: None,
            reply_to: None,
            subject_prefix: String::new(),
            parts: MailParts::TextAndHtml,
            threads: Threads::ByGroup,
            hello_name: None,
            step: Duration::from_secs(10),
            ca_files: Vec::new(),
        }
    }

    /// Names the sender: `errors@example.com` or `Shop <errors@example.com>`. Bounces go there, too.
    pub fn from(mut self, address: impl Into<String>) -> Self {
        self.from = Some(address.into());
        self
    }

    /// Names the server: `smtps://user:password@host:465` (TLS from the start),
    /// `smtp://user:password@host:587` (STARTTLS, required unless a loopback host does not offer it),
    /// or `smtp+plain://host:25` (no encryption, and no login unless the host is loopback).
    /// The port may be left out. Characters that a URL cannot hold, such as `/` or `@` in a password, are written as
    /// `%2F`, `%40`.
    pub fn server(mut self, url: impl AsRef<str>) -> Self {
        self.server = Some(ServerUrl(url.as_ref().to_owned()));
        self
    }

    /// Logs in with a name and a password that are not in the URL, by `AUTH PLAIN` or `LOGIN`, whichever the server
    /// offers. Needs TLS, or a loopback host.
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((user.into(), Secret::new(password)));
        self
    }

    /// Sets the beginning of each subject, such as `[shop] `; at most 100 characters of it. Default: the program in
    /// brackets, with its environment unless that is production.
    pub fn subject_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.subject_prefix = prefix.into();
        self
    }

    /// Sets where answers go. Default: to the sender.
    pub fn reply_to(mut self, address: impl Into<String>) -> Self {
        self.reply_to = Some(address.into());
        self
    }

    /// Leaves out the HTML part that mails have beside the text.
    pub fn without_html(mut self) -> Self {
        self.parts = MailParts::Text;
        self
    }

    /// Sends each mail on its own; by default the mails of one group form a thread under the first of them.
    pub fn without_threads(mut self) -> Self {
        self.threads = Threads::None;
        self
    }

    /// Trusts the certificates of a PEM file as well as those of the system.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_files.push(path.as_ref().to_owned());
        self
    }

    /// Sets the name that the program greets the server with: a host name or an address. Default `[127.0.0.1]`.
    pub fn hello_name(mut self, name: impl Into<String>) -> Self {
        self.hello_name = Some(name.into());
        self
    }

    /// Sets how long the server may take for one step, such as connecting or one command. Default 10 s.
    ///
    /// Connecting, TLS, login, and the commands for which the server may have to look something up have three times this;
    /// all steps before the mail itself together have 15 times, and the answer to the mail 30 times (RFC 5321 §4.5.3.2
    /// asks for minutes).
    pub fn step_timeout(mut self, step: Duration) -> Self {
        self.step = step;
        self
    }

    pub(crate) fn check(self) -> Result<EmailSettings, ConfigError> {
        let mut problems = Problems::new();
        let mut admins: Vec<Mailbox> = Vec::with_capacity(self.to.len());
        problems.check(!self.to.is_empty(), "email.to", "expected at least one address");
        for text in &self.to {
            let Some(admin) = problems.keep(mailbox("email.to", text)) else { continue };
            let is_new = admins.iter().all(|known| known.email != admin.email);
            problems.check(is_new, "email.to", format!("`{}` is listed twice", admin.email));
            admins.push(admin);
        }
        let from = problems.keep(match &self.from {
            Some(from) => mailbox("email.from", from),
            None => Err(missing("email.from", "an address such as `errors@example.com`")),
        });
        let server = problems.keep(self.check_server());
        let reply_to = self.reply_to.map(|address| problems.keep(mailbox("email.reply_to", &address)));
        let hello = problems.keep(match &self.hello_name {
            Some(name) => check_hello(name),
            None => Ok(ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST)),
        });
        let mut roots = Vec::new();
        for path in &self.ca_files {
            roots.extend(problems.keep(read_roots(path, server.as_ref())));
        }
        problems.finish(|| {
            Some(EmailSettings {
                admins,
                from: from?,
                reply_to: reply_to.flatten(),
                subject_prefix: self.subject_prefix,
                parts: self.parts,
                threads: self.threads,
                server: server?,
                hello: hello?,
                step: self.step.max(Duration::from_millis(10)),
                roots,
            })
        })
    }

    fn check_server(&self) -> Result<MailServer, ConfigError> {
        let mut problems = Problems::new();
        let server = problems.keep(match &self.server {
            Some(url) => MailServer::parse(&url.0),
            None => Err(missing("email.server", "a URL such as `smtps://user:password@mail.example.com`")),
        });
        let Some((user, password)) = &self.login else { return problems.finish(|| server) };
        let is_whole = !user.is_empty() && !password.expose().is_empty();
        problems.check(is_whole, "email.login", "expected a user and a password that are not empty");
        let server =
            server.map(|server| MailServer { login: Some((user.clone(), password.clone())), ..server });
        if let Some(server) = &server {
            problems.keep(server.check("email.login"));
        }
        problems.finish(|| server)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl(..)")
    }
}

impl fmt::Debug for EmailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("to", &self.admins.iter().map(ToString::to_string).collect::<Vec<_>>())
            .field("from", &self.from.to_string())
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn missing(field: &'static str, expected: &str) -> ConfigError {
    ConfigError::new(field, format!("is missing; expected {expected}"))
}

fn check_hello(name: &str) -> Result<ClientId, ConfigError> {
    match name.parse() {
        Ok(std::net::IpAddr::V4(ip)) => Ok(ClientId::Ipv4(ip)),
        Ok(std::net::IpAddr::V6(ip)) => Ok(ClientId::Ipv6(ip)),
        Err(_) if is_host(name) => Ok(ClientId::Domain(name.to_owned())),
        Err(_) => Err(ConfigError::new("email.hello_name", "expected a host name or an IP address")),
    }
}

/// Reads a file of authorities, and finds out whether TLS can work with them.
fn read_roots(path: &Path, server: Option<&MailServer>) -> Result<Certificate, ConfigError> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let field = "email.ca_file";
    if path.as_os_str().is_empty() {
        return Err(ConfigError::new(field, "is empty; expected the path of a PEM file"));
    }
    let wrong = |reason: String| ConfigError::new(field, format!("{}: {reason}", path.display()));
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Err(wrong("expected certificates in PEM".to_owned()));
    }
    let roots = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
    let host = server.map_or("localhost", |server| &server.host);
    let tls = TlsParameters::builder(host.to_owned()).add_root_certificate(roots.clone()).build_rustls();
    tls.map(|_| roots).map_err(|error| wrong(error.to_string()))
}

/// The server, and the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailServer {
    pub(crate) security: Security,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, Secret)>,
}

/// The protection of the way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Plain first, then STARTTLS; required unless the host is loopback.
    StartTls,
    /// None, as asked for.
    Plain,
}

impl MailServer {
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

/// Returns the address with the A-labels of its domain (RFC 5891 §4), which every server takes; a domain in other
/// letters needs SMTPUTF8 (RFC 6531 §3.2).
pub(crate) fn with_ascii_domain(address: &Address) -> Option<Address> {
    if address.domain().is_ascii() {
        return Some(address.clone());
    }
    let domain = idna::domain_to_ascii(address.domain()).ok()?;
    Address::new(address.user(), domain).ok()
}

/// Tells whether a server can take mail for an address: by the lengths of RFC 5321 §4.5.3.1, and by the names that a
/// domain may have (RFC 1123 §2.1, RFC 5891 §4.2.3).
fn is_deliverable(address: &Address) -> bool {
    let (user, domain) = (address.user(), address.domain());
    if user.is_empty()
        || user.len() > 64
        || user.starts_with('.')
        || user.ends_with('.')
        || user.contains("..")
    {
        return false;
    }
    if domain.starts_with('[') {
        return true;
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    // An address of four numbers stands in brackets.
    let ends_in_name =
        domain.rsplit('.').next().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()));
    let (shown, checked) = idna::domain_to_unicode(domain);
    let is_shown = |label: &str| !label.starts_with('-') && !label.ends_with('-');
    domain.len() <= 253
        && domain.split('.').all(is_label)
        && ends_in_name
        && checked.is_ok()
        && shown.split('.').all(is_shown)
}

fn mailbox(field: &'static str, text: &str) -> Result<Mailbox, ConfigError> {
    let wrong = || {
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        ConfigError::new(
            field,
            format!("`{shown}` is not an address; expected `ada@example.com` or `Ada <ada@example.com>`"),
        )
    };
    if text.trim().is_empty() {
        return Err(ConfigError::new(field, "is empty; expected an address such as `ada@example.com`"));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    let mailbox: Mailbox = text.trim().parse().map_err(|_| match text.matches('@').count() {
        0 | 1 => wrong(),
        _ => ConfigError::new(field, format!("{}; one address per entry", wrong().reason())),
    })?;
    let email = with_ascii_domain(&mailbox.email).filter(is_deliverable).ok_or_else(wrong)?;
    Ok(Mailbox { email, ..mailbox })
}

#[cfg(test)]
mod tests;
