//! The rules of one redactor: the built-in lexicon, and what the program added, let pass, or made stricter.

use super::lexicon;
use super::names::{Before, NameVerdict, is_identifier, judge};
use super::words::{Word, words};

/// A name as its words.
type Name = Vec<Word>;

#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    added: Vec<Name>,
    allowed: Vec<Name>,
    pub(super) strict: bool,
}

impl Rules {
    pub(super) fn add(&mut self, name: &str) {
        push(&mut self.added, name);
    }

    pub(super) fn allow(&mut self, name: &str) {
        push(&mut self.allowed, name);
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

    /// Says whether only the built-in rules are in force.
    fn is_plain(&self) -> bool {
        self.added.is_empty() && self.allowed.is_empty()
    }

    /// Judges a name behind the words of `context`.
    pub(super) fn judge_in(&self, name: &[u8], context: Before) -> NameVerdict {
        let built_in = judge(name, context);
        let all = || {
            [context.prior, context.before].into_iter().filter(|word| *word != Word::NONE).chain(words(name))
        };
        match () {
            () if !self.is_plain() && self.is_allowed(name, all) => NameVerdict::default(),
            () if !self.is_plain() && self.is_added(all().collect()) => NameVerdict::ADDED,
            () if self.strict => built_in.stricter(),
            () => built_in,
        }
    }

    fn is_added(&self, name: Name) -> bool {
        self.added.iter().any(|added| name.windows(added.len()).any(|run| run == added.as_slice()))
    }

    /// A name passes as a whole, with the words before it, or by its last dotted segment (`request.session_id` by
    /// `session_id`).
    fn is_allowed<W: Iterator<Item = Word>>(&self, name: &[u8], all: impl Fn() -> W) -> bool {
        let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
        self.allowed.iter().any(|allowed| {
            let allowed = || allowed.iter().copied();
            words(name).eq(allowed()) || words(last).eq(allowed()) || all().eq(allowed())
        })
    }
}

fn push(list: &mut Vec<Name>, name: &str) {
    let name: Name = words(name.as_bytes()).collect();
    if !name.is_empty() && !list.contains(&name) {
        list.push(name);
    }
}
