//! Names and values inside a text: `name=value`, `name: value`, JSON at any depth of quoting, `Debug` forms, headers,
//! forms and queries, command-line flags, tuples, XML elements.

use super::MASK;
use super::names::Extent;
use super::values::{REACH, Scan, is_blank};

/// How far a line may be indented whose name is looked at.
const INDENT: usize = 32;

/// A quotation mark and the backslashes before it: one more level of quoting for each `2n + 1` of them.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    pub(super) mark: u8,
    pub(super) slashes: usize,
}

/// A name in the text: where it starts, and its quotes.
#[derive(Clone, Copy)]
struct Key {
    start: usize,
    end: usize,
    quote: Option<Quote>,
}

impl Scan<'_> {
    /// A separator (`:`, `=`, `%3D`) of `len` bytes at the present place: masks the value if the name is a secret's.
    pub(super) fn pair(&mut self, len: usize) {
        let (at, bytes) = (self.at, self.bytes);
        let colon = bytes.at(at) == b':';
        if colon && (bytes.at(at + 1) == b':' || bytes.before(at, self.floor) == b':') {
            return;
        }
        let Some(key) = self.key_before(at) else { return };
        let Some(extent) = self.judge(key) else { return };
        let mut after = at + len;
        // `:=`, `==`, `=>`, `=~`
        for _ in 0..2 {
            if matches!(bytes.at(after), b'=' | b'>' | b'~') {
                after += 1;
            }
        }
        let value = bytes.run(after, |byte| byte == b' ' || byte == b'\t');
        if !colon && value > after && key.end == at && self.is_assignment(value) {
            return;
        }
        let extent = match extent {
            _ if !colon => Extent::Word,
            Extent::Word if self.is_password_line(key) => Extent::Phrase,
            extent => extent,
        };
        self.value(value, key, extent);
    }

    /// Says whether a line begins with this name, and it is one for what people make up, maybe of several words.
    fn is_password_line(&self, key: Key) -> bool {
        const NAMES: [&[u8]; 7] =
            [b"password", b"passwd", b"pwd", b"passcode", b"passwort", b"kennwort", b"senha"];
        let bytes = self.bytes;
        if key.quote.is_some()
            || !NAMES.iter().any(|name| bytes.slice(key.start, key.end).eq_ignore_ascii_case(name))
        {
            return false;
        }
        let (mut start, least) = (key.start, self.floor.max(key.start.saturating_sub(INDENT)));
        while start > least && matches!(bytes.at(start - 1), b' ' | b'\t') {
            start -= 1;
        }
        matches!(bytes.before(start, self.floor), 0 | b'\n')
    }

    /// `("name", value`, as `Debug` shows a list of pairs.
    pub(super) fn tuple(&mut self) {
        let bytes = self.bytes;
        let before = bytes.before(self.at, self.floor);
        let next = bytes.at(self.at + 1);
        if !matches!(before, b'"' | b'\'') || !(is_blank(next) || is_quote(next) || next == b'\\') {
            return;
        }
        // Of JSON each string would be walked back over.
        if !self.has_brackets() {
            return;
        }
        let Some(key @ Key { quote: Some(quote), .. }) = self.key_before(self.at) else { return };
        let Some(open) = key.start.checked_sub(quote.slashes + 2).filter(|open| *open >= self.floor) else {
            return;
        };
        let opened = bytes.at(open) == b'(' && bytes.at(key.start - 1) == quote.mark;
        if let (true, Some(extent)) = (opened, self.judge(key)) {
            let value = bytes.run(self.at + 1, is_blank);
            self.value(value, key, extent);
        }
    }

    /// `--password value`. With `=` it is a pair.
    pub(super) fn flag(&mut self) {
        let (bytes, start) = (self.bytes, self.at + 2);
        let before = bytes.before(self.at, self.floor);
        if !(is_blank(before) || is_quote(before)) {
            return;
        }
        let end = bytes.run(start, is_name);
        if end == start || end - start > REACH {
            return;
        }
        let closed = if is_quote(bytes.at(end)) { end + 1 } else { end };
        let value = bytes.run(closed, |byte| byte == b' ' || byte == b',');
        let next = bytes.at(value);
        if value == closed || matches!(next, b'-' | b'<' | b'|') || (next == b'[' && !self.has_mask(value)) {
            return;
        }
        if self.names.judge(bytes.slice(start, end)).is_some() {
            self.value(value, Key { start, end, quote: None }, Extent::Word);
        }
    }

    /// `<password>value</password>`
    pub(super) fn element(&mut self) {
        let (at, bytes, least) = (self.at, self.bytes, self.reach());
        let mut start = at;
        while start > least && (is_name(bytes.at(start - 1)) || bytes.at(start - 1) == b':') {
            start -= 1;
        }
        if start == at || start <= self.floor || bytes.at(start - 1) != b'<' {
            return;
        }
        if self.names.judge(bytes.slice(start, at)).is_none() {
            return;
        }
        let end = bytes.run(at + 1, |byte| byte != b'<');
        let filled = !bytes.slice(at + 1, end).iter().all(|byte| is_blank(*byte));
        let closed = bytes.at(end + 1) == b'/' || self.is_cut(end);
        if filled && closed && !bytes.is_mask(at + 1, end) {
            self.mask(at + 1, end);
        }
    }

    /// Masks the value at `start`.
    fn value(&mut self, start: usize, key: Key, extent: Extent) {
        let bytes = self.bytes;
        // `b"bytes"`, `r"raw"`, `u'text'`
        let prefix =
            matches!(bytes.at(start), b'b' | b'r' | b'u' | b'f' | b'&') && self.quote_at(start + 1).is_some();
        let start = start + usize::from(prefix);
        if let Some(quote) = self.quote_at(start) {
            let content = start + quote.slashes + 1;
            let end = self.close(content, quote);
            if end == content || bytes.is_mask(content, end) {
                self.at = end;
            } else {
                self.mask(content, end);
            }
            return;
        }
        let (kept, end) = match extent {
            Extent::Word => self.unquoted(start),
            Extent::Phrase => self.phrase(start),
            Extent::Line => self.line(start, bytes.before(key.start, self.floor)),
        };
        let value = bytes.slice(start, end);
        if kept || end == start || is_nothing(value) {
            self.at = end;
            return;
        }
        self.mask_as(start, end, |out| {
            // What was valid JSON stays valid: a number becomes a string.
            let quote = |out: &mut String| {
                if let Some(quote) = key.quote {
                    out.extend(std::iter::repeat_n('\\', quote.slashes));
                    out.push(char::from(quote.mark));
                }
            };
            quote(out);
            out.push_str(MASK);
            quote(out);
        });
    }

    /// Says whether `: "`, `: {` or `: [` stands at `at`.
    pub(super) fn is_before_value(&self, at: usize) -> bool {
        let bytes = self.bytes;
        let value = bytes.run(at + 1, |byte| byte == b' ');
        bytes.at(at) == b':' && matches!(bytes.at(value), b'"' | b'\'' | b'\\' | b'{' | b'[')
    }

    pub(super) fn quote_at(&self, at: usize) -> Option<Quote> {
        let mark = match self.bytes.at(at) {
            b'\\' => self.bytes.run(at, |byte| byte == b'\\'),
            _ => at,
        };
        let byte = self.bytes.at(mark);
        is_quote(byte).then_some(Quote { mark: byte, slashes: mark - at })
    }

    pub(super) fn has_mask(&self, at: usize) -> bool {
        self.bytes.starts_with(at, MASK.as_bytes())
    }

    /// The first byte that may still belong to a name: not masked, and near.
    pub(super) fn reach(&self) -> usize {
        self.floor.max(self.at.saturating_sub(REACH))
    }

    fn judge(&mut self, key: Key) -> Option<Extent> {
        let bytes = self.bytes;
        let verdict = self.known.judge(self.names, bytes, key.start, key.end);
        if key.quote.is_some() {
            return verdict;
        }
        // `your api key: ...`, `unexpected token: ...`
        let (least, mut start) = (self.reach(), key.start);
        for _ in 0..2 {
            if start <= least + 1
                || bytes.at(start - 1) != b' '
                || !bytes.at(start - 2).is_ascii_alphanumeric()
            {
                break;
            }
            start -= 1;
            while start > least && is_name(bytes.at(start - 1)) {
                start -= 1;
            }
        }
        // `a=1 key=2`: what stands before is a value.
        if start == key.start || bytes.before(start, self.floor) == b'=' {
            return verdict;
        }
        self.names.judge_phrase(bytes.slice(start, key.end), verdict)
    }

    fn key_before(&self, separator: usize) -> Option<Key> {
        let (bytes, least) = (self.bytes, self.reach());
        let mut end = separator;
        while end > least && separator - end < 8 && matches!(bytes.at(end - 1), b' ' | b'\t') {
            end -= 1;
        }
        // `user[password]=`, also in percent code
        if end > least && bytes.at(end - 1) == b']' {
            end -= 1;
        } else if end >= least + 3 && bytes.starts_with_any_case(end - 3, b"%5D") {
            end -= 3;
        }
        let mut quote = None;
        if end > least && is_quote(bytes.at(end - 1)) {
            let mark = bytes.at(end - 1);
            let close = end - 1;
            end = close;
            while end > least && bytes.at(end - 1) == b'\\' {
                end -= 1;
            }
            quote = Some(Quote { mark, slashes: close - end });
        }
        let is_part = |byte: u8| is_name(byte) || (byte == b' ' && quote.is_some());
        let mut start = end;
        while start > least && is_part(bytes.at(start - 1)) {
            start -= 1;
        }
        // The code of a `%26` or `%3F` before the name does not belong to it.
        if start > least && bytes.at(start - 1) == b'%' {
            start = (start + 2).min(end);
        }
        (start < end).then_some(Key { start, end, quote })
    }
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

pub(super) fn is_closer(byte: u8) -> bool {
    matches!(byte, b')' | b']' | b'}' | b'>')
}

/// What says that there is no value.
fn is_nothing(value: &[u8]) -> bool {
    ["null", "none", "nil", "true", "false", "undefined"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// An authentication scheme (RFC 9110 §11.1), which the credentials follow.
pub(super) fn is_scheme(value: &[u8]) -> bool {
    ["bearer", "basic", "token", "digest", "negotiate", "apikey", "splunk"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Says whether a whole field's value says that there is none.
pub(super) fn is_empty_value(value: &str) -> bool {
    value.is_empty() || is_nothing(value.as_bytes())
}
