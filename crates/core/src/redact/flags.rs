//! Secrets on a command line.

use super::bytes::{is_blank, is_name, is_quote};
use super::ends::{Quote, REACH};
use super::here::{Here, Key, Stretch};
use super::names::{Extent, NameVerdict};
use super::shape::{self, Shape};

/// What a flag says.
pub(super) enum Flag {
    /// A value under the name of a secret starts there.
    Value {
        start: usize,
        key: Key,
        verdict: NameVerdict,
    },
    Secret(Stretch),
}

/// Says whether a flag may start behind this byte.
pub(super) fn may_start(before: u8) -> bool {
    before == 0 || is_blank(before) || is_quote(before) || matches!(before, b'(' | b'[' | b',')
}

/// `--password value`, `--user name:password`. With `=` it is a pair.
pub(super) fn long(here: Here<'_>, at: usize) -> Option<Flag> {
    let (text, start) = (here.text, at + 2);
    let end = text.run(start, is_name);
    if end == start || end - start > REACH {
        return None;
    }
    let closed = if is_quote(text.at(end)) { end + 1 } else { end };
    let value = text.run(closed, |byte| byte == b' ' || byte == b',');
    let next = text.at(value);
    if value == closed || matches!(next, b'-' | b'<' | b'|' | b'[') {
        return None;
    }
    let name = text.slice(start, end);
    if matches!(name, b"user" | b"proxy-user" | b"userpwd") {
        return userinfo(here, value, true).map(Flag::Secret);
    }
    let verdict = here.rules.judge(name);
    let verdict = NameVerdict { extent: Extent::Word, ..verdict };
    let key = Key { start, end, quote: None };
    (!verdict.is_clear()).then_some(Flag::Value { start: value, key, verdict })
}

/// `-p secret`, `-psecret`, `-u name:secret`
pub(super) fn short(here: Here<'_>, at: usize) -> Option<Stretch> {
    let (text, ends) = (here.text, here.ends);
    let letter = text.at(at + 1);
    if !matches!(letter, b'p' | b'P' | b'u' | b'U' | b'a' | b'w') {
        return None;
    }
    let command = command(here, at);
    let takes = |commands: &[&[u8]]| command.is_empty() || commands.contains(&command);
    match text.at(at + 2) {
        b' ' => {
            let value = text.run(at + 2, |byte| byte == b' ');
            match letter {
                b'u' | b'U' => return userinfo(here, value, command == b"curl"),
                b'p' if takes(&[
                    b"sshpass",
                    b"mysql",
                    b"mongo",
                    b"mongosh",
                    b"docker",
                    b"podman",
                    b"az",
                    b"mosquitto_pub",
                ]) => {}
                b'P' if takes(&[b"mongo", b"zip", b"unzip", b"mosquitto_pub", b"mosquitto_sub"]) => {}
                b'a' if command == b"redis-cli" => {}
                b'w' if matches!(command, b"ldapsearch" | b"ldapmodify" | b"ldapadd" | b"ldapwhoami") => {}
                _ => return None,
            }
            let value = value + usize::from(is_quote(text.at(value)));
            let end = ends.word_end(value);
            let word = text.slice(value, end);
            let plain = word.iter().any(|byte| matches!(byte, b'/' | b':' | b'.'));
            (shape::is_opaque(word) && !plain).then_some((value, end))
        }
        _ if letter == b'p'
            && (command.starts_with(b"mysql") || command.starts_with(b"maria") || command == b"7z") =>
        {
            let end = ends.word_end(at + 2);
            (!shape::is_number(text.slice(at + 2, end))).then_some((at + 2, end))
        }
        _ => None,
    }
}

/// `name:password` at `start`.
fn userinfo(here: Here<'_>, start: usize, surely: bool) -> Option<Stretch> {
    let (text, ends) = (here.text, here.ends);
    let start = start + ends.quote_at(start).map_or(0, Quote::len);
    let end = ends.word_end(start);
    let colon = text.run(start, |byte| byte != b':' && !is_blank(byte));
    let password = text.slice(colon + 1, end);
    let secret = matches!(Shape::of_word(password), Shape::Plain | Shape::Opaque);
    let is_secret = text.at(colon) == b':' && (shape::is_opaque(password) || (surely && secret));
    is_secret.then_some((colon + 1, end))
}

/// The program that a flag is given to: the first word of the line or behind a divider.
fn command(here: Here<'_>, flag: usize) -> &[u8] {
    let text = here.text;
    let least = here.floor.max(flag.saturating_sub(REACH));
    let start = text.run_back(flag, least, |byte| {
        !matches!(byte, b'\n' | b'|' | b';' | b'&' | b'`' | b'(' | b'$' | b'"' | b'\'')
    });
    let start = text.run(start, is_blank);
    let end = text.run(start, |byte| !is_blank(byte));
    if end > flag {
        return &[];
    }
    let command = text.slice(start, end);
    if command == b"sudo" || command == b"$" {
        let next = text.run(end, is_blank);
        return text.slice(next, text.run(next, |byte| !is_blank(byte)));
    }
    command.rsplit(|byte| *byte == b'/').next().unwrap_or(command)
}
