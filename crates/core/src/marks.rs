//! The texts that stand for what was left out, and numbers with the nouns that they count.

/// The text that stands for a secret.
pub const MASK: &str = "[redacted]";
/// The text at the end of a text that was cut for lack of room in a message.
pub const CUT: &str = "… [cut]";
/// The text that stands for a value whose `Debug` or `Display` panicked.
pub const PANICKED: &str = "[panicked while formatted]";

/// The name of the field that says how many fields of an event or a span were left out, as there were too many.
pub const FIELDS_LEFT_OUT: &str = "fields_left_out";

/// Returns a number with the noun that it counts: `1 alert`, `2 alerts`, `3 matches`.
///
/// `one` is a noun whose plural ends with `s` or `es`.
#[must_use]
pub fn counted(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ if one.ends_with(['s', 'x']) || one.ends_with("ch") || one.ends_with("sh") => {
            format!("{count} {one}es")
        }
        _ => format!("{count} {one}s"),
    }
}

const MARK_START: &str = "… [";
const MARK_END: &str = " bytes more]";
const MARK_END_ONE: &str = " byte more]";
const AT_LEAST: &str = "at least ";

/// Returns the text at the end of a captured text that was cut: `… [12,345 bytes more]`.
pub(crate) fn cut_mark(missing: usize, is_exact: bool) -> String {
    let digits = missing.to_string();
    let mut mark = String::from(MARK_START);
    if !is_exact {
        mark.push_str(AT_LEAST);
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            mark.push(',');
        }
        mark.push(digit);
    }
    match missing {
        1 => mark + MARK_END_ONE,
        _ => mark + MARK_END,
    }
}

/// Splits a text before the mark of a cut; the mark is empty if there is none.
#[inline]
pub(crate) fn split_cut(text: &str) -> (&str, &str) {
    // Nearly every text is told by its last byte.
    if text.as_bytes().last() == Some(&b']') { split_bracketed(text) } else { (text, "") }
}

fn split_bracketed(text: &str) -> (&str, &str) {
    let whole = (text, "");
    if let Some(rest) = text.strip_suffix(CUT) {
        return (rest, CUT);
    }
    let end = text.strip_suffix(MARK_END).or_else(|| text.strip_suffix(MARK_END_ONE));
    let Some((rest, number)) = end.and_then(|text| text.rsplit_once(MARK_START)) else {
        return whole;
    };
    let number = number.strip_prefix(AT_LEAST).unwrap_or(number);
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b',') {
        return whole;
    }
    text.split_at_checked(rest.len()).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_counted_in_the_singular() {
        for (count, one, shown) in [
            (0, "alert", "0 alerts"),
            (1, "alert", "1 alert"),
            (2, "process", "2 processes"),
            (1, "process", "1 process"),
            (3, "match", "3 matches"),
        ] {
            assert_eq!(counted(count, one), shown);
        }
        for missing in [1, 2, 12_345] {
            let mark = cut_mark(missing, true);
            assert_eq!(split_cut(&format!("text{mark}")), ("text", mark.as_str()));
        }
        assert_eq!(cut_mark(1, true), "… [1 byte more]");
    }
}
