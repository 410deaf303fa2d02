//! The state of one SMTP dialogue: bytes in, replies out. No socket, no clock.

mod auth;
mod transaction;

use super::SmtpRules;
use super::command::SmtpCommand;
use crate::fault::SmtpStage;

pub(crate) use transaction::split;

pub(crate) const GREETING: &str = "220 localhost ESMTP watchfire inbox";

/// RFC 5321 section 4.5.3.1.4, and RFC 4954 section 4 for AUTH.
const COMMAND_LINE: usize = 512;
const AUTH_LINE: usize = 12_288;
pub(crate) struct Session {
    rules: SmtpRules,
    buffer: Vec<u8>,
    phase: Phase,
    /// The client's name, once it has said `EHLO` or `HELO`.
    client: Option<String>,
    extended: bool,
    secure: bool,
    user: Option<String>,
    mail: Option<SmtpEnvelope>,
    /// The address of the command at hand, for the record of a fault.
    pending: Option<String>,
    body: Body,
    failures: u32,
    /// A line was so wrong that nothing after it is read.
    over: bool,
}

/// The next input in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SmtpStep {
    /// The point of the dialogue, where a fault may bite.
    pub(crate) stage: Option<SmtpStage>,
    /// The recipient, at `RCPT`.
    pub(crate) address: Option<String>,
    input: Input,
}

impl SmtpStep {
    pub(crate) fn at(stage: SmtpStage) -> Self {
        Self { stage: Some(stage), address: None, input: Input::Nothing }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Input {
    Command(SmtpCommand),
    /// A line of an AUTH exchange.
    Response(String),
    /// The mail is complete.
    Dot,
    /// The line itself is wrong, and the connection ends; holds the reply.
    Broken(&'static str),
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A reply without its last CRLF.
    Reply(String),
    StartTls,
    Close,
    /// A mail with the reply to its final dot.
    Mail {
        envelope: SmtpEnvelope,
        answer: String,
        accepted: bool,
    },
}

/// One mail transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SmtpEnvelope {
    pub(crate) client: String,
    pub(crate) secure: bool,
    pub(crate) user: Option<String>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) eight_bit: bool,
    pub(crate) utf8: bool,
    pub(crate) data: Vec<u8>,
}

impl SmtpEnvelope {
    /// The envelope as name and value.
    pub(crate) fn head(&self) -> Vec<(String, String)> {
        let mut head = vec![("EHLO".to_owned(), self.client.clone())];
        head.push(("TLS".to_owned(), if self.secure { "yes" } else { "no" }.to_owned()));
        if let Some(user) = &self.user {
            head.push(("AUTH".to_owned(), format!("{user} (password not kept)")));
        }
        head.push(("MAIL FROM".to_owned(), format!("<{}>", self.from)));
        head.extend(self.to.iter().map(|to| ("RCPT TO".to_owned(), format!("<{to}>"))));
        head
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Command,
    AuthPlain,
    AuthLoginUser,
    AuthLoginPassword(String),
    Data,
}

/// The notes on a mail while it comes in.
#[derive(Debug, Default)]
struct Body {
    long_line: bool,
    too_large: bool,
}

impl Session {
    pub(crate) fn new(rules: SmtpRules) -> Self {
        Self {
            rules,
            buffer: Vec::new(),
            phase: Phase::Command,
            client: None,
            extended: false,
            secure: false,
            user: None,
            mail: None,
            pending: None,
            body: Body::default(),
            failures: 0,
            over: false,
        }
    }

    /// Takes bytes from the wire.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(crate) fn in_data(&self) -> bool {
        self.phase == Phase::Data
    }

    /// TLS is in place: everything said before is forgotten (RFC 3207 section 4.2).
    pub(crate) fn secured(&mut self) {
        *self = Self { secure: true, ..Self::new(self.rules.clone()) };
    }

    /// The mail so far.
    pub(crate) fn envelope(&self) -> SmtpEnvelope {
        self.mail.clone().unwrap_or_else(|| self.fresh())
    }

    /// The address of the `MAIL` or `RCPT` at hand.
    pub(crate) fn pending_address(&self) -> Option<String> {
        self.pending.clone()
    }

    /// Takes the next whole line out of the buffer; in a mail, all of its lines.
    pub(crate) fn step(&mut self) -> Option<SmtpStep> {
        loop {
            if self.over {
                return None;
            }
            let line = match self.line()? {
                Ok(line) => line,
                Err(reply) => {
                    self.over = true;
                    return Some(SmtpStep { stage: None, address: None, input: Input::Broken(reply) });
                }
            };
            if self.phase != Phase::Data {
                return Some(self.classify(&line));
            }
            if line == b"." {
                return Some(SmtpStep { input: Input::Dot, ..SmtpStep::at(SmtpStage::Dot) });
            }
            self.text(&line);
        }
    }

    /// Acts as if a step had been answered with a fault's reply.
    pub(crate) fn skip(&mut self, step: &SmtpStep) {
        match step.stage {
            Some(SmtpStage::Dot) => self.end_mail(),
            Some(SmtpStage::Auth) => self.phase = Phase::Command,
            _ => {}
        }
    }

    /// Carries out a step; `refused` tells which recipients do not exist.
    pub(crate) fn apply(&mut self, step: SmtpStep, refused: impl Fn(&str) -> bool) -> Vec<Effect> {
        match step.input {
            Input::Nothing => Vec::new(),
            Input::Broken(answer) if self.in_data() => {
                let envelope = self.envelope();
                vec![Effect::Mail { envelope, answer: answer.to_owned(), accepted: false }, Effect::Close]
            }
            Input::Broken(answer) => vec![reply(answer), Effect::Close],
            Input::Response(line) => self.auth_response(&line),
            Input::Dot => self.dot(),
            Input::Command(command) => self.command(command, refused),
        }
    }

    /// A line without its CRLF; an error is a line that ends everything.
    fn line(&mut self) -> Option<Result<Vec<u8>, &'static str>> {
        // A long line of a mail is judged after the dot, unless it alone is larger than a mail may be.
        let longest = if self.phase == Phase::Data { self.rules.size } else { AUTH_LINE };
        let Some(end) = self.buffer.iter().position(|b| *b == b'\n') else {
            if self.buffer.len() > longest {
                return Some(Err("500 5.5.2 line too long"));
            }
            return None;
        };
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        if line.pop_if(|b| *b == b'\r').is_none() {
            return Some(Err("521 5.5.2 Error: bare <LF> received"));
        }
        if line.contains(&b'\r') {
            return Some(Err("521 5.5.2 Error: bare <CR> received"));
        }
        if self.phase == Phase::Command && line.len() + 2 > COMMAND_LINE && !starts_with_auth(&line) {
            return Some(Err("500 5.5.2 line too long"));
        }
        Some(Ok(line))
    }

    fn classify(&mut self, line: &[u8]) -> SmtpStep {
        let Ok(line) = std::str::from_utf8(line) else {
            return SmtpStep { stage: None, address: None, input: Input::Broken("500 5.5.2 not UTF-8") };
        };
        if self.phase != Phase::Command {
            return SmtpStep { stage: None, address: None, input: Input::Response(line.to_owned()) };
        }
        let command = SmtpCommand::parse(line);
        let (stage, address) = match &command {
            SmtpCommand::Ehlo(_) | SmtpCommand::Helo(_) => (Some(SmtpStage::Ehlo), None),
            SmtpCommand::StartTls => (Some(SmtpStage::Starttls), None),
            SmtpCommand::Auth { .. } => (Some(SmtpStage::Auth), None),
            SmtpCommand::Mail { from, .. } => {
                self.pending = Some(from.clone());
                (Some(SmtpStage::Mail), None)
            }
            SmtpCommand::Rcpt { to, .. } => {
                self.pending = Some(to.clone());
                (Some(SmtpStage::Rcpt), Some(to.clone()))
            }
            SmtpCommand::Data => (Some(SmtpStage::Data), None),
            SmtpCommand::Quit => (Some(SmtpStage::Quit), None),
            _ => (None, None),
        };
        SmtpStep { stage, address, input: Input::Command(command) }
    }

    fn command(&mut self, command: SmtpCommand, refused: impl Fn(&str) -> bool) -> Vec<Effect> {
        match command {
            SmtpCommand::Ehlo(name) => self.ehlo(name),
            SmtpCommand::Helo(name) => {
                self.client = Some(name);
                self.extended = false;
                self.mail = None;
                vec![reply("250 localhost")]
            }
            SmtpCommand::StartTls => self.starttls(),
            SmtpCommand::Auth { mechanism, initial } => self.auth(&mechanism, initial),
            SmtpCommand::Mail { from, parameters } => vec![reply(self.mail_from(from, &parameters))],
            SmtpCommand::Rcpt { to, parameters } => vec![reply(self.rcpt_to(to, &parameters, refused))],
            SmtpCommand::Data => vec![reply(self.data())],
            SmtpCommand::Rset => {
                self.mail = None;
                vec![reply("250 2.0.0 Ok")]
            }
            SmtpCommand::Noop => vec![reply("250 2.0.0 Ok")],
            SmtpCommand::Vrfy => vec![reply("252 2.5.2 send some mail, I will try my best")],
            SmtpCommand::Quit => vec![reply("221 2.0.0 Bye"), Effect::Close],
            SmtpCommand::Faulty(answer) => vec![reply(answer)],
            SmtpCommand::Unknown => {
                self.failures += 1;
                if self.failures > 10 {
                    return vec![reply("421 4.7.0 too many errors"), Effect::Close];
                }
                vec![reply("500 5.5.2 command not recognized")]
            }
        }
    }

    fn offers(&self, extension: &str) -> bool {
        !self.rules.without.iter().any(|name| name == extension)
    }

    fn ehlo(&mut self, name: String) -> Vec<Effect> {
        self.client = Some(name);
        self.extended = true;
        self.mail = None;
        let mut lines = vec!["localhost".to_owned()];
        if !self.secure && self.offers("STARTTLS") {
            lines.push("STARTTLS".to_owned());
        }
        if (self.secure || self.rules.plaintext) && self.offers("AUTH") {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        for extension in ["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"] {
            if self.offers(extension) {
                lines.push(extension.to_owned());
            }
        }
        if self.offers("SIZE") {
            lines.push(format!("SIZE {}", self.rules.size));
        }
        let last = lines.len() - 1;
        let lines =
            lines.iter().enumerate().map(|(i, l)| format!("250{}{l}", if i == last { ' ' } else { '-' }));
        vec![reply(lines.collect::<Vec<_>>().join("\r\n"))]
    }

    fn starttls(&mut self) -> Vec<Effect> {
        if !self.offers("STARTTLS") {
            return vec![reply("502 5.5.1 STARTTLS is not offered")];
        }
        if self.secure {
            return vec![reply("503 5.5.1 TLS is already in use")];
        }
        if !self.extended {
            return vec![reply("503 5.5.1 EHLO first")];
        }
        // Plaintext sent ahead must not be taken as if it came over TLS.
        self.buffer.clear();
        vec![reply("220 2.0.0 Ready to start TLS"), Effect::StartTls]
    }

    fn fresh(&self) -> SmtpEnvelope {
        SmtpEnvelope {
            client: self.client.clone().unwrap_or_default(),
            secure: self.secure,
            user: self.user.clone(),
            ..SmtpEnvelope::default()
        }
    }
}

fn reply(line: impl Into<String>) -> Effect {
    Effect::Reply(line.into())
}

fn starts_with_auth(line: &[u8]) -> bool {
    line.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "))
}
