use std::{collections::BTreeMap, path::Path, time::Duration};

use sentry_types::{Dsn, ParseDsnError};
use watchfire_core::{ConfigError, Secret, clock};
use watchfire_http::{Address, Client, HttpOptions, exchange};
use watchfire_outbox::{
    Answers, Delivering, DeliveryPolicy, Notification, NotificationPolicy, Occasion, Sink, Verifying,
};

use crate::{api, render, verify};

/// Delivers alerts to Sentry, as events.
///
/// Made by [`dsn`](Self::dsn); every setting is checked when it is made.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sentry {
    pub(crate) endpoint: Address,
    /// The whole value of `X-Sentry-Auth`.
    pub(crate) auth: Secret,
    pub(crate) project: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) tag_fields: Vec<String>,
    client: Client,
}

/// Relay cuts tags beyond so many characters, name and value alike (relay-event-schema, `tags.rs`).
pub(crate) const TAG: usize = 200;

impl Sentry {
    /// Delivers to the project of a DSN: `https://<key>@<host>/<project>`, as the project's settings show it. The path
    /// may have a prefix, as that of a server of one's own, and the key a secret behind it, as that of an old DSN.
    ///
    /// # Errors
    ///
    /// If it is no such address, or a plain `http` one to anything but loopback. The error does not show it.
    pub fn dsn(dsn: impl AsRef<str>) -> Result<Self, ConfigError> {
        let text = dsn.as_ref().trim();
        // Before anything can be wrong with it: an error may travel far.
        let _whole = Secret::new(text);
        let dsn: Dsn = text.parse().map_err(|error| wrong(reason(&error)))?;
        let keys = [Some(dsn.public_key()), dsn.secret_key().filter(|key| !key.is_empty())];
        for key in keys.into_iter().flatten() {
            let _registered = Secret::new(key);
            // The fields of the header are parted by commas and blanks.
            if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                return Err(wrong("expected a key of ASCII letters and digits before the `@`"));
            }
        }
        let mut auth = format!(
            "Sentry sentry_version=7, sentry_client={}, sentry_key={}",
            api::CLIENT,
            dsn.public_key()
        );
        if let [_, Some(key)] = keys {
            auth.push_str(", sentry_secret=");
            auth.push_str(key);
        }
        Ok(Self {
            endpoint: Address::parse("sentry.dsn", dsn.envelope_api_url().as_str())?,
            auth: Secret::new(auth),
            project: dsn.project_id().value().to_owned(),
            tags: BTreeMap::new(),
            tag_fields: Vec::new(),
            client: Client::default(),
        })
    }

    /// Adds a tag to every event.
    ///
    /// # Errors
    ///
    /// If Sentry would drop it: a name takes 1 to 200 ASCII letters, digits and `_ . : -`, a value 1 to 200 characters
    /// in one line.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self, ConfigError> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || name.len() > TAG || !name.chars().all(is_tag_char) {
            let expected = "expected a name of 1 to 200 ASCII letters, digits and `_ . : -`";
            return Err(ConfigError::new("sentry.tag", format!("`{name}`: {expected}")));
        }
        if value.trim().is_empty() || value.chars().count() > TAG || value.chars().any(char::is_control) {
            let expected = "expected a value of 1 to 200 characters in one line";
            return Err(ConfigError::new("sentry.tag", format!("`{name}`: {expected}")));
        }
        self.tags.insert(name, value);
        Ok(self)
    }

    /// Makes tags of the fields of these names, the event's or else the innermost span's: what one searches by. Fields
    /// named `tags.x` are tags already.
    pub fn tag_fields(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tag_fields.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets how Sentry is reached: timeouts, proxy, authorities.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.client = Client::new(options);
        self
    }

    /// Trusts the authorities of a PEM file as well as the system's.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or holds no usable certificate.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        self.client = self.client.trusting("sentry.ca_file", path)?;
        Ok(self)
    }
}

impl Sink for Sentry {
    fn kind(&self) -> &'static str {
        "sentry"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        render::notifications(self, occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let request = api::request(self, notification, clock::now());
        Box::pin(exchange(&self.client, request, api::judge))
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        Box::pin(verify::verify(self, &self.client, answers))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        // Sentry groups by itself, and is lenient about old events.
        policy.notifications = NotificationPolicy::tracker();
        policy.max_age = Duration::from_secs(24 * 3600);
        policy
    }
}

pub(crate) fn is_tag_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-')
}

fn wrong(reason: &str) -> ConfigError {
    ConfigError::new("sentry.dsn", reason)
}

fn reason(error: &ParseDsnError) -> &'static str {
    match error {
        ParseDsnError::InvalidScheme => "expected an `https` address",
        ParseDsnError::NoUsername => "expected a key before the host: `https://<key>@<host>/<project>`",
        ParseDsnError::NoProjectId | ParseDsnError::InvalidProjectId(_) => {
            "expected a project behind the host: `https://<key>@<host>/<project>`"
        }
        ParseDsnError::InvalidUrl => "expected an address such as `https://<key>@<host>/<project>`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DSN: &str = "https://plantedkeyplantedkey@o1.ingest.us.sentry.io/42";

    #[test]
    fn finds_the_endpoint_of_any_dsn() {
        let cases = [
            (DSN, "https://o1.ingest.us.sentry.io", "/api/42/envelope/", "42"),
            (
                "https://k@sentry.example.com:8443/7",
                "https://sentry.example.com:8443",
                "/api/7/envelope/",
                "7",
            ),
            (
                "https://k@example.com/a/b/my-shop\n",
                "https://example.com",
                "/a/b/api/my-shop/envelope/",
                "my-shop",
            ),
            ("https://k:s@example.com/42/", "https://example.com", "/api/42/envelope/", "42"),
            ("http://k@127.0.0.1:9000/1", "http://127.0.0.1:9000", "/api/1/envelope/", "1"),
            ("http://k@[::1]:9000/1?x=y", "http://[::1]:9000", "/api/1/envelope/", "1"),
        ];
        for (dsn, origin, path, project) in cases {
            let sentry = Sentry::dsn(dsn).unwrap();
            assert_eq!((sentry.endpoint.origin().as_str(), sentry.endpoint.path()), (origin, path), "{dsn}");
            assert_eq!(sentry.project, project, "{dsn}");
        }
    }

    #[test]
    fn authenticates_by_the_key_and_by_an_old_secret() {
        let auth = |dsn| Sentry::dsn(dsn).unwrap().auth.expose().to_owned();
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!("Sentry sentry_version=7, sentry_client=watchfire/{version}, sentry_key=abc");
        assert_eq!(auth("https://abc@example.com/1"), expected);
        assert_eq!(auth("https://abc:@example.com/1"), expected);
        assert_eq!(auth("https://abc:def@example.com/1"), format!("{expected}, sentry_secret=def"));
    }

    #[test]
    fn names_the_field_that_is_wrong_and_shows_no_credential() {
        let sentry = || Sentry::dsn(DSN).unwrap();
        let cases = [
            (Sentry::dsn(""), "sentry.dsn"),
            (Sentry::dsn("planted"), "sentry.dsn"),
            (Sentry::dsn("https://planted.example.com/42"), "sentry.dsn"),
            (Sentry::dsn("https://planted@example.com"), "sentry.dsn"),
            (Sentry::dsn("https://planted@example.com/"), "sentry.dsn"),
            (Sentry::dsn("https://planted,a=b@example.com/42"), "sentry.dsn"),
            (Sentry::dsn("https://planted%0d%0a@example.com/42"), "sentry.dsn"),
            (Sentry::dsn("http://planted@example.com/42"), "sentry.dsn"),
            (Sentry::dsn("ftp://planted@example.com/42"), "sentry.dsn"),
            (sentry().tag("", "x"), "sentry.tag"),
            (sentry().tag("two words", "x"), "sentry.tag"),
            (sentry().tag("x".repeat(201), "x"), "sentry.tag"),
            (sentry().tag("x", ""), "sentry.tag"),
            (sentry().tag("x", "a\nb"), "sentry.tag"),
            (sentry().tag("x", "y".repeat(201)), "sentry.tag"),
            (sentry().ca_file("/nowhere/ca.pem"), "sentry.ca_file"),
        ];
        for (i, (made, field)) in cases.into_iter().enumerate() {
            let error = made.expect_err(field);
            assert_eq!(error.field(), field, "case {i}");
            assert!(!format!("{error} {error:?}").contains("planted"), "case {i}: {error}");
        }
    }
}
