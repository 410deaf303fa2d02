//! How the client reaches its providers.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use watchfire_core::{ConfigError, Problems, Secret};

use crate::Client;

/// The way to the providers: timeouts, proxy, authorities. [`client`](Self::client) checks everything.
#[derive(Clone)]
#[must_use]
pub struct HttpOptions {
    ca_files: Vec<PathBuf>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Duration,
    proxy: ProxyChoice,
}

#[derive(Clone)]
enum ProxyChoice {
    /// `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
    Environment,
    None,
    /// Its address may hold a password.
    One(String),
}

/// A proxy that was checked.
pub(crate) enum Proxy {
    Environment,
    None,
    One(Box<reqwest::Proxy>),
}

impl HttpOptions {
    /// Begins with the defaults: the system's roots, the environment's proxy, 5 s to connect, and as long in all as the
    /// outbox gives an attempt.
    pub fn new() -> Self {
        Self {
            ca_files: Vec::new(),
            timeout: None,
            connect_timeout: Duration::from_secs(5),
            proxy: ProxyChoice::Environment,
        }
    }

    /// Trusts the authorities of a PEM file as well as those of the system.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_files.push(path.as_ref().to_owned());
        self
    }

    /// Sets how long a request may take, from the connection to the last byte of the answer. Default: the timeout of the
    /// channel's policy, at which the outbox ends every attempt.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long a connection may take, TLS included. Default 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Uses this proxy instead of the environment's: an `http` or `https` address, which may hold a user and a password.
    pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
        self.proxy = ProxyChoice::One(url.as_ref().trim().to_owned());
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxyChoice::None;
        self
    }

    /// Checks the options, reads the files of authorities, and makes the client; opens no connection. The paths of
    /// problems begin with `prefix`, such as `slack`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or holds no usable certificate, or the proxy is not a valid address: all problems together.
    #[doc(hidden)]
    pub fn client(self, prefix: &str) -> Result<Client, ConfigError> {
        let mut problems = Problems::new();
        let mut roots = Vec::new();
        for path in &self.ca_files {
            let found = read_roots(path).map_err(|reason| {
                ConfigError::new(format!("{prefix}.ca_file"), format!("{}: {reason}", path.display()))
            });
            roots.extend(problems.keep(found).unwrap_or_default());
        }
        let proxy = match &self.proxy {
            ProxyChoice::Environment => Some(Proxy::Environment),
            ProxyChoice::None => Some(Proxy::None),
            ProxyChoice::One(url) => problems.keep(one_proxy(url).ok_or_else(|| {
                let reason = "expected an address such as `http://proxy.example.com:3128`";
                ConfigError::new(format!("{prefix}.proxy"), reason)
            })),
        };
        problems.finish(|| Some(Client::new(self, roots, proxy?)))
    }
}

fn one_proxy(url: &str) -> Option<Proxy> {
    let url = reqwest::Url::parse(url).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return None;
    }
    if let Some(password) = url.password() {
        let _registered = Secret::new(password);
    }
    Some(Proxy::One(Box::new(reqwest::Proxy::all(url).ok()?)))
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let found = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "expected certificates in PEM form".to_owned())?;
    if found.is_empty() {
        return Err("expected at least one `BEGIN CERTIFICATE`, found none".to_owned());
    }
    let mut store = RootCertStore::empty();
    for (i, certificate) in found.iter().enumerate() {
        store
            .add(certificate.clone())
            .map_err(|error| format!("certificate {} cannot be used as a root: {error}", i + 1))?;
    }
    Ok(found)
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = match self.proxy {
            ProxyChoice::Environment => "of the environment",
            ProxyChoice::None => "none",
            ProxyChoice::One(_) => "set",
        };
        f.debug_struct("HttpOptions")
            .field("ca_files", &self.ca_files)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("proxy", &proxy)
            .finish()
    }
}
