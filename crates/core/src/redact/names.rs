//! Which names hide a secret, by their whole words: `author` is not `auth`, `monkey` is not `key`.
//!
//! `password`, `token`, `cookie` decide alone; `key`, `code`, `pass` and other everyday words only together with the
//! word before them, or only for a value that looks like a secret.

use super::lexicon::{self as lex, Flags, look_up, look_up_tail};
use super::words::{Part, Word, parts, spoken};

/// How sure it is that a value under a name is a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    #[default]
    Clear,
    /// Only a value that looks like a secret is one.
    Weak,
    /// Each value is one that does not say otherwise.
    Strong,
}

/// How far an unquoted value reaches that stands behind a name and a colon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// One run of non-blank characters.
    #[default]
    Word,
    /// Words up to the end of the line, or to the next name, bracket or divider, if the value is of plain words.
    Phrase,
    /// As `Phrase`, behind any separator, and only of several words.
    Seed,
    /// As `Phrase`, behind any separator.
    Passphrase,
    /// The rest of the line, if it is an address or has assignments.
    Connection,
    /// The rest of the line.
    Line,
}

/// The judgement of one name by the rules of one [`Redactor`](crate::Redactor), made by
/// [`judge_name`](crate::Redactor::judge_name).
///
/// It depends on the name and on the rules alone, so it may be kept as long as both: judge the fields of a callsite
/// once, keep the verdicts beside the callsite under the redactor's [`rules_id`](crate::Redactor::rules_id), and pass
/// them to [`clean_under`](crate::Redactor::clean_under) and [`hides_number`](crate::Redactor::hides_number) at each
/// event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameVerdict {
    pub(super) strength: Strength,
    pub(super) extent: Extent,
    /// Integers of so many digits and more are hidden; 0 if none are.
    pub(super) digits: u8,
    /// Whether any word in quotes is hidden that is not the state of a secret, although the name is a weak one.
    pub(super) quoted: bool,
    /// Whether values are of digits: words are none.
    pub(super) numeric: bool,
    /// Whether a user's rule names it: each value is hidden that says something.
    pub(super) always: bool,
    /// Whether the name is an identifier's, so that a number under it is no card's.
    pub(super) is_identifier: bool,
    /// The place of the name among the names at which the paths of user rules begin, plus one.
    pub(super) path: u8,
}

impl NameVerdict {
    /// Returns whether the name hides nothing: only what a value looks like decides.
    #[must_use]
    pub fn is_clear(self) -> bool {
        self.strength == Strength::Clear
    }

    /// The verdict on a name that hides nothing.
    pub(super) const CLEAR: Self = Self::new(Strength::Clear, Extent::Word, 0);

    const fn new(strength: Strength, extent: Extent, digits: u8) -> Self {
        Self {
            strength,
            extent,
            digits,
            quoted: false,
            numeric: false,
            always: false,
            is_identifier: false,
            path: 0,
        }
    }

    const fn strong(digits: u8) -> Self {
        Self::new(Strength::Strong, Extent::Word, digits)
    }

    const fn numeric(digits: u8) -> Self {
        Self { numeric: true, ..Self::strong(digits) }
    }

    const fn weak(digits: u8) -> Self {
        Self::new(Strength::Weak, Extent::Word, digits)
    }

    /// The verdict on a name that a user's rule names.
    pub(super) const ADDED: Self = Self { always: true, ..Self::new(Strength::Strong, Extent::Phrase, 1) };

    /// The verdict of a stricter handler: each name that may hide something does.
    pub(super) fn stricter(self) -> Self {
        match self.strength {
            Strength::Clear => self,
            _ => Self { strength: Strength::Strong, digits: 1, always: true, ..self },
        }
    }
}

/// The two words that stand before a name in a sentence.
#[derive(Clone, Copy, Default)]
pub(super) struct Before {
    pub(super) prior: Word,
    pub(super) before: Word,
}

/// Says whether a name is that of something that is told apart by a number: an order, a time.
pub(super) fn is_identifier(name: &[u8]) -> bool {
    spoken(name).last().is_some_and(|word| look_up(word) & lex::IDENTIFIER != 0)
}

/// What is known of a run of several humps as one word.
fn of_run((word, text): (Word, &[u8])) -> Flags {
    match look_up(word) & (lex::PASSWORD | lex::PASSPHRASE | lex::STRONG | lex::HEADER) {
        0 => look_up_tail(text),
        known => known,
    }
}

/// Judges a name by the built-in lexicon.
pub(super) fn judge(name: &[u8], context: Before) -> NameVerdict {
    if name.is_ascii() {
        return judge_ascii(name, context);
    }
    if super::fold::is_native_password(name) {
        return NameVerdict::new(Strength::Strong, Extent::Phrase, 4);
    }
    judge_ascii(super::fold::fold(name).as_bytes(), context)
}

fn judge_ascii(name: &[u8], context: Before) -> NameVerdict {
    let mut found = NameVerdict::default();
    let (mut first, mut last, mut count) = (0, 0, 0_usize);
    let mut words = Words::new(context);
    for part @ Part { word, text, run } in parts(name) {
        if part.is_number() {
            words.number = true;
            continue;
        }
        let mut flags = look_up(word);
        if flags == 0 {
            flags = look_up_tail(text);
        }
        if count == 0 {
            first = flags;
        }
        count += 1;
        last = flags;
        // Weak words decide at the end only: `auth_method` hides nothing.
        if found.strength != Strength::Strong {
            found = NameVerdict::default();
        }
        if flags & lex::DECIDES != 0 {
            found = found.max(words.decide(word, flags, count));
        }
        if let Some(run) = run {
            let flags = of_run(run);
            if flags != 0 {
                found = found.max(words.decide(run.0, flags, count));
            }
        }
        words.push(word, flags);
    }
    let is_about = last & lex::ABOUT != 0
        || first & lex::QUESTION != 0
        || (count == 2 && first & lex::TOKEN != 0 && last & lex::ADDRESS != 0);
    if count > 1 && is_about {
        return NameVerdict::default();
    }
    if last & lex::PLURAL != 0 {
        found.digits = 0;
    }
    found.is_identifier = found.is_clear() && last & lex::IDENTIFIER != 0;
    found
}

/// The words before the one that is looked at.
struct Words {
    prior: Word,
    before: Word,
    before_flags: Flags,
    /// Whether numbers stood between the words.
    number: bool,
}

impl Words {
    fn new(context: Before) -> Self {
        let before_flags = look_up(context.before);
        Self { prior: context.prior, before: context.before, before_flags, number: false }
    }

    fn push(&mut self, word: Word, flags: Flags) {
        self.prior = self.before;
        self.before = word;
        self.before_flags = flags;
    }

    fn is_before(&self, word: &str) -> bool {
        self.before == Word::new(word.as_bytes())
    }

    fn is_before_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_before(word))
    }

    /// Judges a word by what is known of it and of the words before.
    fn decide(&self, word: Word, flags: Flags, count: usize) -> NameVerdict {
        use NameVerdict as V;
        use Strength::{Strong, Weak};
        let before = self.before_flags;
        let has = |kind: Flags| flags & kind != 0;
        let is_resource = before & lex::RESOURCE != 0;
        if has(lex::PASSWORD) {
            let strength = if is_resource { Weak } else { Strong };
            return V::new(strength, Extent::Phrase, 4);
        }
        if has(lex::PASSPHRASE) {
            return V::new(Strong, Extent::Passphrase, 4);
        }
        if has(lex::HEADER) {
            return V::new(Strong, Extent::Line, 4);
        }
        if has(lex::CONNECTION) {
            return V::new(Strong, Extent::Connection, 0);
        }
        if has(lex::TOKEN) {
            return match before {
                _ if before & lex::PARSER != 0 || is_resource => V::weak(0),
                _ if before & lex::CURSOR != 0 => V::default(),
                _ => V::strong(4),
            };
        }
        if has(lex::FEW_DIGITS) {
            return V::numeric(3);
        }
        if has(lex::SIGNATURE) {
            return if before & lex::CALLABLE != 0 { V::default() } else { V::strong(6) };
        }
        if has(lex::STRONG) {
            return V::strong(4);
        }
        self.decide_pair(word, flags, count)
    }

    /// Judges a word that decides together with the one before it, or weakly.
    fn decide_pair(&self, word: Word, flags: Flags, count: usize) -> NameVerdict {
        use NameVerdict as V;
        use Strength::{Strong, Weak};
        let before = self.before_flags;
        let has = |kind: Flags| flags & kind != 0;
        let is = |text: &str| word == Word::new(text.as_bytes());
        let none = V::default();
        if has(lex::PASS) {
            return match before {
                _ if before & lex::BEFORE_PASS != 0 => V::new(Strong, Extent::Word, 0),
                _ if self.is_before("de") => V::new(Strong, Extent::Phrase, 4),
                _ if before & lex::ORDINAL != 0 || self.number => none,
                _ => V { quoted: true, ..V::weak(0) },
            };
        }
        if has(lex::KEY) {
            return match before {
                _ if before & lex::BEFORE_KEY != 0 => V::strong(6),
                _ if before & lex::BEFORE_WEAK_KEY != 0 => V { quoted: true, ..V::weak(0) },
                _ => none,
            };
        }
        if has(lex::CODE) {
            return match before {
                _ if before & lex::SECURITY != 0 => V::numeric(3),
                _ if before & lex::BEFORE_CODE != 0 || self.is_before("sort") => V::numeric(4),
                _ => none,
            };
        }
        if has(lex::PIN) {
            return match before {
                _ if self.is_before_any(&["card", "user", "sim", "atm", "upi", "account", "login"]) => {
                    V::numeric(4)
                }
                _ if before & lex::ORDINAL != 0 => none,
                _ => V { quoted: true, ..V::weak(4) },
            };
        }
        if has(lex::SEED) {
            return V::new(Weak, Extent::Seed, 0);
        }
        if has(lex::WEAK) {
            return match before {
                _ if self.is_before("connect") => V::strong(0),
                _ if is("auth") && count > 1 && self.is_before_any(&["basic", "proxy", "digest"]) => {
                    V::strong(4)
                }
                _ if is("auth") || is("sid") || is("sig") || count == 1 => V::weak(0),
                _ => none,
            };
        }
        if has(lex::NUMBER) && before & lex::BEFORE_NUMBER != 0 {
            return match () {
                () if self.is_before_any(&["card", "cc"]) => V::numeric(4),
                () if self.is_before("passport") => V::weak(6),
                () => V::numeric(6),
            };
        }
        if has(lex::NUMBER) && before & lex::SECURITY != 0 && look_up(self.prior) & lex::SOCIAL != 0 {
            return V::numeric(3);
        }
        if has(lex::PHRASE) {
            let found = self.is_before_any(&["pass", "seed", "mnemonic", "recovery", "secret", "backup"]);
            return if found { V::new(Strong, Extent::Passphrase, 4) } else { none };
        }
        if has(lex::TEXT) && before & lex::BEFORE_TEXT != 0 {
            let is_connection = self.is_before_any(&["connection", "conn"]);
            return match () {
                () if is("string") || is("str") => {
                    V::new(Strong, if is_connection { Extent::Connection } else { Extent::Line }, 4)
                }
                () if is_connection => none,
                () if is("header") => V::new(Strong, Extent::Line, 4),
                () => V::strong(4),
            };
        }
        let is_secret = (has(lex::ID) && self.is_before("session"))
            || (has(lex::ADDRESS) && before & lex::WEBHOOK != 0)
            || (has(lex::WEBHOOK) && self.is_before_any(&["slack", "discord", "teams", "mattermost"]))
            || (has(lex::CARD) && self.is_before_any(&["credit", "debit"]))
            || (has(lex::ASSERTION) && self.is_assertion(word));
        match () {
            () if !is_secret => none,
            () if has(lex::ID) => V::strong(8),
            () => V::strong(4),
        }
    }

    fn is_assertion(&self, word: Word) -> bool {
        const PAIRS: [(&str, &str); 7] = [
            ("saml", "response"),
            ("saml", "assertion"),
            ("client", "assertion"),
            ("code", "verifier"),
            ("oauth", "verifier"),
            ("key", "material"),
            ("snmp", "community"),
        ];
        PAIRS.iter().any(|(before, this)| self.is_before(before) && word == Word::new(this.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The glance at pairs of letters must let no name pass that the judgement would not.
    #[test]
    fn each_name_that_hides_something_is_noticed_at_a_glance() {
        let names = include_str!("names/names.txt").split_whitespace();
        let mut clear = 0;
        for name in names {
            let noticed = lex::may_hide(name.as_bytes());
            assert!(noticed || judge(name.as_bytes(), Before::default()).is_clear(), "{name}");
            clear += usize::from(!noticed);
        }
        assert!(clear > 40, "{clear} are cleared at a glance");
    }
}
