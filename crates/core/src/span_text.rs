//! The texts of a span chain, as formats render them: made once, and kept with the innermost span.

use std::{
    fmt,
    sync::{Mutex, OnceLock},
};

use crate::{alert::random_u64, process::try_lock_for_a_while};

/// The number of one way to render spans: a format with its options. Unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RenderingId(u64);

impl RenderingId {
    /// Makes a number that nobody else has.
    #[must_use]
    pub fn new() -> Self {
        Self(random_u64())
    }
}

impl Default for RenderingId {
    fn default() -> Self {
        Self::new()
    }
}

/// A rendering, and the settings of the layer that it was made for: another layer may redact by other rules.
pub(crate) type TextKey = (RenderingId, u64);

/// A text longer than this is made anew for each event, so that a deep chain of large spans does not fill the memory.
const LONGEST: usize = 8_192;
/// How many renderings are kept besides the first.
const MOST: usize = 8;

/// The texts of one chain: nearly always one, which is read without a lock.
#[derive(Default)]
pub(crate) struct SpanTexts {
    first: OnceLock<SpanText>,
    others: Mutex<Vec<SpanText>>,
}

struct SpanText {
    key: TextKey,
    /// The version of the chain when the text was made.
    version: u64,
    text: Box<str>,
}

impl SpanTexts {
    /// Appends the text of `key`; `render` makes it if there is none of this version.
    pub(crate) fn write(
        &self,
        key: TextKey,
        version: u64,
        out: &mut String,
        render: impl FnOnce(&mut String),
    ) {
        match self.first.get() {
            Some(first) if first.key == key && first.version == version => out.push_str(&first.text),
            Some(_) => self.write_other(key, version, out, render),
            None => {
                let start = out.len();
                render(out);
                if let Some(text) = kept(out, start) {
                    // Another thread may have been faster, with the same text or with that of another layer.
                    self.first.get_or_init(|| SpanText { key, version, text });
                }
            }
        }
    }

    fn write_other(&self, key: TextKey, version: u64, out: &mut String, render: impl FnOnce(&mut String)) {
        // In a forked child the lock may be held for ever: then the text is made each time.
        {
            let Some(others) = try_lock_for_a_while(&self.others) else { return render(out) };
            if let Some(other) = others.iter().find(|other| other.key == key && other.version == version) {
                return out.push_str(&other.text);
            }
        }
        let start = out.len();
        render(out);
        let Some(text) = kept(out, start) else { return };
        let Some(mut others) = try_lock_for_a_while(&self.others) else { return };
        others.retain(|other| other.key != key);
        if others.len() < MOST {
            others.push(SpanText { key, version, text });
        }
    }
}

fn kept(out: &str, start: usize) -> Option<Box<str>> {
    out.get(start..).filter(|text| text.len() <= LONGEST).map(Box::from)
}

impl fmt::Debug for SpanTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanTexts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(texts: &SpanTexts, key: TextKey, version: u64, text: &str) -> String {
        let mut out = String::from("<");
        texts.write(key, version, &mut out, |out| out.push_str(text));
        out
    }

    #[test]
    fn a_text_is_made_once_per_key_and_stamp() {
        let texts = SpanTexts::default();
        let (one, other) = ((RenderingId(1), 1), (RenderingId(1), 2));
        for (key, version, made, expected) in [
            (one, 0, "a", "<a"),
            (one, 0, "not made", "<a"),
            (other, 0, "b", "<b"),
            (other, 0, "not made", "<b"),
            (one, 1, "c", "<c"),
            (one, 1, "not made", "<c"),
            (other, 0, "not made", "<b"),
        ] {
            assert_eq!(write(&texts, key, version, made), expected, "{key:?} {version}");
        }
    }

    #[test]
    fn long_texts_and_many_keys_are_not_kept() {
        let texts = SpanTexts::default();
        let long = "x".repeat(LONGEST + 1);
        write(&texts, (RenderingId(1), 1), 0, &long);
        assert!(texts.first.get().is_none());
        for id in 0..100 {
            assert_eq!(write(&texts, (RenderingId(id), 1), 0, "y"), "<y");
        }
        assert_eq!(texts.others.lock().unwrap().len(), MOST);
    }
}
