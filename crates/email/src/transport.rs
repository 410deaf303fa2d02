//! Carry a mail over SMTP, step by step, and say what the end of each step means.

use std::{
    sync::{
        Arc, Mutex as StdMutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::{sleep, timeout},
};
use watchfire_outbox::{Notification, Outcome, Reason, Receipt};

use crate::{
    advice::advice,
    config::{EmailSettings, MailServer, Security, with_ascii_domain},
    render,
    reply::{self, Reply},
    stage::{MailStage, StageFailure},
    wire::{Allowance, connect},
};

/// The way to one server.
///
/// Mails go one after the other over one connection, as long as each is done within [`BRIEF`]; a mail that hangs has the
/// others take further lines, up to [`LINES`]. A connection waits for the next mail for [`IDLE`].
pub(crate) struct Transport {
    pub(crate) server: MailServer,
    pub(crate) hello: ClientId,
    pub(crate) step: Duration,
    roots: Vec<Certificate>,
    tls: OnceLock<TlsParameters>,
    lines: [Line; LINES],
    /// The last failure to connect, and the number of them: those who waited meanwhile do not try again at once.
    failure: StdMutex<Option<Outcome>>,
    failures: AtomicU64,
}

/// One connection at a time.
#[derive(Default)]
struct Line {
    session: Arc<Mutex<Option<Session>>>,
    /// Whether somebody has waited for it in vain, and it was not free since.
    is_slow: AtomicBool,
}

/// A connection, and what was done on it.
pub(crate) struct Session {
    pub(crate) connection: AsyncSmtpConnection,
    allowance: Allowance,
    is_encrypted: bool,
    mails: u32,
}

impl Session {
    pub(crate) async fn leave(mut self) {
        self.allowance.renew();
        drop(timeout(QUIT, self.connection.quit()).await);
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.is_encrypted || self.connection.is_encrypted()
    }
}

/// How many connections there are at most.
const LINES: usize = 5;
/// How long a mail waits for the one before it until it takes another line.
const BRIEF: Duration = Duration::from_secs(3);
/// How many mails one connection carries; servers end it at about 100.
const MAILS_PER_SESSION: u32 = 50;
/// How long a connection waits for the next mail. Servers wait for minutes (RFC 5321 §4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(5);
/// How long an answer to QUIT is waited for: it decides nothing.
pub(crate) const QUIT: Duration = Duration::from_secs(1);

/// In steps: the wait for a line, all before the mail, a step with several exchanges, a command that has the server look
/// something up, and the answer to the mail. RFC 5321 §4.5.3.2 has minutes for the last two; with steps of 10 s the
/// answer has 5 min.
const FOR_A_LINE: u32 = 3;
const BEFORE_THE_MAIL: u32 = 15;
const SEVERAL: u32 = 3;
const LOOK_UP: u32 = 3;
const ANSWER: u32 = 30;

impl Transport {
    pub(crate) fn new(settings: &EmailSettings) -> Self {
        Self {
            server: settings.server.clone(),
            hello: settings.hello.clone(),
            step: settings.step,
            roots: settings.roots.clone(),
            tls: OnceLock::new(),
            lines: <[Line; LINES]>::default(),
            failure: StdMutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// Returns the longest time that [`deliver`](Self::deliver) takes.
    pub(crate) fn longest(&self) -> Duration {
        let lines = u32::try_from(LINES).unwrap_or(u32::MAX);
        self.step * (FOR_A_LINE + BEFORE_THE_MAIL + ANSWER) + BRIEF * lines + QUIT * 2
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
        let Some(mut line) = self.free_line().await else {
            let what = "the server is slow with the mails before this one";
            return Outcome::Transient(reply::reason(&self.server, MailStage::Connect, what, None));
        };
        if self.failures.load(Ordering::Acquire) != seen
            && let Some(failure) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
        {
            return failure;
        }
        let mail = Envelope { from, to: &to, ascii: bytes.is_ascii(), step: self.step };
        let limit = self.step * BEFORE_THE_MAIL;
        let mut session = match timeout(limit, self.prepare(&mut line, &mail)).await {
            Ok(Ok(session)) => session,
            Ok(Err((outcome, session))) => {
                if let Some(session) = session {
                    hand_on(line, session).await;
                }
                return outcome;
            }
            Err(_) => {
                let what = format!("the steps before the mail took longer than {limit:?}");
                let reason = reply::reason(&self.server, MailStage::Connect, &what, None);
                return self.failed(Outcome::Transient(reason));
            }
        };
        session.allowance.renew();
        let limit = self.step * ANSWER;
        let outcome = match timeout(limit, session.connection.message(&bytes)).await {
            Ok(Ok(_)) => {
                Outcome::Delivered(Some(Receipt::new(notification.recipient(), render::reference(&bytes))))
            }
            Ok(Err(error)) => {
                let reply = Reply::of(&error);
                let outcome = self.judge(MailStage::Dot, &reply);
                if reply.leaves_open() { outcome } else { return outcome }
            }
            Err(_) => {
                let what = format!("no answer within {limit:?}");
                return Outcome::Ambiguous(reply::reason(&self.server, MailStage::Dot, &what, None));
            }
        };
        session.mails += 1;
        keep(line, session).await;
        outcome
    }

    /// Waits for a line that is free, with the connection that is on it.
    async fn free_line(&self) -> Option<OwnedMutexGuard<Option<Session>>> {
        for line in &self.lines {
            // One connection for all mails is kinder to the server, and the line in use is free in a moment, as a rule.
            let patience = if line.is_slow.load(Ordering::Acquire) { Duration::ZERO } else { BRIEF };
            let free = timeout(patience, Arc::clone(&line.session).lock_owned()).await;
            line.is_slow.store(free.is_err(), Ordering::Release);
            if let Ok(free) = free {
                return Some(free);
            }
        }
        let last = self.lines.last()?;
        timeout(self.step * FOR_A_LINE, Arc::clone(&last.session).lock_owned()).await.ok()
    }

    /// Comes to the point where the server waits for the mail itself; returns the connection of a mail that was refused.
    async fn prepare(
        &self,
        line: &mut Option<Session>,
        mail: &Envelope<'_>,
    ) -> Result<Session, (Outcome, Option<Session>)> {
        // Taken out of the line: if this future is dropped half way, the connection goes with it.
        if let Some(mut session) = line.take() {
            match mail.announce(&mut session).await {
                Ok(()) => return Ok(session),
                Err((stage, reply)) if reply.leaves_open() => {
                    return Err((self.judge(stage, &reply), Some(session)));
                }
                // The server had enough of this connection; that says nothing about the mail.
                Err(_) => {}
            }
        }
        let mut session = self.open().await.map_err(|outcome| (self.failed(outcome), None))?;
        match mail.announce(&mut session).await {
            Ok(()) => Ok(session),
            Err((stage, reply)) => {
                let session = reply.leaves_open().then_some(session);
                Err((self.judge(stage, &reply), session))
            }
        }
    }

    fn failed(&self, outcome: Outcome) -> Outcome {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome.clone());
        self.failures.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    /// Connects, encrypts, logs in.
    pub(crate) async fn open(&self) -> Result<Session, Outcome> {
        let server = &self.server;
        let early = match server.security {
            Security::Tls => {
                Some(self.tls().map_err(|error| self.judge(MailStage::Tls, &Reply::of(&error)))?)
            }
            Security::StartTls | Security::Plain => None,
        };
        let mut session = self.connect(early).await?;
        if server.security == Security::StartTls {
            if session.connection.can_starttls() {
                let tls = self.tls().map_err(|error| self.judge(MailStage::Tls, &Reply::of(&error)))?;
                session.allowance.renew_for_handshake();
                let encrypting = session.connection.starttls(tls, &self.hello);
                self.within(self.step * SEVERAL, MailStage::Tls, encrypting).await?;
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
            if !session.is_encrypted() && !server.is_loopback() {
                let what = "the password is not sent without TLS";
                let advice = "use smtps://, or smtp:// (STARTTLS)";
                return Err(Outcome::Held(reply::reason(server, MailStage::Auth, what, Some(advice))));
            }
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            session.allowance.renew();
            let login = session.connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            self.within(self.step * SEVERAL, MailStage::Auth, login).await?;
        }
        Ok(session)
    }

    /// Connects, waits for the greeting, and greets.
    async fn connect(&self, tls: Option<TlsParameters>) -> Result<Session, Outcome> {
        let allowance = Allowance::default();
        let opening = async {
            // One deadline for all: a name may have many addresses, and a server may let its greeting wait.
            let wire = connect(&self.server.host, self.server.port, self.step, &allowance).await;
            let wire = wire.map_err(|error| Reply::failed(&error))?;
            allowance.renew_for_handshake();
            let is_encrypted = tls.is_some();
            let greeting = match tls {
                Some(tls) => {
                    let wire = wire.encrypted(tls).await.map_err(|error| Reply::of(&error))?;
                    allowance.renew();
                    AsyncSmtpConnection::connect_with_transport(Box::new(wire), &self.hello).await
                }
                None => {
                    allowance.renew();
                    AsyncSmtpConnection::connect_with_transport(Box::new(wire), &self.hello).await
                }
            };
            let connection = greeting.map_err(|error| Reply::of(&error))?;
            Ok(Session { connection, allowance: allowance.clone(), is_encrypted, mails: 0 })
        };
        let limit = self.step * SEVERAL;
        match timeout(limit, opening).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(reply)) => Err(self.judge(MailStage::Connect, &reply)),
            Err(_) => Err(self.silent(MailStage::Connect, limit)),
        }
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
            Err(_) => Err(self.silent(stage, limit)),
        }
    }

    fn silent(&self, stage: MailStage, limit: Duration) -> Outcome {
        let advice = advice(&self.server, stage, StageFailure::Silence, "");
        let what = format!("no answer within {limit:?}");
        Outcome::Transient(reply::reason(&self.server, stage, &what, advice))
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

/// Keeps a connection on its line for the next mail, for a while.
async fn keep(mut line: OwnedMutexGuard<Option<Session>>, session: Session) {
    let runtime = tokio::runtime::Handle::try_current();
    let (Ok(runtime), true) = (runtime, session.mails < MAILS_PER_SESSION) else {
        drop(line);
        return session.leave().await;
    };
    let mails = session.mails;
    *line = Some(session);
    let line = Arc::clone(OwnedMutexGuard::mutex(&line));
    runtime.spawn(async move {
        sleep(IDLE).await;
        // A line that is in use has its own end of this.
        let Ok(mut line) = line.try_lock() else { return };
        let is_idle = line.as_ref().is_some_and(|session| session.mails == mails);
        let idle = if is_idle { line.take() } else { None };
        drop(line);
        if let Some(session) = idle {
            session.leave().await;
        }
    });
}

/// Leaves a connection whose mail was refused to the next one.
async fn hand_on(line: OwnedMutexGuard<Option<Session>>, mut session: Session) {
    session.allowance.renew();
    session.mails += 1;
    if matches!(timeout(QUIT * 5, session.connection.command(Rset)).await, Ok(Ok(_))) {
        keep(line, session).await;
    }
}

struct Envelope<'a> {
    from: &'a Address,
    to: &'a Address,
    ascii: bool,
    step: Duration,
}

impl Envelope<'_> {
    async fn announce(&self, session: &mut Session) -> Result<(), (MailStage, Reply)> {
        let Session { connection, allowance, .. } = session;
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
        let long = self.step * LOOK_UP;
        let mail = Mail::new(Some(self.from.clone()), parameters);
        say(allowance, MailStage::Mail, long, connection.command(mail)).await?;
        say(allowance, MailStage::Rcpt, long, connection.command(Rcpt::new(self.to.clone(), Vec::new())))
            .await?;
        say(allowance, MailStage::Data, long, connection.command(Data)).await
    }
}

/// Waits for the reply to one command.
async fn say<T>(
    allowance: &Allowance,
    stage: MailStage,
    limit: Duration,
    command: impl Future<Output = Result<T, Error>>,
) -> Result<(), (MailStage, Reply)> {
    allowance.renew();
    match timeout(limit, command).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err((stage, Reply::of(&error))),
        Err(_) => Err((stage, Reply::failed(&format_args!("no answer within {limit:?}")))),
    }
}
