//! The scanner: one pass over the bytes of a text, which finds what is a secret by its name or by its shape.
//!
//! Written by hand, because no library follows nested quotes and brackets, and a set of regular expressions would pass
//! over each text once per rule. The pass stops only at the triggers of `bytes`, looks back at most [`REACH`] bytes for
//! a name, and looks ahead either within a bound or over what it then masks, so that its time is linear in the text.
//!
//! What stands before a masked value is never looked at again (`floor`).

use super::bytes::{Bytes, is_base64url, is_blank, is_digit, is_name, is_quote, next_trigger};
use super::ends::{Ends, Quote, REACH, is_scheme};
use super::flags::{self, Flag};
use super::here::{Here, Key, Stretch};
use super::lexicon::{self as lex, look_up, look_up_value};
use super::markup::{self, Named};
use super::names::{Extent, NameVerdict, Strength};
use super::rules::Rules;
use super::shape::{self, Shape};
use super::words::words;
use super::{decode, digits, lines, paths, sentence, token, url};

/// A secret in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The quotes to put around the mask: in JSON a number becomes a string.
    pub(super) quote: Option<Quote>,
}

/// Finds the secrets of a text, in the order of their starts, without overlaps.
///
/// `field` is the verdict on the name that the whole text stands under.
pub(super) fn find(rules: &Rules, bytes: Bytes<'_>, field: NameVerdict, depth: u8) -> Vec<Found> {
    let paths = paths::decided(rules, bytes, field.path);
    let mut scan = Scan {
        here: Here { rules, text: bytes, ends: Ends(bytes), floor: 0, paths: &paths },
        field,
        depth,
        at: 0,
        token_end: 0,
        harmless: 0,
        decoded: 0,
        has_escapes: true,
        secrets: Vec::new(),
    };
    while scan.step() {}
    scan.cut_end();
    let mut found = scan.secrets;
    merge(&mut found);
    found
}

/// Puts secrets in the order of their starts, and joins those that overlap.
pub(super) fn merge(found: &mut Vec<Found>) {
    found.sort_by_key(|secret| secret.start);
    found.dedup_by(|next, last| {
        let overlaps = next.start < last.end;
        if overlaps {
            last.end = last.end.max(next.end);
        }
        overlaps
    });
}

struct Scan<'t> {
    here: Here<'t>,
    field: NameVerdict,
    /// How often the text was decoded.
    depth: u8,
    /// The next byte to look at.
    at: usize,
    /// The end of the last token that was looked at.
    token_end: usize,
    /// The end of the last group in brackets that shows no secret: those in it are not looked at again.
    harmless: usize,
    /// The end of what was decoded.
    decoded: usize,
    /// Whether there may be escapes of JSON that were not looked for yet.
    has_escapes: bool,
    secrets: Vec<Found>,
}

impl Scan<'_> {
    /// Goes to the next trigger; says whether there was one.
    fn step(&mut self) -> bool {
        let Some(steps) = next_trigger(self.here.text.from(self.at)) else { return false };
        self.at += steps;
        let was = self.at;
        match self.here.text.at(was) {
            b':' => self.colon(),
            b'=' => self.equals(),
            b'-' => self.dash(),
            b'(' => self.bracket(),
            b'>' => self.greater(),
            b'\'' => self.found(sentence::sql(self.here, was)),
            b'B' => self.found(sentence::scheme(self.here, was)),
            _ => self.digit(),
        }
        if self.at == was {
            self.at += 1;
        }
        true
    }

    /// Notes what was found, if anything was.
    fn found(&mut self, found: Option<Stretch>) {
        if let Some((start, end)) = found {
            self.mask(start, end);
        }
    }

    /// Notes a secret and goes on behind it.
    fn mask(&mut self, start: usize, end: usize) {
        self.mask_quoted(start, end, None);
    }

    fn mask_quoted(&mut self, start: usize, end: usize, quote: Option<Quote>) {
        if end > start {
            self.secrets.push(Found { start, end, quote });
            self.here.floor = self.here.floor.max(end);
            self.at = self.at.max(end);
        }
    }

    fn colon(&mut self) {
        let (at, text) = (self.at, self.here.text);
        let next = text.at(at + 1);
        if next == b':' {
            self.at += 2;
            return;
        }
        // `12:30`, `host1:8080`
        if is_digit(next) && is_digit(self.here.before(at)) {
            return;
        }
        if matches!(next, b'/' | b'\\')
            && let Some(url) = url::look(text, at, self.here.floor)
        {
            self.at = url.end;
            for (start, end) in [url.secret, url.path].into_iter().flatten() {
                self.mask(start, end);
            }
            return;
        }
        if self.here.before(at) == b':' || self.pair(1) {
            return;
        }
        let last = self.here.before(at);
        if last.is_ascii_alphanumeric() && !is_blank(next) && self.at == at {
            let found = url::oracle(text, at, self.here.floor)
                .or_else(|| url::bare_userinfo(text, at, self.here.floor));
            if let Some((start, end)) = found {
                self.mask(start, end);
            }
        }
    }

    fn equals(&mut self) {
        let at = self.at;
        if !self.pair(1) && self.at == at {
            self.found(url::query(self.here, at));
        }
    }

    /// A separator (`:`, `=`, `%3D`) of `len` bytes at the present place: masks the value if the name is a secret's.
    ///
    /// Says whether the pair was one of a secret.
    fn pair(&mut self, len: usize) -> bool {
        let (at, text) = (self.at, self.here.text);
        let colon = text.at(at) == b':';
        let Some(key) = self.here.key_before(at) else { return false };
        let verdict = self.here.judge(key, colon);
        let mut after = at + len;
        if verdict.is_clear() {
            if key.end - key.start <= 9 && b"nkhfpali".contains(&(text.at(key.start) | 0x20)) {
                match markup::named(self.here, key, after) {
                    Some(Named::Value { start, key, verdict }) => {
                        self.at = start;
                        self.value(start, key, verdict, false);
                    }
                    Some(Named::Content(found)) => self.found(Some(found)),
                    None => {}
                }
            }
            return false;
        }
        // `:=`, `==`, `=>`, `=~`
        for _ in 0..2 {
            if matches!(text.at(after), b'=' | b'>' | b'~') {
                after += 1;
            }
        }
        let value = text.run(after, |byte| byte == b' ' || byte == b'\t');
        if !colon && value > after && key.end == at && self.here.ends.is_assignment(value) {
            return false;
        }
        self.value(value, key, verdict, colon);
        true
    }

    /// Masks the value at `start`, if it is a secret.
    fn value(&mut self, start: usize, key: Key, verdict: NameVerdict, colon: bool) {
        let (text, ends) = (self.here.text, self.here.ends);
        // `&'a Token`
        if text.starts_with(start, b"&'") {
            return;
        }
        // `b"bytes"`, `r"raw"`, `u'text'`
        let prefix =
            matches!(text.at(start), b'b' | b'r' | b'u' | b'f' | b'&') && ends.quote_at(start + 1).is_some();
        let start = start + usize::from(prefix);
        if let Some(quote) = ends.quote_at(start) {
            return self.quoted(start + quote.len(), quote, verdict);
        }
        if ends.has_mask(start) {
            let masked = start + super::MASK.len();
            let end =
                if lines::line_break(self.here, masked).is_some() { masked } else { ends.word_end(masked) };
            if end > masked {
                self.mask(start, end);
            }
            self.at = self.at.max(end);
            self.here.floor = self.here.floor.max(end);
            return;
        }
        if colon && self.below(start, key, verdict) {
            return;
        }
        let (end, group) = ends.unquoted(start, start >= self.harmless);
        let word = text.slice(start, end);
        if group {
            if shape::is_harmless_group(verdict, word) {
                self.harmless = end;
            } else {
                self.mask_quoted(start, end, key.quote);
            }
            return;
        }
        // Behind a scheme the credentials count.
        let credentials = match word.iter().position(|byte| *byte == b' ') {
            Some(blank) if is_scheme(text.slice(start, start + blank)) => text.slice(start + blank + 1, end),
            _ => word,
        };
        let shape = Shape::of_word(credentials);
        let is_secret = shape::is_secret(verdict, shape, credentials, key.quote.is_some());
        let is_kind = colon && key.quote.is_none() && verdict.digits == 4 && verdict.extent == Extent::Word;
        if is_kind && !verdict.numeric && shape::is_kind(word) {
            return;
        }
        let may_be_seed = verdict.extent == Extent::Seed && shape == Shape::Plain;
        if !(is_secret || may_be_seed) {
            return;
        }
        if self.is_state(verdict, shape, end, key, word) {
            return;
        }
        let end = match verdict.extent {
            Extent::Line if colon => ends.line(start, self.here.before(key.start)),
            Extent::Connection if colon => {
                let line = ends.line(start, self.here.before(key.start));
                if !shape::is_connection(text.slice(start, line)) {
                    return;
                }
                line
            }
            Extent::Connection => {
                let run = text.run(start, |byte| !is_blank(byte) && !is_quote(byte));
                if !shape::is_connection(text.slice(start, run)) {
                    return;
                }
                run
            }
            // `..;Password=two words;..`
            _ if !colon && self.here.before(key.start) == b';' => {
                let far = text.slice(start, text.len().min(start + REACH));
                let stop = far.iter().position(|byte| matches!(byte, b';' | b'\n' | b'\r' | b'"' | b'\''));
                stop.map_or(end, |stop| (start + stop).max(end))
            }
            Extent::Phrase if colon && shape == Shape::Plain => ends.phrase(start, end),
            Extent::Passphrase if shape == Shape::Plain => ends.phrase(start, end),
            Extent::Seed => match ends.phrase(start, end) {
                phrase if text.slice(start, phrase).iter().filter(|byte| **byte == b' ').count() >= 4 => {
                    phrase
                }
                _ if is_secret => end,
                _ => return,
            },
            _ => end,
        };
        // What was valid JSON stays valid: a number becomes a string.
        self.mask_quoted(start, end, key.quote);
    }

    /// Says whether the value is a sentence on the state of the secret, by its second word, or of `nsswitch.conf`.
    fn is_state(&self, verdict: NameVerdict, shape: Shape, end: usize, key: Key, word: &[u8]) -> bool {
        if shape != Shape::Plain || verdict.extent == Extent::Passphrase {
            return false;
        }
        let text = self.here.text;
        if text.slice(key.start, key.end) == b"passwd" && look_up_value(word) & lex::SOURCE != 0 {
            return true;
        }
        let next = text.run(end, |byte| byte == b' ');
        if next != end + 1 {
            return false;
        }
        let second = text.slice(next, self.here.ends.word_end(next));
        let flags = look_up_value(second);
        // `check failed`, `verification was skipped`; not what may be said behind a secret.
        (flags & lex::STATUS != 0
            && flags & lex::GRAMMAR == 0
            && look_up_value(word) == 0
            && word.len() > 3
            && shape::is_event(word))
            || flags & lex::LINK != 0
    }

    fn quoted(&mut self, content: usize, quote: Quote, verdict: NameVerdict) {
        let end = self.here.ends.close(content, quote);
        let value = self.here.text.slice(content, end);
        let shape = Shape::of_whole(value);
        let is_secret = match verdict.extent {
            Extent::Connection => shape::is_connection(value) || verdict.strength == Strength::Weak,
            Extent::Seed => {
                value.iter().filter(|byte| **byte == b' ').count() >= 4 || shape::is_opaque(value)
            }
            _ => shape::is_secret(verdict, shape, value, true),
        };
        if is_secret && !shape::is_whole_mask(value) {
            self.mask(content, end);
        }
    }

    /// A value on the lines below its name: a block of YAML, a list, a folded header. Says whether there is a line end.
    fn below(&mut self, start: usize, key: Key, verdict: NameVerdict) -> bool {
        let text = self.here.text;
        let first = text.at(start);
        let block = matches!(first, b'|' | b'>');
        let mut at = start;
        if block {
            at = text.run(start + 1, |byte| matches!(byte, b'+' | b'-' | b' ') || is_digit(byte));
        }
        let Some(mut line) = lines::line_break(self.here, at) else { return false };
        if verdict.strength != Strength::Strong {
            return true;
        }
        let indent = lines::indent(self.here, key.start);
        if block {
            let end = lines::block_end(self.here, line, indent);
            let from = text.run(line, is_blank);
            self.mask(from, end);
            return true;
        }
        // A list: each of its items; or one line.
        while line < text.len() {
            let from = text.run(line, |byte| byte == b' ' || byte == b'\t');
            let item = text.run(from, |byte| byte == b'-');
            let is_item = item == from + 1 && text.at(item) == b' ';
            let value = if is_item { text.run(item, |byte| byte == b' ') } else { from };
            let end = text.run(value, |byte| !matches!(byte, b'\n' | b'\r' | b'\\'));
            let content = text.slice(value, end);
            let deeper = from - line > indent;
            let quote = self.here.ends.quote_at(value);
            let name = text.run(value, is_name);
            let is_pair = matches!(text.at(name), b':' | b'=') && name > value;
            if is_pair
                || content.is_empty()
                || !(is_item || quote.is_some() || deeper || shape::is_opaque(content))
            {
                break;
            }
            if let Some(quote) = quote {
                self.at = value;
                self.quoted(value + quote.len(), quote, verdict);
            } else if verdict.extent == Extent::Line
                || shape::is_secret(verdict, Shape::of_word(first_word(content)), first_word(content), false)
            {
                self.mask(value, end);
            }
            let Some(next) = lines::line_break(self.here, end).filter(|_| is_item) else { break };
            line = next;
        }
        true
    }

    /// `("name", value`, as `Debug` shows a list of pairs, and `ApiKey("value")`.
    fn bracket(&mut self) {
        let (at, text, ends) = (self.at, self.here.text, self.here.ends);
        let Some(quote) = ends.quote_at(at + 1) else {
            if text.at(at + 1) == b'[' {
                self.tuple_struct();
            }
            return;
        };
        let name = at + 1 + quote.len();
        let end = text.run(name, |byte| is_name(byte) || byte == b' ');
        let closed = ends.quote_at(end).filter(|close| *close == quote);
        let comma = end + quote.len();
        if let (Some(_), b',', true) = (closed, text.at(comma), end - name <= REACH) {
            let verdict = self.here.rules.judge(text.slice(name, end));
            if !verdict.is_clear() {
                let value = text.run(comma + 1, is_blank);
                self.at = value;
                let key = Key { start: name, end, quote: Some(quote) };
                return self.value(value, key, verdict, false);
            }
        }
        self.tuple_struct();
    }

    fn tuple_struct(&mut self) {
        let (at, text) = (self.at, self.here.text);
        let start = text
            .run_back(at, self.here.reach_of(self.at), |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !text.at(start).is_ascii_uppercase() {
            return;
        }
        let verdict = self.here.rules.judge(text.slice(start, at));
        let first = words(text.slice(start, at)).next().map_or(0, look_up);
        if verdict.strength != Strength::Strong || first & lex::PARSER != 0 {
            return;
        }
        if at < self.harmless {
            return;
        }
        let end = self.here.ends.group_end(at);
        let inner = if matches!(text.at(end.saturating_sub(1)), b')') { end - 1 } else { end };
        let list = NameVerdict { digits: verdict.digits.max(1), ..verdict };
        if shape::is_harmless_group(list, text.slice(at + 1, inner)) {
            self.harmless = end;
        } else {
            self.mask(at + 1, inner);
        }
    }

    fn greater(&mut self) {
        let (at, text) = (self.at, self.here.text);
        if self.here.before(at) == b'-' {
            // `password -> hunter2`
            let end = text.run_back(at - 1, self.here.reach_of(self.at), |byte| byte == b' ');
            if let Some(key) = self.here.key_before(end).filter(|key| key.quote.is_none()) {
                let verdict = self.here.judge(key, true);
                if verdict.strength == Strength::Strong {
                    let value = text.run(at + 1, |byte| byte == b' ');
                    let verdict = NameVerdict { strength: Strength::Weak, ..verdict };
                    self.value(value, key, verdict, false);
                }
            }
            return;
        }
        self.found(markup::element(self.here, at));
    }

    fn dash(&mut self) {
        let (at, text) = (self.at, self.here.text);
        let (before, next) = (self.here.before(at), text.at(at + 1));
        if next == b'-' {
            if let Some(end) = token::private_key(text, at) {
                return self.mask(at, end);
            }
            if flags::may_start(before) {
                match flags::long(self.here, at) {
                    Some(Flag::Value { start, key, verdict }) => {
                        self.at = start;
                        self.value(start, key, verdict, false);
                    }
                    Some(Flag::Secret(found)) => self.found(Some(found)),
                    None => {}
                }
            }
            self.at = self.at.max(text.run(at, |byte| byte == b'-').min(at + 2));
        } else if next == b'L' && before.is_ascii_alphabetic() {
            if let Some((start, end)) = token::putty(text, at, self.here.floor) {
                self.mask(start, end);
            }
        } else if flags::may_start(before) && next.is_ascii_alphabetic() {
            self.found(flags::short(self.here, at));
        }
    }

    /// A digit: the token that it stands in.
    fn digit(&mut self) {
        let (at, text) = (self.at, self.here.text);
        if self.here.before(at) == b'%' && self.percent(at - 1) {
            return;
        }
        let least = self.here.floor.max(self.token_end).min(at);
        let start = text.run_back(at, least, is_base64url);
        let end = text.run(at, is_base64url);
        self.token_end = end;
        self.at = end;
        if self.here.before(start) == b'\\' && text.at(start) == b'u' {
            self.escaped(start - 1);
        }
        let first = text.at(start);
        if let Some((start, end)) = shape::crypt(text, start, self.here.floor) {
            return self.mask(start, end);
        }
        if is_digit(first) {
            self.found(digits::number(self.here, self.field, start, end));
        } else if end - start >= 4 {
            if !self.issued(start) {
                self.found(digits::mixed(self.here, start, end));
            }
        } else if end - start == 3 && text.at(end) == b'.' {
            self.issued(start);
        }
    }

    fn issued(&mut self, start: usize) -> bool {
        let found = token::issued(self.here.text, start, self.here.floor);
        if let Some((start, end)) = found {
            let is_access_key = matches!(self.here.text.slice(start, start + 4), b"AKIA" | b"ASIA");
            self.mask(start, end);
            if is_access_key && let Some((start, end)) = token::beside_access_key(self.here.text, end) {
                self.mask(start, end);
            }
        }
        found.is_some()
    }

    /// A percent-encoded run: looked at as it is decoded, once. Says whether a pair was masked.
    fn percent(&mut self, at: usize) -> bool {
        let text = self.here.text;
        if self.decoded <= at && self.depth < 2 {
            let least = self.here.floor.max(self.decoded).max(at.saturating_sub(512)).min(at);
            let is_run = |byte: u8| !is_blank(byte) && !is_quote(byte) && byte != b'<' && byte != b'>';
            let start = text.run_back(at, least, is_run);
            let end = text.run(at, is_run);
            self.decoded = end;
            let decoded = decode::percent(text, start, end);
            self.take_decoded(&decoded);
        }
        if text.starts_with_any_case(at, b"%3D") {
            self.at = at;
            let masked = self.pair(3);
            if !masked || self.at == at {
                self.at = at + 3;
            }
            return true;
        }
        false
    }

    /// Escapes of JSON in a text that has some: looked at as they are decoded, once.
    fn escaped(&mut self, at: usize) {
        if !std::mem::take(&mut self.has_escapes) || self.depth >= 2 {
            return;
        }
        if let Some(decoded) = decode::json(self.here.text, at) {
            self.take_decoded(&decoded);
        }
    }

    fn take_decoded(&mut self, decoded: &decode::Decoded) {
        let bytes = Bytes::new(&decoded.bytes, self.here.text.cut && decoded.is_at_end);
        for found in find(self.here.rules, bytes, NameVerdict::default(), self.depth + 1) {
            let (start, end) = (decoded.place(found.start), decoded.place(found.end));
            if end > start {
                self.secrets.push(Found { start, end, quote: found.quote });
            }
        }
    }

    /// What a size limit left of a secret at the end of the text.
    fn cut_end(&mut self) {
        let (text, end) = (self.here.text, self.here.text.len());
        if !text.cut {
            return;
        }
        let start = text.run_back(end, self.here.floor, is_base64url);
        if start == end || start < self.here.floor {
            return;
        }
        if !self.issued(start)
            && let Some(end) = token::jwt(text, start)
        {
            self.mask(start, end);
        }
    }
}

fn first_word(content: &[u8]) -> &[u8] {
    content.split(|byte| is_blank(*byte)).next().unwrap_or(content)
}
