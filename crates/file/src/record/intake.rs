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
    #[inline]
    pub(crate) fn of(event: &EventView<'a>) -> Self {
        let limits = event.limits();
        Self { redactor: event.redactor(), limits, left: limits.total }
    }

    /// Returns how many bytes of a text may be shown that may have `most` by itself.
    #[inline]
    pub(crate) fn cap(&self, most: usize) -> usize {
        most.min(self.left)
    }

    /// Returns a text, which is within its cap, as it may be shown.
    pub(crate) fn clean<'t>(&mut self, verdict: NameVerdict, text: &'t str) -> Cow<'t, str> {
        let clean = self.redactor.clean_under(verdict, text);
        self.admit(&clean);
        clean
    }

    /// Counts a text that is known to be clean.
    #[inline]
    pub(crate) fn admit(&mut self, clean: &str) {
        self.left = self.left.saturating_sub(clean.len());
    }

    /// Appends what `write` appends, at most `most` bytes, as it may be shown.
    pub(crate) fn append(
        &mut self,
        verdict: NameVerdict,
        most: usize,
        out: &mut String,
        write: impl FnOnce(&mut String, usize),
    ) {
        let start = out.len();
        write(out, self.cap(most));
        let text = out.get(start..).unwrap_or_default();
        // A borrowed result is the text itself.
        if let Cow::Owned(clean) = self.clean(verdict, text) {
            out.truncate(start);
            out.push_str(&clean);
        }
    }

    /// Tells whether an integer is hidden.
    #[inline]
    pub(crate) fn hides(&self, verdict: NameVerdict, magnitude: u128) -> bool {
        self.redactor.hides_number(verdict, magnitude)
    }

    /// Returns whether a floating-point number is hidden.
    #[inline]
    pub(crate) fn hides_float(&self, verdict: NameVerdict, value: f64) -> bool {
        self.redactor.hides_float(verdict, value)
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
