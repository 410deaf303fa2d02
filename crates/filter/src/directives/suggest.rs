//! Guess which level was meant.

use crate::distance;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const ELSEWHERE: [(&str, &str); 9] = [
    ("warning", "warn"),
    ("err", "error"),
    ("critical", "error"),
    ("fatal", "error"),
    ("notice", "info"),
    ("information", "info"),
    ("verbose", "debug"),
    ("none", "off"),
    ("all", "trace"),
];

/// Guesses for a word that has to be a level.
pub(super) fn nearest_level(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    if let Some((_, level)) = ELSEWHERE.iter().find(|(name, _)| *name == word) {
        return Some(level);
    }
    let (distance, level) = LEVELS.into_iter().map(|level| (distance(&word, level), level)).min()?;
    // Half the word may be wrong, not more.
    (distance <= 2 && distance * 2 <= word.chars().count()).then_some(level)
}

/// Guesses for a word that may be a target as well: only where a crate of that name is out of the question, or a level
/// is more than likely. `warp` is a crate; `wran` has two letters swapped.
pub(super) fn level_in_place_of(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let named = ["warning", "err", "critical", "fatal"].contains(&word.as_str());
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    let swapped = LEVELS.into_iter().any(|level| {
        let mut of_level: Vec<char> = level.chars().collect();
        of_level.sort_unstable();
        of_level == letters && distance(&word, level) == 1
    });
    if named || swapped { nearest_level(&word) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_the_level_that_was_meant() {
        for (word, expected) in [
            ("wran", Some("warn")),
            ("eror", Some("error")),
            ("WARNING", Some("warn")),
            ("deubg", Some("debug")),
            ("inof", Some("info")),
            ("trcae", Some("trace")),
            ("of", Some("off")),
            ("banana", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest_level(word), expected, "{word}");
        }
    }

    #[test]
    fn takes_a_bare_word_for_a_level_only_when_that_is_likely() {
        for word in ["warp", "race", "tracer", "infos", "error_stack", "debugid", "shop", "wan"] {
            assert_eq!(level_in_place_of(word), None, "{word}");
        }
        assert_eq!(level_in_place_of("wran"), Some("warn"));
        assert_eq!(level_in_place_of("Warning"), Some("warn"));
    }
}
