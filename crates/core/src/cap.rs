//! Write a value of any size into a bounded buffer, whatever its `Debug` does.

use std::fmt::{self, Write};

use crate::guard::caught;

use crate::marks::{CUT, PANICKED};

/// Bounds what one event may take in memory, in bytes and counts.
///
/// The caps hold while a value is written: a `Debug` that would write 17 MB is stopped at the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one field's value. Default 4,096.
    pub value: usize,
    /// Bytes of the message. Default 8,192.
    pub message: usize,
    /// Fields of one event or span. Default 64.
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

/// Appends what `args` writes to `out`, at most `cap` bytes of it, and never panics.
///
/// Returns `false` if a user's formatter panicked; what it wrote until then is replaced by [`PANICKED`].
pub fn append(out: &mut String, cap: usize, args: fmt::Arguments<'_>) -> bool {
    let start = out.len();
    if let Some(text) = args.as_str() {
        // A literal: no formatting machinery, and nothing that could panic.
        append_text(out, cap, text);
        return true;
    }
    let mut writer = Capped { out, left: cap, full: false };
    // The state behind the writer is a String that is truncated below, so it is safe to look at after an unwind.
    let is_written = caught(|| writer.write_fmt(args)).is_some();
    let full = writer.full;
    if !is_written {
        out.truncate(start);
        out.push_str(PANICKED);
        return false;
    }
    if full {
        out.push_str(CUT);
    }
    true
}

/// Appends at most `cap` bytes of a text, and [`CUT`] if it is longer.
pub fn append_text(out: &mut String, cap: usize, text: &str) {
    out.push_str(cut(text, cap));
    if text.len() > cap {
        out.push_str(CUT);
    }
}

/// Stops a formatter by an error once `left` bytes are written, on a character's boundary.
struct Capped<'a> {
    out: &'a mut String,
    left: usize,
    full: bool,
}

impl Write for Capped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.left {
            self.left -= text.len();
            self.out.push_str(text);
            return Ok(());
        }
        self.out.push_str(cut(text, self.left));
        self.left = 0;
        self.full = true;
        Err(fmt::Error)
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(out, format!("x=012345678901234{CUT}"));
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
            assert_eq!(out.strip_suffix(CUT).unwrap_or(&out), cut("äöü€", cap));
            assert_eq!(out.ends_with(CUT), cap < 9);
        }
    }
}
