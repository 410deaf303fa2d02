//! The program's own credentials: whatever a text means, these bytes never leave.

use std::borrow::Cow;
use std::fmt;

use crate::marks::MASK;

/// The least length of a registered form, in bytes. Anything shorter would be found in ordinary text.
const LEAST: usize = 8;

/// A set of credentials with the forms in which they travel: as they are, percent-encoded, in base64, escaped as in
/// JSON, `Debug` and HTML.
///
/// A text is passed over once with a window of eight bytes; a bit table turns away nearly every place.
#[derive(Clone, Default)]
pub(crate) struct OwnSecrets {
    /// The forms by their first eight bytes; of one start the longest first.
    forms: Vec<(u64, Box<str>)>,
    /// One bit for the hash of each start.
    starts: Vec<u64>,
}

impl OwnSecrets {
    /// Registers a credential and its forms. One of less than eight bytes is not registered.
    pub(crate) fn insert(&mut self, secret: &str) {
        if secret.len() < LEAST || secret == MASK {
            return;
        }
        let mut forms =
            vec![secret.to_owned(), json(secret), html(secret), secret.escape_debug().to_string()];
        for upper in [true, false] {
            forms.push(percent(secret, upper, false));
            forms.push(percent(secret, upper, true));
        }
        for offset in 0..3 {
            let form = base64(secret.as_bytes(), offset);
            forms.push(form.replace('+', "-").replace('/', "_"));
            forms.push(form);
        }
        for form in forms {
            let known = |(_, known): &(u64, Box<str>)| **known == *form;
            if let Some(start) = window(form.as_bytes())
                && !self.forms.iter().any(known)
            {
                self.forms.push((start, form.into()));
            }
        }
        self.forms.sort_by(|(a_start, a), (b_start, b)| a_start.cmp(b_start).then(b.len().cmp(&a.len())));
        self.starts = vec![0; 64];
        for (start, _) in &self.forms {
            let (word, bit) = place(*start);
            if let Some(word) = self.starts.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// Masks every registered credential, also one whose end is missing at the end of the text.
    pub(crate) fn find_and_mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.mask(text, LEAST)
    }

    /// Masks like [`find_and_mask`](Self::find_and_mask) in a text that was cut: as few as three bytes at its end
    /// that begin a credential are masked too.
    pub(crate) fn find_and_mask_cut<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.mask(text, 3)
    }

    /// Says whether a whole credential stands in `bytes`.
    pub(crate) fn contains_any(&self, bytes: &[u8]) -> bool {
        self.matches(bytes).any(|(start, form)| bytes.get(start..).is_some_and(|rest| rest.starts_with(form)))
    }

    fn mask<'t>(&self, text: &'t str, least_end: usize) -> Cow<'t, str> {
        let bytes = text.as_bytes();
        let (mut out, mut done) = (String::new(), 0);
        let mut put = |start: usize, end: usize, done: &mut usize| {
            if start >= *done {
                out.push_str(text.get(*done..start).unwrap_or_default());
                out.push_str(MASK);
            }
            *done = end.max(*done);
        };
        for (start, form) in self.matches(bytes) {
            let rest = bytes.get(start..).unwrap_or_default();
            // Overlapping ones are masked together.
            if rest.starts_with(form) {
                put(start, start + form.len(), &mut done);
            } else if form.starts_with(rest) {
                put(start, bytes.len(), &mut done);
            }
        }
        if let Some(start) = self.cut_start(bytes, least_end)
            && done < bytes.len()
        {
            put(start.max(done), bytes.len(), &mut done);
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// The places where the first eight bytes of a form stand, with the form.
    fn matches<'s>(&'s self, bytes: &'s [u8]) -> impl Iterator<Item = (usize, &'s [u8])> {
        let searched = if self.forms.is_empty() { &[][..] } else { bytes };
        let mut seen = 0_u64;
        searched
            .iter()
            .enumerate()
            .filter_map(move |(at, byte)| {
                seen = (seen << 8) | u64::from(*byte);
                let (word, bit) = place(seen);
                let hit = self.starts.get(word).is_some_and(|word| word & bit != 0);
                (hit && at + 1 >= LEAST).then_some((at + 1 - LEAST.min(at + 1), seen))
            })
            .flat_map(move |(start, seen)| {
                let first = self.forms.partition_point(|(form, _)| *form < seen);
                let forms = self.forms.get(first..).unwrap_or_default();
                forms
                    .iter()
                    .take_while(move |(form, _)| *form == seen)
                    .map(move |(_, form)| (start, form.as_bytes()))
            })
    }

    /// Where the text's end begins a form, if at least `least` bytes of it stand there.
    fn cut_start(&self, bytes: &[u8], least: usize) -> Option<usize> {
        if least >= LEAST {
            return None;
        }
        // Longer starts were found by their window.
        let from = bytes.len().saturating_sub(LEAST - 1);
        (from..=bytes.len().checked_sub(least)?).find(|start| {
            let tail = bytes.get(*start..).unwrap_or_default();
            tail.first().is_some_and(|byte| byte & 0xc0 != 0x80)
                && self.forms.iter().any(|(_, form)| form.as_bytes().starts_with(tail))
        })
    }
}

impl fmt::Debug for OwnSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSecrets").field("forms", &self.forms.len()).finish()
    }
}

fn window(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|start| u64::from_be_bytes(*start))
}

fn place(window: u64) -> (usize, u64) {
    let hash = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
}

fn percent(text: &str, upper: bool, plus: bool) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else if plus && byte == b' ' {
            out.push('+');
        } else {
            let code = format!("%{byte:02X}");
            out.push_str(&if upper { code } else { code.to_ascii_lowercase() });
        }
    }
    out
}

/// The characters that every base64 text holds in which `bytes` stand at an offset of 0, 1 or 2 to its groups.
fn base64(bytes: &[u8], offset: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in std::iter::repeat_n(&0_u8, offset).chain(bytes) {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 6 {
            count -= 6;
            let index = usize::try_from((bits >> count) & 63).unwrap_or(0);
            out.push(ALPHABET.get(index).map_or('=', |byte| char::from(*byte)));
        }
    }
    // The first characters mix with what stands before.
    out.split_off(match offset {
        0 => 0,
        1 => 2,
        _ => 3,
    })
}

fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' => {
                out.push('\\');
                out.push(char);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if u32::from(char) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => out.push(char),
        }
    }
    out
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests;
