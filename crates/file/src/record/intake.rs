//! Let values in: capped and redacted, the same for a line and for a record.

use std::{borrow::Cow, fmt};

use watchfire_core::{EventView, Limits, NameVerdict, Redactor, append, append_text};

/// The rules for the values of one event, and how many bytes of text it may still have.
pub(crate) struct Intake<'a> {
    pub(crate) redactor: &'a Redactor,
    pub(crate) limits: &'a Limits,
    left: usize,
}

impl<'a> Intake<'a> {
    pub(crate) fn of(event: &EventView<'a>) -> Self {
        let limits = event.limits();
        Self { redactor: event.redactor(), limits, left: limits.total }
    }

    /// Returns a text as it may be shown, if its length is within the caps; else [`append`](Self::append) cuts it.
    pub(crate) fn whole<'t>(
        &mut self,
        verdict: NameVerdict,
        cap: usize,
        text: &'t str,
    ) -> Option<Cow<'t, str>> {
        if text.len() > cap.min(self.left) {
            return None;
        }
        let clean = self.redactor.clean_under(verdict, text);
        self.left = self.left.saturating_sub(clean.len());
        Some(clean)
    }

    /// Appends what `write` appends, at most `cap` bytes, as it may be shown.
    pub(crate) fn append(
        &mut self,
        verdict: NameVerdict,
        cap: usize,
        out: &mut String,
        write: impl FnOnce(&mut String, usize),
    ) {
        let start = out.len();
        write(out, cap.min(self.left));
        if let Cow::Owned(clean) = self.clean(verdict, out, start) {
            out.truncate(start);
            out.push_str(&clean);
        }
        self.left = self.left.saturating_sub(out.len() - start);
    }

    fn clean<'t>(&self, verdict: NameVerdict, out: &'t str, start: usize) -> Cow<'t, str> {
        let text = out.get(start..).unwrap_or_default();
        match self.redactor.clean_under(verdict, text) {
            // The mask itself is borrowed too.
            Cow::Borrowed(clean) if clean.len() != text.len() || clean != text => {
                Cow::Owned(clean.to_owned())
            }
            clean => clean,
        }
    }

    /// Tells whether an integer is hidden.
    pub(crate) fn hides(&self, verdict: NameVerdict, magnitude: u128) -> bool {
        !verdict.is_clear() && self.redactor.hides_number(verdict, magnitude)
    }
}

/// Writes what a formatter gives.
pub(crate) fn formatted(args: fmt::Arguments<'_>) -> impl FnOnce(&mut String, usize) {
    move |out, cap| {
        append(out, cap, args);
    }
}

/// Writes a text that is longer than it may be.
pub(crate) fn cut_short(text: &str) -> impl FnOnce(&mut String, usize) {
    move |out, cap| append_text(out, cap, text)
}
