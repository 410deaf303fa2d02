//! The rules of one redactor: the built-in lexicon, and what the program added, let pass, or made stricter.

use super::lexicon;
use super::names::{Before, Extent, NameVerdict, is_identifier, judge};
use super::paths::Paths;
use super::scan::Found;
use super::words::{Word, words};
use crate::Pattern;

/// A name as its words.
pub(super) type Name = Vec<Word>;

#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    added: Vec<Name>,
    allowed: Vec<Name>,
    pub(super) paths: Paths,
    patterns: Vec<Pattern>,
    /// Each matches a text as a whole.
    allowed_patterns: Vec<Pattern>,
    pub(super) strict: bool,
}

impl Rules {
    pub(super) fn add(&mut self, name: &str) {
        push(&mut self.added, name);
    }

    pub(super) fn allow(&mut self, name: &str) {
        push(&mut self.allowed, name);
    }

    pub(super) fn add_pattern(&mut self, pattern: Pattern) {
        self.patterns.push(pattern);
    }

    pub(super) fn allow_pattern(&mut self, whole: Pattern) {
        self.allowed_patterns.push(whole);
    }

    /// Judges the name of a field.
    pub(super) fn judge(&self, name: &[u8]) -> NameVerdict {
        if self.is_plain() && !lexicon::may_hide(name) {
            return NameVerdict { is_identifier: is_identifier(name), ..NameVerdict::default() };
        }
        self.judge_in(name, Before::default())
    }

    /// Says whether a name in a text may hide something, by itself or `behind` other words.
    #[inline]
    pub(super) fn may_hide(&self, name: &[u8], behind: bool) -> bool {
        lexicon::may_hide(name) || (behind && lexicon::may_follow(name)) || !self.is_plain()
    }

    /// Says whether names are judged by the built-in rules only.
    fn is_plain(&self) -> bool {
        self.added.is_empty() && self.allowed.is_empty() && self.paths.is_empty()
    }

    /// Says whether a user's pattern looks at values.
    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// Judges a name behind the words of `context`.
    pub(super) fn judge_in(&self, name: &[u8], context: Before) -> NameVerdict {
        let built_in = judge(name, context);
        if self.is_plain() {
            return if self.strict { built_in.stricter() } else { built_in };
        }
        let words = words_of(name);
        let before = [context.prior, context.before].into_iter().filter(|word| *word != Word::NONE);
        let all: Name = before.chain(words.iter().copied()).collect();
        let by_path = self.paths.judge(name);
        let path = self.paths.beginning_at(name);
        match by_path {
            _ if self.is_allowed(name, &words, &all) => NameVerdict { path, ..NameVerdict::default() },
            Some(false) => NameVerdict { path, ..NameVerdict::default() },
            Some(true) => added(built_in),
            None if self.is_added(&all) => added(built_in),
            None if self.strict => NameVerdict { path, ..built_in.stricter() },
            None => NameVerdict { path, ..built_in },
        }
    }

    /// Judges a name whose path decides: whether it is masked.
    pub(super) fn judge_by_path(&self, name: &[u8], is_masked: bool) -> NameVerdict {
        if is_masked { added(judge(name, Before::default())) } else { NameVerdict::default() }
    }

    /// Adds what the user's patterns find; of a text that was cut the last word as well, which may be the start of more.
    pub(super) fn find_patterns(&self, text: &[u8], cut: bool, found: &mut Vec<Found>) {
        if self.patterns.is_empty() {
            return;
        }
        for pattern in &self.patterns {
            pattern.each_match(text, &mut |start, end| found.push(Found { start, end, quote: None }));
        }
        if cut {
            let blank = text.iter().rposition(u8::is_ascii_whitespace).map_or(0, |blank| blank + 1);
            if blank < text.len() {
                found.push(Found { start: blank, end: text.len(), quote: None });
            }
        }
    }

    /// Says whether a user's pattern finds something in a text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_match(text))
    }

    /// Says whether a value passes by one of the patterns of values that do.
    pub(super) fn lets_pass(&self, value: &str) -> bool {
        self.allowed_patterns.iter().any(|pattern| pattern.is_match(value))
    }

    pub(super) fn lets_values_pass(&self) -> bool {
        !self.allowed_patterns.is_empty()
    }

    fn is_added(&self, name: &[Word]) -> bool {
        self.added.iter().any(|added| name.windows(added.len()).any(|run| run == added.as_slice()))
    }

    /// A name passes as a whole, with the words before it, or by its last dotted segment (`request.session_id` by
    /// `session_id`).
    fn is_allowed(&self, name: &[u8], words: &Name, all: &Name) -> bool {
        if self.allowed.is_empty() {
            return false;
        }
        let last = words_of(name.rsplit(|byte| *byte == b'.').next().unwrap_or(name));
        self.allowed.iter().any(|allowed| allowed == words || *allowed == last || allowed == all)
    }
}

/// The verdict on a name that a user's rule masks. A header stays one: its value is its line.
fn added(built_in: NameVerdict) -> NameVerdict {
    match built_in.extent {
        Extent::Line => NameVerdict { extent: Extent::Line, ..NameVerdict::ADDED },
        _ => NameVerdict::ADDED,
    }
}

fn push(list: &mut Vec<Name>, name: &str) {
    let name = words_of(name.as_bytes());
    if !name.is_empty() && !list.contains(&name) {
        list.push(name);
    }
}

/// Splits a name into words. Letters that are not of ASCII belong to words; these are compared in lower case.
pub(super) fn words_of(name: &[u8]) -> Name {
    if name.is_ascii() {
        return words(name).collect();
    }
    let lower = String::from_utf8_lossy(name).to_lowercase();
    let parts = lower.split(|char: char| !char.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(|part| Word::new(part.as_bytes())).collect()
}
