//! Split a name into words: at everything that is no letter or digit, and at camelCase humps.

/// One lower-cased word, cut at its front to 24 bytes, which is longer than any entry of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    bytes: [u8; 24],
    len: u8,
}

impl Word {
    pub(super) const EMPTY: Self = Self { bytes: [0; 24], len: 0 };

    pub(super) fn new(raw: &[u8]) -> Self {
        let mut word = Self::EMPTY;
        let tail = raw.get(raw.len().saturating_sub(word.bytes.len())..).unwrap_or_default();
        for (to, from) in word.bytes.iter_mut().zip(tail) {
            *to = from.to_ascii_lowercase();
        }
        word.len = u8::try_from(tail.len()).unwrap_or(0);
        word
    }

    pub(super) fn get(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(super) fn is_number(&self) -> bool {
        self.bytes.first().is_some_and(u8::is_ascii_digit)
    }
}

pub(super) fn words(name: &[u8]) -> impl Iterator<Item = Word> {
    let mut rest = name;
    std::iter::from_fn(move || {
        while let Some((first, tail)) = rest.split_first()
            && !first.is_ascii_alphanumeric()
        {
            rest = tail;
        }
        let len = word_len(rest);
        let (word, tail) = rest.split_at_checked(len)?;
        rest = tail;
        (len > 0).then(|| Word::new(word))
    })
}

fn word_len(rest: &[u8]) -> usize {
    let run =
        |from: usize, test: fn(&u8) -> bool| rest.iter().skip(from).take_while(|byte| test(byte)).count();
    match rest.first() {
        Some(byte) if byte.is_ascii_digit() => run(0, u8::is_ascii_digit),
        Some(byte) if byte.is_ascii_lowercase() => run(0, u8::is_ascii_lowercase),
        Some(_) => {
            let upper = run(0, u8::is_ascii_uppercase);
            let lower = run(upper, u8::is_ascii_lowercase);
            match (upper, lower) {
                (_, 0) => upper,
                (0 | 1, _) => upper + lower,
                // `APIKey`: the last capital belongs to the next word.
                _ => upper - 1,
            }
        }
        None => 0,
    }
}
