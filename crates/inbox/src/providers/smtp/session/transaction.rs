//! One mail: its envelope, its text, and what is wrong with it.

use super::{Body, Effect, Phase, Session, SmtpEnvelope};

/// RFC 5321 section 4.5.3.1.6, with CRLF.
const TEXT_LINE: usize = 1_000;
const RECIPIENTS: usize = 100;
const TOO_LARGE: &str = "552 5.3.4 Message size exceeds fixed limit";

impl Session {
    pub(super) fn mail_from(
        &mut self,
        from: String,
        parameters: &[(String, Option<String>)],
    ) -> &'static str {
        if self.client.is_none() {
            return "503 5.5.1 EHLO first";
        }
        if !self.secure && !self.rules.plaintext {
            return "530 5.7.0 Must issue a STARTTLS command first";
        }
        if self.user.is_none() && !self.rules.anonymous {
            return "530 5.7.0 Authentication required";
        }
        if self.mail.is_some() {
            return "503 5.5.1 a mail is already under way";
        }
        let mut mail = SmtpEnvelope { from, ..self.fresh() };
        for (name, value) in parameters {
            let known = self.extended && self.offers(if name == "BODY" { "8BITMIME" } else { name });
            match (name.as_str(), value.as_deref()) {
                _ if !known => return "555 5.5.4 unsupported parameter",
                ("BODY", Some(body)) if body.eq_ignore_ascii_case("8BITMIME") => mail.eight_bit = true,
                ("BODY", Some(body)) if body.eq_ignore_ascii_case("7BIT") => {}
                ("SMTPUTF8", None) => mail.utf8 = true,
                ("SIZE", Some(size)) => match size.parse::<usize>() {
                    Ok(size) if size > self.rules.size => return TOO_LARGE,
                    Ok(_) => {}
                    Err(_) => return "501 5.5.4 SIZE is a number",
                },
                ("AUTH", Some(_)) => {}
                _ => return "555 5.5.4 unsupported parameter",
            }
        }
        if !mail.from.is_ascii() && !mail.utf8 {
            return "553 5.6.7 non-ASCII address without SMTPUTF8";
        }
        self.mail = Some(mail);
        "250 2.1.0 Ok"
    }

    pub(super) fn rcpt_to(
        &mut self,
        to: String,
        parameters: &[(String, Option<String>)],
        refused: impl Fn(&str) -> bool,
    ) -> &'static str {
        let Some(mail) = &mut self.mail else { return "503 5.5.1 MAIL first" };
        if !parameters.is_empty() {
            return "555 5.5.4 unsupported parameter";
        }
        if !to.is_ascii() && !mail.utf8 {
            return "553 5.6.7 non-ASCII address without SMTPUTF8";
        }
        if mail.to.len() >= RECIPIENTS {
            return "452 4.5.3 Your message has too many recipients";
        }
        if refused(&to) {
            return "550 5.1.1 The email account that you tried to reach does not exist";
        }
        mail.to.push(to);
        "250 2.1.5 Ok"
    }

    pub(super) fn data(&mut self) -> &'static str {
        match &self.mail {
            None => "503 5.5.1 MAIL first",
            Some(mail) if mail.to.is_empty() => "554 5.5.1 no valid recipients",
            Some(_) => {
                self.phase = Phase::Data;
                self.body = Body::default();
                "354 End data with <CR><LF>.<CR><LF>"
            }
        }
    }

    /// Takes one line of a mail, unstuffed (RFC 5321 section 4.5.2).
    pub(super) fn text(&mut self, line: &[u8]) {
        let line = line.strip_prefix(b".").unwrap_or(line);
        if line.len() + 2 > TEXT_LINE {
            self.body.long_line = true;
        }
        let Some(mail) = &mut self.mail else { return };
        if mail.data.len() + line.len() + 2 > self.rules.size {
            self.body.too_large = true;
            return;
        }
        mail.data.extend_from_slice(line);
        mail.data.extend_from_slice(b"\r\n");
    }

    pub(super) fn dot(&mut self) -> Vec<Effect> {
        let envelope = self.envelope();
        let (answer, accepted) = match self.objection(&envelope) {
            Some(answer) => (answer, false),
            None => ("250 2.0.0 Ok: queued", true),
        };
        self.end_mail();
        vec![Effect::Mail { envelope, answer: answer.to_owned(), accepted }]
    }

    pub(super) fn objection(&self, mail: &SmtpEnvelope) -> Option<&'static str> {
        let (headers, body) = split(&mail.data);
        if self.body.too_large {
            return Some(TOO_LARGE);
        }
        if self.body.long_line {
            return Some("500 5.5.2 Line too long (RFC 5321 section 4.5.3.1.6)");
        }
        if mail.data.contains(&0) {
            return Some("554 5.6.0 NUL in the message");
        }
        if !headers.is_ascii() && !mail.utf8 {
            return Some("550 5.6.7 non-ASCII header without SMTPUTF8");
        }
        if !body.is_ascii() && !mail.eight_bit && !mail.utf8 {
            return Some("554 5.6.1 8-bit data without BODY=8BITMIME");
        }
        None
    }

    pub(super) fn end_mail(&mut self) {
        self.mail = None;
        self.phase = Phase::Command;
    }
}

/// Headers and body of a mail.
pub(crate) fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.windows(4).position(|four| four == b"\r\n\r\n");
    end.and_then(|end| data.split_at_checked(end)).unwrap_or((data, &[]))
}
