//! What a secret looks like by itself: pure tests of bytes at a place.
//!
//! Each answer is the end of the secret that starts at the given place.

use super::values::{Bytes, is_base64url};

/// A JSON Web Token, or another run that starts with base64 JSON (`eyJ`): signed cookies, encrypted tokens.
pub(super) fn jwt(text: Bytes<'_>, start: usize) -> Option<usize> {
    let header = text.run(start, is_base64url);
    if header - start < 10 && header < text.len() {
        return None;
    }
    let mut end = text.run(header, |byte| is_base64url(byte) || byte == b'.');
    let cut = end == text.len();
    while end > header && text.at(end - 1) == b'.' && !cut {
        end -= 1;
    }
    (end > header || header - start >= 40 || (cut && end - start >= 6)).then_some(end)
}

/// A token by the prefix that its issuer gives it. `mark` is the `-`, `_` or `.` that ends the prefix.
///
/// Returns start and end.
pub(super) fn prefixed(text: Bytes<'_>, mark: usize, floor: usize) -> Option<(usize, usize)> {
    // Prefix, and how many characters at least follow it.
    let table: &[(&[u8], usize)] = match (text.at(mark), text.at(mark.checked_sub(1)?)) {
        (b'-', b'b' | b'p' | b'a' | b'r' | b's' | b'e' | b'c' | b'd') => &[
            (b"xoxb-", 6),
            (b"xoxp-", 6),
            (b"xoxa-", 6),
            (b"xoxr-", 6),
            (b"xoxs-", 6),
            (b"xoxe-", 6),
            (b"xoxc-", 6),
            (b"xoxd-", 6),
            (b"xapp-", 6),
        ],
        (b'-', b't') => &[(b"glpat-", 12)],
        (b'-', b'k') => &[(b"sk-", 30)],
        (b'-', b'i') => &[(b"pypi-", 16)],
        (b'-', b'X') => &[(b"GOCSPX-", 12)],
        (b'-', b'Y') => &[(b"AGE-SECRET-KEY-", 12)],
        (b'_', b'e' | b't') => &[
            (b"sk_live_", 6),
            (b"sk_test_", 6),
            (b"rk_live_", 6),
            (b"rk_test_", 6),
            (b"github_pat_", 12),
            (b"shpat_", 12),
        ],
        (b'_', b'p' | b'o' | b'u' | b's' | b'r') => {
            &[(b"ghp_", 12), (b"gho_", 12), (b"ghu_", 12), (b"ghs_", 12), (b"ghr_", 12)]
        }
        (b'_', b'c') => &[(b"whsec_", 12)],
        (b'_', b'm') => &[(b"npm_", 30)],
        (b'_', b'f') => &[(b"hf_", 30)],
        (b'_', b'1') => &[(b"dop_v1_", 30)],
        (b'.', b'G') => &[(b"SG.", 20)],
        (b'.', b'9') => &[(b"ya29.", 12)],
        _ => return None,
    };
    let after = mark + 1;
    table.iter().find_map(|(prefix, least)| {
        let start = after.checked_sub(prefix.len()).filter(|start| *start >= floor)?;
        if !text.starts_with(start, prefix) || text.before(start, floor).is_ascii_alphanumeric() {
            return None;
        }
        let dotted = text.at(mark) == b'.';
        let end = text.run(after, |byte| is_base64url(byte) || (dotted && byte == b'.'));
        (end - after >= *least || (text.cut && end == text.len())).then_some((start, end))
    })
}

/// Access key ids of AWS (`AKIA`, `ASIA`) and keys of Google (`AIza`), found by their `I`.
pub(super) fn cloud_key(text: Bytes<'_>, mark: usize, floor: usize) -> Option<(usize, usize)> {
    let (start, google) = if text.starts_with(mark.checked_sub(1)?, b"AIza") {
        (mark - 1, true)
    } else {
        let start = mark.checked_sub(2)?;
        if !text.starts_with(start, b"AKIA") && !text.starts_with(start, b"ASIA") {
            return None;
        }
        (start, false)
    };
    if start < floor || text.before(start, floor).is_ascii_alphanumeric() {
        return None;
    }
    let end = if google {
        text.run(start, is_base64url)
    } else {
        text.run(start, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let least = if google { 30 } else { 16 };
    (end - start >= least || (text.cut && end == text.len())).then_some((start, end))
}

/// A whole block of a private key in PEM, or what a cut left of it.
pub(super) fn pem(text: Bytes<'_>, start: usize) -> Option<usize> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const DASHES: &[u8] = b"-----";
    if !text.starts_with(start, BEGIN) {
        return None;
    }
    let label = start + BEGIN.len();
    let label_end =
        text.run(label, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    if label_end > label + 48 || !text.starts_with(label_end, DASHES) {
        return None;
    }
    text.find(label, label_end, b"PRIVATE KEY")?;
    let body = label_end + DASHES.len();
    let end = text.find(body, text.len(), b"-----END ").map(|end| end + BEGIN.len() - 2);
    let end = end.and_then(|end| text.find(end, end + 48, DASHES));
    Some(end.map_or(text.len(), |end| end + DASHES.len()))
}

/// A payment card number: an issuer's prefix and length, and the check digit (ISO/IEC 7812).
///
/// Digits together, or in the groups that are printed on cards, divided by one kind of blank or dash.
pub(super) fn card(text: Bytes<'_>, start: usize, floor: usize) -> Option<usize> {
    let before = text.before(start, floor);
    let inner = start > floor + 1 && text.at(start - 2).is_ascii_alphanumeric();
    if before.is_ascii_alphanumeric() || (before == b'.' && inner) {
        return None;
    }
    let first = text.run(start, |byte| byte.is_ascii_digit());
    let mut digits = Digits::default();
    digits.take(text, start, first)?;
    if first - start != 4 {
        return (digits.is_card(text.cut && first == text.len()) && ends_number(text, first))
            .then_some(first);
    }
    let divider = text.at(first);
    if !matches!(divider, b' ' | b'-') || (divider == b'-' && before == b'-' && inner) {
        return None;
    }
    let mut end = first;
    for _ in 0..4 {
        if text.at(end) != divider {
            break;
        }
        let stop = text.run(end + 1, |byte| byte.is_ascii_digit());
        if stop == end + 1 || stop - end > 7 {
            break;
        }
        digits.take(text, end + 1, stop)?;
        let layout = digits.layout(stop - end - 1);
        end = stop;
        let known = matches!(layout, 4444 | 465 | 464 | 44443 | 4441);
        if known && digits.is_card(false) && ends_number(text, end) {
            return Some(end);
        }
    }
    let rest = text.len() - end;
    (text.cut && (rest == 0 || (rest == 1 && text.at(end) == divider)) && digits.is_card(true))
        .then_some(text.len())
}

fn ends_number(text: Bytes<'_>, end: usize) -> bool {
    let next = text.at(end);
    !(next.is_ascii_alphanumeric() || next == b'_' || (next == b'.' && text.at(end + 1).is_ascii_digit()))
}

#[derive(Default)]
struct Digits {
    bytes: [u8; 20],
    len: usize,
    groups: u32,
}

impl Digits {
    /// Takes in a group; nothing is left when there are more digits than a card has.
    fn take(&mut self, text: Bytes<'_>, start: usize, end: usize) -> Option<()> {
        if end - start > 19 {
            return None;
        }
        for at in start..end {
            *self.bytes.get_mut(self.len)? = text.at(at) - b'0';
            self.len += 1;
        }
        Some(())
    }

    /// The sizes of the groups so far as the digits of one number.
    fn layout(&mut self, size: usize) -> u32 {
        if self.groups == 0 {
            self.groups = 4;
        }
        self.groups = self.groups * 10 + u32::try_from(size).unwrap_or(9);
        self.groups
    }

    fn is_card(&self, cut: bool) -> bool {
        let digits = self.bytes.get(..self.len).unwrap_or_default();
        let prefix = digits.iter().take(4).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
        let len = digits.len();
        let lengths = match prefix {
            4000..=4999 => matches!(len, 13 | 16 | 19),
            5100..=5599 | 2221..=2720 | 2200..=2204 => len == 16,
            3400..=3499 | 3700..=3799 => len == 15,
            3000..=3059 | 3600..=3699 | 3800..=3999 => matches!(len, 14..=19),
            3528..=3589 | 6011 | 6440..=6599 | 6000..=6099 | 6200..=6299 | 8100..=8299 | 5080..=5089 => {
                matches!(len, 16..=19)
            }
            5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799 => matches!(len, 13..=19),
            _ => return false,
        };
        if cut {
            return (7..=19).contains(&len);
        }
        lengths && luhn(digits)
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Says whether a run after `Basic ` is the base64 of `user:password`, so that prose passes ("Basic usage").
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

/// Says whether a run after `Bearer ` is a word of prose or of a challenge, not a token.
pub(super) fn is_bearer_prose(token: &[u8], capital: bool) -> bool {
    let letters = token.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = token.get(..letters).unwrap_or_default();
    let rest = token.get(letters..).unwrap_or_default();
    let ends =
        rest.first().is_none_or(|byte| matches!(byte, b'.' | b',' | b':' | b';' | b'=' | b'!' | b'?' | b')'));
    let known = [
        "token",
        "tokens",
        "auth",
        "authentication",
        "authorization",
        "realm",
        "scheme",
        "error",
        "scope",
        "of",
        "is",
        "was",
        "are",
        "not",
        "has",
        "header",
        "headers",
        "credentials",
        "challenge",
        "format",
        "prefix",
        "and",
        "or",
        "for",
        "in",
        "to",
        "the",
        "with",
        "from",
        "required",
        "expected",
        "missing",
    ];
    let listed = known.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    let lower = !capital && rest.is_empty() && word.len() < 16 && word.iter().all(u8::is_ascii_lowercase);
    ends && (listed || lower)
}
