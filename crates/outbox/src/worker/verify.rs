//! Ask providers whether they know our credentials, and send nothing.

use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use watchfire_core::mute_thread;

use crate::{Outcome, Reason, Sink, worker::worker_loop};

/// Is one asking of a provider under way.
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
    fn into_verified(self, late: Option<&Reason>) -> Vec<Verified> {
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
    let runtime = match worker_loop::runtime(THREAD) {
        Ok(runtime) => runtime,
        Err(error) => return unasked(format_args!("the runtime cannot start: {error}")),
    };
    let answers = Answers::default();
    let in_time = runtime.block_on(async { tokio::time::timeout(within, sink.verify(&answers)).await });
    // A resolver that hangs must not hold the answers of the others.
    runtime.shutdown_background();
    let late = || Reason::new(format_args!("no answer within {} s", within.as_secs_f32()));
    answers.into_verified(in_time.err().map(|_| late()).as_ref())
}

fn unasked(why: impl fmt::Display) -> Vec<Verified> {
    vec![Verified::new("credentials", Verdict::Unreachable(Reason::new(why)))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivering, Notification, Occasion};

    /// Gives its answers, and then hangs or not.
    struct Asked {
        hangs: bool,
    }

    impl Sink for Asked {
        fn kind(&self) -> &'static str {
            "asked"
        }

        fn render(&self, _: &Occasion<'_>) -> Vec<Notification> {
            Vec::new()
        }

        fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
            Box::pin(std::future::pending())
        }

        fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
            answers.expect("bot");
            answers.expect("chat 1");
            answers.expect("chat 2");
            answers.add("chat 1", Verdict::Refused(Reason::new("not found")));
            answers.add("bot", Verdict::Accepted(Reason::new("@shop")));
            Box::pin(async {
                if self.hangs {
                    std::future::pending::<()>().await;
                }
            })
        }
    }

    #[test]
    fn what_was_answered_in_time_is_kept_and_who_owes_an_answer_is_named() {
        let (late, done) = (Asked { hangs: true }, Asked { hangs: false });
        let found = verify([&late as &dyn Sink, &done], Duration::from_millis(1));
        let shown = |found: &[Verified]| -> Vec<String> {
            let one = |one: &Verified| {
                format!("{} {}: {}", one.subject, one.verdict.as_str(), one.verdict.reason())
            };
            found.iter().map(one).collect()
        };
        let answered = ["bot accepted: @shop", "chat 1 refused: not found"];
        assert_eq!(
            shown(&found[0]),
            [&answered[..], &["chat 2 unreachable: no answer within 0.001 s"]].concat()
        );
        // What was not asked in the end, it says nothing of.
        assert_eq!(shown(&found[1]), answered);
    }
}
