//! Redaction at capture: no secret enters an alert, so that no later step can leak one.

mod bytes;
mod card;
mod decode;
mod digits;
mod ends;
mod flags;
mod fold;
mod here;
mod lexicon;
mod lines;
mod markup;
mod names;
mod paths;
mod rules;
mod scan;
mod sentence;
mod shape;
#[cfg(test)]
mod tests;
mod token;
mod url;
mod words;

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use crate::marks::{MASK, split_cut};
use crate::{ConfigError, Pattern, Value, process};

use bytes::{Bytes, may_hold_triggers, next_trigger};
use names::Extent;
pub use names::NameVerdict;
use rules::Rules;
use scan::Found;
use shape::Shape;

/// The rules by which secrets are masked: by the names they stand under, and by what they look like.
///
/// On by default. The replacement text is `[redacted]`. The guide `docs/redaction.md` states the policy.
///
/// - By name: fields, headers, query keys, and JSON keys, pairs and `Debug` forms inside a text. A name is compared by
///   whole words, split at everything that is no letter or digit and at camelCase humps, whatever its case.
///   `password`, `token`, `cookie` decide alone; `key` and `code` only in compounds (`api_key`, `auth-code`), so that
///   `author`, `monkey`, `primary_key` pass. So do names that only speak about a secret (`token_count`, `has_password`).
/// - By value: tokens with the prefix of a known issuer, JSON Web Tokens, what follows `Bearer` or `Basic`, passwords in
///   URLs, payment card and bank account numbers, webhook and bot paths, private keys.
/// - Values that cannot be a secret pass under any name: booleans, small numbers, `expired`, `$1`, `String`, `/etc/key`.
#[derive(Clone, Debug)]
pub struct Redactor {
    rules: Option<Arc<Rules>>,
    /// Whether these are the rules of `default`.
    untouched: bool,
    /// A hash of the rules.
    rules_id: u64,
    /// No smaller number is looked at, unless its name hides something.
    least_number: u128,
}

impl Redactor {
    /// Masks nothing. The outbox's own credentials are still kept out.
    pub fn off() -> Self {
        Self { rules: None, untouched: false, rules_id: 1, least_number: u128::MAX }
    }

    /// Masks every value under `name`, too. Several words (`seat code`, `seat_code`) must stand side by side.
    ///
    /// Only an empty value, `null` and booleans stay. Switches a redactor that is off on, as all rules do.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.rules_mut().add(name);
        self.noted("name", name)
    }

    /// Masks every value under a name that stands below others, too: `request.headers.authorization`.
    ///
    /// The path may be the name of a field, or lead on from it into a structure that its text shows (JSON, `Debug`, YAML):
    /// the field `request` with the value `{"headers":{"authorization":"..."}}`. It may begin anywhere, and `*` stands
    /// for one name. Names are compared as in [`name`](Self::name), but as a whole.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.rules_mut().paths.add(path, true);
        self.noted("path", path)
    }

    /// Masks what a regular expression finds in any text or number, too: of a pattern with a group, the first group.
    ///
    /// In a text that a size limit has cut, the last word is masked as well: it may be the start of a match.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub fn pattern(mut self, pattern: &str) -> Result<Self, ConfigError> {
        self.rules_mut().add_pattern(Pattern::new(pattern)?);
        self.least_number = 0;
        Ok(self.noted("pattern", pattern))
    }

    /// Lets values under exactly this name pass, unless they look like a secret.
    ///
    /// In a dotted name the last segment counts as well: `session_id` lets `request.session_id` pass.
    #[must_use]
    pub fn allow(mut self, name: &str) -> Self {
        self.rules_mut().allow(name);
        self.noted("allow", name)
    }

    /// Lets values under a name that stands below others pass, unless they look like a secret. See [`path`](Self::path).
    #[must_use]
    pub fn allow_path(mut self, path: &str) -> Self {
        self.rules_mut().paths.add(path, false);
        self.noted("allow_path", path)
    }

    /// Lets a value pass that a regular expression matches from its start to its end, whatever rule would mask it.
    ///
    /// What counts is all that the mask would stand for: the value of a field, or a token in a text.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub fn allow_pattern(mut self, pattern: &str) -> Result<Self, ConfigError> {
        let whole = Pattern::new(pattern)?.whole()?;
        self.rules_mut().allow_pattern(whole);
        Ok(self.noted("allow_pattern", pattern))
    }

    /// Masks every value under a name that may be one of a secret: also what does not look like one under an everyday
    /// name (`pin=13`, `auth=violet`), and the state of a secret (`token: expired`).
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.rules_mut().strict = true;
        self.noted("strict", "")
    }

    /// Judges a name once, for all values under it. Costs about 150 instructions.
    #[must_use]
    pub fn judge_name(&self, name: &str) -> NameVerdict {
        self.rules.as_ref().map_or_else(NameVerdict::default, |rules| rules.judge(name.as_bytes()))
    }

    /// Returns a number that is the same for equal rules: the key under which verdicts are kept.
    ///
    /// It costs one load and is constant for a redactor that is not changed.
    #[must_use]
    pub fn rules_id(&self) -> u64 {
        self.rules_id
    }

    /// As [`judge_name`](Self::judge_name), for the name of a field, which stays what it is: under the default rules
    /// each thread remembers the latest names. Measured: 10 instructions.
    pub(crate) fn judge_field(&self, name: &'static str) -> NameVerdict {
        if self.untouched { remembered(name, || self.judge_name(name)) } else { self.judge_name(name) }
    }

    /// Masks the text of a field whose name was judged before: by its name, and as [`clean`](Self::clean).
    ///
    /// A text that stays as it is is borrowed. One without a byte at which a secret could begin costs one pass over it,
    /// of less than an instruction a byte.
    #[must_use]
    pub fn clean_under<'t>(&self, verdict: NameVerdict, text: &'t str) -> Cow<'t, str> {
        // A text that was cut ends with this bracket.
        let is_whole = text.as_bytes().last() != Some(&b']');
        if self.untouched && verdict.is_clear() && is_whole && !may_hold_triggers(text.as_bytes()) {
            return process::mask_own_secrets(text);
        }
        self.clean_with_triggers(verdict, text)
    }

    #[inline(never)]
    fn clean_with_triggers<'t>(&self, verdict: NameVerdict, text: &'t str) -> Cow<'t, str> {
        let (rest, mark) = split_cut(text);
        let cut = !mark.is_empty();
        if !verdict.is_clear() && self.is_secret(verdict, rest) {
            return Cow::Owned(MASK.to_owned());
        }
        let mask_own = if cut { process::mask_own_secrets_cut } else { process::mask_own_secrets };
        let clean = match self.masked(rest, cut, verdict) {
            // Without its mark: a credential of our own that the limit cut is known by the end of the text.
            Cow::Borrowed(rest) => mask_own(rest),
            Cow::Owned(clean) => Cow::Owned(mask_own(&clean).into_owned()),
        };
        match clean {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(clean) if cut => Cow::Owned(clean + mark),
            Cow::Owned(clean) => Cow::Owned(clean),
        }
    }

    /// Returns whether an integer of this magnitude is hidden under a name that was judged before.
    ///
    /// Booleans are never hidden. For floating-point numbers there is [`hides_float`](Self::hides_float).
    #[inline]
    #[must_use]
    pub fn hides_number(&self, verdict: NameVerdict, magnitude: u128) -> bool {
        // Nearly every number is told at once.
        !(verdict.is_clear() && magnitude < self.least_number) && self.hides_long_number(verdict, magnitude)
    }

    fn hides_long_number(&self, verdict: NameVerdict, magnitude: u128) -> bool {
        let Some(rules) = &self.rules else { return false };
        let digits = magnitude.checked_ilog10().map_or(1, |log| log as usize + 1);
        let is_hidden = (!verdict.is_clear() && shape::hides_digits(verdict, digits))
            || (digits >= 13 && !verdict.is_identifier && card::is_card(magnitude))
            || (rules.has_patterns() && rules.matches(&magnitude.to_string()));
        is_hidden && !(rules.lets_values_pass() && rules.lets_pass(&magnitude.to_string()))
    }

    /// Returns whether a floating-point number is hidden under a name that was judged before: by a user's rule only.
    #[must_use]
    pub fn hides_float(&self, verdict: NameVerdict, value: f64) -> bool {
        let Some(rules) = &self.rules else { return false };
        let is_hidden = verdict.always || (rules.has_patterns() && rules.matches(&value.to_string()));
        is_hidden && !(rules.lets_values_pass() && rules.lets_pass(&value.to_string()))
    }

    /// Returns what is shown instead of a value, if that is not the value itself.
    pub(crate) fn shown(&self, verdict: NameVerdict, value: &Value) -> Option<Value> {
        let clean = |text| match self.clean_under(verdict, text) {
            Cow::Owned(clean) => Some(clean.into_boxed_str()),
            Cow::Borrowed(_) => None,
        };
        match value {
            Value::Str(text) => clean(text).map(Value::Str),
            Value::Debug(text) => clean(text).map(Value::Debug),
            Value::F64(number) => self.hides_float(verdict, *number).then(|| Value::from(MASK)),
            value => {
                let hides = |magnitude: &u128| self.hides_number(verdict, *magnitude);
                value.magnitude().filter(hides).map(|_| Value::from(MASK))
            }
        }
    }

    /// Masks the secrets in a text. Borrows it when there are none.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.masked(text, false, NameVerdict::default())
    }

    /// Masks the secrets in a text that a size limit has cut: what may be the start of one at its end goes as well.
    pub fn cut_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.masked(text, true, NameVerdict::default())
    }

    /// Masks what a handler is about to keep or write: the secrets in a text that may have been cut, and every
    /// registered credential of our own.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.clean_under(NameVerdict::default(), text)
    }

    /// Masks the value of a field: all of it if it is a secret by its name, else the secrets in its text.
    pub fn value<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        let verdict = self.judge_name(name);
        if !verdict.is_clear() && self.is_secret(verdict, value) {
            return Cow::Owned(MASK.to_owned());
        }
        self.masked(value, false, verdict)
    }

    fn masked<'t>(&self, text: &'t str, cut: bool, field: NameVerdict) -> Cow<'t, str> {
        let Some(rules) = &self.rules else { return Cow::Borrowed(text) };
        // Most texts have nothing that could begin a secret: the scanner is not even set up for them.
        let bytes = text.as_bytes();
        let is_clear = || !may_hold_triggers(bytes) || next_trigger(bytes).is_none();
        if !cut && !rules.has_patterns() && is_clear() {
            return Cow::Borrowed(text);
        }
        let mut found = scan::find(rules, Bytes::new(text.as_bytes(), cut), field, 0);
        if rules.has_patterns() {
            rules.find_patterns(text.as_bytes(), cut, &mut found);
            scan::merge(&mut found);
        }
        if rules.lets_values_pass() {
            found.retain(|found| {
                !text.get(found.start..found.end).is_some_and(|value| rules.lets_pass(value))
            });
        }
        if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(put_masks(text, &found)) }
    }

    /// Returns whether a whole value is masked by the name it stands under.
    fn is_secret(&self, verdict: NameVerdict, value: &str) -> bool {
        let passes = |rules: &Arc<Rules>| rules.lets_values_pass() && rules.lets_pass(value);
        is_secret(verdict, value) && !self.rules.as_ref().is_some_and(passes)
    }

    /// Says whether these are the rules of [`Redactor::default`].
    pub(crate) fn is_default(&self) -> bool {
        self.untouched
    }

    /// Takes a rule into the number of the rules (FNV-1a, of a fixed seed: equal rules have equal numbers).
    fn noted(mut self, kind: &str, rule: &str) -> Self {
        let bytes = kind.bytes().chain([0]).chain(rule.bytes()).chain([0]);
        let seed = self.rules_id ^ 0xcbf2_9ce4_8422_2325;
        self.rules_id =
            bytes.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        self
    }

    fn rules_mut(&mut self) -> &mut Rules {
        self.untouched = false;
        self.least_number = self.least_number.min(LEAST_CARD);
        Arc::make_mut(self.rules.get_or_insert_default())
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self { rules: Some(Arc::default()), untouched: true, rules_id: 0, least_number: LEAST_CARD }
    }
}

/// Says whether a whole value is a secret by the name it stands under.
fn is_secret(verdict: NameVerdict, value: &str) -> bool {
    let value = value.as_bytes();
    let shape = match Shape::of_whole(value) {
        // What `Debug` wrote.
        Shape::Plain | Shape::Opaque if is_debug(value) => {
            return !shape::is_harmless_group(verdict, value);
        }
        shape => shape,
    };
    match verdict.extent {
        Extent::Seed => value.iter().filter(|byte| **byte == b' ').count() >= 4 || shape::is_opaque(value),
        Extent::Connection => shape::is_connection(value),
        _ => shape::is_secret(verdict, shape, value, true),
    }
}

/// Says whether a value looks like what `Debug` writes of a group.
fn is_debug(value: &[u8]) -> bool {
    let ident = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let rest = value.get(ident..).unwrap_or_default();
    let opens = match rest.trim_ascii_start().first() {
        Some(b'(') => ident > 0,
        Some(b'[') => ident == 0,
        Some(b'{') => ident == 0 || value.first().is_some_and(u8::is_ascii_uppercase),
        _ => false,
    };
    opens && matches!(value.last(), Some(b')' | b']' | b'}'))
}

fn put_masks(text: &str, found: &[Found]) -> String {
    let mut out = String::with_capacity(text.len() + MASK.len());
    let mut done = 0;
    for Found { start, end, quote } in found {
        out.push_str(text.get(done..*start).unwrap_or_default());
        let put_quote = |out: &mut String| {
            if let Some(quote) = quote {
                out.extend(std::iter::repeat_n('\\', quote.slashes));
                out.push(char::from(quote.mark));
            }
        };
        put_quote(&mut out);
        out.push_str(MASK);
        put_quote(&mut out);
        done = *end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// No card's number is smaller.
const LEAST_CARD: u128 = 1_000_000_000_000;

/// How many names a thread remembers; a power of two.
const REMEMBERED: usize = 64;

/// The address and length of a name, and the verdict on it by the default rules.
type Remembered = (usize, usize, NameVerdict);

thread_local! {
    static VERDICTS: [Cell<Remembered>; REMEMBERED] =
        const { [const { Cell::new((0, 0, NameVerdict::CLEAR)) }; REMEMBERED] };
}

fn remembered(name: &'static str, judge: impl Fn() -> NameVerdict) -> NameVerdict {
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
