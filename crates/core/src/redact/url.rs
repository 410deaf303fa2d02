//! The password in an URL, and the secret in the path of a webhook.

use super::bytes::{Bytes, is_base64url, is_blank, is_digit, is_name};
use super::here::{Here, Stretch};
use super::shape;

/// How far the scanner looks for the `@` behind a password that holds a character which ends an authority (`/`, `?`, `#`).
const LONG_PASSWORD: usize = 256;

/// What is secret in an URL.
#[derive(Debug, Default)]
pub(super) struct Url {
    /// The user, if that is a token, or the password.
    pub(super) secret: Option<(usize, usize)>,
    pub(super) path: Option<(usize, usize)>,
    /// Where to go on.
    pub(super) end: usize,
}

/// What ends an URL's authority.
fn ends_authority(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
}

/// Looks at the URL whose colon is at `colon`; none if there is none.
pub(super) fn look(text: Bytes<'_>, colon: usize, floor: usize) -> Option<Url> {
    let slashes: &[u8] = if text.at(colon + 1) == b'\\' { br"\/\/" } else { b"//" };
    if !text.starts_with(colon + 1, slashes) {
        return None;
    }
    let start = colon + 1 + slashes.len();
    let end = text.run(start, |byte| !ends_authority(byte));
    let scheme = text.run_back(colon, floor.max(colon.saturating_sub(24)), |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
    });
    let at_sign = last_at_sign(text, start, end);
    let mut url = Url { end: start, ..Url::default() };
    if let Some(at_sign) = at_sign {
        url.secret = userinfo(text, start, at_sign);
        url.end = at_sign;
        url.path = webhook(text, at_sign + 1, end);
        return Some(url);
    }
    let Some(inner) = first_colon(text, start, end) else {
        url.path = webhook(text, start, end);
        return Some(url);
    };
    let is_port = text.slice(inner + 1, end).iter().all(u8::is_ascii_digit);
    if text.at(start) != b'[' && (!is_port || text.is_cut(end)) && !is_masked(text, inner + 1) {
        // No port: the start of a password, which goes on behind a slash or a blank, or is cut by the end.
        let quote = text.before(scheme, floor);
        let far = far_at_sign(text, end, quote);
        let cut = (text.is_cut(end) || (end == text.len() && has_users(text.slice(scheme, colon))))
            && inner + 1 < end;
        if let Some(stop) = far.or(cut.then_some(end)) {
            url.secret = Some((inner + 1, stop));
            url.end = stop;
            return Some(url);
        }
    }
    url.path = webhook(text, start, inner);
    Some(url)
}

fn is_masked(text: Bytes<'_>, at: usize) -> bool {
    shape::is_masked(text.from(at))
}

/// Whose address begins with a user and a password more often than not.
fn has_users(scheme: &[u8]) -> bool {
    [
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "mongodb",
        "mongodb+srv",
        "redis",
        "rediss",
        "amqp",
        "amqps",
        "ftp",
    ]
    .iter()
    .any(|known| scheme.eq_ignore_ascii_case(known.as_bytes()))
}

fn first_colon(text: Bytes<'_>, start: usize, end: usize) -> Option<usize> {
    text.slice(start, end).iter().position(|byte| *byte == b':').map(|place| start + place)
}

fn last_at_sign(text: Bytes<'_>, start: usize, end: usize) -> Option<usize> {
    text.slice(start, end).iter().rposition(|byte| *byte == b'@').map(|place| start + place)
}

/// The `@` behind a password that goes on at `from`: the host follows it. Blanks are passed in quotes only.
fn far_at_sign(text: Bytes<'_>, from: usize, quote: u8) -> Option<usize> {
    let quoted = matches!(quote, b'"' | b'\'' | b'`');
    let far = text.len().min(from + LONG_PASSWORD);
    let stops = |byte: u8| {
        byte < b' '
            || (quoted && byte == quote)
            || (!quoted && (is_blank(byte) || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'[')))
    };
    let rest = text.slice(from, far);
    let end = from + rest.iter().position(|byte| stops(*byte)).unwrap_or(rest.len());
    last_at_sign(text, from, end).filter(|at_sign| is_host(text, at_sign + 1))
}

/// Says whether a host begins at `at`: a name that begins with a letter, or an address of four numbers; nothing but a
/// port or a path follows.
fn is_host(text: Bytes<'_>, at: usize) -> bool {
    let end = text.run(at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let named = text.at(at).is_ascii_alphabetic();
    let dots = text.slice(at, end).iter().filter(|byte| **byte == b'.').count();
    let next = text.at(end);
    let is_digest = next == b':' && text.starts_with(at, b"sha");
    let ends = end == text.len()
        || is_blank(next)
        || matches!(
            next,
            b'/' | b':' | b'?' | b'#' | b',' | b')' | b'"' | b'\'' | b'`' | b'\\' | b'>' | b']' | b'.'
        );
    end > at && ends && !is_digest && (named || dots == 3)
}

/// `user:password` before an `@`, or a user that is a token.
fn userinfo(text: Bytes<'_>, start: usize, at_sign: usize) -> Option<(usize, usize)> {
    // `image:tag@sha256:digest`
    if text.starts_with(at_sign + 1, b"sha256:") || text.starts_with(at_sign + 1, b"sha512:") {
        return None;
    }
    match first_colon(text, start, at_sign) {
        Some(colon) => {
            let password = text.slice(colon + 1, at_sign);
            let is_empty = password.is_empty() || shape::is_masked(password);
            // A token as the user, with a word of the protocol for a password.
            let user = text.slice(start, colon);
            if shape::is_random(user) {
                return Some((start, at_sign));
            }
            (!is_empty && !is_placeholder(password)).then_some((colon + 1, at_sign))
        }
        None => {
            let user = text.slice(start, at_sign);
            let is_hex = user.len() >= 32 && user.iter().all(u8::is_ascii_hexdigit);
            let mixed = user.iter().any(u8::is_ascii_uppercase) && user.iter().any(u8::is_ascii_digit);
            (is_hex || (user.len() >= 20 && mixed)).then_some((start, at_sign))
        }
    }
}

fn is_placeholder(password: &[u8]) -> bool {
    matches!(password, [b'$', b'{' | b'(', ..] | [b'{', ..] | [b'<', ..])
        || password.iter().all(|byte| matches!(byte, b'*' | b'x' | b'.'))
}

/// The secret part of a webhook's or bot's path, whose host is between `start` and `end`.
fn webhook(text: Bytes<'_>, start: usize, end: usize) -> Option<(usize, usize)> {
    /// The end of the host, the start of the path, and what may stand between that and the secret.
    const HOOKS: [(&[u8], &[u8], &[u8]); 14] = [
        (b".slack.com", b"/services/", b""),
        (b".slack.com", b"/workflows/", b""),
        (b".slack.com", b"/triggers/", b""),
        (b"discord.com", b"/api/webhooks/", b""),
        (b"discordapp.com", b"/api/webhooks/", b""),
        (b"discord.com", b"/api/v10/webhooks/", b""),
        (b"api.telegram.org", b"/bot", b""),
        (b"api.telegram.org", b"/file/bot", b""),
        (b"outlook.office.com", b"/webhook", b"/"),
        (b"outlook.office365.com", b"/webhook", b"/"),
        (b".webhook.office.com", b"/webhook", b"/"),
        (b"hooks.zapier.com", b"/hooks/", b""),
        (b"maker.ifttt.com", b"/trigger/", b"/key/"),
        (b"events.pagerduty.com", b"/integration/", b""),
    ];
    let colon = first_colon(text, start, end);
    let host = text.slice(start, colon.unwrap_or(end));
    if host.len() < 10 || text.at(end) != b'/' {
        return None;
    }
    for (name, path, inner) in HOOKS {
        if !host.ends_with(name) || !text.starts_with(end, path) {
            continue;
        }
        let mut from = end + path.len();
        if !inner.is_empty() {
            let stop = text.run(from, |byte| !is_blank(byte));
            from = text.find(from, stop, inner)? + inner.len();
        }
        let is_bot = path.ends_with(b"bot");
        let stop = text.run(from, |byte| {
            is_base64url(byte)
                || matches!(byte, b':' | b'%' | b'@')
                || (!is_bot && matches!(byte, b'/' | b'.'))
        });
        let trim = text.slice(from, stop).iter().rev().take_while(|byte| matches!(byte, b'.' | b':')).count();
        return (stop - trim > from).then_some((from, stop - trim));
    }
    None
}

/// `user:password@host` without a scheme, whose colon is at `colon`.
pub(super) fn bare_userinfo(text: Bytes<'_>, colon: usize, floor: usize) -> Option<(usize, usize)> {
    const LONGEST: usize = 128;
    let user =
        text.run_back(colon, floor.max(colon.saturating_sub(64)), |byte| is_base64url(byte) || byte == b'.');
    let start = colon + 1;
    let ends = |byte: u8| is_blank(byte) || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'/' | b'\\');
    let near = text.slice(start, text.len().min(start + LONGEST));
    let end = start + near.iter().position(|byte| ends(*byte)).unwrap_or(near.len());
    if end == start {
        return None;
    }
    let before = text.before(user, floor);
    let slashes = before == b'/' && text.before(user.saturating_sub(1), floor) == b'/';
    let begins =
        before == 0 || is_blank(before) || matches!(before, b'"' | b'\'' | b'=' | b'(' | b'<' | b'[' | b'`');
    if user == colon || !(begins || slashes) {
        return None;
    }
    // `jdbc:oracle:thin:scott/tiger@db`
    let at_sign = last_at_sign(text, start, end)?;
    let password = text.slice(start, at_sign);
    let likely = slashes || shape::is_opaque(password);
    (likely
        && !password.is_empty()
        && is_host(text, at_sign + 1)
        && !shape::is_masked(password)
        && !shape::is_number(password))
    .then_some((start, at_sign))
}

/// `thin:user/password@`, as Oracle's drivers have it; `colon` is that behind the driver's kind.
pub(super) fn oracle(text: Bytes<'_>, colon: usize, floor: usize) -> Option<(usize, usize)> {
    if !text.ends_with_any_case(colon, floor, b":thin") && !text.ends_with_any_case(colon, floor, b":oci") {
        return None;
    }
    let slash = text.run(colon + 1, is_base64url);
    if text.at(slash) != b'/' || text.at(slash + 1) == b'/' {
        return None;
    }
    let end = text.run(slash + 1, |byte| !is_blank(byte) && byte != b'@');
    (text.at(end) == b'@' && end > slash + 1).then_some((slash + 1, end))
}

/// The secret behind `/api/webhooks/` and `/bot`, in a path without its host: both begin with a number, at `start`.
pub(super) fn bare_path(text: Bytes<'_>, start: usize, end: usize, floor: usize) -> Option<(usize, usize)> {
    if text.ends_with_any_case(start, floor, b"/webhooks/") && end - start >= 15 && text.at(end) == b'/' {
        let stop = text.run(end, |byte| is_base64url(byte) || byte == b'/');
        return Some((start, stop));
    }
    if text.ends_with_any_case(start, floor, b"/bot") && text.at(end) == b':' {
        let stop = text.run(end + 1, is_base64url);
        return (stop > end + 1 && !is_digit(text.at(stop))).then_some((start, stop));
    }
    None
}

/// `?code=..` and `&key=..`: everyday words, that hide what nobody would write.
pub(super) fn query(here: Here<'_>, at: usize) -> Option<Stretch> {
    let text = here.text;
    let start = text.run_back(at, here.reach_of(at), is_name);
    let name = text.slice(start, at);
    if !matches!(here.before(start), b'?' | b'&')
        || !matches!(name, b"code" | b"key" | b"state" | b"c" | b"t")
    {
        return None;
    }
    let end = text.run(at + 1, |byte| is_base64url(byte) || matches!(byte, b'/' | b'.' | b'+' | b'~' | b'%'));
    let value = text.slice(at + 1, end);
    let is_code = name == b"code" && value.len() >= 10 && shape::is_opaque(value);
    ((is_code || (name == b"key" && shape::is_random(value))) && shape::is_scrambled(value))
        .then_some((at + 1, end))
}
