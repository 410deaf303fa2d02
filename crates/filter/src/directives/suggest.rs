//! Guess which level was meant.

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

/// Counts the letters to add, drop, change or swap with a neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut least =
                (at(&last, j) + usize::from(x != *y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if j > 0 && previous == Some(*y) && b.get(j - 1) == Some(&x) {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
        previous = Some(x);
    }
    last.last().copied().unwrap_or_default()
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
