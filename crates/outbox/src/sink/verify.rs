//! Ask providers whether they know our credentials, and send nothing.

use std::{fmt, pin::Pin, thread, time::Duration};

use watchfire_core::mute_thread;

use crate::{Outcome, Reason, Sink, courier};

/// Is one asking of a provider under way.
pub type Verifying<'a> = Pin<Box<dyn Future<Output = Vec<Verified>> + 'a>>;

/// Is what became of one question about a sink: its credentials, a recipient.
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

const THREAD: &str = "watchfire-verify";

/// Has each sink ask its provider, all at the same time and each for at most `within`, and waits for the answers; they
/// come in the order of the sinks.
///
/// It needs no runtime and works inside of one: each sink asks on a thread of its own, which our layers do not hear.
pub fn verify<'a>(sinks: impl IntoIterator<Item = &'a dyn Sink>, within: Duration) -> Vec<Vec<Verified>> {
    thread::scope(|scope| {
        let name = || thread::Builder::new().name(THREAD.to_owned());
        let start = |sink| name().spawn_scoped(scope, move || ask(sink, within));
        let asking: Vec<_> = sinks.into_iter().map(start).collect();
        let answers = asking.into_iter().map(|thread| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|_| unasked("the sink has panicked")),
            Err(error) => unasked(format_args!("no thread can be started: {error}")),
        });
        answers.collect()
    })
}

fn ask(sink: &dyn Sink, within: Duration) -> Vec<Verified> {
    mute_thread();
    let runtime = match courier::runtime(THREAD) {
        Ok(runtime) => runtime,
        Err(error) => return unasked(format_args!("the runtime cannot start: {error}")),
    };
    let answers = runtime.block_on(async { tokio::time::timeout(within, sink.verify()).await });
    // A resolver that hangs must not hold the answers of the others.
    runtime.shutdown_background();
    answers.unwrap_or_else(|_| unasked(format_args!("no answer within {} s", within.as_secs())))
}

fn unasked(why: impl fmt::Display) -> Vec<Verified> {
    vec![Verified::new("credentials", Verdict::Unreachable(Reason::new(why)))]
}
