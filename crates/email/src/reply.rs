//! Say what a reply of the server means at each step: pure.

use std::time::Duration;

use lettre::transport::smtp::Error;
use watchfire_core::cut;
use watchfire_outbox::{Outcome, Reason, Scope};

use crate::{
    advice::advice,
    config::MailServer,
    stage::{MailStage, StageFailure, is_about_greeting},
};

/// The most bytes of a [`Reason`], and of the host's name in it.
const REASON: usize = 300;
const HOST: usize = 80;

/// The failure of a step: with a reply of the server, or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    code: Option<u16>,
    text: String,
    /// It is our side or the server's abilities, not the network.
    ours: bool,
}

impl Reply {
    pub(crate) fn of(error: &Error) -> Self {
        // An error of the library only adds its kind, sometimes twice; the step says it better.
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = inner.to_string();
            cause = inner.downcast_ref::<Error>().and_then(std::error::Error::source);
        }
        Self { code: error.status().map(u16::from), text, ours: error.is_client() }
    }

    /// Takes a failure of the network.
    pub(crate) fn failed(error: &dyn std::fmt::Display) -> Self {
        Self { code: None, text: error.to_string(), ours: false }
    }

    pub(crate) fn refusal(text: &str) -> Self {
        Self { code: Some(553), text: format!("5.6.7 {text}"), ours: true }
    }

    /// Tells whether the connection can carry another mail.
    pub(crate) fn leaves_open(&self) -> bool {
        self.code.is_some_and(|code| code != 421)
    }

    /// Returns subject and detail of the enhanced code (RFC 3463), such as `(7, 1)` of `5.7.1`.
    fn enhanced(&self) -> Option<(u16, u16)> {
        let mut parts = self.text.split_whitespace().next()?.splitn(3, '.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        matches!(class, "2" | "4" | "5").then_some(())?;
        Some((subject.parse().ok()?, detail.parse().ok()?))
    }
}

/// Says what the end of a step means. The first digit decides (RFC 5321 §4.2.1), then the stage, then the details.
pub(crate) fn judge(server: &MailServer, stage: MailStage, reply: &Reply) -> Outcome {
    let trouble = match reply.code {
        Some(code) => StageFailure::Refused(code),
        None => StageFailure::Failed,
    };
    let what = match reply.code {
        Some(code) => format!("{code} {}", reply.text),
        None => reply.text.clone(),
    };
    let reason = reason(server, stage, &what, advice(server, stage, trouble, &reply.text));
    let Some(code) = reply.code else {
        return match stage {
            // The dot may have arrived, and its answer not.
            MailStage::Dot => Outcome::Ambiguous(reason),
            _ if reply.ours => Outcome::Held(reason),
            _ => Outcome::Transient(reason),
        };
    };
    let enhanced = reply.enhanced();
    match (code, stage) {
        (..=499, _) => match hinted_wait(&reply.text) {
            Some(wait) => Outcome::RateLimited { wait, scope: Scope::Recipient, reason },
            None => Outcome::Transient(reason),
        },
        // RFC 4954 §6: somebody must set a password or another way to log in.
        (530 | 534 | 535 | 538, _) => Outcome::Held(reason),
        // A daily quota, known from Gmail: permanent by its digit, but it passes.
        _ if enhanced == Some((4, 5)) => {
            Outcome::RateLimited { wait: Duration::from_secs(3600), scope: Scope::Channel, reason }
        }
        (_, MailStage::Connect | MailStage::Tls | MailStage::Auth | MailStage::Noop) => Outcome::Held(reason),
        // The server refuses the name that we greeted with, and says so only here (Postfix's `smtpd_delay_reject`).
        (_, MailStage::Mail | MailStage::Rcpt | MailStage::Data) if is_about_greeting(code, &reply.text) => {
            Outcome::Held(reason)
        }
        // Too large (RFC 1870 §6.1, RFC 3463 §3.3, §3.4); 5.2.2 is a full mailbox.
        (523, _) | (_, MailStage::Mail | MailStage::Data | MailStage::Dot)
            if code == 523 || is_too_large(code, enhanced) =>
        {
            Outcome::Degrade(reason)
        }
        // The sender is not welcome, whatever the mail says.
        (_, MailStage::Mail) => Outcome::Held(reason),
        (_, MailStage::Rcpt) => Outcome::RecipientRefused(reason),
        (_, MailStage::Data | MailStage::Dot) if matches!(enhanced, Some((1 | 2, _))) => {
            Outcome::RecipientRefused(reason)
        }
        // A filter that dislikes the content may like less of it.
        (_, MailStage::Data | MailStage::Dot) => Outcome::Degrade(reason),
    }
}

/// Says where it went wrong, what was said there, and what can be done about it: the last is never cut off.
pub(crate) fn reason(server: &MailServer, stage: MailStage, what: &str, advice: Option<&str>) -> Reason {
    let host = cut(&server.host, HOST);
    let place = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let head = format!("{place}:{}: {stage}: ", server.port);
    let tail = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    // Masked before it is cut: half a credential is not recognised.
    let what = Reason::new(what);
    let what = cut(what.as_str().trim_end_matches('.'), REASON.saturating_sub(head.len() + tail.len()));
    Reason::new(format_args!("{head}{what}{tail}"))
}

fn is_too_large(code: u16, enhanced: Option<(u16, u16)>) -> bool {
    matches!(enhanced, Some((3, 4) | (2, 3)))
        || (code == 552 && enhanced.is_none_or(|(subject, _)| subject != 2))
}

/// Finds `in 300 seconds` or `in 5 minutes` in the text of a greylisting server.
fn hinted_wait(text: &str) -> Option<Duration> {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(3).find_map(|three| {
        let [before, number, unit] = three else { return None };
        let number: u64 = number.parse().ok().filter(|number| *number <= 86_400)?;
        let unit = match unit.to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            _ => return None,
        };
        matches!(before.to_ascii_lowercase().as_str(), "in" | "after" | "for")
            .then(|| Duration::from_secs(number * unit))
    })
}

#[cfg(test)]
mod tests;
