//! Values in elements and attributes, and beside an attribute that names them.

use super::bytes::{is_blank, is_name, is_quote};
use super::ends::{Quote, REACH};
use super::here::{Here, Key, Stretch};
use super::lexicon::{self as lex, look_up_value};
use super::names::{Extent, NameVerdict, Strength};
use super::shape::{self, Shape};

/// The value that a name names.
pub(super) enum Named {
    /// It starts there.
    Value { start: usize, key: Key, verdict: NameVerdict },
    /// It is the content of the element.
    Content(Stretch),
}

/// `name="password" value="..."`, `{"key": "Authorization", "value": "..."}`: the name's value is the secret's name.
pub(super) fn named(here: Here<'_>, key: Key, after: usize) -> Option<Named> {
    let (text, ends) = (here.text, here.ends);
    if look_up_value(text.slice(key.start, key.end)) & lex::NAMES == 0 {
        return None;
    }
    let start = text.run(after, is_blank);
    let quote = ends.quote_at(start);
    let name = start + quote.map_or(0, Quote::len);
    let end = text.run(name, is_name);
    if end == name || end - name > 48 {
        return None;
    }
    let verdict = here.rules.judge(text.slice(name, end));
    if verdict.strength != Strength::Strong {
        return None;
    }
    let mut at = end + quote.map_or(0, Quote::len);
    // `<param name="token">value</param>`
    if text.at(at) == b'>' {
        return content(here, at + 1, verdict).map(Named::Content);
    }
    // Nothing but another attribute stands between.
    let last = text.len().min(at + REACH);
    while at < last {
        at = text.run(at, |byte| is_blank(byte) || matches!(byte, b',' | b';'));
        let open = ends.quote_at(at);
        let word = at + open.map_or(0, Quote::len);
        let close = text.run(word, is_name);
        let separator = close + open.map_or(0, Quote::len);
        if close == word || !matches!(text.at(separator), b':' | b'=') {
            return None;
        }
        let value = text.run(separator + 1, is_blank);
        if look_up_value(text.slice(word, close)) & lex::VALUE != 0 {
            let key = Key { start: word, end: close, quote: open };
            let verdict = NameVerdict { extent: Extent::Word, ..verdict };
            return Some(Named::Value { start: value, key, verdict });
        }
        at = match ends.quote_at(value) {
            Some(quote) => ends.close(value + quote.len(), quote) + quote.len(),
            None => ends.word_end(value),
        };
    }
    None
}

/// `<password>value</password>`, also with attributes.
pub(super) fn element(here: Here<'_>, at: usize) -> Option<Stretch> {
    let text = here.text;
    let mut end = at;
    let mut start = text.run_back(at, here.reach_of(at), |byte| is_name(byte) || byte == b':');
    if is_quote(here.before(at)) {
        let open = text.run_back(at, here.reach_of(at), |byte| !matches!(byte, b'<' | b'>' | b'\n'));
        start = open;
        end = text.run(open, |byte| is_name(byte) || byte == b':');
    }
    if start >= end || here.before(start) != b'<' {
        return None;
    }
    let verdict = here.rules.judge(text.slice(start, end));
    if verdict.is_clear() { None } else { content(here, at + 1, verdict) }
}

/// The content of an element.
fn content(here: Here<'_>, start: usize, verdict: NameVerdict) -> Option<Stretch> {
    let text = here.text;
    let end = text.run(start, |byte| byte != b'<');
    let closed = text.at(end + 1) == b'/' || text.is_cut(end);
    let value = text.slice(start, end);
    let is_secret = shape::is_secret(verdict, Shape::of_whole(value), value, true);
    (closed && is_secret && !shape::is_whole_mask(value)).then_some((start, end))
}
