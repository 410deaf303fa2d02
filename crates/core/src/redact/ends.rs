//! Where a value ends: at a quote, a bracket, a blank, the end of a line.

use super::MASK;
use super::bytes::{Bytes, is_blank, is_closer, is_name, is_quote};

/// How far the scanner looks back for a name, and ahead for the next one, in bytes.
pub(super) const REACH: usize = 96;

/// A quotation mark and the backslashes before it: one more level of quoting for each `2n + 1` of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quote {
    pub(super) mark: u8,
    pub(super) slashes: usize,
}

impl Quote {
    /// How many bytes it takes.
    pub(super) fn len(self) -> usize {
        self.slashes + 1
    }
}

/// Finds the ends of values in a text.
#[derive(Clone, Copy)]
pub(super) struct Ends<'t>(pub(super) Bytes<'t>);

impl Ends<'_> {
    pub(super) fn has_mask(self, at: usize) -> bool {
        self.0.starts_with(at, MASK.as_bytes())
    }

    pub(super) fn quote_at(self, at: usize) -> Option<Quote> {
        let mark = match self.0.at(at) {
            b'\\' => self.0.run(at, |byte| byte == b'\\'),
            _ => at,
        };
        let byte = self.0.at(mark);
        is_quote(byte).then_some(Quote { mark: byte, slashes: mark - at })
    }

    /// The end of an unquoted value, and whether it is a group in brackets, if there may be one.
    pub(super) fn unquoted(self, start: usize, groups: bool) -> (usize, bool) {
        let bytes = self.0;
        let ident = bytes.run(start, |byte| is_name(byte) || byte == b':' || byte == b'!');
        let blank = usize::from(bytes.at(ident) == b' ' && bytes.at(start).is_ascii_uppercase());
        let open = bytes.at(ident + blank);
        let group = match open {
            b'(' => blank == 0 && ident > start,
            b'[' => ident == start || bytes.at(ident.saturating_sub(1)) == b'!',
            b'{' => ident == start || bytes.at(start).is_ascii_uppercase(),
            _ => false,
        };
        if group && groups && !self.has_mask(start) {
            return (self.word_end(self.group_end(ident + blank)), true);
        }
        let end = self.word_end(if self.has_mask(start) { start + MASK.len() } else { start });
        if is_scheme(bytes.slice(start, end)) {
            let next = bytes.run(end, |byte| byte == b' ');
            // `let token: Token = ..` is no scheme.
            let is_value = !matches!(bytes.at(next), b'=' | b',' | b';' | b')' | b'|');
            return (if is_value { self.word_end(next).max(end) } else { end }, false);
        }
        (end, false)
    }

    /// The end of a value of several words, whose first ends at `end`: at the end of the line, before `name=` and
    /// `name:`, a bracket or a divider.
    pub(super) fn phrase(self, start: usize, end: usize) -> usize {
        let (bytes, mut end) = (self.0, end);
        loop {
            let next = bytes.run(end, |byte| byte == b' ' || byte == b'\t');
            let stops = matches!(
                bytes.at(next),
                b'(' | b'[' | b'{' | b'<' | b'|' | b'"' | b'\'' | b'`' | b'-' | b'='
            );
            let name = bytes.run(next, is_name);
            let is_pair = name > next && matches!(bytes.at(name), b'=' | b':');
            let word = self.word_end(next);
            if next == end || stops || is_pair || word == next || bytes.before(end, start) == b'.' {
                return end;
            }
            end = word;
        }
    }

    /// The end of a header's value: the line, the next header of a list, or the quote that `opened` the header.
    pub(super) fn line(self, start: usize, opened: u8) -> usize {
        let bytes = self.0;
        let from = match bytes.at(start) {
            _ if self.has_mask(start) => start + MASK.len(),
            b'{' | b'[' | b'(' => self.group_end(start),
            _ => start,
        };
        let mut at = from;
        while at < bytes.len() {
            let next = bytes.at(at + 1);
            at = match bytes.at(at) {
                b'\n' | b'\r' => break,
                b'\\' => match self.quote_at(at) {
                    Some(quote) if self.ends_line(at + quote.len()) => break,
                    Some(quote) => at + quote.len(),
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
        at.min(bytes.len())
    }

    /// Says whether a quote or bracket before `at` closes what the line stands in.
    fn ends_line(self, at: usize) -> bool {
        let byte = self.0.at(at);
        byte == 0 || matches!(byte, b'\n' | b'\r' | b',' | b'\\') || is_quote(byte) || is_closer(byte)
    }

    fn is_header(self, at: usize) -> bool {
        let bytes = self.0;
        let start = bytes.run(at, |byte| byte == b' ');
        let start = self.quote_at(start).map_or(start, |quote| start + quote.len());
        let end = bytes.run(start, is_name);
        if end - start > REACH {
            return false;
        }
        let close = self.quote_at(end).map_or(end, |quote| end + quote.len());
        end > start && bytes.at(close) == b':'
    }

    /// The end of a run of non-blank characters, without the brackets and quotes around it.
    pub(super) fn word_end(self, start: usize) -> usize {
        let bytes = self.0;
        let mut at = start;
        while at < bytes.len() {
            at = match bytes.at(at) {
                byte if is_blank(byte) => break,
                b',' | b';' | b'&' | b'|' if self.is_next(at + 1) => break,
                b'%' if bytes.starts_with(at, b"%26") => break,
                b'<' if bytes.at(at + 1) == b'/' => break,
                byte if (is_closer(byte) || is_quote(byte)) && self.is_boundary(at + 1) => break,
                b'\\' => match self.quote_at(at) {
                    Some(quote) if self.is_boundary(at + quote.len()) => break,
                    Some(quote) => at + quote.len(),
                    None if matches!(bytes.at(at + 1), b'n' | b'r' | b't') && at > start => break,
                    None => bytes.run(at, |byte| byte == b'\\'),
                },
                _ => at + 1,
            };
        }
        at
    }

    /// Says whether a divider before `at` ends the value: a blank, a quote, or a name with its separator follows.
    fn is_next(self, at: usize) -> bool {
        let bytes = self.0;
        let byte = bytes.at(at);
        if at >= bytes.len() || is_blank(byte) || is_quote(byte) || matches!(byte, b'\\' | b'{') {
            return true;
        }
        let end = bytes.run(at, is_name);
        end > at
            && end - at <= REACH
            && (matches!(bytes.at(end), b'=' | b':' | b'[' | b']')
                || [b"%3D", b"%5B", b"%5D"].iter().any(|code| bytes.starts_with_any_case(end, *code)))
    }

    pub(super) fn is_boundary(self, at: usize) -> bool {
        let byte = self.0.at(at);
        at >= self.0.len()
            || is_blank(byte)
            || is_quote(byte)
            || is_closer(byte)
            || matches!(byte, b',' | b';' | b':' | b'.' | b'&' | b'|' | b'?' | b'\\')
    }

    /// Says whether `name=value` stands at `at`: then the value before it is empty.
    pub(super) fn is_assignment(self, at: usize) -> bool {
        let bytes = self.0;
        let end = bytes.run(at, is_name);
        let next = bytes.at(end + 1);
        end > at && end - at <= REACH && bytes.at(end) == b'=' && !is_blank(next) && next != b'='
    }

    /// The end of a bracketed group, or of the text if it is not closed: then the rest of the group was cut.
    pub(super) fn group_end(self, start: usize) -> usize {
        let (bytes, mut at, mut depth) = (self.0, start, 0_usize);
        while at < bytes.len() {
            at = match bytes.at(at) {
                b'"' | b'\\' => match self.quote_at(at) {
                    Some(quote) if quote.mark == b'"' => {
                        let (end, mark) = self.closing_mark(at + quote.len(), quote);
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
    pub(super) fn close(self, content: usize, quote: Quote) -> usize {
        let (bytes, mut from) = (self.0, content);
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

    /// Says whether `: "`, `: {` or `: [` stands at `at`.
    fn is_before_value(self, at: usize) -> bool {
        let bytes = self.0;
        let value = bytes.run(at + 1, |byte| byte == b' ');
        bytes.at(at) == b':' && matches!(bytes.at(value), b'"' | b'\'' | b'\\' | b'{' | b'[')
    }

    /// The next quote that ends a quotation by its backslashes: the place before them, and its own. None at the end of
    /// the text and for the quote of an outer level.
    fn closing_mark(self, from: usize, quote: Quote) -> (usize, Option<usize>) {
        let (bytes, mut at) = (self.0, from);
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

/// An authentication scheme (RFC 9110 §11.1), which the credentials follow.
pub(super) fn is_scheme(value: &[u8]) -> bool {
    ["bearer", "basic", "token", "digest", "negotiate", "apikey", "splunk", "aws4-hmac-sha256"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}
