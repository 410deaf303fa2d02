//! The client: one attempt per request.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustls::pki_types::CertificateDer;
use watchfire_core::clock;
use watchfire_outbox::{Outcome, Reason, Verdict};

use crate::{
    Endpoint, Failure, HttpOptions, Request, Response,
    judge::patient,
    late_body::{HandedOver, LateBody},
    options::Proxy,
    request::{Auth, Method},
    tls,
};

/// How much of an answer's body is kept.
const BODY: usize = 64 * 1024;
/// How long one question may take; a person waits for it.
const ASKING: Duration = Duration::from_secs(10);

/// Sends requests, each once: HTTP/1.1, without redirects and without retries of its own.
///
/// It is built at the first request, on the thread that sends it: a program that never alerts never loads a root.
/// Clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<ClientInner>,
}

struct ClientInner {
    options: HttpOptions,
    roots: Vec<CertificateDer<'static>>,
    proxy: Proxy,
    /// For `https`.
    secure: OnceLock<reqwest::Client>,
    /// For `http`, which goes to loopback only: no proxy, and no need of the system's roots.
    plain: OnceLock<reqwest::Client>,
}

impl Client {
    /// Makes a client of options that were checked; opens and reads nothing.
    pub(crate) fn new(options: HttpOptions, roots: Vec<CertificateDer<'static>>, proxy: Proxy) -> Self {
        let (secure, plain) = (OnceLock::new(), OnceLock::new());
        Self { inner: Arc::new(ClientInner { options, roots, proxy, secure, plain }) }
    }

    /// Makes one attempt.
    ///
    /// # Errors
    ///
    /// If there is no complete answer (or none of up to 64 KiB).
    pub async fn send(&self, request: Request) -> Result<Response, Failure> {
        self.exchange(request, None).await
    }

    /// Makes one attempt, for at most `limit` if there is one.
    async fn exchange(&self, request: Request, limit: Option<Duration>) -> Result<Response, Failure> {
        let Request { method, endpoint, headers, auth, body, is_once } = request;
        let handed_over = HandedOver::default();
        let origin = endpoint.origin();
        let client = self.client_for(&endpoint)?;
        let mut builder = match method {
            Method::Get => client.get(endpoint.url()),
            Method::Post if is_once => {
                let body = LateBody::new(body, handed_over.clone());
                client.post(endpoint.url()).body(reqwest::Body::wrap(body))
            }
            Method::Post => {
                handed_over.note();
                client.post(endpoint.url()).body(body)
            }
        };
        if let Some(limit) = limit {
            builder = builder.timeout(limit);
        }
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        builder = match &auth {
            Some(Auth::Bearer(token)) => builder.bearer_auth(token.expose()),
            Some(Auth::Basic(user, password)) => builder.basic_auth(user, Some(password.expose())),
            None => builder,
        };
        let answer =
            builder.send().await.map_err(|error| Failure::of(error, &origin).unless(&handed_over))?;
        let mut response = Response::new(answer.status().as_u16(), Vec::new()).received_at(clock::now());
        for (name, value) in answer.headers() {
            response = response.with_header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
        let body = read(answer).await.map_err(|error| Failure::of(error, &origin))?;
        Ok(response.with_body(body))
    }

    fn client_for(&self, endpoint: &Endpoint) -> Result<&reqwest::Client, Failure> {
        let ClientInner { secure, plain, .. } = &*self.inner;
        let slot = if endpoint.is_encrypted() { secure } else { plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = build(&self.inner, endpoint.is_encrypted())?;
        Ok(slot.get_or_init(|| client))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new(HttpOptions::new(), Vec::new(), Proxy::Environment)
    }
}

/// Sends a request and judges the answer; a transient failure waits as long as `Retry-After` says. Without an answer, says whether the request may have arrived.
pub async fn exchange(
    client: &Client,
    request: Request,
    judge: impl FnOnce(&Response) -> Outcome,
) -> Outcome {
    match client.send(request).await {
        Ok(response) => patient(judge(&response), &response),
        Err(failure) => failure.into_outcome(),
    }
}

/// Asks a provider about our credentials or a recipient, for at most 10 s, and judges the answer.
pub async fn ask(client: &Client, question: Request, judge: impl FnOnce(&Response) -> Verdict) -> Verdict {
    match client.exchange(question, Some(ASKING)).await {
        Ok(response) => judge(&response),
        Err(failure) => failure.into_verdict(),
    }
}

/// Finds out whether anybody answers at the host of `endpoint`, whatever is answered: for providers that can be asked
/// nothing else. It is a GET of `/` without a credential; `why` says why nothing more can be asked.
pub async fn reach(client: &Client, endpoint: &Endpoint, why: &str) -> Verdict {
    let origin = endpoint.origin();
    let answered = |_: &Response| Verdict::Untold(Reason::new(format_args!("{origin} answers; {why}")));
    ask(client, Request::get(&endpoint.root()), answered).await
}

fn build(inner: &ClientInner, encrypted: bool) -> Result<reqwest::Client, Failure> {
    let ClientInner { options, roots, proxy, .. } = inner;
    let trust = if encrypted { tls::system_trust(roots.clone()) } else { tls::no_trust() };
    let trust = trust.map_err(|error| Failure::unsendable(format_args!("TLS cannot be set up: {error}")))?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(trust)
        // Another crate of the program may have switched HTTP/2 on.
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(options.connect_timeout)
        // Short: a request on a connection that the other side just closes is an ambiguous one.
        .pool_idle_timeout(Duration::from_secs(5))
        .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")));
    if let Some(timeout) = options.timeout {
        builder = builder.timeout(timeout);
    }
    builder = match (proxy, encrypted) {
        (_, false) | (Proxy::None, _) => builder.no_proxy(),
        (Proxy::Environment, true) => builder,
        (Proxy::One(proxy), true) => builder.proxy((**proxy).clone()),
    };
    builder.build().map_err(|error| Failure::of(error, "the HTTP client"))
}

/// Reads a body up to [`BODY`] bytes; the rest is left, and the connection with it.
async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let left = BODY - body.len();
        body.extend(chunk.iter().take(left));
        if chunk.len() >= left {
            break;
        }
    }
    Ok(body)
}
