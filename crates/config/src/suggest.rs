//! Guess what was meant.

use watchfire_filter::distance;

/// Returns the one of `known` that `word` most likely stands for.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the word may be wrong, one letter of a short one, three at most.
    let length = word.chars().count();
    let most = (length / 3).clamp(1, 3);
    if length < 2 {
        return None;
    }
    let given = word.to_lowercase();
    // Each letter too many or too few is a step: most names are ruled out by their length.
    let (steps, found) = known
        .into_iter()
        .filter(|name| name.chars().count().abs_diff(length) <= most)
        .map(|name| (distance(&given, &name.to_lowercase()), name))
        .min_by_key(|(steps, _)| *steps)?;
    (steps <= most).then_some(found)
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
