//! Regular expressions of users, with a bound on their compiled size.

use std::{error::Error, fmt, sync::Arc};

use regex_automata::{
    Input, meta,
    util::{captures::Captures, syntax},
};

use crate::ConfigError;

/// How many bytes a pattern may take when it is compiled. A user's pattern takes a few kB; `(a{1000}){1000}` would take
/// some hundred MB, and a minute.
const MOST_COMPILED: usize = 1 << 20;

/// How many bytes the states that are worked out while a pattern searches may take.
const MOST_CACHED: usize = 1 << 18;

/// How deep groups of a pattern may be nested.
const MOST_NESTED: u32 = 64;

/// A regular expression of a user, with a bound of 1 MiB on its compiled size.
///
/// The syntax is that of the `regex` crate. A search takes time in proportion to the text, whatever the pattern.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    regex: meta::Regex,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// If it is not a regular expression, or takes more than 1 MiB compiled. The error does not show the pattern, which
    /// may spell out a secret.
    pub fn new(source: &str) -> Result<Self, ConfigError> {
        let limits = meta::Config::new()
            .nfa_size_limit(Some(MOST_COMPILED))
            .onepass_size_limit(Some(MOST_COMPILED))
            .hybrid_cache_capacity(MOST_CACHED);
        let regex = meta::Builder::new()
            .configure(limits)
            .syntax(syntax::Config::new().nest_limit(MOST_NESTED))
            .build(source)
            .map_err(|error| {
                let reason = match error.size_limit() {
                    Some(_) => TOO_LARGE.to_owned(),
                    None => format!("is not a regular expression: {}", innermost(&error)),
                };
                ConfigError::new("pattern", reason)
            })?;
        Ok(Self { source: source.into(), regex })
    }

    /// Compiles the pattern of the texts that `self` matches as a whole.
    pub(crate) fn whole(&self) -> Result<Self, ConfigError> {
        let whole = Self::new(&format!("\\A(?:{})\\z", self.source))?;
        Ok(Self { source: Arc::clone(&self.source), ..whole })
    }

    /// Returns the pattern as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Tells whether the pattern is found in a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Calls `found` with the start and the end of each match: of the first group, if the pattern has one.
    pub(crate) fn each_match(&self, text: &[u8], found: &mut dyn FnMut(usize, usize)) {
        let mut input = Input::new(text);
        let group = usize::from(self.regex.captures_len() > 1);
        let mut captures = Captures::all(self.regex.group_info().clone());
        while let Some((start, end)) = self.next(&input, group, &mut captures) {
            let (whole_end, is_empty) = (end.1, end.1 == start.1);
            if end.0 > start.0 {
                found(start.0, end.0);
            }
            let next = whole_end + usize::from(is_empty);
            if next > text.len() {
                break;
            }
            input.set_start(next);
        }
    }

    /// Finds the next match: start and end of the group, each with that of the whole.
    fn next(
        &self,
        input: &Input<'_>,
        group: usize,
        captures: &mut Captures,
    ) -> Option<((usize, usize), (usize, usize))> {
        if group == 0 {
            let whole = self.regex.search(input)?.range();
            return Some(((whole.start, whole.start), (whole.end, whole.end)));
        }
        self.regex.search_captures(input, captures);
        let whole = captures.get_match()?.range();
        // A group that took no part: the whole.
        let part = captures.get_group(group).map_or(whole.clone(), |part| part.start..part.end);
        Some(((part.start, whole.start), (part.end, whole.end)))
    }
}

/// The reason of an error about a pattern that is too large.
pub(crate) const TOO_LARGE: &str = "is too large: compiled it takes more than 1 MiB; repeat less in it";

/// Returns the cause that says something: the outer ones only name the step that failed.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    // The parser draws the pattern on several lines, and names the error on the last.
    let text = innermost.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({} bytes)", self.source.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Vec<String> {
        let mut all = Vec::new();
        Pattern::new(pattern).unwrap().each_match(text.as_bytes(), &mut |start, end| {
            all.push(text.get(start..end).unwrap().to_owned());
        });
        all
    }

    #[test]
    fn a_match_is_the_whole_or_the_first_group() {
        for (pattern, text, expected) in [
            (r"\bAC-\d+\b", "AC-12, xAC-3 AC-4", &["AC-12", "AC-4"][..]),
            (r"seat (\d+)", "seat 12, seat 7", &["12", "7"]),
            (r"(?:a|b)c", "ac bc", &["ac", "bc"]),
            (r"a(b)?", "a ab", &["a", "b"]),
            (r"x*", "axxb", &["xx"]),
            (r"(?i)ÄRGER", "ärger", &["ärger"]),
            (r"\w+", "", &[]),
        ] {
            assert_eq!(found(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn large_and_wrong_patterns_are_refused_without_a_word_of_them() {
        let nested = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        for (pattern, expected) in [
            ("(a{1000}){1000}", "is too large"),
            (r"(\w{100}){100}", "is too large"),
            ("((hunter2{99}){99}){99}", "is too large"),
            ("(?:hunter2", "is not a regular expression: unclosed group"),
            ("hunter2)", "is not a regular expression"),
            (nested.as_str(), "is not a regular expression"),
        ] {
            let error = Pattern::new(pattern).unwrap_err();
            assert!(error.reason().starts_with(expected), "{pattern}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
