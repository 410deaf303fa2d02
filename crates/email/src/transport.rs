//! Carry a mail over SMTP, step by step, and say what the end of each step means.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use tokio::{sync::Mutex, time::timeout};
use watchfire_outbox::{Notification, Outcome, Reason, Receipt};

use crate::{
    advice::advice,
    config::{EmailSettings, MailServer, Security, with_ascii_domain},
    render,
    reply::{self, Reply},
    stage::{MailStage, StageFailure},
};

/// Holds the way to one server.
///
/// Mails go one after the other. A connection is handed on to the mail that waits, if one does, and closed otherwise:
/// none lies open between two alerts, and nothing has to run in the background to close it.
pub(crate) struct Transport {
    pub(crate) server: MailServer,
    pub(crate) hello: ClientId,
    pub(crate) step: Duration,
    roots: Vec<Certificate>,
    tls: OnceLock<TlsParameters>,
    line: Mutex<MailLine>,
    waiting: AtomicUsize,
    /// How often no connection came about; those who waited meanwhile do not try again at once.
    failures: AtomicU64,
}

/// The state that one mail hands to the next.
#[derive(Default)]
struct MailLine {
    session: Option<Session>,
    failure: Option<Outcome>,
}

struct Session {
    connection: AsyncSmtpConnection,
    mails: u32,
}

impl Session {
    async fn leave(mut self) {
        drop(timeout(QUIT, self.connection.quit()).await);
    }
}

/// How many mails one connection carries; servers end it at about 100.
const MAILS_PER_SESSION: u32 = 50;
/// How long an answer to QUIT is waited for: it decides nothing.
pub(crate) const QUIT: Duration = Duration::from_secs(1);

impl Transport {
    pub(crate) fn new(settings: &EmailSettings) -> Self {
        Self {
            server: settings.server.clone(),
            hello: settings.hello.clone(),
            step: settings.step,
            roots: settings.roots.clone(),
            tls: OnceLock::new(),
            line: Mutex::default(),
            waiting: AtomicUsize::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Returns the longest time that [`deliver`](Self::deliver) takes.
    pub(crate) fn longest(&self) -> Duration {
        self.step * 12 + QUIT * 2
    }

    /// Makes one attempt.
    pub(crate) async fn deliver(&self, from: &Address, notification: &Notification) -> Outcome {
        // A spool of an earlier version has domains as they were configured.
        let to = notification.recipient().parse::<Address>().ok();
        let Some(to) = to.as_ref().and_then(with_ascii_domain) else {
            return Outcome::RecipientRefused(Reason::new("is not a mail address"));
        };
        let bytes = render::at_delivery(notification);
        let seen = self.failures.load(Ordering::Acquire);
        let waiting = WaitingMails::new(&self.waiting);
        let Ok(mut line) = timeout(self.step * 3, self.line.lock()).await else {
            let what = "the server is slow with the mail before this one";
            return Outcome::Transient(reply::reason(&self.server, MailStage::Connect, what, None));
        };
        drop(waiting);
        if self.failures.load(Ordering::Acquire) != seen
            && let Some(failure) = &line.failure
        {
            return failure.clone();
        }
        let mail = MailEnvelope { from, to: &to, ascii: bytes.is_ascii() };
        let mut session = match timeout(self.step * 4, self.prepare(&mut line, &mail)).await {
            Ok(Ok(session)) => session,
            Ok(Err(outcome)) => return outcome,
            Err(_) => {
                let what = format!("the steps before the mail took longer than {:?}", self.step * 4);
                let reason = reply::reason(&self.server, MailStage::Connect, &what, None);
                return self.failed(&mut line, Outcome::Transient(reason));
            }
        };
        let outcome = match timeout(self.step * 5, session.connection.message(&bytes)).await {
            Ok(Ok(_)) => {
                Outcome::Delivered(Some(Receipt::new(notification.recipient(), render::reference(&bytes))))
            }
            Ok(Err(error)) => {
                let reply = Reply::of(&error);
                let outcome = self.judge(MailStage::Dot, &reply);
                if reply.leaves_open() { outcome } else { return outcome }
            }
            Err(_) => {
                let what = format!("no answer within {:?}", self.step * 5);
                return Outcome::Ambiguous(reply::reason(&self.server, MailStage::Dot, &what, None));
            }
        };
        session.mails += 1;
        if self.waiting.load(Ordering::Acquire) > 0 && session.mails < MAILS_PER_SESSION {
            line.session = Some(session);
        } else {
            drop(line);
            session.leave().await;
        }
        outcome
    }

    /// Comes to the point where the server waits for the mail itself.
    async fn prepare(&self, line: &mut MailLine, mail: &MailEnvelope<'_>) -> Result<Session, Outcome> {
        // Taken out of the line: if this future is dropped half way, the connection goes with it.
        if let Some(mut session) = line.session.take() {
            match timeout(self.step, mail.announce(&mut session.connection)).await {
                Ok(Ok(())) => return Ok(session),
                Ok(Err((stage, reply))) if reply.leaves_open() => {
                    self.hand_on(line, session).await;
                    return Err(self.judge(stage, &reply));
                }
                // The server had enough of this connection; that says nothing about the mail.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        let mut session = match self.open().await {
            Ok(connection) => Session { connection, mails: 0 },
            Err(outcome) => return Err(self.failed(line, outcome)),
        };
        match mail.announce(&mut session.connection).await {
            Ok(()) => Ok(session),
            Err((stage, reply)) => {
                if reply.leaves_open() {
                    self.hand_on(line, session).await;
                }
                Err(self.judge(stage, &reply))
            }
        }
    }

    /// Gives a connection whose mail was refused to the one who waits.
    async fn hand_on(&self, line: &mut MailLine, mut session: Session) {
        if self.waiting.load(Ordering::Acquire) > 0 {
            if session.connection.command(Rset).await.is_ok() {
                line.session = Some(session);
            }
        } else {
            session.leave().await;
        }
    }

    fn failed(&self, line: &mut MailLine, outcome: Outcome) -> Outcome {
        line.failure = Some(outcome.clone());
        self.failures.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    /// Connects, encrypts, logs in.
    pub(crate) async fn open(&self) -> Result<AsyncSmtpConnection, Outcome> {
        let server = &self.server;
        let early = match server.security {
            Security::Tls => {
                Some(self.tls().map_err(|error| self.judge(MailStage::Tls, &Reply::of(&error)))?)
            }
            Security::StartTls | Security::Plain => None,
        };
        let place = (server.host.as_str(), server.port);
        // A name may have an address that leads nowhere before one that works, and a server may let its greeting wait.
        let each = Some(self.step / 3);
        let connecting = AsyncSmtpConnection::connect_tokio1(place, each, &self.hello, early, None);
        let mut connection = self.within(self.step * 2, MailStage::Connect, connecting).await?;
        if server.security == Security::StartTls {
            if connection.can_starttls() {
                let tls = self.tls().map_err(|error| self.judge(MailStage::Tls, &Reply::of(&error)))?;
                self.step(MailStage::Tls, connection.starttls(tls, &self.hello)).await?;
            } else if !server.is_loopback() {
                let what = "the server offers no STARTTLS, and mail is not sent without";
                let advice = match server.login {
                    None => "use smtps://, or smtp+plain:// if you accept mail without encryption",
                    Some(_) => "use smtps://, or the server's port for submission (587)",
                };
                return Err(Outcome::Held(reply::reason(server, MailStage::Tls, what, Some(advice))));
            }
        }
        if let Some((user, password)) = &server.login {
            if !connection.is_encrypted() && !server.is_loopback() {
                let what = "the password is not sent without TLS";
                let advice = "use smtps://, or smtp:// (STARTTLS)";
                return Err(Outcome::Held(reply::reason(server, MailStage::Auth, what, Some(advice))));
            }
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            self.step(MailStage::Auth, connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials))
                .await?;
        }
        Ok(connection)
    }

    pub(crate) async fn step<T>(
        &self,
        stage: MailStage,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Outcome> {
        self.within(self.step, stage, doing).await
    }

    async fn within<T>(
        &self,
        limit: Duration,
        stage: MailStage,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Outcome> {
        match timeout(limit, doing).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.judge(stage, &Reply::of(&error))),
            Err(_) => {
                let advice = advice(&self.server, stage, StageFailure::Silence, "");
                let what = format!("no answer within {limit:?}");
                Err(Outcome::Transient(reply::reason(&self.server, stage, &what, advice)))
            }
        }
    }

    fn judge(&self, stage: MailStage, reply: &Reply) -> Outcome {
        reply::judge(&self.server, stage, reply)
    }

    /// Returns how TLS is done; made once, because it reads the system's roots.
    fn tls(&self) -> Result<TlsParameters, Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let builder = TlsParameters::builder(self.server.host.clone());
        let builder =
            self.roots.iter().cloned().fold(builder, |builder, root| builder.add_root_certificate(root));
        let made = builder.build_rustls()?;
        Ok(self.tls.get_or_init(|| made).clone())
    }
}

struct MailEnvelope<'a> {
    from: &'a Address,
    to: &'a Address,
    ascii: bool,
}

impl MailEnvelope<'_> {
    async fn announce(&self, connection: &mut AsyncSmtpConnection) -> Result<(), (MailStage, Reply)> {
        let mut parameters = Vec::new();
        let ascii = |address: &Address| -> bool { AsRef::<str>::as_ref(address).is_ascii() };
        if !self.ascii || !ascii(self.from) || !ascii(self.to) {
            // Only an address can be outside ASCII; everything else is encoded. RFC 6531 §3.4.
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let stage = if ascii(self.from) { MailStage::Rcpt } else { MailStage::Mail };
                return Err((
                    stage,
                    Reply::refusal("the server takes no addresses outside ASCII (SMTPUTF8)"),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let at = |stage| move |error: Error| (stage, Reply::of(&error));
        connection
            .command(Mail::new(Some(self.from.clone()), parameters))
            .await
            .map_err(at(MailStage::Mail))?;
        connection.command(Rcpt::new(self.to.clone(), Vec::new())).await.map_err(at(MailStage::Rcpt))?;
        connection.command(Data).await.map_err(at(MailStage::Data))?;
        Ok(())
    }
}

/// Counts those who wait for the line; also right if a waiting future is dropped.
struct WaitingMails<'a>(&'a AtomicUsize);

impl<'a> WaitingMails<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for WaitingMails<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
