//! The settings: collected by the builder, and checked all at once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use sentry_types::{Dsn, ParseDsnError};
use watchfire_core::{ConfigError, Problems, Secret};
use watchfire_http::{Client, Endpoint, HttpOptions};

/// The settings of a [`Sentry`](crate::Sentry) in the making; `.layer(&outbox)` or [`build`](Self::build) checks them.
#[derive(Clone, Debug)]
#[must_use]
pub struct SentryBuilder {
    dsn: Secret,
    tags: Vec<(String, String)>,
    tag_fields: Vec<String>,
    http: HttpOptions,
    ca_files: Vec<PathBuf>,
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub(crate) struct SentrySettings {
    pub(crate) project: Project,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) tag_fields: Vec<String>,
}

/// The parts of a DSN.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) endpoint: Endpoint,
    /// The whole value of `X-Sentry-Auth`.
    pub(crate) auth: Secret,
    pub(crate) name: String,
}

/// The name that we give ourselves, as `sentry_client` and as the SDK of an event.
const CLIENT: &str = concat!("watchfire/", env!("CARGO_PKG_VERSION"));
/// Relay cuts tags beyond so many characters, name and value alike (relay-event-schema, `tags.rs`).
pub(crate) const TAG: usize = 200;

impl SentryBuilder {
    pub(crate) fn dsn(dsn: &str) -> Self {
        Self {
            // Registered before anything can be wrong with it: an error may travel far.
            dsn: Secret::new(dsn.trim()),
            tags: Vec::new(),
            tag_fields: Vec::new(),
            http: HttpOptions::new(),
            ca_files: Vec::new(),
        }
    }

    /// Adds a tag to every event: a name of 1 to 200 ASCII letters, digits and `_ . : -`, and a value of 1 to 200
    /// characters in one line. Sentry would drop any other.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((name.into(), value.into()));
        self
    }

    /// Makes tags of the fields of these names, to search by: of the event, or else of the innermost span that has it.
    /// Fields named `tags.x` are tags already.
    pub fn tag_fields(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tag_fields.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets how Sentry is reached: timeouts, proxy, authorities.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Trusts the authorities of a PEM file as well as those of the system and of [`http`](Self::http).
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_files.push(path.as_ref().to_owned());
        self
    }

    pub(crate) fn check(self) -> Result<(SentrySettings, Client), ConfigError> {
        let mut problems = Problems::new();
        let project = problems.keep(Project::of(&self.dsn));
        let mut tags = BTreeMap::new();
        for (name, value) in self.tags {
            problems.keep(check_tag(&name, &value));
            tags.insert(name, value);
        }
        let http = self.ca_files.iter().fold(self.http, HttpOptions::ca_file);
        let client = problems.keep(http.client("sentry"));
        let tag_fields = self.tag_fields;
        problems.finish(|| Some((SentrySettings { project: project?, tags, tag_fields }, client?)))
    }
}

impl Project {
    fn of(dsn: &Secret) -> Result<Self, ConfigError> {
        let dsn: Dsn = dsn.expose().parse().map_err(|error| wrong(reason(&error)))?;
        let keys = [Some(dsn.public_key()), dsn.secret_key().filter(|key| !key.is_empty())];
        for key in keys.into_iter().flatten() {
            let _registered = Secret::new(key);
            // The fields of the header are parted by commas and blanks.
            if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                return Err(wrong("expected a key of ASCII letters and digits before the `@`"));
            }
        }
        let mut auth =
            format!("Sentry sentry_version=7, sentry_client={CLIENT}, sentry_key={}", dsn.public_key());
        if let [_, Some(key)] = keys {
            auth.push_str(", sentry_secret=");
            auth.push_str(key);
        }
        Ok(Self {
            endpoint: Endpoint::parse("sentry.dsn", dsn.envelope_api_url().as_str())?,
            auth: Secret::new(auth),
            name: dsn.project_id().value().to_owned(),
        })
    }
}

fn check_tag(name: &str, value: &str) -> Result<(), ConfigError> {
    let wrong = |expected: &str| ConfigError::new("sentry.tag", format!("`{name}`: {expected}"));
    if name.is_empty() || name.len() > TAG || !name.chars().all(is_tag_char) {
        return Err(wrong("expected a name of 1 to 200 ASCII letters, digits and `_ . : -`"));
    }
    if value.trim().is_empty() || value.chars().count() > TAG || value.chars().any(char::is_control) {
        return Err(wrong("expected a value of 1 to 200 characters in one line"));
    }
    Ok(())
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
    use crate::Sentry;

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
            let found = Sentry::dsn(dsn).check().unwrap().0.project;
            assert_eq!((found.endpoint.origin().as_str(), found.endpoint.path()), (origin, path), "{dsn}");
            assert_eq!(found.name, project, "{dsn}");
        }
    }

    #[test]
    fn authenticates_by_the_key_and_by_an_old_secret() {
        let auth = |dsn| Sentry::dsn(dsn).check().unwrap().0.project.auth.expose().to_owned();
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!("Sentry sentry_version=7, sentry_client=watchfire/{version}, sentry_key=abc");
        assert_eq!(auth("https://abc@example.com/1"), expected);
        assert_eq!(auth("https://abc:@example.com/1"), expected);
        assert_eq!(auth("https://abc:def@example.com/1"), format!("{expected}, sentry_secret=def"));
    }

    #[test]
    fn names_the_field_that_is_wrong_and_shows_no_credential() {
        let sentry = || Sentry::dsn(DSN);
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
            (sentry().http(HttpOptions::new().proxy("planted")), "sentry.proxy"),
        ];
        for (i, (builder, field)) in cases.into_iter().enumerate() {
            assert!(!format!("{builder:?}").contains("planted"), "case {i}");
            let error = builder.check().expect_err(field);
            assert_eq!(error.field(), field, "case {i}");
            assert_eq!(error.diagnostics().len(), 1, "case {i}: {error}");
            assert!(!format!("{error} {error:?}").contains("planted"), "case {i}: {error}");
        }
    }

    #[test]
    fn all_problems_come_back_together() {
        let builder = Sentry::dsn("nowhere").tag("", "x").tag("x", "").ca_file("/nowhere/ca.pem");
        let error = builder.check().unwrap_err();
        let paths: Vec<_> = error.diagnostics().map(|problem| problem.path().to_owned()).collect();
        assert_eq!(paths, ["sentry.dsn", "sentry.tag", "sentry.tag", "sentry.ca_file"]);
    }
}
