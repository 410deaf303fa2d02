//! The handle: starts all providers on a thread of their own, and asks them.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::demo::Demo;
use crate::fault::FaultPlan;
use crate::http::{self, Hub};
use crate::providers::{self, smtp};
use crate::record::{MessageVerdict, Provider, Received};
use crate::store::{Misfit, Missing, Store};
use crate::tls::Identity;

/// A local stand-in for every provider, on loopback only.
///
/// It runs on a thread of its own, so it works from a plain `main`, from tests and inside any runtime.
/// Dropping it stops all providers and closes their connections.
///
/// ```
/// use watchfire_inbox::{Fault, Inbox, Provider};
///
/// let inbox = Inbox::start()?;
/// inbox.fail(Provider::SlackWebhook, Fault::RateLimit { retry_after: Some(1) }.times(2))?;
/// println!("post to {}", inbox.slack_webhook_url());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Inbox {
    store: Arc<Store>,
    http: SocketAddr,
    smtp: SocketAddr,
    smtps: SocketAddr,
    ca_pem: String,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Inbox {
    /// Starts all providers on free ports.
    ///
    /// # Errors
    /// When a loopback port cannot be opened or the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Chooses ports and rules before the start.
    pub fn builder() -> InboxBuilder {
        InboxBuilder::default()
    }

    /// Arms a fault; the plans of a provider bite in the order given.
    ///
    /// # Errors
    /// When the fault can never bite in this provider.
    pub fn fail(&self, provider: Provider, plan: FaultPlan) -> Result<(), Misfit> {
        self.store.arm(provider, plan)
    }

    /// Disarms all faults of a provider.
    pub fn heal(&self, provider: Provider) {
        self.store.disarm(provider);
    }

    /// Gives the armed faults.
    #[must_use]
    pub fn faults(&self) -> Vec<(Provider, FaultPlan)> {
        self.store.armed()
    }

    /// Gives everything that reached a provider, accepted or not, oldest first.
    #[must_use]
    pub fn received(&self, provider: Provider) -> Vec<Received> {
        self.store.of(provider)
    }

    /// Gives everything that reached any provider, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Received> {
        self.store.all()
    }

    /// Gives the messages that a provider took.
    #[must_use]
    pub fn accepted(&self, provider: Provider) -> Vec<Received> {
        self.store.of(provider).into_iter().filter(|r| r.verdict.is_accepted()).collect()
    }

    /// Gives the messages that a provider refused.
    #[must_use]
    pub fn refused(&self, provider: Provider) -> Vec<Received> {
        self.store
            .of(provider)
            .into_iter()
            .filter(|r| matches!(r.verdict, MessageVerdict::Refused(_)))
            .collect()
    }

    /// Blocks until a provider has taken `count` messages, and gives all that it took.
    ///
    /// # Errors
    /// When there are fewer after `within`; the error tells what the provider answered.
    pub fn wait_for(
        &self,
        provider: Provider,
        count: usize,
        within: Duration,
    ) -> Result<Vec<Received>, Missing> {
        self.store.wait(provider, count, within, |record| record.verdict.is_accepted())
    }

    /// Blocks until a provider has seen `count` attempts, accepted or not, and gives all of them.
    ///
    /// # Errors
    /// When there are fewer after `within`.
    pub fn wait_for_attempts(
        &self,
        provider: Provider,
        count: usize,
        within: Duration,
    ) -> Result<Vec<Received>, Missing> {
        self.store.wait(provider, count, within, |_| true)
    }

    /// Gives everything that reached any provider, oldest first, and forgets it; faults stay armed.
    #[must_use]
    pub fn drain(&self) -> Vec<Received> {
        self.store.drain()
    }

    /// Forgets all messages; faults stay armed.
    pub fn clear(&self) {
        self.store.clear();
    }

    /// The page: `http://127.0.0.1:port/`.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("http://{}/", self.http)
    }

    /// The address behind all HTTP providers and the page.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// The address for SMTP with STARTTLS.
    #[must_use]
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp
    }

    /// The URL for SMTP with STARTTLS, with the demo's login: what an email channel is configured with.
    ///
    /// The certificate is for `localhost`, and by an authority of its own: [`ca_pem`](Self::ca_pem).
    #[must_use]
    pub fn smtp_url(&self) -> String {
        format!("smtp://{}:{}@localhost:{}", Demo::SMTP_USER, Demo::SMTP_PASSWORD, self.smtp.port())
    }

    /// The URL for SMTP inside TLS, with the demo's login.
    #[must_use]
    pub fn smtps_url(&self) -> String {
        format!("smtps://{}:{}@localhost:{}", Demo::SMTP_USER, Demo::SMTP_PASSWORD, self.smtps.port())
    }

    /// The address for SMTP inside TLS.
    #[must_use]
    pub fn smtps_addr(&self) -> SocketAddr {
        self.smtps
    }

    /// The authority that signed the certificate of both SMTP doors (for `localhost`, `127.0.0.1`, `::1`), in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The webhook, with its demo secret.
    #[must_use]
    pub fn slack_webhook_url(&self) -> String {
        format!("http://{}{}", self.http, Demo::SLACK_WEBHOOK_PATH)
    }

    /// The base of Slack's Web API, up to and with `/api`.
    #[must_use]
    pub fn slack_api_base(&self) -> String {
        format!("http://{}/api", self.http)
    }

    /// The base before `/bot<token>/<method>`.
    #[must_use]
    pub fn telegram_base(&self) -> String {
        format!("http://{}", self.http)
    }

    /// The base before `/2010-04-01/Accounts/…`.
    #[must_use]
    pub fn twilio_base(&self) -> String {
        format!("http://{}", self.http)
    }

    /// The base before `/v1/Accounts/…`.
    #[must_use]
    pub fn exotel_base(&self) -> String {
        format!("http://{}", self.http)
    }

    /// The DSN, with its demo key.
    #[must_use]
    pub fn sentry_dsn(&self) -> String {
        format!("http://{}@{}/{}", Demo::SENTRY_KEY, self.http, Demo::SENTRY_PROJECT)
    }

    /// Lets all ports and connections be closed, without waiting for it; what came in can still be read.
    pub fn stop(&self) {
        drop(self.stop.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Blocks until the inbox is stopped from elsewhere, for a program that does nothing else.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // Even if the thread panics, there is nothing left to wait for.
            thread.join().ok();
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("http", &self.http)
            .field("smtp", &self.smtp)
            .field("smtps", &self.smtps)
            .finish_non_exhaustive()
    }
}

/// Ports and rules of an [`Inbox`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing runs before `start`"]
pub struct InboxBuilder {
    http_port: u16,
    smtp_port: u16,
    smtps_port: u16,
    paced: bool,
    patience: Option<Duration>,
    smtp: smtp::SmtpRules,
}

/// How long a request or a command may take to come in.
const PATIENCE: Duration = Duration::from_secs(60);

impl InboxBuilder {
    /// Fixes the port of the page and of all HTTP providers; 0, the default, takes a free one.
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = port;
        self
    }

    /// Fixes the port for SMTP with STARTTLS; 0, the default, takes a free one.
    pub fn smtp_port(mut self, port: u16) -> Self {
        self.smtp_port = port;
        self
    }

    /// Fixes the port for SMTP inside TLS; 0, the default, takes a free one.
    pub fn smtps_port(mut self, port: u16) -> Self {
        self.smtps_port = port;
        self
    }

    /// Holds the providers' own rates: Slack one message per second and channel, Telegram 20 per minute and group.
    ///
    /// Off by default, so that tests need not wait.
    pub fn paced(mut self) -> Self {
        self.paced = true;
        self
    }

    /// Closes connections whose request or command has not come in whole after this time; 60 s by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Takes AUTH and mail without TLS.
    pub fn smtp_plaintext(mut self) -> Self {
        self.smtp.plaintext = true;
        self
    }

    /// Takes mail without AUTH.
    pub fn smtp_anonymous(mut self) -> Self {
        self.smtp.anonymous = true;
        self
    }

    /// Takes mail of at most this many bytes; 10 MiB by default.
    pub fn smtp_size_limit(mut self, bytes: usize) -> Self {
        self.smtp.size = bytes;
        self
    }

    /// Leaves an extension out of the answer to `EHLO`, such as `STARTTLS` or `SMTPUTF8`.
    pub fn smtp_without(mut self, extension: &str) -> Self {
        self.smtp.without.push(extension.to_ascii_uppercase());
        self
    }

    /// Opens the ports and starts.
    ///
    /// # Errors
    /// When a loopback port cannot be opened or the thread cannot be started.
    pub fn start(self) -> io::Result<Inbox> {
        let identity = Identity::generate().map_err(io::Error::other)?;
        let store = Arc::new(Store::default());
        let (http, http_listener) = listen(self.http_port)?;
        let (smtp, smtp_listener) = listen(self.smtp_port)?;
        let (smtps, smtps_listener) = listen(self.smtps_port)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let mut inbox = Inbox {
            store: Arc::clone(&store),
            http,
            smtp,
            smtps,
            ca_pem: identity.ca_pem,
            stop: Mutex::new(Some(stop)),
            thread: None,
        };
        let patience = self.patience.unwrap_or(PATIENCE);
        let addresses = addresses(&inbox);
        let hub = HubParts { store: Arc::clone(&store), paced: self.paced, patience, addresses };
        let door = smtp::Door { store, rules: self.smtp, acceptor: identity.acceptor, patience };
        let run = move || {
            let local = LocalSet::new();
            local.block_on(&runtime, async move {
                let hub = Rc::new(hub.build());
                let door = Rc::new(door);
                // A listener that cannot be registered leaves its port closed, which every sender can see.
                if let Ok(listener) = TcpListener::from_std(http_listener) {
                    tokio::task::spawn_local(http::serve(listener, hub));
                }
                if let Ok(listener) = TcpListener::from_std(smtp_listener) {
                    tokio::task::spawn_local(smtp::serve(
                        listener,
                        Rc::clone(&door),
                        smtp::Wrapping::StartTls,
                    ));
                }
                if let Ok(listener) = TcpListener::from_std(smtps_listener) {
                    tokio::task::spawn_local(smtp::serve(listener, door, smtp::Wrapping::Implicit));
                }
                // Ends when the handle is dropped.
                stopped.await.ok();
            });
        };
        inbox.thread = Some(std::thread::Builder::new().name("watchfire-inbox".to_owned()).spawn(run)?);
        Ok(inbox)
    }
}

/// The parts of the hub; the providers themselves are made on the thread.
struct HubParts {
    store: Arc<Store>,
    paced: bool,
    patience: Duration,
    addresses: Vec<(String, String)>,
}

impl HubParts {
    fn build(self) -> Hub {
        Hub {
            store: self.store,
            providers: RefCell::new(providers::http_providers()),
            paced: self.paced,
            patience: self.patience,
            addresses: self.addresses,
        }
    }
}

fn listen(port: u16) -> io::Result<(SocketAddr, StdListener)> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?, listener))
}

fn addresses(inbox: &Inbox) -> Vec<(String, String)> {
    let row = |name: &str, value: String| (name.to_owned(), value);
    vec![
        row("SMTP with STARTTLS", inbox.smtp_url()),
        row("SMTP inside TLS", inbox.smtps_url()),
        row("Slack webhook", inbox.slack_webhook_url()),
        row("Slack Web API", format!("{} with {}", inbox.slack_api_base(), Demo::SLACK_TOKEN)),
        row("Telegram", format!("{}/bot{}", inbox.telegram_base(), Demo::TELEGRAM_TOKEN)),
        row("Twilio", format!("{} as {}", inbox.twilio_base(), Demo::TWILIO_ACCOUNT)),
        row("Exotel", format!("{} as {}", inbox.exotel_base(), Demo::EXOTEL_ACCOUNT)),
        row("Sentry", inbox.sentry_dsn()),
    ]
}
