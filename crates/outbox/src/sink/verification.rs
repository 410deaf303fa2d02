//! The answers of providers to the question whether they know our credentials.

use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use crate::{Outcome, Reason};

/// One asking of a provider under way.
pub type Verifying<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Gathers what a sink is answered: what is there when the time is up is not lost, and who owes an answer is named.
#[derive(Debug, Default)]
pub struct Answers(Mutex<Vec<(String, Option<Verdict>)>>);

impl Answers {
    /// Notes that there will be a question about `subject`.
    pub fn expect(&self, subject: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((subject.into(), None));
    }

    /// Takes the answer to the question about `subject`.
    pub fn add(&self, subject: impl Into<String>, verdict: Verdict) {
        let subject = subject.into();
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.iter_mut().find(|(known, verdict)| *known == subject && verdict.is_none()) {
            Some((_, expected)) => *expected = Some(verdict),
            None => answers.push((subject, Some(verdict))),
        }
    }

    /// Returns the answers in the order of the questions; of those that have none, `late` says why, or they are left out.
    pub(crate) fn into_verified(self, late: Option<&Reason>) -> Vec<Verified> {
        let answers = self.0.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
        let found: Vec<_> = answers
            .filter_map(|(subject, verdict)| {
                let late = || late.cloned().map(Verdict::Unreachable);
                Some(Verified::new(subject, verdict.or_else(late)?))
            })
            .collect();
        match late {
            Some(late) if found.is_empty() => unasked(late),
            _ => found,
        }
    }
}

/// The answer to one question about a sink: its credentials, a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// What was asked about: `bot`, `account`, or a recipient as the sink names it.
    pub subject: String,
    /// The answer.
    pub verdict: Verdict,
}

/// Says whether a provider would take what we send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The provider knows it; the text says as whom.
    Accepted(Reason),
    /// The provider refuses it, or somebody has to change the configuration before it can be asked.
    Refused(Reason),
    /// Nobody could be asked: no connection, no answer in time, a rate limit, a fault of the provider's own.
    Unreachable(Reason),
    /// Only a message would tell. The text says why, and what was looked at instead.
    Untold(Reason),
}

impl Verified {
    /// Says what was found about `subject`.
    pub fn new(subject: impl Into<String>, verdict: Verdict) -> Self {
        Self { subject: subject.into(), verdict }
    }
}

impl Verdict {
    /// Takes an outcome for a verdict, for sinks that judge answers already; `who` is whom the provider knows us as.
    #[must_use]
    pub fn of(outcome: Outcome, who: impl fmt::Display) -> Self {
        match outcome {
            Outcome::Delivered(_) | Outcome::DeliveredThenWait { .. } => Self::Accepted(Reason::new(who)),
            // An answer that nobody foresaw says nothing about a credential.
            Outcome::Transient(reason)
            | Outcome::Unknown(reason)
            | Outcome::RateLimited { reason, .. }
            | Outcome::Ambiguous(reason) => Self::Unreachable(reason),
            Outcome::Moved { to, reason } => {
                Self::Refused(Reason::new(format_args!("{reason}; it is now {to}")))
            }
            Outcome::Degrade(reason)
            | Outcome::RecipientRefused(reason)
            | Outcome::Held(reason)
            | Outcome::Rejected(reason) => Self::Refused(reason),
        }
    }

    /// Returns what was said.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Accepted(reason)
            | Self::Refused(reason)
            | Self::Unreachable(reason)
            | Self::Untold(reason) => reason,
        }
    }

    /// Returns one word: `accepted`, `refused`, `unreachable`, `untold`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Refused(_) => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::Untold(_) => "untold",
        }
    }
}

/// Makes the answer of a sink that could not be asked.
pub(crate) fn unasked(why: impl fmt::Display) -> Vec<Verified> {
    vec![Verified::new("credentials", Verdict::Unreachable(Reason::new(why)))]
}
