//! Redaction at capture: no secret enters an alert, so that no later step can leak one.

mod ends;
mod known;
mod names;
mod own;
mod pairs;
mod shapes;
#[cfg(test)]
mod tests;
mod triggers;
mod values;
mod words;

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use names::Names;

pub(crate) use own::OwnSecrets;

/// The text that stands for a secret.
pub const MASK: &str = "[redacted]";

/// The judgement of one name by the rules of one [`Redactor`], made by [`Redactor::judge_name`].
///
/// It depends on the name and on the rules alone, so it may be kept as long as both: judge the fields of a callsite
/// once, keep the verdicts beside the callsite under the redactor's [`rules_id`](Redactor::rules_id), and pass them to
/// [`clean_under`](Redactor::clean_under) and [`hides_number`](Redactor::hides_number) at each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameVerdict {
    is_secret: bool,
}

impl NameVerdict {
    /// Returns whether the name hides nothing: only what a value looks like decides.
    #[must_use]
    pub fn is_clear(self) -> bool {
        !self.is_secret
    }
}

/// Masks secrets by the names they stand under and by what they look like.
///
/// On by default. The replacement text is `[redacted]`.
///
/// - By name: fields, headers, query keys, and JSON keys, pairs and `Debug` forms inside a text. A name is compared by
///   whole words, split at everything that is no letter or digit and at camelCase humps, whatever its case.
///   `password`, `token`, `cookie` decide alone; `key` and `auth` only in compounds (`api_key`, `auth-token`), so that
///   `author`, `monkey`, `primary_key` pass. So do names that only speak about a secret (`token_count`, `has_password`).
/// - By value: what follows `Bearer` or `Basic`, JSON Web Tokens, passwords in URLs, payment card numbers, tokens with
///   the prefix of a known issuer, webhook and bot paths, private keys in PEM.
///
/// An unquoted value is taken to end at the first blank; headers, cookies, passphrases and connection strings reach to
/// the end of their line, and so does a password whose name begins its line, up to the next name, bracket or divider.
#[derive(Clone, Debug)]
pub struct Redactor {
    names: Option<Arc<Names>>,
    /// Whether these are the rules of `default`.
    untouched: bool,
    /// A hash of the rules.
    rules_id: u64,
}

impl Redactor {
    /// Masks nothing. The outbox's own credentials are still kept out.
    pub fn off() -> Self {
        Self { names: None, untouched: false, rules_id: 1 }
    }

    /// Takes values under `name` for secrets, too. Several words (`seat code`, `seat_code`) must stand side by side.
    ///
    /// Switches a redactor that is off on.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.names_mut().add(name);
        self.note_rule("name", name);
        self
    }

    /// Lets values under exactly this name pass, unless they look like a secret.
    ///
    /// In a dotted name the last segment counts as well: `session_id` lets `request.session_id` pass.
    #[must_use]
    pub fn allow(mut self, name: &str) -> Self {
        self.names_mut().allow(name);
        self.note_rule("allow", name);
        self
    }

    /// Judges a name once, for all values under it. Costs 300 to 500 instructions.
    #[must_use]
    pub fn judge_name(&self, name: &str) -> NameVerdict {
        NameVerdict { is_secret: self.is_secret_name(name) }
    }

    /// Returns a number that is the same for equal rules: the key under which verdicts are kept.
    ///
    /// It costs one load and is constant for a redactor that is not changed.
    #[must_use]
    pub fn rules_id(&self) -> u64 {
        self.rules_id
    }

    /// Masks the text of a field whose name was judged before: as [`clean`](Self::clean), and by its name.
    ///
    /// A text without a byte at which a secret could begin costs one pass over it, and is borrowed.
    #[must_use]
    pub fn clean_under<'t>(&self, verdict: NameVerdict, text: &'t str) -> Cow<'t, str> {
        if verdict.is_clear() {
            self.clean(text)
        } else if pairs::is_empty_value(text) {
            Cow::Borrowed(text)
        } else {
            Cow::Borrowed(MASK)
        }
    }

    /// Returns whether an integer of this magnitude is hidden under a name that was judged before.
    ///
    /// Booleans and floating-point numbers are never hidden, and need not be asked about.
    #[must_use]
    pub fn hides_number(&self, verdict: NameVerdict, magnitude: u128) -> bool {
        let _ = magnitude;
        !verdict.is_clear()
    }

    /// Says whether values under `name` are secrets.
    pub fn is_secret_name(&self, name: &str) -> bool {
        self.names.as_ref().is_some_and(|names| names.judge(name.as_bytes()).is_some())
    }

    /// As [`is_secret_name`](Self::is_secret_name), for the name of a field, which stays what it is: under the default
    /// rules each thread remembers the latest names. Measured: 10 instructions instead of 500.
    pub(crate) fn is_secret_field(&self, name: &'static str) -> bool {
        if self.untouched {
            remembered(name, || self.is_secret_name(name))
        } else {
            self.is_secret_name(name)
        }
    }

    /// Masks the secrets in a text. Borrows it when there are none.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.masked(text, false)
    }

    /// Masks the secrets in a text that a size limit has cut: what may be the start of one at its end goes as well.
    pub fn cut_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.masked(text, true)
    }

    /// Masks what a handler is about to keep or write: the secrets in a text that may have been cut, and every
    /// registered credential of our own.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(rest) = text.strip_suffix(crate::CUT) else {
            return mask_own(self.text(text), crate::process::mask_own_secrets);
        };
        // Without its mark: a credential of our own that the limit cut is known by the end of the text.
        match mask_own(self.cut_text(rest), crate::process::mask_own_secrets_cut) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(clean) => Cow::Owned(clean + crate::CUT),
        }
    }

    /// Masks the value of a field: all of it if its name is a secret's, else the secrets in its text.
    ///
    /// An empty value stays, and so do `None`, `null`, `true` and `false`.
    pub fn value<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        if !self.is_secret_name(name) {
            self.text(value)
        } else if pairs::is_empty_value(value) {
            Cow::Borrowed(value)
        } else {
            Cow::Borrowed(MASK)
        }
    }

    fn masked<'t>(&self, text: &'t str, cut: bool) -> Cow<'t, str> {
        match &self.names {
            Some(names) => values::mask(names, text, cut),
            None => Cow::Borrowed(text),
        }
    }

    /// Says whether these are the rules of [`Redactor::default`].
    pub(crate) fn is_default(&self) -> bool {
        self.untouched
    }

    /// Takes a rule into the number of the rules (FNV-1a, of a fixed seed: equal rules have equal numbers).
    fn note_rule(&mut self, kind: &str, rule: &str) {
        let bytes = kind.bytes().chain([0]).chain(rule.bytes()).chain([0]);
        let seed = self.rules_id ^ 0xcbf2_9ce4_8422_2325;
        self.rules_id =
            bytes.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn names_mut(&mut self) -> &mut Names {
        self.untouched = false;
        Arc::make_mut(self.names.get_or_insert_default())
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self { names: Some(Arc::default()), untouched: true, rules_id: 0 }
    }
}

/// How many names a thread remembers; a power of two.
const REMEMBERED: usize = 64;

/// Is the address and length of a name, and what the default rules say about it.
type Verdict = (usize, usize, bool);

thread_local! {
    static VERDICTS: [Cell<Verdict>; REMEMBERED] = const { [const { Cell::new((0, 0, false)) }; REMEMBERED] };
}

fn remembered(name: &'static str, judge: impl Fn() -> bool) -> bool {
    let (address, len) = (name.as_ptr().addr(), name.len());
    let place = (address ^ (address >> 6) ^ len.wrapping_mul(7)) % REMEMBERED;
    let answer = VERDICTS.try_with(|verdicts| {
        let cell = verdicts.get(place)?;
        let (known, known_len, verdict) = cell.get();
        if (known, known_len) == (address, len) {
            return Some(verdict);
        }
        let verdict = judge();
        cell.set((address, len, verdict));
        Some(verdict)
    });
    answer.ok().flatten().unwrap_or_else(judge)
}

fn mask_own<'t>(text: Cow<'t, str>, mask: fn(&str) -> Cow<'_, str>) -> Cow<'t, str> {
    match mask(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(clean) => Cow::Owned(clean),
    }
}
