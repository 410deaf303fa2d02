//! A submission server (RFC 6409): STARTTLS or implicit TLS, AUTH, and the strictness of a careful relay.
//!
//! No well-kept server library is known, so the dialogue is our own: [`session`] is pure, this file moves the bytes
//! and applies the faults.

mod command;
mod mail;
mod session;
#[cfg(test)]
mod tests;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clock;
use crate::fault::{Fault, SmtpStage};
use crate::net;
use crate::record::{MessageVerdict, Provider};
use crate::store::{New, Store};

use session::{Effect, Session, SmtpEnvelope, SmtpStep};

/// The server's demands and offers.
#[derive(Debug, Clone)]
pub(crate) struct SmtpRules {
    /// AUTH and mail are taken without TLS.
    pub(crate) plaintext: bool,
    /// Mail is taken without AUTH.
    pub(crate) anonymous: bool,
    /// The largest mail in bytes.
    pub(crate) size: usize,
    /// Extensions that are neither offered nor taken.
    pub(crate) without: Vec<String>,
}

impl Default for SmtpRules {
    fn default() -> Self {
        Self { plaintext: false, anonymous: false, size: 10 << 20, without: Vec::new() }
    }
}

pub(crate) struct Door {
    pub(crate) store: Arc<Store>,
    pub(crate) rules: SmtpRules,
    pub(crate) acceptor: TlsAcceptor,
    /// How long a command, a mail or a handshake may take to come in.
    pub(crate) patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping {
    StartTls,
    Implicit,
}

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, door: Rc<Door>, wrapping: Wrapping) {
    net::accept(listener, |stream| {
        let door = Rc::clone(&door);
        async move {
            // A client that went away is no concern of the inbox.
            dialogue(stream, &door, wrapping).await.ok();
        }
    })
    .await;
}

async fn dialogue(stream: TcpStream, door: &Door, wrapping: Wrapping) -> io::Result<()> {
    let mut talk = Talk {
        door,
        wire: Wire::Plain(stream),
        session: Session::new(door.rules.clone()),
        close_in_data: false,
    };
    if wrapping == Wrapping::Implicit {
        talk.upgrade().await?;
    }
    let end = match talk.greet().await? {
        Next::Go => talk.run().await?,
        end => end,
    };
    match end {
        Next::Reset => talk.wire.reset(),
        Next::Hang => talk.wire.hang().await,
        Next::Go | Next::Close => talk.wire.close().await,
    }
    Ok(())
}

/// The consequence of a step.
enum Next {
    Go,
    Close,
    Reset,
    Hang,
}

struct Talk<'a> {
    door: &'a Door,
    wire: Wire,
    session: Session,
    close_in_data: bool,
}

impl Talk<'_> {
    async fn greet(&mut self) -> io::Result<Next> {
        let (next, handled) = self.fault(&SmtpStep::at(SmtpStage::Connect)).await?;
        if handled {
            return Ok(next);
        }
        self.wire.write(session::GREETING).await?;
        Ok(Next::Go)
    }

    async fn run(&mut self) -> io::Result<Next> {
        let mut buffer = vec![0; 16 << 10];
        let mut until = self.until();
        loop {
            while let Some(step) = self.session.step() {
                until = self.until();
                let (next, handled) = self.fault(&step).await?;
                if !matches!(next, Next::Go) {
                    return Ok(next);
                }
                if handled {
                    self.session.skip(&step);
                    continue;
                }
                let next = self.apply(step).await?;
                if !matches!(next, Next::Go) {
                    return Ok(next);
                }
            }
            let Ok(count) = tokio::time::timeout_at(until, self.wire.read(&mut buffer)).await else {
                // RFC 5321, 4.5.3.2.7.
                self.wire.write("421 4.4.2 timeout exceeded, closing the connection").await?;
                return Ok(Next::Close);
            };
            let count = count?;
            if count == 0 {
                return Ok(Next::Close);
            }
            if self.close_in_data && self.session.in_data() {
                self.keep_unfinished("close_during_data");
                return Ok(Next::Close);
            }
            self.session.push(buffer.get(..count).unwrap_or_default());
        }
    }

    async fn apply(&mut self, step: SmtpStep) -> io::Result<Next> {
        if step.stage == Some(SmtpStage::Data) {
            self.close_in_data = self.take(|fault| matches!(fault, Fault::CloseDuringData)).is_some();
        }
        let mut next = Next::Go;
        for effect in self.session.apply(step, |address| self.door.refuses(address)) {
            match effect {
                Effect::Reply(line) => self.wire.write(&line).await?,
                Effect::StartTls => self.upgrade().await?,
                Effect::Close => next = Next::Close,
                Effect::Mail { envelope, answer, accepted } => {
                    next = self.mail(envelope, &answer, accepted).await?;
                }
            }
        }
        Ok(next)
    }

    /// Keeps a whole mail and answers it, unless a fault swallows the answer.
    async fn mail(&mut self, envelope: SmtpEnvelope, answer: &str, accepted: bool) -> io::Result<Next> {
        let fault = if accepted {
            self.take(|fault| matches!(fault, Fault::ResetAfterAccept | Fault::HangAfterAccept))
        } else {
            None
        };
        let (verdict, next) = match fault {
            Some(Fault::ResetAfterAccept) => {
                (MessageVerdict::Accepted("none: reset after the message was taken".to_owned()), Next::Reset)
            }
            Some(_) => {
                (MessageVerdict::Accepted("none: hung after the message was taken".to_owned()), Next::Hang)
            }
            None if accepted => (MessageVerdict::Accepted(answer.to_owned()), Next::Go),
            None => (MessageVerdict::Refused(answer.to_owned()), Next::Go),
        };
        self.door.keep(envelope, verdict);
        if matches!(next, Next::Go) {
            self.wire.write(answer).await?;
        }
        Ok(next)
    }

    /// Applies the fault that bites at this step; tells also whether the step is dealt with.
    async fn fault(&mut self, step: &SmtpStep) -> io::Result<(Next, bool)> {
        let Some(stage) = step.stage else { return Ok((Next::Go, false)) };
        let Some(fault) = self.take(|fault| bites(fault, stage, step.address.as_deref())) else {
            return Ok((Next::Go, false));
        };
        match fault {
            Fault::Slow { millis, .. } => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok((Next::Go, false))
            }
            Fault::Reply { reply, .. } => self.reply_instead(stage, &reply).await,
            Fault::RateLimit { .. } => {
                self.reply_instead(
                    stage,
                    "450 4.2.1 The user you are trying to contact is receiving mail too quickly",
                )
                .await
            }
            Fault::BadCredentials => {
                self.reply_instead(stage, "535 5.7.8 Authentication credentials invalid").await
            }
            fault @ Fault::Hang { .. } => {
                self.keep_unfinished(fault.name());
                Ok((Next::Hang, true))
            }
            fault => {
                self.keep_unfinished(fault.name());
                Ok((Next::Reset, true))
            }
        }
    }

    async fn reply_instead(&mut self, stage: SmtpStage, reply: &str) -> io::Result<(Next, bool)> {
        self.wire.write(reply).await?;
        if matches!(
            stage,
            SmtpStage::Dot | SmtpStage::Mail | SmtpStage::Rcpt | SmtpStage::Data | SmtpStage::Auth
        ) {
            let mut envelope = self.session.envelope();
            let pending = self.session.pending_address();
            match stage {
                SmtpStage::Mail => envelope.from = pending.unwrap_or_default(),
                SmtpStage::Rcpt => envelope.to = pending.into_iter().collect(),
                _ => {}
            }
            self.door.keep(envelope, MessageVerdict::Refused(reply.to_owned()));
        }
        // A server that cannot greet, or that says 421, hangs up.
        let gone = reply.starts_with("421") || (stage == SmtpStage::Connect && !reply.starts_with('2'));
        Ok((if gone { Next::Close } else { Next::Go }, true))
    }

    fn keep_unfinished(&self, fault: &str) {
        self.door.keep(self.session.envelope(), MessageVerdict::Unanswered(fault.to_owned()));
    }

    fn until(&self) -> tokio::time::Instant {
        (clock::instant() + self.door.patience).into()
    }

    fn take(&self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.door.store.take(Provider::Smtp, fits)
    }

    async fn upgrade(&mut self) -> io::Result<()> {
        let plain = std::mem::replace(&mut self.wire, Wire::Gone);
        let Wire::Plain(stream) = plain else { return Err(io::ErrorKind::NotConnected.into()) };
        self.wire = Wire::Tls(Box::new(
            tokio::time::timeout_at(self.until(), self.door.acceptor.accept(stream)).await??,
        ));
        self.session.secured();
        Ok(())
    }
}

impl Door {
    fn refuses(&self, recipient: &str) -> bool {
        let fits = |fault: &Fault| matches!(fault, Fault::RefuseRecipient { address } if address.eq_ignore_ascii_case(recipient));
        self.store.take(Provider::Smtp, fits).is_some()
    }

    fn keep(&self, envelope: SmtpEnvelope, verdict: MessageVerdict) {
        let head = envelope.head();
        let (entry, key, thread) = mail::read(&envelope);
        self.store.add(New {
            provider: Provider::Smtp,
            at: clock::now(),
            entry,
            verdict,
            head,
            raw: envelope.data,
            key,
            thread,
            edits: None,
        });
    }
}

/// Tells whether a fault bites at this point of the dialogue.
fn bites(fault: &Fault, stage: SmtpStage, recipient: Option<&str>) -> bool {
    match fault {
        Fault::Reply { at, address, .. } => {
            *at == stage
                && address.as_deref().is_none_or(|a| recipient.is_some_and(|r| r.eq_ignore_ascii_case(a)))
        }
        Fault::RateLimit { .. } => stage == SmtpStage::Mail,
        Fault::BadCredentials => stage == SmtpStage::Auth,
        Fault::Hang { at } | Fault::Slow { at, .. } | Fault::Reset { at } => {
            at.unwrap_or(SmtpStage::Connect) == stage
        }
        _ => false,
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// While it changes from one to the other.
    Gone,
}

impl Wire {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
            Self::Gone => Ok(0),
        }
    }

    async fn write(&mut self, reply: &str) -> io::Result<()> {
        let bytes = format!("{reply}\r\n").into_bytes();
        match self {
            Self::Plain(stream) => stream.write_all(&bytes).await,
            Self::Tls(stream) => {
                stream.write_all(&bytes).await?;
                stream.flush().await
            }
            Self::Gone => Ok(()),
        }
    }

    async fn close(mut self) {
        match &mut self {
            Self::Plain(stream) => stream.shutdown().await.ok(),
            Self::Tls(stream) => stream.shutdown().await.ok(),
            Self::Gone => None,
        };
    }

    fn reset(self) {
        match self {
            Self::Plain(stream) => net::reset(stream),
            Self::Tls(stream) => net::reset(stream.into_inner().0),
            Self::Gone => {}
        }
    }

    /// Reads and drops until the peer gives up.
    async fn hang(mut self) {
        let mut buffer = vec![0; 4 << 10];
        while self.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    }
}
