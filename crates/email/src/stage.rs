//! The steps of one mail, and how one fails.

use std::fmt;

/// A step of one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailStage {
    Connect,
    Tls,
    Auth,
    Noop,
    Mail,
    Rcpt,
    Data,
    /// After the final dot.
    Dot,
}

impl fmt::Display for MailStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Tls => "starting TLS",
            Self::Auth => "logging in",
            Self::Noop => "NOOP",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Dot => "after the mail",
        })
    }
}

/// The way in which a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StageFailure {
    /// The server refused with this code.
    Refused(u16),
    /// There was an error and no reply.
    Failed,
    /// Nothing came in time.
    Silence,
}

/// Tells whether a refusal is about the name in EHLO or HELO: it names the command, or its code says that the command's
/// parameter is not taken (504, RFC 5321 §4.2.2).
pub(crate) fn is_about_greeting(code: u16, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    code >= 500
        && (code == 504 || text.contains("helo ") || text.contains("ehlo ") || text.contains("hostname"))
}
