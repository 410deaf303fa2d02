//! Shared parts of the tests: an inbox with its CA on disk, and one attempt without an outbox.

use std::{
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tempfile::NamedTempFile;
use watchfire_core::{Alert, App, Severity};
use watchfire_email::{Email, EmailBuilder};
use watchfire_inbox::{Demo, Inbox, InboxBuilder};
use watchfire_outbox::{GroupId, Notification, Occasion, Outcome, Sink};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Bench {
    pub(crate) inbox: Inbox,
    ca: NamedTempFile,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Inbox::builder())
    }

    pub(crate) fn with(inbox: InboxBuilder) -> Self {
        let inbox = inbox.start().unwrap();
        let mut ca = NamedTempFile::new().unwrap();
        ca.write_all(inbox.ca_pem().as_bytes()).unwrap();
        Self { inbox, ca }
    }

    /// The URL with STARTTLS and the demo's login.
    pub(crate) fn url(&self) -> String {
        format!(
            "smtp://{}:{}@localhost:{}",
            Demo::SMTP_USER,
            Demo::SMTP_PASSWORD,
            self.inbox.smtp_addr().port()
        )
    }

    pub(crate) fn email(&self, to: &[&str]) -> Email {
        self.email_by(&self.url(), to)
    }

    pub(crate) fn email_by(&self, url: &str, to: &[&str]) -> Email {
        self.builder_by(url, to).build().unwrap()
    }

    pub(crate) fn builder(&self, to: &[&str]) -> EmailBuilder {
        self.builder_by(&self.url(), to)
    }

    pub(crate) fn builder_by(&self, url: &str, to: &[&str]) -> EmailBuilder {
        let to = to.iter().copied();
        Email::to(to).from("Shop <errors@example.com>").server(url).ca_file(self.ca.path())
    }
}

pub(crate) fn alert(message: &str) -> Alert {
    let app = App::new("storefront").environment("production").host("web-1").pid(7);
    Alert::new(app, Severity::Error, message)
        .target("storefront::payments")
        .place("src/payments.rs", 42)
        .at(now())
        .field("order", "A-1017")
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

pub(crate) fn render(email: &Email, alert: &Alert) -> Vec<Notification> {
    email.render(&Occasion::first(alert, "email", GroupId::from_u64(0xfeed), now()))
}

/// Makes one attempt for each notification, all at the same time, as the courier does.
pub(crate) fn attempt(email: &Email, notifications: &[Notification]) -> Vec<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().unwrap();
    runtime.block_on(together(notifications.iter().map(|notification| email.deliver(notification)).collect()))
}

/// Waits for all of them, polled in turn on this thread.
async fn together(mut attempts: Vec<watchfire_outbox::Delivering<'_>>) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = attempts.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (attempt, outcome) in attempts.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let std::task::Poll::Ready(done) = attempt.as_mut().poll(context)
            {
                *outcome = Some(done);
            }
        }
        if outcomes.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}

/// Stands before a server, and counts who comes by.
pub(crate) struct Door {
    pub(crate) port: u16,
    count: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Door {
    pub(crate) fn before(server: std::net::SocketAddr) -> Self {
        use std::{io, net::TcpStream, thread};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let seen = std::sync::Arc::clone(&count);
        let pipe = |mut from: TcpStream, mut to: TcpStream| {
            thread::spawn(move || {
                io::copy(&mut from, &mut to).ok();
                to.shutdown(std::net::Shutdown::Write).ok();
            });
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let server = TcpStream::connect(server).unwrap();
                pipe(client.try_clone().unwrap(), server.try_clone().unwrap());
                pipe(server, client);
            }
        });
        Self { port, count }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(std::sync::atomic::Ordering::SeqCst)
    }
}
