//! Split a name into words: at everything that is no letter or digit, between letters and digits, and at camelCase
//! humps.

/// A lower-cased word, by its hash. Words are compared with those of the lexicon and of rules only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

/// FNV-1a of 64 bits.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

impl Word {
    /// No word.
    pub(super) const NONE: Self = Self(SEED);

    #[expect(clippy::indexing_slicing, reason = "below the length; an iterator is not constant")]
    pub(super) const fn new(word: &[u8]) -> Self {
        let (mut new, mut at) = (Self::NONE, 0);
        while at < word.len() {
            new = new.with(word[at].to_ascii_lowercase());
            at += 1;
        }
        new
    }

    #[inline]
    const fn with(self, lower: u8) -> Self {
        Self((self.0 ^ lower as u64).wrapping_mul(PRIME))
    }

    #[inline]
    pub(super) fn hash(self) -> u64 {
        self.0
    }
}

impl Default for Word {
    fn default() -> Self {
        Self::NONE
    }
}

/// A word of a name, and the run of letters or digits that it stands in.
#[derive(Clone, Copy)]
pub(super) struct Part<'n> {
    pub(super) word: Word,
    pub(super) text: &'n [u8],
    /// The whole run, at the last of its words: `paSSword` is `pa` and `SSword`, and also `password`.
    pub(super) run: Option<(Word, &'n [u8])>,
}

impl Part<'_> {
    pub(super) fn is_number(&self) -> bool {
        self.text.first().is_some_and(u8::is_ascii_digit)
    }
}

/// Walks the words of a name.
pub(super) fn parts(name: &[u8]) -> Parts<'_> {
    Parts { name, at: 0, run: Word::NONE, run_start: 0 }
}

/// Walks the words of a name, without their runs.
pub(super) fn words(name: &[u8]) -> impl Iterator<Item = Word> {
    parts(name).map(|part| part.word)
}

/// The words of a name that are no numbers.
pub(super) fn spoken(name: &[u8]) -> impl Iterator<Item = Word> {
    parts(name).filter(|part| !part.is_number()).map(|part| part.word)
}

pub(super) struct Parts<'n> {
    name: &'n [u8],
    at: usize,
    run: Word,
    run_start: usize,
}

const OTHER: u8 = 0;
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 3;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static CLASSES: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut at = 0;
    while at < 26 {
        table[b'a' as usize + at] = LOWER;
        table[b'A' as usize + at] = UPPER;
        at += 1;
    }
    at = 0;
    while at < 10 {
        table[b'0' as usize + at] = DIGIT;
        at += 1;
    }
    table
};

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

impl<'n> Parts<'n> {
    #[inline]
    fn class_at(&self, at: usize) -> u8 {
        self.name.get(at).map_or(OTHER, |byte| class(*byte))
    }

    /// Takes bytes of one class into the word.
    #[inline]
    fn take(&mut self, mut word: Word, kind: u8) -> Word {
        while let Some(byte) = self.name.get(self.at)
            && class(*byte) == kind
        {
            // Letters in lower case; digits have the bit set.
            word = word.with(byte | 0x20);
            self.run = self.run.with(byte | 0x20);
            self.at += 1;
        }
        word
    }
}

impl<'n> Iterator for Parts<'n> {
    type Item = Part<'n>;

    #[inline]
    fn next(&mut self) -> Option<Part<'n>> {
        let mut first = self.class_at(self.at);
        while first == OTHER {
            if self.at >= self.name.len() {
                return None;
            }
            self.at += 1;
            first = self.class_at(self.at);
        }
        let start = self.at;
        if self.run == Word::NONE {
            self.run_start = start;
        }
        let mut word = Word::NONE;
        if first == UPPER {
            // `APIKey`: the last capital belongs to the next word.
            loop {
                if self.at > start && (self.class_at(self.at) != UPPER || self.class_at(self.at + 1) == LOWER)
                {
                    break;
                }
                let byte = self.name.get(self.at).copied().unwrap_or(0) | 0x20;
                word = word.with(byte);
                self.run = self.run.with(byte);
                self.at += 1;
            }
            if self.at == start + 1 {
                word = self.take(word, LOWER);
            }
        } else {
            word = self.take(word, first);
        }
        let next = self.class_at(self.at);
        let ends_run = next == OTHER || (next == DIGIT) != (first == DIGIT);
        let mut run = None;
        if ends_run {
            if self.run_start < start {
                run = Some((self.run, self.name.get(self.run_start..self.at).unwrap_or_default()));
            }
            self.run = Word::NONE;
        }
        Some(Part { word, text: self.name.get(start..self.at).unwrap_or_default(), run })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_at_signs_digits_and_humps() {
        for (name, expected) in [
            ("api_key", &["api", "key"][..]),
            ("APIKey2", &["api", "key", "2"]),
            ("xApiKEY", &["x", "api", "key"]),
            ("paSSword", &["pa", "s", "sword"]),
            ("db.pass-word", &["db", "pass", "word"]),
            ("A", &["a"]),
            ("__", &[]),
            ("csrfmiddlewaretoken", &["csrfmiddlewaretoken"]),
        ] {
            let expected: Vec<_> = expected.iter().map(|word| Word::new(word.as_bytes())).collect();
            assert_eq!(words(name.as_bytes()).collect::<Vec<_>>(), expected, "{name}");
            let texts: Vec<_> = parts(name.as_bytes()).map(|part| Word::new(part.text)).collect();
            assert_eq!(texts, expected, "{name}");
        }
        let run = |name: &'static [u8]| parts(name).filter_map(|part| part.run).map(|run| run.1).next();
        assert_eq!(run(b"paSSword"), Some(&b"paSSword"[..]));
        assert_eq!((run(b"one_two"), run(b"x_oneTwo"), run(b"one2Two")), (None, Some(&b"oneTwo"[..]), None));
    }
}
