//! Reports a panic, or the error that `main` returned: to the outboxes of the process, and as an event to the handlers of
//! the subscriber in force.
//!
//! It does not go through `tracing`: a subscriber of somebody else may hold a lock while the program's `Debug` panics in
//! it, and would wait for itself.

mod event;
mod hook;
mod repeats;
mod reporter;
pub mod request;
mod run;
mod visit;

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    sync::{Arc, LazyLock},
};

use tracing_core::Level;

use crate::{
    Alert, Capture, Limits, Redactor, Severity, SpanNode, Stack, alert::Origin, capture::copied, cut,
    marks::cut_mark,
};

pub use hook::report_failure;
pub use run::{MainError, conclude, run};

pub(crate) use hook::install_hook;
pub(crate) use repeats::is_repeated;
pub(crate) use visit::{Visit, visit};

/// A panic, or the error that `main` returned.
///
/// Its texts are as the program gave them. [`alert`](Self::alert) redacts them by the rules of all handler layers of the
/// program.
pub struct Incident {
    origin: Origin,
    severity: Severity,
    message: String,
    error: Option<Cause>,
    place: Option<(String, u32)>,
    thread: String,
    stack: Option<Stack>,
    span: Option<Arc<SpanNode>>,
    redactors: Vec<Redactor>,
}

/// Receives incidents; an outbox does.
pub trait OnIncident: Send + Sync + 'static {
    /// Takes an incident, on the thread that has it. Never blocks for long, and takes no lock that this thread may hold.
    fn on_incident(&self, incident: &Incident);

    /// Notes that the panic hook which was there has returned too: what `panic = "abort"` does comes next, or the thread
    /// unwinds. Same limits as for [`on_incident`](Self::on_incident), and on the same thread.
    fn after_hook(&self) {}
}

/// How much of a message is looked at. It is cleaned before it is cut to what an alert has, so that no part of a secret
/// is left at the cut; a longer one costs too much.
const MOST: usize = 65_536;

impl Incident {
    /// Returns whether it is a panic or a failure of `main`.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the file and the line, where they are known.
    #[must_use]
    pub fn place(&self) -> Option<(&str, u32)> {
        self.place.as_ref().map(|(file, line)| (file.as_str(), *line))
    }

    /// Returns the name of the thread.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// Returns the call stack of a panic.
    #[must_use]
    pub fn stack(&self) -> Option<&Stack> {
        self.stack.as_ref()
    }

    /// Makes the alert, redacted.
    #[must_use]
    pub fn alert(&self, capture: &Capture) -> Alert {
        let limits = Limits::default();
        let mut alert =
            Alert::new(Arc::clone(capture.app()), self.severity, self.clean(&self.message, limits.message));
        alert.id = capture.next_id(alert.at);
        alert.level = Level::ERROR;
        alert.origin = self.origin;
        alert.target = Cow::Borrowed(self.origin.target());
        alert.thread.clone_from(&self.thread);
        alert.stack.clone_from(&self.stack);
        if let Some((file, line)) = self.place.clone() {
            alert = alert.place(file, line);
        }
        alert.error = self.causes().map(|text| self.clean(text, limits.value)).collect();
        if let Some(span) = &self.span {
            let (first, rest) = self.rules();
            let mut spans = copied(span.chain(), first, &limits);
            for field in spans.iter_mut().flat_map(|span| &mut span.fields) {
                for redactor in rest {
                    if let Some(text) = field.value.as_text()
                        && let Cow::Owned(masked) = redactor.value(&field.name, text)
                    {
                        field.value = masked.into();
                    }
                }
            }
            alert.spans = spans;
        }
        alert
    }

    /// Returns the rules of the program's layers, those of `default` if it has none. All of them are applied.
    fn rules(&self) -> (&Redactor, &[Redactor]) {
        static DEFAULT: LazyLock<Redactor> = LazyLock::new(Redactor::default);
        match self.redactors.split_first() {
            Some((first, rest)) => (first, rest),
            None => (&DEFAULT, &[]),
        }
    }

    /// Returns the texts of the error and its causes.
    fn causes(&self) -> impl Iterator<Item = &str> {
        let causes = std::iter::successors(self.error.as_ref(), |cause| cause.source.as_deref());
        causes.map(|cause| cause.text.as_str())
    }

    fn clean(&self, text: &str, most: usize) -> String {
        let mut clean = text.to_owned();
        let (first, rest) = self.rules();
        for redactor in std::iter::once(first).chain(rest) {
            if let Cow::Owned(masked) = redactor.clean(&clean) {
                clean = masked;
            }
        }
        if clean.len() > most {
            let missing = clean.len() - cut(&clean, most).len();
            clean.truncate(clean.len() - missing);
            clean.push_str(&cut_mark(missing, true));
        }
        clean
    }
}

impl fmt::Debug for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incident")
            .field("origin", &self.origin)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// An error and its causes, as texts.
#[derive(Debug)]
pub(crate) struct Cause {
    text: String,
    source: Option<Box<Self>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests;
