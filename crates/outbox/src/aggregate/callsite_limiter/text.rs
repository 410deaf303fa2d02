//! A hash of the text of an event, without its variable parts.

use std::{
    error::Error,
    fmt::{self, Write},
};

use tracing_core::field::{Field, Visit};
use watchfire_core::{EventView, caught};

use crate::aggregate::{GROUP_FIELD, is_error_name, joins_digits};

/// How much of a text is looked at, in bytes: as much as the fingerprint does.
const LOOK_AT: usize = 2048;

/// Hashes what makes an event the same as another: its message, its error, and the group it names.
///
/// Numbers that stand alone count as equal, as for the fingerprint: an order number makes no new text.
pub(crate) fn tag_of(event: &EventView<'_>) -> u32 {
    let mut visit = TextHash(Hash::new());
    // A formatter of the program that panics is met again by the capture, which says so.
    caught(|| event.record(&mut visit)).unwrap_or_default();
    visit.0.finish()
}

struct TextHash(Hash);

impl TextHash {
    fn wants(name: &str) -> bool {
        matches!(name, "message" | "severity" | GROUP_FIELD) || is_error_name(name)
    }

    fn begin(&mut self, name: &str) {
        self.0.end_text();
        self.0.left = LOOK_AT;
        // The length tells the few names apart.
        self.0.mix(0x100 + name.len() as u64);
    }
}

impl Visit for TextHash {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if Self::wants(field.name()) {
            self.begin(field.name());
            // An error ends a text that is long enough.
            write!(self.0, "{value:?}").unwrap_or_default();
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if Self::wants(field.name()) {
            self.begin(field.name());
            self.0.write_str(value).unwrap_or_default();
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.begin(field.name());
        let mut cause = Some(value);
        // As many causes as the capture keeps.
        for _ in 0..16 {
            let Some(error) = cause else { return };
            write!(self.0, "{error}").unwrap_or_default();
            self.0.mix(0x200);
            cause = error.source();
        }
    }

    // Numbers and switches are in the fields, not in the text; formatting them would cost the most.
    fn record_i64(&mut self, _: &Field, _: i64) {}
    fn record_u64(&mut self, _: &Field, _: u64) {}
    fn record_i128(&mut self, _: &Field, _: i128) {}
    fn record_u128(&mut self, _: &Field, _: u128) {}
    fn record_f64(&mut self, _: &Field, _: f64) {}
    fn record_bool(&mut self, _: &Field, _: bool) {}
}

/// Hashes what is written into it, a run of digits that stands alone as one sign.
struct Hash {
    state: u64,
    /// The hash of a run of digits that may stand alone.
    run: Option<u64>,
    joined: bool,
    left: usize,
}

/// Stands for a number.
const NUMBER: u64 = 0x300;

impl Hash {
    const fn new() -> Self {
        Self { state: 0xcbf2_9ce4_8422_2325, run: None, joined: false, left: LOOK_AT }
    }

    fn mix(&mut self, value: u64) {
        self.state = step(self.state, value);
    }

    fn byte(&mut self, byte: u8) {
        match (self.run, byte.is_ascii_digit()) {
            (Some(run), true) => {
                self.run = Some(step(run, u64::from(byte)));
                return;
            }
            (Some(run), false) => {
                // `5ms` is no number that stands alone.
                self.mix(if joins_digits(byte) { run } else { NUMBER });
                self.run = None;
                self.mix(u64::from(byte));
            }
            (None, true) if !self.joined => self.run = Some(step(0, u64::from(byte))),
            (None, _) => self.mix(u64::from(byte)),
        }
        self.joined = joins_digits(byte);
    }

    fn end_text(&mut self) {
        if self.run.take().is_some() {
            self.mix(NUMBER);
        }
        self.joined = false;
    }

    fn finish(mut self) -> u32 {
        self.end_text();
        let mixed = self.state ^ (self.state >> 29);
        u32::try_from(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap_or_default()
    }
}

const fn step(state: u64, value: u64) -> u64 {
    (state ^ value).wrapping_mul(0x0000_0100_0000_01b3)
}

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes().take(self.left) {
            self.byte(byte);
        }
        if text.len() > self.left {
            return Err(fmt::Error);
        }
        self.left -= text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> u32 {
        let mut hash = Hash::new();
        write!(hash, "{text}").unwrap_or_default();
        hash.finish()
    }

    #[test]
    fn numbers_that_stand_alone_are_equal_and_all_else_differs() {
        for (a, b) in [
            ("order 17 failed", "order 4711 failed"),
            ("at [3]", "at [44]"),
            ("7", "8"),
            ("1.2.3.4:80 refused", "10.0.0.9:8080 refused"),
        ] {
            assert_eq!(hash(a), hash(b), "{a} | {b}");
        }
        for (a, b) in [
            ("error E1001", "error E2002"),
            ("took 5ms", "took 6ms"),
            ("order 17 failed", "order failed"),
            ("order 17 failed", "order x failed"),
            ("a", "b"),
            ("ab", "ba"),
            ("ü7", "ü8"),
        ] {
            assert_ne!(hash(a), hash(b), "{a} | {b}");
        }
    }

    #[test]
    fn pieces_of_a_text_hash_as_the_whole() {
        let mut pieces = Hash::new();
        for piece in ["order ", "1", "7", " fai", "led"] {
            pieces.write_str(piece).unwrap();
        }
        assert_eq!(pieces.finish(), hash("order 17 failed"));
    }

    #[test]
    fn looks_at_the_beginning_only() {
        let long = "x".repeat(LOOK_AT);
        assert_eq!(hash(&format!("{long}a")), hash(&format!("{long}b")));
        assert!(write!(Hash::new(), "{long}a").is_err(), "a formatter is stopped");
    }
}
