//! Where a value ends: at a quote, a bracket, a blank, the end of a line.

use super::MASK;
use super::pairs::{Quote, is_closer, is_name, is_quote, is_scheme};
use super::values::{REACH, Scan, is_blank};

impl Scan<'_> {
    /// The end of an unquoted value, and whether it is the mask already.
    pub(super) fn unquoted(&self, start: usize) -> (bool, usize) {
        let bytes = self.bytes;
        if self.has_mask(start) {
            return self.word(start);
        }
        let ident = bytes.run(start, |byte| is_name(byte) || byte == b':' || byte == b'!');
        let blank = usize::from(bytes.at(ident) == b' ' && bytes.at(start).is_ascii_uppercase());
        let open = bytes.at(ident + blank);
        let group = match open {
            b'(' => blank == 0,
            b'[' => ident == start || bytes.before(ident, start) == b'!',
            b'{' => ident == start || bytes.at(start).is_ascii_uppercase(),
            _ => false,
        };
        if group {
            return (false, self.word_end(self.group_end(ident + blank)));
        }
        let end = self.word_end(start);
        if is_scheme(bytes.slice(start, end)) {
            let next = bytes.run(end, |byte| byte == b' ');
            if self.has_mask(next) {
                return (false, self.word_end(next + MASK.len()));
            }
            return (false, self.word_end(next).max(end));
        }
        (false, end)
    }

    /// The end of a run of non-blank characters, and whether it is the mask already.
    pub(super) fn word(&self, start: usize) -> (bool, usize) {
        if self.has_mask(start) {
            let end = self.word_end(start + MASK.len());
            return (end == start + MASK.len(), end);
        }
        (false, self.word_end(start))
    }

    /// The end of a value that may be of several words, and whether it is the mask already: at the end of the line, before
    /// `name=` and `name:`, a bracket or a divider. What begins as a sentence about a password has no more words than any
    /// unquoted value: `password: must be longer`.
    pub(super) fn phrase(&self, start: usize) -> (bool, usize) {
        let bytes = self.bytes;
        let (kept, mut end) = self.unquoted(start);
        if kept || self.has_mask(start) || is_sentence(bytes.slice(start, end)) {
            return (kept, end);
        }
        loop {
            let next = bytes.run(end, |byte| byte == b' ' || byte == b'\t');
            let stops = matches!(
                bytes.at(next),
                b'(' | b'[' | b'{' | b'<' | b'|' | b'"' | b'\'' | b'`' | b'-' | b'='
            );
            let name = bytes.run(next, is_name);
            let is_pair = name > next && (matches!(bytes.at(name), b'=' | b':') || self.has_mask(name));
            let word = self.word_end(next);
            if next == end || stops || is_pair || word == next || bytes.before(end, start) == b'.' {
                return (kept, end);
            }
            end = word;
        }
    }

    /// The end of a header's value: the line, the next header of a list, or the quote that `opened` the header.
    pub(super) fn line(&self, start: usize, opened: u8) -> (bool, usize) {
        let bytes = self.bytes;
        let masked = self.has_mask(start);
        let from = match bytes.at(start) {
            _ if masked => start + MASK.len(),
            b'{' | b'[' | b'(' => self.group_end(start),
            _ => start,
        };
        let mut at = from;
        while at < bytes.len() {
            let next = bytes.at(at + 1);
            at = match bytes.at(at) {
                b'\n' | b'\r' => break,
                b'\\' => match self.quote_at(at) {
                    Some(quote) if self.ends_line(at + quote.slashes + 1) => break,
                    Some(quote) => at + quote.slashes + 1,
                    None if matches!(next, b'n' | b'r') => break,
                    None => bytes.run(at, |byte| byte == b'\\'),
                },
                b'=' if next == b'"' => self.close(at + 2, Quote { mark: b'"', slashes: 0 }) + 1,
                byte if byte == opened && is_quote(byte) && self.is_boundary(at + 1) => break,
                b'{' => self.group_end(at),
                b',' if self.is_header(at + 1) => break,
                byte if (is_quote(byte) || is_closer(byte)) && self.ends_line(at + 1) => break,
                _ => at + 1,
            };
        }
        let end = at.min(bytes.len());
        (masked && end == from, end)
    }

    /// Says whether a quote or bracket before `at` closes what the line stands in.
    pub(super) fn ends_line(&self, at: usize) -> bool {
        let byte = self.bytes.at(at);
        byte == 0 || matches!(byte, b'\n' | b'\r' | b',' | b'\\') || is_quote(byte) || is_closer(byte)
    }

    pub(super) fn is_header(&self, at: usize) -> bool {
        let bytes = self.bytes;
        let start = bytes.run(at, |byte| byte == b' ');
        let start = self.quote_at(start).map_or(start, |quote| start + quote.slashes + 1);
        let end = bytes.run(start, is_name);
        if end - start > REACH {
            return false;
        }
        let close = self.quote_at(end).map_or(end, |quote| end + quote.slashes + 1);
        (end > start && bytes.at(close) == b':') || self.has_mask(end)
    }

    /// The end of a run of non-blank characters, without the brackets and quotes around it.
    pub(super) fn word_end(&self, start: usize) -> usize {
        let bytes = self.bytes;
        let mut at = start;
        while at < bytes.len() {
            at = match bytes.at(at) {
                byte if is_blank(byte) => break,
                b',' | b';' | b'&' | b'|' if self.is_next(at + 1) => break,
                b'%' if bytes.starts_with(at, b"%26") => break,
                b'<' if bytes.at(at + 1) == b'/' => break,
                byte if (is_closer(byte) || is_quote(byte)) && self.is_boundary(at + 1) => break,
                b'\\' => match self.quote_at(at) {
                    Some(quote) if self.is_boundary(at + quote.slashes + 1) => break,
                    Some(quote) => at + quote.slashes + 1,
                    None => bytes.run(at, |byte| byte == b'\\'),
                },
                _ => at + 1,
            };
        }
        at
    }

    /// Says whether a divider before `at` ends the value: a blank, a quote, or a name with its separator follows.
    pub(super) fn is_next(&self, at: usize) -> bool {
        let bytes = self.bytes;
        let byte = bytes.at(at);
        if at >= bytes.len() || is_blank(byte) || is_quote(byte) || matches!(byte, b'\\' | b'{') {
            return true;
        }
        let end = bytes.run(at, is_name);
        if end - at > REACH {
            return false;
        }
        // A mask within the name stood for something that was followed by the separator.
        self.has_mask(end)
            || (end > at
                && (matches!(bytes.at(end), b'=' | b':' | b'[' | b']')
                    || [b"%3D", b"%5B", b"%5D"].iter().any(|code| bytes.starts_with_any_case(end, *code))))
    }

    pub(super) fn is_boundary(&self, at: usize) -> bool {
        let byte = self.bytes.at(at);
        at >= self.bytes.len()
            || is_blank(byte)
            || is_quote(byte)
            || is_closer(byte)
            || matches!(byte, b',' | b';' | b':' | b'.' | b'&' | b'|' | b'?' | b'\\')
    }

    /// Says whether `name=value` stands at `at`: then the value before it is empty.
    pub(super) fn is_assignment(&self, at: usize) -> bool {
        let bytes = self.bytes;
        let end = bytes.run(at, is_name);
        let next = bytes.at(end + 1);
        end > at && end - at <= REACH && bytes.at(end) == b'=' && !is_blank(next) && next != b'='
    }

    /// The end of a bracketed group, or of the text if it is not closed: then the rest of the group was cut.
    pub(super) fn group_end(&self, start: usize) -> usize {
        let (bytes, mut at, mut depth) = (self.bytes, start, 0_usize);
        while at < bytes.len() {
            at = match bytes.at(at) {
                b'"' | b'\\' => match self.quote_at(at) {
                    Some(quote) if quote.mark == b'"' => {
                        let (end, mark) = self.closing_mark(at + quote.slashes + 1, quote);
                        mark.map_or_else(|| bytes.run(end, |byte| byte == b'\\') + 1, |mark| mark + 1)
                    }
                    _ => bytes.run(at, |byte| byte == b'\\'),
                },
                b'(' | b'[' | b'{' => {
                    depth += 1;
                    at + 1
                }
                byte if is_closer(byte) && byte != b'>' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                    at + 1
                }
                _ => at + 1,
            };
        }
        bytes.len()
    }

    /// The place where a quoted value ends whose content starts at `content`: before the closing quote with its
    /// backslashes, before the quote of an outer level, or at the end of the text.
    pub(super) fn close(&self, content: usize, quote: Quote) -> usize {
        let (bytes, mut from) = (self.bytes, content);
        loop {
            let (end, mark) = self.closing_mark(from, quote);
            let Some(mark) = mark else { return end };
            // `it''s` of SQL, a quote inside a word, and one that closes a key do not close a value.
            let next = bytes.at(mark + 1);
            let doubled = quote.mark == b'\'' && next == b'\'' && mark > content;
            if !doubled && !next.is_ascii_alphanumeric() && !self.is_before_value(mark + 1) {
                return end;
            }
            from = mark + 1 + usize::from(doubled);
        }
    }

    /// The next quote that ends a quotation by its backslashes: the place before them, and its own. None at the end of
    /// the text and for the quote of an outer level.
    pub(super) fn closing_mark(&self, from: usize, quote: Quote) -> (usize, Option<usize>) {
        let (bytes, mut at) = (self.bytes, from);
        loop {
            at = bytes.run(at, |byte| byte != b'\\' && byte != quote.mark);
            let mark = bytes.run(at, |byte| byte == b'\\');
            let slashes = mark - at;
            if mark >= bytes.len() {
                return (bytes.len(), None);
            }
            if bytes.at(mark) != quote.mark {
                at = mark;
            } else if slashes < quote.slashes {
                return (at, None);
            } else if slashes % (2 * (quote.slashes + 1)) == quote.slashes {
                return (mark - quote.slashes, Some(mark));
            } else {
                at = mark + 1;
            }
        }
    }
}

/// Says whether a value begins as sentences about passwords do.
fn is_sentence(word: &[u8]) -> bool {
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "can",
        "can't",
        "cannot",
        "could",
        "did",
        "does",
        "expired",
        "failed",
        "for",
        "from",
        "has",
        "incorrect",
        "invalid",
        "is",
        "isn't",
        "it",
        "may",
        "mismatch",
        "missing",
        "must",
        "no",
        "not",
        "of",
        "or",
        "please",
        "rejected",
        "required",
        "should",
        "the",
        "this",
        "to",
        "too",
        "value",
        "was",
        "wasn't",
        "will",
        "with",
        "wrong",
        "you",
        "your",
    ]
    .iter()
    .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}
