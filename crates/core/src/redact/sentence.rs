//! Secrets behind a name without a separator: in sentences, in SQL, in the commands of mail.

use super::bytes::{is_base64url, is_name, is_quote, is_token68};
use super::ends::Quote;
use super::here::{Here, Stretch, is_any, last_word};
use super::lexicon::{self as lex, look_up, look_up_value};
use super::names::{Before, Strength};
use super::shape::{self, Shape};

/// The words that hide a number behind another word: `account number`.
const NUMBERS: [&[u8]; 4] = [b"number", b"no", b"num", b"nr"];

/// `IDENTIFIED BY 'secret'`, `PASSWORD 'secret'`, `PASSWORD TO 'secret'`
pub(super) fn sql(here: Here<'_>, at: usize) -> Option<Stretch> {
    let text = here.text;
    if here.before(at) != b' ' {
        return None;
    }
    let content = at + 1;
    let is_named = match here.words_before(at) {
        [first, second, ..] if is_any(first, &[b"by"]) => is_any(second, &[b"identified"]),
        [first, second, ..] if is_any(first, &[b"to", b"as", b"is", b"with"]) => here.is_password(second),
        [first, ..] => here.is_password(first),
    };
    if !is_named {
        return None;
    }
    let end = here.ends.close(content, Quote { mark: b'\'', slashes: 0 });
    let shape = Shape::of_whole(text.slice(content, end));
    let says = matches!(shape, Shape::Plain | Shape::Opaque | Shape::Integer(_));
    (says && end > content).then_some((content, end))
}

/// A token behind a name in a sentence: `password hunter2`, `the token is abc123`, `cvv 123`.
pub(super) fn token(here: Here<'_>, start: usize, end: usize) -> Option<Stretch> {
    let text = here.text;
    let mut before = start;
    if is_quote(here.before(before)) {
        before -= 1;
    }
    if here.before(before) == b'/' || here.before(before) == b':' {
        return login(here, start, end, before);
    }
    if !matches!(here.before(before), b' ' | b'\t') {
        return None;
    }
    // The word before, of which most hide nothing.
    let least = here.reach_of(before);
    let close = text.run_back(before, least, |byte| byte == b' ' || byte == b'\t');
    let first = text.slice(text.run_back(close, least, is_name), close);
    let is_number = shape::is_number(text.slice(start, end));
    let is_link = !is_number && first.len() < 7 && look_up_value(first) & lex::LINK != 0;
    let may_hide = is_link || here.rules.may_hide(first, false) || (is_number && is_any(first, &NUMBERS));
    if first.len() == 5 && !is_number && is_any(first, &[b"plain", b"login"]) {
        return smtp(here, start, end, before);
    }
    if first.is_empty() || !may_hide {
        return None;
    }
    let words = here.words_before(before);
    let verdict = if is_link {
        here.linked(&words, 1)
    } else {
        let [_, second, third, ..] = words;
        let context = Before { prior: last_word(third), before: last_word(second) };
        here.rules.judge_in(first, context)
    };
    let flags = look_up(last_word(first));
    let unlinked = !is_link;
    let is_resource = unlinked && is_any(first, &[b"secret", b"secrets", b"credential", b"credentials"]);
    if verdict.strength == Strength::Clear || is_resource {
        return None;
    }
    let stop = here.ends.word_end(start).max(end);
    let word = text.slice(start, stop);
    let is_token = flags & lex::TOKEN != 0 || (flags & lex::PASS != 0 && first == b"PASS");
    let is_secret = match Shape::of_word(word) {
        Shape::Integer(digits) => {
            let numeric = lex::FEW_DIGITS | lex::CODE | lex::PIN | lex::NUMBER | lex::STRONG;
            flags & numeric != 0
                && unlinked
                && shape::hides_digits(verdict, digits)
                && (verdict.strength == Strength::Strong || (4..=8).contains(&digits))
        }
        _ => (verdict.strength == Strength::Strong || is_token) && shape::is_opaque(word),
    };
    is_secret.then_some((start, stop))
}

/// `AUTH PLAIN AGV2ZQB2aW9sZXQ=`
fn smtp(here: Here<'_>, start: usize, end: usize, before: usize) -> Option<Stretch> {
    let [_, second, ..] = here.words_before(before);
    is_any(second, &[b"auth"]).then(|| (start, here.text.run(start, is_token68).max(end)))
}

/// `login bob/hunter2`
fn login(here: Here<'_>, start: usize, end: usize, slash: usize) -> Option<Stretch> {
    let (text, least) = (here.text, here.reach_of(start));
    let divider = slash - 1;
    let user = text.run_back(divider, least, is_base64url);
    if user == divider || here.before(user) != b' ' {
        return None;
    }
    let [first, ..] = here.words_before(user);
    let stop = here.ends.word_end(start).max(end);
    let word = text.slice(start, stop);
    let logs_in = is_any(first, &[b"login", b"logon", b"credentials", b"creds", b"auth"]);
    (logs_in && shape::is_opaque(word) && !word.contains(&b'/')).then_some((start, stop))
}

/// `Bearer` and `Basic` with what follows.
pub(super) fn scheme(here: Here<'_>, start: usize) -> Option<Stretch> {
    let text = here.text;
    if here.before(start).is_ascii_alphanumeric() {
        return None;
    }
    let word = match () {
        () if text.starts_with_any_case(start, b"bearer") => start + 6,
        () if text.starts_with_any_case(start, b"basic") => start + 5,
        () => return None,
    };
    let token = if text.starts_with(word, b"%20") {
        word + 3
    } else {
        text.run(word, |byte| byte == b' ' || byte == b'\t')
    };
    if token == word {
        return None;
    }
    let end = text.run(token, is_token68);
    let value = text.slice(token, end);
    let is_secret = if word == start + 5 {
        shape::is_basic(value, text.is_cut(end)) && !shape::is_plain_word(value)
    } else {
        shape::is_bearer(value) || (text.is_cut(end) && end > token)
    };
    (is_secret && !here.ends.has_mask(token)).then(|| (token, here.ends.word_end(token).max(end)))
}
