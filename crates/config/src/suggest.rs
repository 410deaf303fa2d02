//! Guess what was meant.

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

/// Counts the letters to add, drop, change or swap with a neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let change = at(&last, j) + usize::from(x != *y);
            let mut least = change.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
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
