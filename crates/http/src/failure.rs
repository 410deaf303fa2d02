//! The failure of an exchange that brought no response.

use std::{error::Error, fmt};

use watchfire_outbox::{Outcome, Reason, Verdict};

use crate::late_body::HandedOver;

/// Says that an exchange had no answer, and whether the request may have arrived all the same. Holds no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailureKind {
    /// The request cannot be made of what was configured.
    Unsendable,
    NotSent,
    MaybeArrived,
}

impl Failure {
    pub(crate) fn unsendable(what: impl fmt::Display) -> Self {
        Self { kind: FailureKind::Unsendable, reason: Reason::new(what) }
    }

    /// Takes into account that a request whose body was never sent cannot have arrived.
    pub(crate) fn unless(mut self, handed_over: &HandedOver) -> Self {
        if self.kind == FailureKind::MaybeArrived && !handed_over.is_so() {
            self.kind = FailureKind::NotSent;
        }
        self
    }

    pub(crate) fn of(error: reqwest::Error, origin: &str) -> Self {
        // The address may be a credential, and the error's text would show it.
        let error = error.without_url();
        let kind = if error.is_builder() {
            FailureKind::Unsendable
        } else if error.is_connect() {
            FailureKind::NotSent
        } else {
            FailureKind::MaybeArrived
        };
        Self { kind, reason: Reason::new(format_args!("{origin}: {}", chain(&error))) }
    }

    /// Tells whether the provider may have got the request.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        self.kind == FailureKind::MaybeArrived
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Says what it means for delivery: held if the request cannot be made, transient if it was not sent, else ambiguous.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        match self.kind {
            FailureKind::Unsendable => Outcome::Held(self.reason),
            FailureKind::NotSent => Outcome::Transient(self.reason),
            FailureKind::MaybeArrived => Outcome::Ambiguous(self.reason),
        }
    }

    /// Says what it means for a question: refused if it cannot be asked as things are configured, else unreachable.
    #[must_use]
    pub fn into_verdict(self) -> Verdict {
        match self.kind {
            FailureKind::Unsendable => Verdict::Refused(self.reason),
            FailureKind::NotSent | FailureKind::MaybeArrived => Verdict::Unreachable(self.reason),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl Error for Failure {}

/// The texts of an error and its causes; the outermost ones say only that a request failed.
fn chain(error: &dyn Error) -> String {
    let texts: Vec<_> =
        std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect();
    let mut out = String::new();
    for (i, text) in texts.iter().enumerate() {
        // Some causes repeat what stands below them.
        let repeated = texts.iter().skip(i + 1).any(|below| text.contains(below.as_str()) && text != below);
        if out.contains(text.as_str()) || (repeated && i > 0) {
            continue;
        }
        if !out.is_empty() {
            out.push_str(": ");
        }
        out.push_str(text);
    }
    if out.contains("UnknownIssuer") {
        out.push_str(" (is there a private certificate authority? name its file as `ca_file`)");
    }
    out
}
