//! Write a value of any size into a bounded buffer, whatever its `Debug` does.

use std::fmt::{self, Write};

use crate::guard::caught;

use crate::marks::{PANICKED, cut_mark};

/// Bounds what one event may take in memory, in bytes and counts.
///
/// The caps hold while a value is written: a `Debug` that would write 17 MB is stopped soon behind the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one field's value. Default 4,096.
    pub value: usize,
    /// Bytes of the message. Default 8,192.
    pub message: usize,
    /// Fields of one event or span; the field `fields_left_out` says how many more there were. Default 64.
    pub fields: usize,
    /// Spans of one chain, counted from the leaf. Default 32.
    pub spans: usize,
    /// Causes of one error. Default 16.
    pub causes: usize,
    /// Bytes of a whole alert's texts. Default 65,536.
    pub total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { value: 4096, message: 8192, fields: 64, spans: 32, causes: 16, total: 65_536 }
    }
}

/// Appends at most `cap` bytes of the text of `args` to `out`, and never panics.
///
/// Returns `false` if a user's formatter panicked; what it wrote until then is replaced by [`PANICKED`].
pub fn append(out: &mut String, cap: usize, args: fmt::Arguments<'_>) -> bool {
    let start = out.len();
    if let Some(text) = args.as_str() {
        // A literal: no formatting machinery, and nothing that could panic.
        append_text(out, cap, text);
        return true;
    }
    let mut writer = Capped { out, left: cap, missing: 0, counted: cap.max(COUNTED), is_stopped: false };
    // The state behind the writer is a String that is truncated below, so it is safe to look at after an unwind.
    let is_written = caught(|| writer.write_fmt(args)).is_some();
    let (missing, is_exact) = (writer.missing, !writer.is_stopped);
    if !is_written {
        out.truncate(start);
        out.push_str(PANICKED);
        return false;
    }
    if missing > 0 {
        out.push_str(&cut_mark(missing, is_exact));
    }
    true
}

/// Appends at most `cap` bytes of a text, and how many are missing if it is longer.
pub fn append_text(out: &mut String, cap: usize, text: &str) {
    let kept = cut(text, cap);
    out.push_str(kept);
    if kept.len() < text.len() {
        out.push_str(&cut_mark(text.len() - kept.len(), true));
    }
}

/// So many bytes that a formatter writes behind its cap are counted at least; then it is stopped.
const COUNTED: usize = 65_536;

/// Takes `left` bytes of a formatter, up to a character's boundary, counts `counted` more, and then stops it by an error.
struct Capped<'a> {
    out: &'a mut String,
    left: usize,
    missing: usize,
    counted: usize,
    is_stopped: bool,
}

impl Write for Capped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.left {
            self.left -= text.len();
            self.out.push_str(text);
            return Ok(());
        }
        if self.missing > self.counted {
            self.is_stopped = true;
            return Err(fmt::Error);
        }
        let kept = cut(text, self.left);
        self.out.push_str(kept);
        self.left = 0;
        self.missing = self.missing.saturating_add(text.len() - kept.len());
        Ok(())
    }
}

/// Returns the longest start of `text` of at most `at` bytes that ends between characters.
#[must_use]
pub fn cut(text: &str, at: usize) -> &str {
    let mut end = at.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The limits of one handler, which it has within any layer.
///
/// ```
/// # use watchfire_core::{EventView, Handler, HandlerLimits};
/// struct Archive(HandlerLimits);
///
/// impl Handler for Archive {
///     fn handle(&self, event: &EventView<'_>) {
///         let event = event.within(&self.0);
///         assert_eq!(event.limits(), self.0.limits());
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct HandlerLimits {
    limits: Limits,
    id: u64,
}

impl HandlerLimits {
    /// Makes the limits of a handler. Spans that are made from here on keep as much as they allow.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        crate::process::keep_values_up_to(&limits);
        Self { limits, id: crate::alert::random_u64() }
    }

    /// Returns the limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns a number that no other limits have.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::split_cut;

    struct Endless;
    impl fmt::Debug for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("0123456789")?;
            }
        }
    }

    struct PanickingDebug;
    impl fmt::Debug for PanickingDebug {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            panic!("no")
        }
    }

    #[test]
    fn stops_an_endless_debug_at_the_cap() {
        let mut out = String::from("x=");
        assert!(append(&mut out, 15, format_args!("{Endless:?}")));
        assert_eq!(out, "x=012345678901234… [at least 65,545 bytes more]");
    }

    #[test]
    fn replaces_a_value_whose_debug_panics() {
        let mut out = String::from("x=");
        assert!(!append(&mut out, 100, format_args!("{PanickingDebug:?}")));
        assert_eq!(out, format!("x={PANICKED}"));
    }

    #[test]
    fn cuts_between_characters() {
        for cap in 0..9 {
            let mut out = String::new();
            append(&mut out, cap, format_args!("äöü€"));
            let (kept, mark) = split_cut(&out);
            assert_eq!(kept, cut("äöü€", cap));
            assert_eq!(mark.is_empty(), cap == 9);
        }
    }

    #[test]
    fn a_cut_says_how_much_is_missing() {
        let long = "x".repeat(20_000);
        for (cap, expected) in [(7655, "12,345"), (19_999, "1"), (0, "20,000")] {
            let bytes = if expected == "1" { "byte" } else { "bytes" };
            let expected = format!("{}… [{expected} {bytes} more]", "x".repeat(cap));
            let (mut of_text, mut of_format) = (String::new(), String::new());
            append_text(&mut of_text, cap, &long);
            append(&mut of_format, cap, format_args!("{long}{}", ""));
            assert_eq!((&of_text, &of_format), (&expected, &expected));
        }
    }
}
