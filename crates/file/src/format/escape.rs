//! Keep what a value says from being taken for something else.

use std::fmt::Write;

use crate::{
    FieldValue,
    numbers::{float, integer},
};

/// The escapes that a byte may need; a text that needs none is written as it is.
pub(crate) mod need {
    /// Hides, moves or begins a line: a control character, or part of a character that may.
    pub(crate) const LINE: u8 = 1;
    /// A quotation mark or a backslash.
    pub(crate) const QUOTE: u8 = 2;
    /// Ends a word: a blank, or an equals sign.
    pub(crate) const WORD: u8 = 4;
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
static NEEDS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'"' | b'\\' => need::QUOTE,
            b' ' | b'=' => need::WORD,
            0x21..0x7f => 0,
            _ => need::LINE,
        };
        byte += 1;
    }
    table
};

/// Tells whether a text has no byte with one of these needs. All of it is looked at: most texts have none.
pub(crate) fn has_none(text: &str, needs: u8) -> bool {
    let of = |byte: &u8| NEEDS.get(usize::from(*byte)).copied().unwrap_or(need::LINE);
    text.as_bytes().iter().fold(0, |all, byte| all | of(byte)) & needs == 0
}

/// Tells whether a character could hide, move or begin a line in a terminal or a reader of lines.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Tells whether a text can be written as it is; nearly all can, which is seen at their bytes.
fn is_safe(text: &str) -> bool {
    has_none(text, need::LINE) || !text.chars().any(is_unsafe)
}

fn escape(char: char, out: &mut String) {
    match char {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            // Writing into a String cannot fail.
            match u32::from(char) {
                code @ ..0x100 => write!(out, "\\x{code:02x}"),
                code => write!(out, "\\u{{{code:x}}}"),
            }
            .ok();
        }
    }
}

/// Appends a text that people read: a newline goes on in an indented line, other control characters are escaped.
pub(crate) fn readable(text: &str, indent: &str, out: &mut String) {
    if is_safe(text) {
        out.push_str(text);
        return;
    }
    let mut chars = text.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                out.push('\n');
                out.push_str(indent);
            }
            '\t' => out.push('\t'),
            char if is_unsafe(char) => escape(char, out),
            char => out.push(char),
        }
    }
}

/// Appends a text on one line: control characters and newlines are escaped.
pub(crate) fn one_line(text: &str, out: &mut String) {
    if is_safe(text) {
        out.push_str(text);
        return;
    }
    for char in text.chars() {
        if is_unsafe(char) { escape(char, out) } else { out.push(char) }
    }
}

/// Appends the value of a field, quoted where it could be taken for more than one word.
pub(crate) fn word(value: FieldValue<'_>, out: &mut String) {
    match value {
        FieldValue::Str(text) => quoted_if_needed(text, out),
        // A `Debug` text brings its own quotes and braces.
        FieldValue::Debug(text) => one_line(text, out),
        number => plain(number, out),
    }
}

/// Appends a text as it is, or in quotes and escaped as in JSON where it could be taken for more than one word.
pub(crate) fn quoted_if_needed(text: &str, out: &mut String) {
    let breaks = |char: char| is_unsafe(char) || char.is_whitespace() || matches!(char, '"' | '\\' | '=');
    let is_word = !text.is_empty() && (is_word(text) || !text.chars().any(breaks));
    if is_word { out.push_str(text) } else { json_string(text, out) }
}

/// Tells at its bytes whether a text is one word.
pub(crate) fn is_word(text: &str) -> bool {
    has_none(text, need::LINE | need::QUOTE | need::WORD)
}

/// Appends a string of JSON. What is valid but could end a line for some reader is escaped as well.
pub(crate) fn json_string(text: &str, out: &mut String) {
    out.push('"');
    if has_none(text, need::LINE | need::QUOTE) {
        out.push_str(text);
    } else {
        for char in text.chars() {
            match char {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                char if is_unsafe(char) => {
                    // All of them lie in the basic plane, so one unit is enough.
                    write!(out, "\\u{:04x}", u32::from(char)).ok();
                }
                char => out.push(char),
            }
        }
    }
    out.push('"');
}

/// Appends a value of JSON: numbers and booleans as such; what JSON has no number for as a string.
pub(crate) fn json_value(value: FieldValue<'_>, out: &mut String) {
    match value {
        FieldValue::Str(text) | FieldValue::Debug(text) => json_string(text, out),
        FieldValue::F64(number) if !number.is_finite() => {
            out.push('"');
            plain(value, out);
            out.push('"');
        }
        FieldValue::I128(number) if i64::try_from(number).is_err() => in_quotes(number, out),
        FieldValue::U128(number) if u64::try_from(number).is_err() => in_quotes(number, out),
        _ => plain(value, out),
    }
}

fn in_quotes(number: impl itoa::Integer, out: &mut String) {
    out.push('"');
    integer(number, out);
    out.push('"');
}

/// Appends a value as it is.
pub(crate) fn plain(value: FieldValue<'_>, out: &mut String) {
    match value {
        FieldValue::Str(text) | FieldValue::Debug(text) => out.push_str(text),
        FieldValue::I64(n) => integer(n, out),
        FieldValue::U64(n) => integer(n, out),
        FieldValue::I128(n) => integer(n, out),
        FieldValue::U128(n) => integer(n, out),
        FieldValue::F64(n) => float(n, out),
        FieldValue::Bool(b) => out.push_str(if b { "true" } else { "false" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_begin_a_line_or_move_the_cursor() {
        let nasty = "a\nb\r\nc\u{1b}[2Jd\u{85}e\u{2028}f\u{202e}g\u{0}";
        let mut out = String::new();
        readable(nasty, "    ", &mut out);
        assert_eq!(out, "a\n    b\n    c\\x1b[2Jd\\x85e\\u{2028}f\\u{202e}g\\x00");
        let mut out = String::new();
        one_line(nasty, &mut out);
        assert_eq!(out, "a\\nb\\r\\nc\\x1b[2Jd\\x85e\\u{2028}f\\u{202e}g\\x00");
        let mut out = String::new();
        json_string(nasty, &mut out);
        assert_eq!(out, "\"a\\nb\\r\\nc\\u001b[2Jd\\u0085e\\u2028f\\u202eg\\u0000\"");
    }

    #[test]
    fn a_word_is_quoted_only_where_it_has_to_be() {
        let cases = [
            (FieldValue::Str("paid"), "paid"),
            (FieldValue::Str("a b"), "\"a b\""),
            (FieldValue::Str(""), "\"\""),
            (FieldValue::Str("a=\"b\""), "\"a=\\\"b\\\"\""),
            (FieldValue::Debug("Some(\"x\")"), "Some(\"x\")"),
            (FieldValue::F64(1.0), "1.0"),
            (FieldValue::Bool(true), "true"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            word(value, &mut out);
            assert_eq!(out, expected);
        }
    }
}
