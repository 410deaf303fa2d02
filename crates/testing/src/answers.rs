//! The meaning of a provider's answer, in rows that compare easily.

use std::time::Duration;

use watchfire_outbox::{Outcome, Scope};

/// The meaning of a provider's answer without its words, as a table of answers asserts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class<'a> {
    /// Delivered, without a receipt.
    Delivered,
    /// Delivered, with a receipt of this reference.
    Receipt(&'a str),
    /// Delivered, and the whole channel waits so many seconds.
    DeliveredThenWait(u64),
    /// Tried again with backoff.
    Transient,
    /// Tried again with backoff, and held when it stays so.
    Unknown,
    /// The whole channel waits so many seconds.
    Wait(u64),
    /// The recipient waits so many seconds.
    RecipientWaits(u64),
    /// Tried again one step plainer.
    Degrade,
    /// The recipient is refused for good.
    RecipientRefused,
    /// The recipient has this new address.
    Moved(&'a str),
    /// Held until somebody changes something.
    Held,
    /// May have arrived.
    Ambiguous,
    /// Refused for good.
    Rejected,
    /// None of the above: an outcome that is younger than this crate.
    Other,
}

impl<'a> Class<'a> {
    /// Returns the class of an outcome. A wait is rounded up to whole seconds.
    #[must_use]
    pub fn of(outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Delivered(None) => Self::Delivered,
            Outcome::Delivered(Some(receipt)) => Self::Receipt(receipt.reference()),
            Outcome::Transient(_) => Self::Transient,
            Outcome::Unknown(_) => Self::Unknown,
            Outcome::DeliveredThenWait { wait, scope: Scope::Channel, .. } => {
                Self::DeliveredThenWait(seconds(*wait))
            }
            Outcome::RateLimited { wait, scope: Scope::Channel, .. } => Self::Wait(seconds(*wait)),
            Outcome::RateLimited { wait, scope: Scope::Recipient, .. } => {
                Self::RecipientWaits(seconds(*wait))
            }
            Outcome::Degrade(_) => Self::Degrade,
            Outcome::RecipientRefused(_) => Self::RecipientRefused,
            Outcome::Moved { to, .. } => Self::Moved(to),
            Outcome::Held(_) => Self::Held,
            Outcome::Ambiguous(_) => Self::Ambiguous,
            Outcome::Rejected(_) => Self::Rejected,
            _ => Self::Other,
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Judges every answer of a table, and compares what it means with what is expected: `(name, answer, class)`.
///
/// The answer is of any type: a response, or what a test makes one of.
///
/// ```
/// use watchfire_outbox::{Outcome, Reason};
/// use watchfire_testing::{Class, check_answers};
///
/// let judge = |status: &u16| match status {
///     200 => Outcome::Delivered(None),
///     status => Outcome::Transient(Reason::new(format_args!("HTTP {status}"))),
/// };
/// check_answers(judge, [("fine", 200, Class::Delivered), ("out of order", 503, Class::Transient)]);
/// ```
///
/// # Panics
///
/// If one differs: the text names all that do.
#[expect(clippy::panic, reason = "a table that does not hold fails the test")]
#[track_caller]
pub fn check_answers<'a, A>(
    judge: impl Fn(&A) -> Outcome,
    table: impl IntoIterator<Item = (&'a str, A, Class<'a>)>,
) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, answer, expected) in table {
        count += 1;
        let outcome = judge(&answer);
        let class = Class::of(&outcome);
        if class != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {class:?} ({outcome:?})"));
        }
    }
    if count == 0 {
        panic!("the table of answers is empty");
    }
    if !wrong.is_empty() {
        panic!("{} of {count} answers are judged wrongly:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use watchfire_outbox::{Reason, Receipt};

    use super::*;

    fn judge(outcome: &Outcome) -> Outcome {
        outcome.clone()
    }

    #[test]
    fn tells_every_outcome_apart() {
        let reason = || Reason::new("x");
        let wait =
            |scope| Outcome::RateLimited { wait: Duration::from_millis(1_500), scope, reason: reason() };
        check_answers(
            judge,
            [
                ("a", Outcome::Delivered(None), Class::Delivered),
                ("b", Outcome::Delivered(Some(Receipt::new("r", "m1"))), Class::Receipt("m1")),
                (
                    "b2",
                    Outcome::DeliveredThenWait {
                        receipt: None,
                        wait: Duration::from_secs(9),
                        scope: Scope::Channel,
                    },
                    Class::DeliveredThenWait(9),
                ),
                ("c", Outcome::Transient(reason()), Class::Transient),
                ("c2", Outcome::Unknown(reason()), Class::Unknown),
                ("d", wait(Scope::Channel), Class::Wait(2)),
                ("e", wait(Scope::Recipient), Class::RecipientWaits(2)),
                ("f", Outcome::Degrade(reason()), Class::Degrade),
                ("g", Outcome::RecipientRefused(reason()), Class::RecipientRefused),
                ("h", Outcome::Moved { to: "-100".to_owned(), reason: reason() }, Class::Moved("-100")),
                ("i", Outcome::Held(reason()), Class::Held),
                ("j", Outcome::Ambiguous(reason()), Class::Ambiguous),
                ("k", Outcome::Rejected(reason()), Class::Rejected),
            ],
        );
    }

    #[test]
    #[should_panic(expected = "1 of 2 answers are judged wrongly:\nbusy: expected Held, found Delivered")]
    fn names_what_is_judged_wrongly() {
        let fine = Outcome::Delivered(None);
        check_answers(judge, [("fine", fine.clone(), Class::Delivered), ("busy", fine, Class::Held)]);
    }
}
