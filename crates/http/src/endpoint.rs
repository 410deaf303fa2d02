//! The address of a provider.

use std::{fmt, net::IpAddr};

use reqwest::Url;
use watchfire_core::{ConfigError, Secret};

/// The address of a provider: `https`, or `http` to loopback. Its `Debug` shows scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Parses the address of `field`.
    ///
    /// # Errors
    ///
    /// If it is not a URL, is neither `https` nor `http` to loopback, or holds a user, a password or a fragment.
    /// The error does not show the address.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ConfigError> {
        let wrong = |reason: &str| Err(ConfigError::new(field, reason));
        let Ok(url) = Url::parse(text.trim()) else {
            return wrong("expected an address such as `https://host/path`");
        };
        if url.cannot_be_a_base() || url.host_str().is_none_or(str::is_empty) {
            return wrong("expected an address with a host, such as `https://host/path`");
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return wrong("expected `https`; plain `http` is taken for loopback only"),
            _ => return wrong("expected an `https` address"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("expected an address without a user and a password in it");
        }
        if url.fragment().is_some() {
            return wrong("expected an address without a fragment (`#..`)");
        }
        Ok(Self(url))
    }

    /// Parses an address that is itself a credential, as that of a webhook, and registers it: whole, its path, and the
    /// last part of its path.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn secret(field: &'static str, text: &str) -> Result<Self, ConfigError> {
        // Before anything can be wrong with it: an error may travel far.
        let _ = Secret::new(text.trim());
        let address = Self::parse(field, text)?;
        let _ = Secret::new(address.0.as_str());
        let _ = Secret::new(address.0.path());
        if let Some(last) = address.0.path().rsplit('/').next()
            && last.len() >= 16
        {
            let _ = Secret::new(last);
        }
        Ok(address)
    }

    /// Returns the address with `path` below its own path; both may begin or end with a slash.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        let joined = format!("{}/{}", url.path().trim_end_matches('/'), path.trim_start_matches('/'));
        url.set_path(&joined);
        Self(url)
    }

    /// Returns the address with this query, such as `PageSize=1`.
    #[must_use]
    pub fn with_query(&self, query: &str) -> Self {
        let mut url = self.0.clone();
        url.set_query(Some(query));
        Self(url)
    }

    /// Returns the address of the host's root, without path and query: it holds no secret.
    #[must_use]
    pub fn root(&self) -> Self {
        let mut url = self.0.clone();
        url.set_path("/");
        url.set_query(None);
        Self(url)
    }

    /// Returns scheme, host and port: what may be shown.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns the path, which may be a secret.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn url(&self) -> Url {
        self.0.clone()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}/..)", self.origin())
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // RFC 6761 §6.3: names under `localhost` are loopback.
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use watchfire_core::process::mask_own_secrets;

    use super::*;

    #[test]
    fn takes_https_and_loopback_only() {
        let cases = [
            ("https://hooks.example.com/services/a", true),
            ("https://hooks.example.com:8443/services/a?b=c", true),
            (" https://hooks.example.com/a\n", true),
            ("http://127.0.0.1:8080/a", true),
            ("http://127.8.0.1/a", true),
            ("http://[::1]:8080/a", true),
            ("http://localhost:8080/a", true),
            ("http://inbox.localhost/a", true),
            ("http://hooks.example.com/a", false),
            ("http://localhost.example.com/a", false),
            ("http://127.0.0.1.example.com/a", false),
            ("http://10.0.0.1/a", false),
            ("ftp://127.0.0.1/a", false),
            ("file:///etc/passwd", false),
            ("data:text/plain,a", false),
            ("https://", false),
            ("hooks.example.com/a", false),
            ("", false),
            ("https://user:password@hooks.example.com/a", false),
            ("https://user@hooks.example.com/a", false),
            ("https://hooks.example.com/a#b", false),
        ];
        for (text, good) in cases {
            assert_eq!(Endpoint::parse("x", text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn shows_no_path_and_registers_it() {
        let text = "https://hooks.example.com/services/T1/B1/planted-in-address-test-0001";
        let address = Endpoint::secret("x", text).unwrap();
        assert_eq!(format!("{address:?}"), "Endpoint(https://hooks.example.com/..)");
        for part in [text, "/services/T1/B1/planted-in-address-test-0001", "planted-in-address-test-0001"] {
            assert!(!mask_own_secrets(part).contains("planted-in-address-test"), "{part}");
        }
    }

    #[test]
    fn a_wrong_secret_address_is_not_in_its_error() {
        let error =
            Endpoint::secret("x", "http://hooks.example.com/planted-in-address-test-0002").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted"), "{error}");
    }

    #[test]
    fn joins_below_its_path() {
        let cases = [
            ("https://a.example", "b/c", "https://a.example/b/c"),
            ("https://a.example/", "/b", "https://a.example/b"),
            ("https://a.example/api", "chat.postMessage", "https://a.example/api/chat.postMessage"),
            ("https://a.example/api/", "x", "https://a.example/api/x"),
            ("http://127.0.0.1:1", "bot1:a_b-C/sendMessage", "http://127.0.0.1:1/bot1:a_b-C/sendMessage"),
        ];
        for (base, path, joined) in cases {
            assert_eq!(Endpoint::parse("x", base).unwrap().join(path).url().as_str(), joined);
        }
    }
}
