//! The steps of one mail, and how one fails.

use std::fmt;

/// A step of one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
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

impl fmt::Display for Stage {
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
pub(crate) enum Trouble {
    /// The server refused with this code.
    Refused(u16),
    /// There was an error and no reply.
    Failed,
    /// Nothing came in time.
    Silence,
}
