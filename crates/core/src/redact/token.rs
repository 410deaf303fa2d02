//! Secrets that are known by themselves: tokens by the prefix of their issuer, JSON Web Tokens, keys, numbers of bank
//! accounts.

use super::bytes::{Bytes, is_base64url, is_digit};

/// A prefix, how many characters at least follow it, and which.
type Prefix = (&'static [u8], usize, Alphabet);

#[derive(Clone, Copy, PartialEq)]
enum Alphabet {
    Alphanumeric,
    Base64Url,
    Hex,
    UpperDigits,
    /// As `Base64Url`, with points.
    Dotted,
}
use Alphabet::{Alphanumeric, Base64Url, Dotted, Hex, UpperDigits};

/// The prefixes by their first byte, as the issuers document them.
fn prefixes(first: u8) -> &'static [Prefix] {
    match first {
        b'x' => &[
            (b"xoxb-", 6, Base64Url),
            (b"xoxp-", 6, Base64Url),
            (b"xoxa-", 6, Base64Url),
            (b"xoxr-", 6, Base64Url),
            (b"xoxs-", 6, Base64Url),
            (b"xoxe-", 6, Base64Url),
            (b"xoxc-", 6, Base64Url),
            (b"xoxd-", 6, Base64Url),
            (b"xapp-", 6, Base64Url),
            (b"xkeysib-", 20, Base64Url),
            (b"xsmtpsib-", 20, Base64Url),
            (b"xai-", 30, Alphanumeric),
        ],
        b'g' => &[
            (b"ghp_", 12, Alphanumeric),
            (b"gho_", 12, Alphanumeric),
            (b"ghu_", 12, Alphanumeric),
            (b"ghs_", 12, Alphanumeric),
            (b"ghr_", 12, Alphanumeric),
            (b"github_pat_", 12, Base64Url),
            (b"glpat-", 12, Base64Url),
            (b"gldt-", 12, Base64Url),
            (b"glrt-", 12, Base64Url),
            (b"glptt-", 12, Base64Url),
            (b"glft-", 12, Base64Url),
            (b"glsoat-", 12, Base64Url),
            (b"glcbt-", 12, Base64Url),
            (b"glagent-", 12, Base64Url),
            (b"glsa_", 20, Base64Url),
            (b"glc_", 30, Base64Url),
            (b"gsk_", 30, Alphanumeric),
        ],
        b's' => &[
            (b"sk_live_", 6, Base64Url),
            (b"sk_test_", 6, Base64Url),
            (b"sk-proj-", 16, Base64Url),
            (b"sk-ant-", 16, Base64Url),
            (b"sk-or-", 16, Base64Url),
            (b"sk-svcacct-", 16, Base64Url),
            (b"sk-", 30, Base64Url),
            (b"shpat_", 12, Alphanumeric),
            (b"shpca_", 12, Alphanumeric),
            (b"shppa_", 12, Alphanumeric),
            (b"shpss_", 12, Alphanumeric),
            (b"sq0atp-", 12, Base64Url),
            (b"sq0csp-", 12, Base64Url),
            (b"sntrys_", 20, Base64Url),
            (b"sntryu_", 20, Base64Url),
            (b"secret_", 40, Alphanumeric),
            (b"sbp_", 30, Alphanumeric),
            (b"sb_secret_", 16, Base64Url),
        ],
        b'r' => &[
            (b"rk_live_", 6, Base64Url),
            (b"rk_test_", 6, Base64Url),
            (b"rubygems_", 30, Hex),
            (b"r8_", 30, Alphanumeric),
            (b"rdme_", 30, Alphanumeric),
            (b"rnd_", 24, Alphanumeric),
        ],
        b'w' => &[(b"whsec_", 12, Base64Url)],
        b'n' => &[(b"npm_", 30, Alphanumeric), (b"nfp_", 30, Alphanumeric), (b"ntn_", 30, Alphanumeric)],
        b'p' => &[
            (b"pypi-", 16, Base64Url),
            (b"pul-", 30, Hex),
            (b"pscale_", 20, Base64Url),
            (b"pplx-", 30, Alphanumeric),
            (b"phx_", 30, Alphanumeric),
        ],
        b'h' => &[(b"hf_", 30, Alphanumeric), (b"hvs.", 20, Dotted), (b"hvb.", 20, Dotted)],
        b'd' => &[
            (b"dop_v1_", 30, Hex),
            (b"doo_v1_", 30, Hex),
            (b"dor_v1_", 30, Hex),
            (b"dckr_pat_", 12, Base64Url),
            (b"dckr_oat_", 12, Base64Url),
            (b"dapi", 32, Hex),
            (b"dp.pt.", 30, Alphanumeric),
        ],
        b'S' => &[(b"SG.", 16, Dotted), (b"SK", 32, Hex)],
        b'k' => &[(b"key-", 32, Alphanumeric)],
        b'y' => &[(b"ya29.", 12, Dotted), (b"y0_", 40, Base64Url)],
        b'A' => &[
            (b"AIza", 30, Base64Url),
            (b"AKIA", 16, UpperDigits),
            (b"ASIA", 16, UpperDigits),
            (b"ABIA", 16, UpperDigits),
            (b"ACCA", 16, UpperDigits),
            (b"AGE-SECRET-KEY-", 12, Base64Url),
            (b"ATATT3", 30, Base64Url),
            (b"ATCTT3", 30, Base64Url),
        ],
        b'G' => &[(b"GOCSPX-", 12, Base64Url), (b"GR1348941", 16, Base64Url)],
        b'P' => &[(b"PMAK-", 24, Base64Url)],
        b'N' => &[(b"NRAK-", 24, Alphanumeric), (b"NRII-", 24, Base64Url)],
        b'C' => &[(b"CCIPAT_", 24, Base64Url)],
        b'L' => &[(b"LTAI", 16, Alphanumeric)],
        b'b' => &[(b"bkua_", 30, Alphanumeric), (b"bkpat_", 30, Alphanumeric)],
        b'f' => &[(b"figd_", 24, Base64Url), (b"fm2_", 40, Base64Url)],
        b'l' => &[(b"lin_api_", 24, Alphanumeric)],
        b't' => &[(b"tskey-", 16, Base64Url), (b"tvly-", 24, Base64Url)],
        b'o' => &[(b"ops_", 40, Base64Url)],
        _ => &[],
    }
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Alphanumeric => byte.is_ascii_alphanumeric(),
            Base64Url => is_base64url(byte),
            Hex => byte.is_ascii_hexdigit(),
            UpperDigits => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Dotted => is_base64url(byte) || byte == b'.',
        }
    }
}

/// The secret that the token from `start` begins, if it is one: start and end.
pub(super) fn issued(text: Bytes<'_>, start: usize, floor: usize) -> Option<(usize, usize)> {
    // `SG.` and `hvs.` end with a point, behind which the token was taken to start.
    let start = match text.at(start.wrapping_sub(1)) {
        b'.' if start > floor => {
            let back = [b"SG.".as_slice(), b"hvs.", b"hvb.", b"dp.pt."].iter().find_map(|prefix| {
                text.ends_with_any_case(start, floor, prefix).then(|| start - prefix.len())
            });
            back.unwrap_or(start)
        }
        _ => start,
    };
    let before = text.before(start, floor);
    // `xoxe.xoxp-1-` is a token of two prefixes.
    if before.is_ascii_alphanumeric() || (before == b'.' && text.at(start) != b'x') {
        return None;
    }
    for (prefix, least, alphabet) in prefixes(text.at(start)) {
        if !text.starts_with(start, prefix) {
            continue;
        }
        let after = start + prefix.len();
        let end = text.run(after, |byte| alphabet.has(byte));
        let long = end - after >= *least;
        let exact = match alphabet {
            UpperDigits | Hex => {
                !text.at(end).is_ascii_alphanumeric() && (*alphabet == Hex || end - after == *least)
            }
            _ => true,
        };
        if (long && exact) || (text.is_cut(end) && end - after >= 1) {
            return Some((start, end));
        }
    }
    None
}

/// The secret key that stands beside an access key id of AWS, whose end is `end`: forty characters of base64.
pub(super) fn beside_access_key(text: Bytes<'_>, end: usize) -> Option<(usize, usize)> {
    let start = text.run(end, |byte| {
        matches!(byte, b' ' | b':' | b'/' | b',' | b';' | b'"' | b'\'' | b'=' | b'|' | b'\t')
    });
    if start == end || start > end + 8 {
        return None;
    }
    let stop = text.run(start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'='));
    (stop - start == 40 || (text.is_cut(stop) && stop > start)).then_some((start, stop))
}

/// A JSON Web Token, or another run that starts with base64 JSON (`eyJ`): signed cookies, encrypted tokens.
pub(super) fn jwt(text: Bytes<'_>, start: usize) -> Option<usize> {
    if !text.starts_with(start, b"eyJ") {
        return None;
    }
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

/// A token of a Discord bot: its id in base64, a time, and a code, divided by points.
pub(super) fn discord(text: Bytes<'_>, start: usize, end: usize) -> Option<usize> {
    if !(23..=28).contains(&(end - start))
        || !matches!(text.at(start), b'M' | b'N' | b'O')
        || text.at(end) != b'.'
    {
        return None;
    }
    let time = text.run(end + 1, is_base64url);
    if time - end != 7 || text.at(time) != b'.' {
        return None;
    }
    let code = text.run(time + 1, is_base64url);
    (code - time > 27 || text.is_cut(code)).then_some(code)
}

/// `digits:secret` of a Telegram bot: thirty-five characters behind the colon.
pub(super) fn telegram(text: Bytes<'_>, start: usize, end: usize) -> Option<usize> {
    if text.at(end) != b':' || !(6..=12).contains(&(end - start)) {
        return None;
    }
    let secret = text.run(end + 1, is_base64url);
    (secret - end == 36 || (secret - end > 3 && text.is_cut(secret))).then_some(secret)
}

/// A whole block of a private key, as PEM, OpenPGP and SSH write it, or what a cut left of it.
pub(super) fn private_key(text: Bytes<'_>, start: usize) -> Option<usize> {
    let dashes = text.run(start, |byte| byte == b'-');
    if !(4..=5).contains(&(dashes - start)) {
        return None;
    }
    let begin = text.run(dashes, |byte| byte == b' ');
    if !text.starts_with(begin, b"BEGIN ") {
        return None;
    }
    let label = begin + 6;
    let label_end =
        text.run(label, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    if label_end > label + 48 || !text.starts_with(label_end, b"----") {
        return None;
    }
    text.find(label, label_end, b"PRIVATE KEY")?;
    // A line that begins with dashes and `END`.
    let mut at = label_end + 4;
    while let Some(found) = text.find(at, text.len(), b"END ") {
        let before = text.slice(found.saturating_sub(5), found);
        if before.ends_with(b"----") || before.ends_with(b"---- ") {
            let stop = text.find(found, found + 64, b"----").map(|stop| text.run(stop, |byte| byte == b'-'));
            return Some(stop.unwrap_or(text.len()));
        }
        at = found + 4;
    }
    Some(text.len())
}

/// A key file of PuTTY: its private lines and what follows.
pub(super) fn putty(text: Bytes<'_>, dash: usize, floor: usize) -> Option<(usize, usize)> {
    if !text.ends_with_any_case(dash, floor, b"private") || !text.starts_with(dash, b"-Lines:") {
        return None;
    }
    let start = text.run(dash + 7, |byte| byte == b' ' || byte.is_ascii_digit());
    let mac = text.find(start, text.len(), b"Private-MAC:");
    let end = mac.map_or(text.len(), |mac| text.run(mac, |byte| !matches!(byte, b'\n' | b'\r')));
    Some((start, end))
}

/// An international bank account number (ISO 13616): its country's length, and the check digits.
///
/// Together, or in groups of four.
pub(super) fn iban(text: Bytes<'_>, start: usize) -> Option<usize> {
    let country = text.slice(start, start + 2);
    if !country.iter().all(u8::is_ascii_uppercase)
        || !is_digit(text.at(start + 2))
        || !is_digit(text.at(start + 3))
    {
        return None;
    }
    let length = iban_length(country)?;
    let (mut at, mut count, mut rest) = (start + 4, 4_usize, 0_u32);
    let spaced = text.at(at) == b' ';
    let take = |rest: u32, byte: u8| match byte {
        b'0'..=b'9' => Some((rest * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    };
    while count < length {
        if spaced && count % 4 == 0 && text.at(at) == b' ' {
            at += 1;
        }
        if at >= text.len() && text.cut && count >= 8 {
            return Some(at);
        }
        rest = take(rest, text.at(at))?;
        at += 1;
        count += 1;
    }
    for at in start..start + 4 {
        rest = take(rest, text.at(at))?;
    }
    (rest == 1 && !text.at(at).is_ascii_alphanumeric()).then_some(at)
}

fn iban_length(country: &[u8]) -> Option<usize> {
    const LENGTHS: &[(usize, &[u8])] = &[
        (15, b"NO"),
        (16, b"BE"),
        (18, b"DK FI FO GL NL"),
        (19, b"MK SI"),
        (20, b"AT BA EE KZ LT LU XK"),
        (21, b"CH HR LI LV"),
        (22, b"BG BH CR DE GB GE IE ME RS VA"),
        (23, b"AE GI IL IQ TL OM"),
        (24, b"AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, b"LY PT ST"),
        (26, b"IS TR"),
        (27, b"FR GR IT MC MR SM"),
        (28, b"AL AZ BY CY DO GT HU LB PL SV"),
        (29, b"BR EG PS QA UA"),
        (30, b"JO KW MU"),
        (31, b"MT SC"),
        (32, b"LC"),
    ];
    LENGTHS
        .iter()
        .find(|(_, countries)| countries.split(|byte| *byte == b' ').any(|known| known == country))
        .map(|(length, _)| *length)
}
