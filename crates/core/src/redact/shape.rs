//! What a value looks like: what cannot be a secret, plain words, and what looks like one.

use super::MASK;
use super::bytes::{Bytes, is_base64url, is_digit, is_quote};
use super::lexicon::{self as lex, Flags, look_up_value};
use super::names::{Before, NameVerdict, Strength, judge};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing, a placeholder, a type, a path.
    Nothing,
    /// The state of a secret, or a word with which a sentence begins.
    State,
    /// An integer of so many digits.
    Integer(usize),
    /// Another number: with a point, or a unit.
    Measure,
    /// Words of letters, and identifiers made of such.
    Plain,
    /// Letters and digits mixed, or signs.
    Opaque,
}

impl Shape {
    /// Looks at the first word of an unquoted value.
    pub(super) fn of_word(value: &[u8]) -> Self {
        let shape = Self::of(value);
        if shape == Self::Plain && (is_grammar(trimmed(value)) || is_participle(trimmed(value))) {
            return Self::State;
        }
        shape
    }

    /// Looks at a whole value: that of a field, or one in quotes.
    pub(super) fn of_whole(value: &[u8]) -> Self {
        let value = value.trim_ascii();
        match value.iter().position(|byte| *byte == b' ') {
            None => Self::of(value),
            // `not set`, `expired 3 days ago`
            Some(end) => {
                let first = value.get(..end).unwrap_or_default();
                if word(first) & lex::MODAL != 0 {
                    return Self::State;
                }
                match Self::of(first) {
                    Self::State => Self::State,
                    Self::Integer(digits) if digits < 4 => Self::Measure,
                    Self::Measure => Self::Measure,
                    Self::Nothing if first.starts_with(b"/") => Self::Opaque,
                    Self::Nothing => Self::Nothing,
                    Self::Plain => Self::Plain,
                    _ => Self::Opaque,
                }
            }
        }
    }

    fn of(value: &[u8]) -> Self {
        let value = trimmed(value);
        let Some(first) = value.first().copied() else { return Self::Nothing };
        if (first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.'))
            && let Some(number) = number(value)
        {
            return number;
        }
        if !first.is_ascii_alphanumeric() && is_placeholder(value) {
            return Self::Nothing;
        }
        let flags = word(value);
        if flags & lex::STATUS != 0 {
            return Self::State;
        }
        if is_type(value, flags) || is_path(value) || flags & lex::ALGORITHM != 0 {
            return Self::Nothing;
        }
        let is_long = value.len() > 2 || !first.is_ascii_alphabetic();
        if is_long && value.iter().all(|byte| is_mark(*byte, first)) {
            return Self::Nothing;
        }
        if is_name_of_secret(value) {
            return Self::Nothing;
        }
        if is_identifier(value) && !is_product_key(value) { Self::Plain } else { Self::Opaque }
    }
}

/// A name for a value: `YOUR_API_KEY`, `db-password`.
fn is_name_of_secret(value: &[u8]) -> bool {
    value.iter().any(|byte| matches!(byte, b'_' | b'-'))
        && value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
        && !judge(value, Before::default()).is_clear()
}

/// `ABCD-1234-EFGH-5678`: groups of one length, of capitals and digits.
fn is_product_key(value: &[u8]) -> bool {
    let mut groups = value.split(|byte| *byte == b'-');
    let len = groups.next().map_or(0, <[u8]>::len);
    (4..=8).contains(&len)
        && value.len() > 2 * len + 2
        && groups.all(|group| group.len() == len)
        && value.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'-')
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_uppercase)
}

/// Says whether a value under a name is a secret.
pub(super) fn is_secret(verdict: NameVerdict, shape: Shape, value: &[u8], quoted: bool) -> bool {
    if verdict.always {
        return !is_nothing(value);
    }
    match (verdict.strength, shape) {
        (Strength::Clear, _) | (_, Shape::Nothing | Shape::State) => false,
        (_, Shape::Integer(digits)) => hides_digits(verdict, digits),
        (_, Shape::Plain) if verdict.numeric && is_plain_word(value) => false,
        // The code of a card, and what else may have a point or a dash in it.
        (_, Shape::Measure) => verdict.digits == 3 && digits(value) >= 3,
        (Strength::Strong, _) => true,
        (Strength::Weak, Shape::Plain) => quoted && verdict.quoted,
        (Strength::Weak, Shape::Opaque) => (quoted && verdict.quoted) || is_opaque(value),
    }
}

/// Says whether a value says that there is none, whatever the name.
fn is_nothing(value: &[u8]) -> bool {
    value.is_empty()
        || is_masked(value)
        || ["null", "none", "nil", "true", "false", "undefined"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

pub(super) fn hides_digits(verdict: NameVerdict, digits: usize) -> bool {
    verdict.digits != 0 && digits >= usize::from(verdict.digits)
}

fn digits(value: &[u8]) -> usize {
    value.iter().filter(|byte| byte.is_ascii_digit()).count()
}

/// A value without what ends a sentence.
fn trimmed(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [rest @ .., b'.' | b',' | b';' | b':' | b'!'] = value
        && !rest.is_empty()
    {
        value = rest;
    }
    value
}

fn word(value: &[u8]) -> Flags {
    look_up_value(value)
}

fn is_grammar(value: &[u8]) -> bool {
    word(value) & (lex::GRAMMAR | lex::LINK) != 0
}

/// `expired`, `pending`, `verification`, `unavailable`
fn is_participle(value: &[u8]) -> bool {
    let is_vowel = |byte: &u8| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    if value.len() < 6 || !value.iter().all(u8::is_ascii_lowercase) {
        return false;
    }
    match value {
        [.., b'e', b'e', b'd'] => false,
        [stem @ .., b'e', b'd'] | [stem @ .., b'i', b'n', b'g'] => stem.iter().any(is_vowel),
        [.., b't' | b's', b'i', b'o', b'n'] | [.., b'a' | b'i', b'b', b'l', b'e'] => value.len() > 7,
        _ => false,
    }
}

/// The same sign again and again: `***`, `xxxx`, `....`
fn is_mark(byte: u8, first: u8) -> bool {
    byte == first && matches!(first, b'*' | b'x' | b'X' | b'.' | b'-' | b'_' | b'?' | b'#' | b'=' | b'~')
}

fn is_placeholder(value: &[u8]) -> bool {
    let is_word = |bytes: &[u8]| {
        !bytes.is_empty()
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.' | b' '))
    };
    let is_name = |bytes: &[u8]| {
        bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    match value {
        // `?`, `?1`, `$1`
        [b'?' | b'$', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => true,
        [b'$', b'{' | b'(', ..] | [b'{', b'{', ..] | [b'#', b'{', ..] => true,
        [b'$', rest @ ..] => is_name(rest),
        [b'%', b's' | b'd' | b'v' | b'q' | b'@'] | [b'%', b'(', ..] => true,
        [b'%', rest @ .., b'%'] => is_name(rest),
        [b'{', rest @ .., b'}'] => rest.is_empty() || is_name(rest) || rest.starts_with(b":"),
        [b'<', rest @ .., b'>'] => is_word(rest),
        [b'<', rest @ ..] => is_word(rest),
        [b':' | b'@' | b'&', rest @ ..] if is_name(rest) => !rest.iter().any(u8::is_ascii_digit),
        [b'&', ..] => true,
        [b'[', rest @ .., b']'] | [b'(', rest @ .., b')'] | [b'(', rest @ ..] => {
            rest.is_empty() || is_word(rest)
        }
        _ => !value.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80),
    }
}

/// `String`, `Option<Token>`, `&str`, `fn(u8)`, and the call of a function without arguments.
fn is_type(value: &[u8], flags: Flags) -> bool {
    if flags & lex::TYPE != 0 {
        return true;
    }
    let end =
        value.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(value.len());
    let (head, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
    match rest.first() {
        Some(b'<') => head.first().is_some_and(u8::is_ascii_uppercase),
        Some(b'(') => {
            rest.starts_with(b"()")
                || matches!(head, b"fn" | b"Fn" | b"FnOnce" | b"FnMut" | b"func" | b"function")
        }
        Some(b'[') => rest == b"[]" && word(head) & lex::TYPE != 0,
        _ => false,
    }
}

/// A path of plain segments: `/etc/ssl/key.pem`, `./secrets`, `C:\keys`.
fn is_path(value: &[u8]) -> bool {
    let rest = match value {
        [b'/', rest @ ..] | [b'.', b'/', rest @ ..] | [b'~', b'/', rest @ ..] => rest,
        [b'.', b'.', b'/', rest @ ..] => rest,
        [drive, b':', b'\\' | b'/', rest @ ..] if drive.is_ascii_alphabetic() => rest,
        _ => return false,
    };
    let mut named = false;
    let plain = rest.split(|byte| matches!(byte, b'/' | b'\\')).all(|segment| {
        named |= segment.len() > 1;
        segment
            .iter()
            .all(|byte| is_base64url(*byte) || matches!(byte, b'.' | b'@' | b'{' | b'}' | b'$' | b':'))
            && !is_random(segment)
    });
    plain && named
}

/// A number with what may belong to it; none for other values.
fn number(value: &[u8]) -> Option<Shape> {
    let unsigned = value.strip_prefix(b"-").or_else(|| value.strip_prefix(b"+")).unwrap_or(value);
    let end = unsigned
        .iter()
        .position(|byte| !byte.is_ascii_digit() && !matches!(byte, b'.' | b',' | b'_' | b':' | b'-' | b'/'))
        .unwrap_or(unsigned.len());
    let (head, unit) = unsigned.split_at_checked(end)?;
    let count = digits(head);
    if count == 0 {
        return None;
    }
    if !unit.is_empty() {
        // `250ms`, `12h`, `5%`, `256bits`, `8chars`
        let is_unit = unit.len() <= 5 && unit.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'%');
        return (is_unit && count <= 6 && head.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
            .then_some(Shape::Measure);
    }
    if count == head.len() {
        return Some(Shape::Integer(count));
    }
    // `12-34-56` and `078-05-1120` are numbers of their kind; `4.5`, `1,000`, `2026-01-01`, `12:30` are measures.
    let groups = head.split(|byte| !byte.is_ascii_digit());
    if head.contains(&b'-') && !head.contains(&b':') {
        let is_date = groups.clone().next().is_some_and(|year| year.len() == 4) && groups.count() == 3;
        return Some(if is_date { Shape::Measure } else { Shape::Integer(count) });
    }
    let points = head.iter().filter(|byte| **byte == b'.').count();
    Some(if points > 1 || head.contains(&b'/') { Shape::Opaque } else { Shape::Measure })
}

/// Words of letters joined by signs, with numbers at most as words of their own: `orders_fk`, `shop-tls`, `user-42`.
pub(super) fn is_identifier(value: &[u8]) -> bool {
    let mut letters = false;
    let mut words = 0;
    let plain = value.split(|byte| matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b'@')).all(|segment| {
        words += 1;
        let end = segment.iter().position(u8::is_ascii_digit).unwrap_or(segment.len());
        let (head, number) = segment.split_at_checked(end).unwrap_or((segment, &[]));
        letters |= !head.is_empty();
        let humps = head.windows(2).filter(|pair| is_hump(pair)).count();
        let is_number = number.len() <= 4 && number.iter().all(u8::is_ascii_digit);
        let is_counted = number.is_empty() || head.is_empty() || is_counted(head);
        head.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80 || *byte == b'\'')
            && is_number
            && is_counted
            && (humps == 0 || head.len() >= humps * 4)
    });
    plain && letters && words <= 8 && value.len() < 64
}

fn is_hump(pair: &[u8]) -> bool {
    matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase())
}

/// A noun that is counted by a number behind it: `user42`, `node1`, `v2`.
fn is_counted(head: &[u8]) -> bool {
    matches!(head, b"v" | b"V" | b"r" | b"rc" | b"f" | b"F" | b"x")
        || word(head) & (lex::IDENTIFIER | lex::ALGORITHM | lex::LOGIN) != 0
}

/// Says whether a word looks like a secret by itself: letters and digits mixed, of some length, and no unit, algorithm
/// or numbered noun.
pub(super) fn is_opaque(value: &[u8]) -> bool {
    let value = trimmed(value);
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let digits = digits(value);
    if value.len() < 6 || value.contains(&b' ') {
        return false;
    }
    let mixed = letters > 0 && digits > 0;
    (mixed || is_random(value))
        && !matches!(Shape::of(value), Shape::Nothing | Shape::State | Shape::Plain | Shape::Measure)
}

/// Says whether a word is one that nobody would write: long, of letters in both cases and digits in between.
pub(super) fn is_random(value: &[u8]) -> bool {
    if value.len() < 16 {
        return false;
    }
    let mut changes = 0;
    let mut last = 0;
    for byte in value {
        let class = match byte {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            b'0'..=b'9' => 3,
            _ => 0,
        };
        changes += usize::from(class != 0 && last != 0 && class != last);
        last = class;
    }
    changes * 5 >= value.len()
}

/// Says whether a whole value is the mask, or begins with it.
pub(super) fn is_masked(value: &[u8]) -> bool {
    value.starts_with(MASK.as_bytes())
}

/// Says whether a group (`Some(..)`, `[..]`, `Token { kind: Ident }`) shows nothing but names of types and states.
pub(super) fn is_harmless_group(verdict: NameVerdict, group: &[u8]) -> bool {
    if verdict.always {
        return false;
    }
    if is_placeholder(trimmed(group)) || is_parser_token(group) {
        return true;
    }
    if group.iter().any(|byte| is_quote(*byte)) {
        return is_masked_group(group);
    }
    let mut rest = group;
    let mut list = group.starts_with(b"[");
    while let Some(start) = rest.iter().position(|byte| is_word_byte(*byte)) {
        let tail = rest.get(start..).unwrap_or_default();
        let len = tail.iter().position(|byte| !is_word_byte(*byte)).unwrap_or(tail.len());
        let (word, behind) = tail.split_at_checked(len).unwrap_or((tail, &[]));
        rest = behind;
        let is_key = behind.trim_ascii_start().first() == Some(&b':');
        let is_type = word.first().is_some_and(u8::is_ascii_uppercase)
            && word.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        if is_key || is_type {
            continue;
        }
        list |= behind.first() == Some(&b'[');
        let harmless = match Shape::of(word) {
            Shape::Nothing | Shape::State => true,
            // The bytes of a secret, or a count of them.
            Shape::Integer(digits) if list => verdict.digits == 0 && digits < 10,
            Shape::Integer(digits) => !hides_digits(verdict, digits),
            Shape::Measure => true,
            Shape::Plain | Shape::Opaque => matches!(word, b"kind" | b"vec"),
        };
        if !harmless {
            return false;
        }
    }
    true
}

fn is_word_byte(byte: u8) -> bool {
    is_base64url(byte) || byte >= 0x80 || matches!(byte, b'.' | b'/' | b'+')
}

/// `Some("[redacted]")`, `Secret("***")`
fn is_masked_group(group: &[u8]) -> bool {
    let mut parts = group.split(|byte| *byte == b'"');
    let outside = parts.next().is_some();
    let mut inside = true;
    let mut harmless = outside;
    for part in parts {
        if inside {
            harmless &= matches!(Shape::of_whole(part), Shape::Nothing | Shape::State);
        }
        inside = !inside;
    }
    harmless && inside && !group.contains(&b'\'')
}

/// Says whether a run of base64 is that of `user:password`.
///
/// Of a run that the end of the text cut, the start is enough.
pub(super) fn is_basic(token: &[u8], cut: bool) -> bool {
    let (mut bits, mut count, mut decoded) = (0_u32, 0_u32, 0_usize);
    for byte in token {
        let Some(value) = sextet(*byte) else { break };
        bits = (bits << 6) | value;
        count += 6;
        if count < 8 {
            continue;
        }
        count -= 8;
        let plain = u8::try_from((bits >> count) & 0xff).unwrap_or(0);
        decoded += 1;
        match plain {
            b':' => return true,
            0x20..=0x7e => {}
            0x80.. if !cut => {}
            _ => return false,
        }
    }
    cut && decoded >= 3
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// Says whether a run is of digits only.
pub(super) fn is_number(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| is_digit(*byte))
}

/// Says whether the letters and digits of a value change places often, as those of words and numbers do not.
pub(super) fn is_scrambled(value: &[u8]) -> bool {
    let class = |byte: &u8| match byte {
        b'0'..=b'9' => 1,
        b'a'..=b'z' => 2,
        b'A'..=b'Z' => 3,
        _ => 0,
    };
    let changes = value.windows(2).filter(|pair| match pair {
        [a, b] => class(a) != 0 && class(b) != 0 && class(a) != class(b),
        _ => false,
    });
    changes.count() >= 3
}

/// Says whether a value is the mask and nothing else.
pub(super) fn is_whole_mask(value: &[u8]) -> bool {
    value == MASK.as_bytes()
}

/// Says whether a run is of letters of one case, but for its first.
pub(super) fn is_plain_word(value: &[u8]) -> bool {
    value.iter().skip(1).all(u8::is_ascii_lowercase)
}

/// Says whether what stands behind `Bearer` is a token, not a word of a sentence.
pub(super) fn is_bearer(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_digit) || is_random(value)
}

/// An address, assignments, or what looks like a secret: not the name of a server.
pub(super) fn is_connection(value: &[u8]) -> bool {
    value.windows(3).any(|window| window == b"://")
        || value.iter().any(|byte| matches!(byte, b'=' | b';'))
        || is_opaque(value)
}

/// `Ident("x")`, `Literal { kind: Int }`: what a parser calls a token.
fn is_parser_token(group: &[u8]) -> bool {
    let end = group.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(group.len());
    let kind = group.get(..end).unwrap_or_default();
    [
        "Ident",
        "Identifier",
        "Literal",
        "Lit",
        "Punct",
        "Keyword",
        "Symbol",
        "Operator",
        "Op",
        "Number",
        "Word",
        "Char",
        "Comment",
        "Whitespace",
        "Eof",
        "EOF",
        "Delim",
        "Group",
        "Lifetime",
        "Comma",
        "Semi",
    ]
    .iter()
    .any(|known| kind == known.as_bytes())
}

/// Says whether a word is written as a type or a kind is: a capital, and small letters.
pub(super) fn is_kind(value: &[u8]) -> bool {
    match value {
        [first, rest @ ..] => {
            first.is_ascii_uppercase()
                && (2..12).contains(&rest.len())
                && rest.iter().all(u8::is_ascii_lowercase)
        }
        [] => false,
    }
}

/// Says whether a `$` before `at` begins the hash of a password, as `crypt` writes it, and where that ends.
pub(super) fn crypt(text: Bytes<'_>, at: usize, floor: usize) -> Option<(usize, usize)> {
    let start = at.checked_sub(1).filter(|start| *start >= floor && text.at(*start) == b'$')?;
    let scheme = text.run(at, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !(1..=12).contains(&(scheme - at)) || text.at(scheme) != b'$' {
        return None;
    }
    let end = text.run(scheme, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'.' | b'/' | b'=' | b',' | b'+' | b'-' | b'_')
    });
    (end - scheme > 20 || text.is_cut(end)).then_some((start, end))
}

/// A word for something that is done: `check failed`, `verification failed`.
pub(super) fn is_event(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_lowercase())
        && matches!(
            word,
            b"check"
                | b"lookup"
                | b"refresh"
                | b"login"
                | b"request"
                | b"exchange"
                | b"renewal"
                | b"issuer"
                | b"decode"
                | b"hash"
                | b"mail"
                | b"email"
                | b"link"
                | b"rotation"
                | b"prompt"
                | b"input"
                | b"length"
                | b"format"
                | b"audience"
                | b"header"
                | b"update"
                | b"change"
                | b"expiry"
        )
}
