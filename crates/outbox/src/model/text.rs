//! Make any text fit to be shown, and fit into a provider's limit, before a sink escapes it in its own way.

use std::time::{Duration, SystemTime};

use watchfire_core::CUT;

/// Returns the characters of `text` as they may be shown on any channel: one line break, no control characters but
/// tabs, and nothing that turns the direction of the text that follows.
///
/// What is taken out leaves U+FFFD, so that a reader sees that something was there.
pub fn printable(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        Some(match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                '\n'
            }
            '\n' | '\t' => c,
            '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
            // Embeddings, overrides and isolates of UAX #9: unclosed, they reorder what others say behind them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
    })
}

/// Returns the [`printable`] text, cut so that its characters cost at most `max`, the mark of the cut included.
///
/// `cost` is in the provider's unit, and of the character as it goes out: after escaping where the provider counts so.
/// Nothing is returned if not even the mark fits.
pub fn clip(text: &str, max: usize, cost: impl Fn(char) -> usize) -> String {
    let mark: usize = CUT.chars().map(&cost).sum();
    let (mut out, mut used) = (String::new(), 0);
    // Where the text ends if it has to be cut.
    let mut end = 0;
    for c in printable(text) {
        let next = used + cost(c);
        if next > max {
            out.truncate(end);
            if mark <= max {
                out.push_str(CUT);
            }
            return out;
        }
        out.push(c);
        used = next;
        if used + mark <= max {
            end = out.len();
        }
    }
    out
}

/// Returns the [`printable`] text with all its lines but the first moved to the right by `by` spaces.
///
/// So a text with line breaks stays one entry of a list. White space at its end goes; empty lines stay empty.
pub(crate) fn hanging(text: &str, by: usize) -> String {
    let text: String = printable(text.trim_end()).collect();
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', by));
            }
        }
        out.push_str(line);
    }
    out
}

/// Returns a time as RFC 3339 in UTC, to the second.
#[must_use]
pub fn format_timestamp(at: SystemTime) -> String {
    match jiff::Timestamp::try_from(at) {
        Ok(at) => jiff::fmt::temporal::DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&at),
        Err(_) => "at an unknown time".to_owned(),
    }
}

/// Returns a length of time in its two largest units: `2 h 5 min`.
#[must_use]
pub fn format_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) => format!("{m} min {} s", seconds % 60),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

/// Returns `text` as one line of at most `max` characters: control characters become spaces, the cut is marked.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max * 4));
    let mut space = false;
    let mut left = max;
    for c in text.trim().chars() {
        if c.is_control() || c.is_whitespace() {
            space = true;
            continue;
        }
        let needed = 1 + usize::from(space);
        if left < needed {
            line.pop();
            line.push('…');
            return line;
        }
        if space {
            line.push(' ');
            space = false;
        }
        line.push(c);
        left -= needed;
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_what_may_be_shown() {
        let cases = [
            ("plain\ttext\n", "plain\ttext\n"),
            ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
            ("a\0b\u{1b}[31m", "a\u{fffd}b\u{fffd}[31m"),
            ("user\u{202e}gpj.exe", "user\u{fffd}gpj.exe"),
            ("שלום 👩‍👩‍👧", "שלום 👩‍👩‍👧"),
        ];
        for (text, expected) in cases {
            assert_eq!(printable(text).collect::<String>(), expected);
        }
    }

    #[test]
    fn lines_after_the_first_hang() {
        let cases =
            [("one", "one"), ("a\nb\r\n\u{2028}c\rd\n \n", "a\n  b\n\n  c\n  d"), ("\na", "\n  a"), ("", "")];
        for (text, expected) in cases {
            assert_eq!(hanging(text, 2), expected, "{text:?}");
        }
    }

    #[test]
    fn cuts_by_the_cost_of_what_goes_out() {
        let escaped = |c: char| if c == '<' { 4 } else { c.len_utf16() };
        assert_eq!(clip("<<<", 12, escaped), "<<<");
        assert_eq!(clip("<<<<", 15, escaped), format!("<<{CUT}"));
        assert_eq!(clip("😀😀😀😀😀", 9, char::len_utf16), format!("😀{CUT}"));
        assert_eq!(clip("😀😀😀😀😀", 10, char::len_utf16), "😀😀😀😀😀");
        assert_eq!(clip("abcdefgh", 3, char::len_utf16), "");
        assert_eq!(clip("", 0, char::len_utf16), "");
    }

    proptest! {
        #[test]
        fn never_costs_more_than_allowed(text in ".*", max in 0_usize..60) {
            let cost = |c: char| if c == '&' { 5 } else { c.len_utf16() };
            let out = clip(&text, max, cost);
            prop_assert!(out.chars().map(cost).sum::<usize>() <= max);
            let whole: String = printable(&text).collect();
            let kept = out.strip_suffix(CUT).unwrap_or(&out);
            prop_assert!(whole.starts_with(kept));
        }
    }
}
