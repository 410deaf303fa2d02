//! Guess what was meant.

use watchfire_filter::distance;

/// Returns the one of `known` that `word` most likely stands for.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = word.to_lowercase();
    let (steps, found) = known
        .into_iter()
        .map(|name| (distance(&given, &name.to_lowercase()), name))
        .min_by_key(|(steps, _)| *steps)?;
    // A third of the word may be wrong, one letter of a short one, three at most.
    let length = given.chars().count();
    (length > 1 && steps <= (length / 3).clamp(1, 3)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_what_is_close_and_nothing_else() {
        let known = ["handlers", "level", "filters", "propagate", "webhook"];
        for (word, expected) in [
            ("hanlders", Some("handlers")),
            ("lvel", Some("level")),
            ("LEVEL", Some("level")),
            ("filter", Some("filters")),
            ("propogate", Some("propagate")),
            ("web_hook", Some("webhook")),
            ("colour", None),
            ("l", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
