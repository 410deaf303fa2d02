use std::{fmt, path::Path, time::Duration};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use watchfire_core::{ConfigError, Secret};

/// Sets how the client reaches its providers. Everything is checked here, nothing is opened.
#[derive(Clone)]
#[must_use]
pub struct HttpOptions {
    pub(crate) roots: Vec<CertificateDer<'static>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Duration,
    pub(crate) proxy: Proxy,
}

#[derive(Clone)]
pub(crate) enum Proxy {
    /// `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
    Environment,
    None,
    One(Box<reqwest::Proxy>),
}

impl HttpOptions {
    /// Begins with the defaults: the system's roots, the environment's proxy, 5 s to connect, and as long in all as the
    /// outbox gives an attempt.
    pub fn new() -> Self {
        Self {
            roots: Vec::new(),
            timeout: None,
            connect_timeout: Duration::from_secs(5),
            proxy: Proxy::Environment,
        }
    }

    /// Trusts the authorities of a PEM file as well as those of the system. Reads the file now.
    ///
    /// # Errors
    ///
    /// If it cannot be read, holds no certificate, or one that is no authority's.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let wrong = |reason: String| ConfigError::new("ca_file", format!("{}: {reason}", path.display()));
        let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let found = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong("expected certificates in PEM form".to_owned()))?;
        if found.is_empty() {
            return Err(wrong("expected at least one `BEGIN CERTIFICATE`, found none".to_owned()));
        }
        let mut store = RootCertStore::empty();
        for (i, certificate) in found.iter().enumerate() {
            store
                .add(certificate.clone())
                .map_err(|error| wrong(format!("certificate {} cannot be used as a root: {error}", i + 1)))?;
        }
        self.roots.extend(found);
        Ok(self)
    }

    /// Sets how long a request may take, from the connection to the last byte of the answer. Default: no limit of its
    /// own, because the outbox ends an attempt at the timeout of the channel's policy.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long a connection may take, TLS included. Default 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Uses this proxy instead of the environment's; a user and a password may stand in the address.
    ///
    /// # Errors
    ///
    /// If it is no `http` or `https` address. The error does not show it.
    pub fn proxy(mut self, address: &str) -> Result<Self, ConfigError> {
        let wrong =
            || ConfigError::new("proxy", "expected an address such as `http://proxy.example.com:3128`");
        let url = reqwest::Url::parse(address.trim()).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        if let Some(password) = url.password() {
            let _ = Secret::new(password);
        }
        self.proxy = Proxy::One(Box::new(reqwest::Proxy::all(url).map_err(|_| wrong())?));
        Ok(self)
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxy::None;
        self
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = match self.proxy {
            Proxy::Environment => "of the environment",
            Proxy::None => "none",
            // Its address may hold a password.
            Proxy::One(_) => "set",
        };
        f.debug_struct("HttpOptions")
            .field("own_roots", &self.roots.len())
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("proxy", &proxy)
            .finish()
    }
}
