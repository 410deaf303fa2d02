//! Faults: how a provider is told to fail.

use serde::{Deserialize, Serialize};

use crate::record::Provider;

/// One way to fail.
///
/// In JSON the kind stands in `fault`, such as `{"fault":"rate_limit","retry_after":2,"times":3}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// Answers as the provider does above its rate limit; over SMTP `450 4.2.1` at `MAIL`.
    RateLimit {
        /// Seconds for `Retry-After`; without it none is sent where the provider may leave it out.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Answers with this status and, if given, these headers and this body; else with the provider's own body.
    Status {
        /// The HTTP status.
        status: u16,
        /// The body instead of the provider's own.
        #[serde(default)]
        body: Option<String>,
        /// Further headers; `Content-Type` replaces the default one.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// Answers as for wrong credentials.
    BadCredentials,
    /// Refuses one recipient (a channel, chat, number or address; compared without case) and takes the others.
    RefuseRecipient {
        /// The recipient.
        address: String,
    },
    /// Tells that a Telegram group has moved.
    Migrate {
        /// The old chat id.
        from: i64,
        /// The new chat id.
        to: i64,
    },
    /// Takes the message and adds headers to the answer, such as `X-Sentry-Rate-Limits`.
    Header {
        /// The header's name.
        name: String,
        /// The header's value.
        value: String,
    },
    /// Takes the connection and never answers.
    Hang {
        /// For SMTP: where; by default before the greeting.
        #[serde(default)]
        at: Option<SmtpStage>,
    },
    /// Takes the message and never answers.
    HangAfterAccept,
    /// Answers as usual, but later.
    Slow {
        /// Milliseconds to wait.
        millis: u64,
        /// For SMTP: where; by default before the greeting.
        #[serde(default)]
        at: Option<SmtpStage>,
    },
    /// Resets the connection instead of answering.
    Reset {
        /// For SMTP: where; by default before the greeting.
        #[serde(default)]
        at: Option<SmtpStage>,
    },
    /// Takes the message and resets the connection: the sender cannot know.
    ResetAfterAccept,
    /// SMTP: closes the connection while the mail is coming in.
    CloseDuringData,
    /// SMTP: replies with this at a stage; a reply of class 421 also closes the connection.
    Reply {
        /// Where.
        at: SmtpStage,
        /// A whole reply, such as `451 4.7.1 greylisted, try again in 300 seconds`.
        reply: String,
        /// Only for this recipient, at `rcpt`.
        #[serde(default)]
        address: Option<String>,
    },
}

impl Fault {
    /// Limits the fault to the next `count` requests (over SMTP: to the next `count` times it bites).
    #[must_use]
    pub fn times(self, count: u32) -> FaultPlan {
        FaultPlan { fault: self, times: Some(count) }
    }

    /// Lets the fault bite until it is cleared.
    #[must_use]
    pub fn always(self) -> FaultPlan {
        FaultPlan { fault: self, times: None }
    }

    /// Names the fault in one word, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RateLimit { .. } => "rate_limit",
            Self::Status { .. } => "status",
            Self::BadCredentials => "bad_credentials",
            Self::RefuseRecipient { .. } => "refuse_recipient",
            Self::Migrate { .. } => "migrate",
            Self::Header { .. } => "header",
            Self::Hang { .. } => "hang",
            Self::HangAfterAccept => "hang_after_accept",
            Self::Slow { .. } => "slow",
            Self::Reset { .. } => "reset",
            Self::ResetAfterAccept => "reset_after_accept",
            Self::CloseDuringData => "close_during_data",
            Self::Reply { .. } => "reply",
        }
    }

    /// Says why the fault can never bite in this provider.
    pub(crate) fn misfit(&self, provider: Provider) -> Option<&'static str> {
        let smtp = provider == Provider::Smtp;
        match self {
            Self::Reply { reply, .. } if !is_reply(reply) => {
                Some("a reply is three digits from 200 to 599, a space and a text in one line of ASCII")
            }
            Self::CloseDuringData | Self::Reply { .. } if !smtp => {
                Some("this fault is for the provider smtp only")
            }
            Self::Status { .. } | Self::Header { .. } if smtp => {
                Some("this fault is not for the provider smtp")
            }
            Self::Status { status, .. } if !(200..=599).contains(status) => {
                Some("a status is a number from 200 to 599")
            }
            Self::Migrate { .. } if provider != Provider::Telegram => {
                Some("this fault is for the provider telegram only")
            }
            _ => None,
        }
    }
}

/// A point of the SMTP dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SmtpStage {
    /// Before the greeting.
    Connect,
    /// At `EHLO` and `HELO`.
    Ehlo,
    /// At `STARTTLS`.
    Starttls,
    /// At `AUTH`.
    Auth,
    /// At `MAIL`.
    Mail,
    /// At `RCPT`.
    Rcpt,
    /// At the command `DATA`.
    Data,
    /// After the final dot.
    Dot,
    /// At `QUIT`.
    Quit,
}

/// A fault and how often it bites.
///
/// The plans of a provider bite in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultPlan {
    /// The effect.
    #[serde(flatten)]
    pub fault: Fault,
    /// How often; `None` until cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

fn is_reply(reply: &str) -> bool {
    let mut bytes = reply.bytes();
    let digits = [bytes.next(), bytes.next(), bytes.next()];
    digits.iter().all(|digit| digit.is_some_and(|d| d.is_ascii_digit()))
        && matches!(digits.first(), Some(Some(b'2'..=b'5')))
        && bytes.next() == Some(b' ')
        && reply.len() <= 510
        && reply.bytes().all(|b| (b' '..=b'~').contains(&b))
}
