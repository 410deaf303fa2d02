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
}

impl Redactor {
    /// Masks nothing. The outbox's own credentials are still kept out.
    pub fn off() -> Self {
        Self { names: None, untouched: false }
    }

    /// Takes values under `name` for secrets, too. Several words (`seat code`, `seat_code`) must stand side by side.
    ///
    /// Switches a redactor that is off on.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.names_mut().add(name);
        self
    }

    /// Lets values under exactly this name pass, unless they look like a secret.
    ///
    /// In a dotted name the last segment counts as well: `session_id` lets `request.session_id` pass.
    #[must_use]
    pub fn allow(mut self, name: &str) -> Self {
        self.names_mut().allow(name);
        self
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

    fn names_mut(&mut self) -> &mut Names {
        self.untouched = false;
        Arc::make_mut(self.names.get_or_insert_default())
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self { names: Some(Arc::default()), untouched: true }
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
