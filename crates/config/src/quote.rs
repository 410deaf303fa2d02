//! Quotes what a configuration says in a message, without showing a credential.

use std::borrow::Cow;

use watchfire_core::{Redactor, process};

use crate::{
    keys::{KeySpec, Section, ValueKind},
    setting::{Options, Setting},
};

/// The longest name that is quoted, in characters.
const LONGEST: usize = 32;
/// A name has no more digits.
const MOST_DIGITS: usize = 4;
/// Letters and digits mixed are a word of ours, such as `W6`, up to this length.
const SHORT: usize = 4;
/// A shorter value is found in ordinary words.
const LEAST: usize = 3;

/// Quotes a level, a name or a word of a fixed set. A text that does not look like a name is described by its length.
pub(crate) fn quoted(text: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    let length = text.chars().count();
    let is_short = length <= LONGEST && text.chars().filter(char::is_ascii_digit).count() <= MOST_DIGITS;
    // `ops-2` is a name; `hunter2` may be one.
    let mixes = |pair: &[u8]| matches!(pair, [a, b] if (a.is_ascii_alphabetic() && b.is_ascii_digit()) || (a.is_ascii_digit() && b.is_ascii_alphabetic()));
    let is_mixed = length > SHORT && text.as_bytes().windows(2).any(mixes);
    if is_short && !is_mixed && text.chars().all(is_name) && is_ordinary(text) {
        return format!("`{text}`");
    }
    format!("<text, {length} characters>")
}

fn is_ordinary(text: &str) -> bool {
    matches!(Redactor::default().text(text), Cow::Borrowed(_))
        && matches!(process::mask_own_secrets(text), Cow::Borrowed(_))
}

/// Returns the reason of an error about a part without the values of the part's table.
pub(crate) fn without_values(reason: &str, section: Section, table: &Options) -> String {
    let kind = table.text("type").unwrap_or_default();
    let keys = section.types().iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| *keys);
    let mut values = Vec::new();
    gather(table, &[section.common(), keys], &mut values);
    // The expected value is our own example, whatever the file has.
    let (said, expected) = reason.find("expected").map_or((reason, ""), |at| reason.split_at(at));
    let mut shown = String::new();
    for (i, part) in said.split('`').enumerate() {
        let is_quoted = i % 2 == 1;
        let plain_part = plain(part);
        if is_quoted && values.iter().any(|value| is_part_of(part, &plain_part, value)) {
            shown.push_str("the value");
        } else if is_quoted {
            shown.push('`');
            shown.push_str(part);
            shown.push('`');
        } else {
            shown.push_str(part);
        }
    }
    values.retain(|value| shown.contains(value));
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    // A value of several words may be a part of any sentence; in quotes it was replaced above.
    let is_word = |value: &&&str| value.chars().count() >= LEAST && !value.contains(char::is_whitespace);
    for value in values.iter().filter(is_word) {
        shown = shown.replace(value, "the value");
    }
    shown + expected
}

/// Gathers the texts that stand under keys without a fixed set of words.
fn gather<'t>(table: &'t Options, keys: &[&'static [KeySpec]], values: &mut Vec<&'t str>) {
    for (name, value) in table.iter() {
        let kind = keys.iter().flat_map(|keys| keys.iter()).find(|key| key.name == name).map(|key| key.kind);
        match kind {
            Some(ValueKind::Table(below)) => {
                if let Some(table) = value.as_table() {
                    gather(table, &[below], values);
                }
            }
            None | Some(ValueKind::Text | ValueKind::Secret | ValueKind::File | ValueKind::Texts)
                if name != "type" =>
            {
                texts(value, values);
            }
            _ => {}
        }
    }
}

fn texts<'t>(value: &'t Setting, values: &mut Vec<&'t str>) {
    match value {
        Setting::Text(text) => values.push(text),
        Setting::List(list) => list.iter().for_each(|value| texts(value, values)),
        Setting::Table(table) => table.iter().for_each(|(_, value)| texts(value, values)),
        _ => {}
    }
}

/// Tells whether a quoted text is a value or a part of one, shortened or written otherwise.
fn is_part_of(quoted: &str, plain_quoted: &str, value: &str) -> bool {
    quoted == value
        || (plain_quoted.len() >= LEAST
            && value.len() >= plain_quoted.len()
            && plain(value).contains(plain_quoted))
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_nothing_that_may_be_a_credential() {
        for (text, expected) in [
            ("loud", "`loud`"),
            ("shop::pay", "`shop::pay`"),
            ("ops-2", "`ops-2`"),
            ("xoxb-123456789012-abcdefghijkl", "<text, 30 characters>"),
            ("hunter2", "<text, 7 characters>"),
            ("W9", "`W9`"),
            ("bob:pw@host", "<text, 11 characters>"),
            ("two words", "<text, 9 characters>"),
            ("4111111111111111", "<text, 16 characters>"),
            ("", "``"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn the_reason_of_an_error_has_no_value_of_the_table() {
        let twilio = Options::new().with("from", "+15005550006").with("pasword", "hunter2hunter2");
        let table = Options::new()
            .with("type", "sms")
            .with("to", vec!["+43 660 1234567", "not an address"])
            .with("twilio", twilio);
        for (reason, expected) in [
            ("`not an address` is wrong; expected `a@b`", "the value is wrong; expected `a@b`"),
            ("`+436601234567` is listed twice", "the value is listed twice"),
            ("`not an…` is wrong", "the value is wrong"),
            ("hunter2hunter2: cannot be read", "the value: cannot be read"),
            ("expected `sms`", "expected `sms`"),
        ] {
            assert_eq!(without_values(reason, Section::Handlers, &table), expected);
        }
    }
}
