//! What stands before a place in the text: names, and the words of a sentence.

use super::bytes::{Bytes, is_digit, is_name, is_quote};
use super::ends::{Ends, Quote, REACH};
use super::lexicon::{self as lex, look_up_value};
use super::names::{Before, NameVerdict, Strength};
use super::paths::Decided;
use super::rules::Rules;
use super::words::{Word, words};

/// A stretch of the text: start and end.
pub(super) type Stretch = (usize, usize);

/// A name in the text: where it starts, and its quotes.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quote: Option<Quote>,
}

/// The text and the rules, with the place up to which it was masked.
#[derive(Clone, Copy)]
pub(super) struct Here<'t> {
    pub(super) rules: &'t Rules,
    pub(super) text: Bytes<'t>,
    pub(super) ends: Ends<'t>,
    /// The end of the last masked value. What is before it is never looked at again.
    pub(super) floor: usize,
    /// The names that a path of the user's decides on, in the order of the text.
    pub(super) paths: &'t [Decided],
}

impl<'t> Here<'t> {
    pub(super) fn before(self, at: usize) -> u8 {
        self.text.before(at, self.floor)
    }

    pub(super) fn reach_of(self, at: usize) -> usize {
        self.floor.max(at.saturating_sub(REACH)).min(at)
    }

    /// The words before a blank, the nearest first; behind other signs there are none.
    pub(super) fn words_before(self, at: usize) -> [&'t [u8]; 5] {
        let (text, least) = (self.text, self.reach_of(at));
        let mut words: [&'t [u8]; 5] = [&[]; 5];
        let mut end = at;
        for word in &mut words {
            let close = text.run_back(end, least, |byte| byte == b' ' || byte == b'\t');
            let start = text.run_back(close, least, is_name);
            if close == end || start == close {
                break;
            }
            *word = text.slice(start, close);
            end = start;
        }
        words
    }

    pub(super) fn is_password(self, word: &[u8]) -> bool {
        look_up_value(word) & (lex::PASSWORD | lex::PASSPHRASE) != 0
            && !is_any(word, &[b"secret", b"secrets", b"credential", b"credentials"])
    }

    /// The verdict on the name that `is`, `was` or `to` stands behind, from the word at `from` on: `the password for eve
    /// is`.
    pub(super) fn linked(self, words: &[&[u8]; 5], from: usize) -> NameVerdict {
        let word = |place: usize| words.get(place).copied().unwrap_or_default();
        let place = if is_any(word(from + 1), &[b"for", b"of"]) { from + 2 } else { from };
        let context = Before { prior: last_word(word(place + 2)), before: last_word(word(place + 1)) };
        let verdict = self.rules.judge_in(word(place), context);
        if verdict.strength == Strength::Strong { verdict } else { NameVerdict::default() }
    }

    pub(super) fn judge(self, key: Key, colon: bool) -> NameVerdict {
        let text = self.text;
        let name = text.slice(key.start, key.end);
        if let Ok(place) = self.paths.binary_search_by_key(&key.start, |decided| decided.0)
            && let Some((_, is_masked)) = self.paths.get(place)
        {
            return self.rules.judge_by_path(name, *is_masked);
        }
        let behind = key.quote.is_none() && matches!(self.before(key.start), b' ' | b'\t');
        if behind {
            // `your code is: 4711`, `SET PASSWORD FOR eve = 'secret'`
            if colon && is_any(name, &[b"is", b"was"]) {
                return self.linked(&self.words_before(key.start), 0);
            }
            if let [before, prior, ..] = self.words_before(key.start)
                && is_any(before, &[b"for"])
                && self.is_password(prior)
            {
                return self.rules.judge(prior);
            }
        }
        if !self.rules.may_hide(name, behind) {
            return NameVerdict::default();
        }
        if key.quote.is_some() {
            return self.rules.judge_in(name, Before::default());
        }
        // `/etc/passwd: permission denied`; `/pass:` is a flag.
        let folder = key.start.saturating_sub(1);
        if colon && matches!(self.before(key.start), b'/' | b'\\') && is_name(self.before(folder)) {
            return NameVerdict::default();
        }
        // `your api key: ...`, `unexpected token: ...`
        let [before, prior, ..] = self.words_before(key.start);
        let start = key.start.saturating_sub(1 + before.len());
        // `a=1 key=2`: what stands before is a value.
        let context = if before.is_empty() || matches!(self.before(start), b'=' | b':') {
            Before::default()
        } else {
            Before { prior: last_word(prior), before: last_word(before) }
        };
        self.rules.judge_in(name, context)
    }

    pub(super) fn key_before(self, separator: usize) -> Option<Key> {
        let (text, least) = (self.text, self.reach_of(separator));
        let mut end = text.run_back(separator, least.max(separator.saturating_sub(8)), |byte| {
            byte == b' ' || byte == b'\t'
        });
        // `user[password]=`, also in percent code, and `password[0]=`
        if end > least && text.at(end - 1) == b']' {
            end -= 1;
            let open = text.run_back(end, least, is_digit);
            if open > least && text.at(open - 1) == b'[' {
                end = open - 1;
            }
        } else if text.ends_with_any_case(end, least, b"%5D") {
            end -= 3;
        }
        let mut quote = None;
        if end > least && is_quote(text.at(end - 1)) {
            let mark = text.at(end - 1);
            let close = end - 1;
            end = text.run_back(close, least, |byte| byte == b'\\');
            quote = Some(Quote { mark, slashes: close - end });
        }
        let quoted = quote.is_some();
        let mut start = text.run_back(end, least, |byte| is_name(byte) || (quoted && byte == b' '));
        // The code of a `%26` or `%3F` before the name does not belong to it.
        if start > least && text.at(start - 1) == b'%' {
            start = (start + 2).min(end);
        }
        (start < end).then_some(Key { start, end, quote })
    }
}

pub(super) fn is_any(word: &[u8], known: &[&[u8]]) -> bool {
    known.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The last word of a name, as a sentence has it.
pub(super) fn last_word(name: &[u8]) -> Word {
    words(name).last().unwrap_or_default()
}
