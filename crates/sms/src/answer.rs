//! The outcomes of answers in the words of the providers.

use watchfire_outbox::{Outcome, Reason};

/// Returns the outcome of a status with the provider's own reason.
pub(crate) fn in_words(outcome: Outcome, reason: Reason) -> Outcome {
    match outcome {
        Outcome::Transient(_) => Outcome::Transient(reason),
        Outcome::Unknown(_) => Outcome::Unknown(reason),
        Outcome::Degrade(_) => Outcome::Degrade(reason),
        Outcome::Held(_) => Outcome::Held(reason),
        Outcome::RateLimited { wait, scope, .. } => Outcome::RateLimited { wait, scope, reason },
        other => other,
    }
}
