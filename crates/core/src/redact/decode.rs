//! Decode percent code and escapes of JSON, with the place that each byte came from.

use super::bytes::Bytes;

/// A decoded stretch of a text.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// Where each byte came from, and the end of the last.
    places: Vec<usize>,
    pub(super) is_at_end: bool,
}

impl Decoded {
    /// The place in the text of a place in what was decoded.
    pub(super) fn place(&self, at: usize) -> usize {
        self.places.get(at).or(self.places.last()).copied().unwrap_or(0)
    }
}

/// Decodes the percent code between `start` and `end`.
pub(super) fn percent(text: Bytes<'_>, start: usize, end: usize) -> Decoded {
    decode(text, start, end, |at| {
        let code = |digit: u8| char::from(digit).to_digit(16);
        let high = code(text.at(at + 1))?;
        let low = code(text.at(at + 2))?;
        (text.at(at) == b'%').then_some((u8::try_from(high * 16 + low).ok()?, 3))
    })
}

/// Decodes the escapes `\u0021` to `\u007e` of a text in which the first one is at `at`; nothing if it is another.
pub(super) fn json(text: Bytes<'_>, at: usize) -> Option<Decoded> {
    let escape = |at: usize| {
        if !text.starts_with(at, br"\u00") {
            return None;
        }
        let code = |digit: u8| char::from(digit).to_digit(16);
        let byte = u8::try_from(code(text.at(at + 4))? * 16 + code(text.at(at + 5))?).ok()?;
        // What an escape hides; quotes are escaped for what they are.
        (byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'\'')).then_some((byte, 6))
    };
    escape(at)?;
    Some(decode(text, 0, text.len(), escape))
}

fn decode(text: Bytes<'_>, start: usize, end: usize, code: impl Fn(usize) -> Option<(u8, usize)>) -> Decoded {
    let (mut bytes, mut places) = (Vec::with_capacity(end - start), Vec::with_capacity(end - start + 1));
    let mut at = start;
    while at < end {
        let (byte, len) = code(at).unwrap_or((text.at(at), 1));
        bytes.push(byte);
        places.push(at);
        at += len;
    }
    places.push(at.min(text.len()));
    Decoded { bytes, places, is_at_end: end == text.len() }
}
