//! Checks on words: what every file, test and commit says of itself.

use super::Finding;
use super::source::Tree;
use super::tables::{MOST_OPENERS, OPENERS};

const MOST_TEST_NAME: usize = 60;
const MOST_SUBJECT: usize = 72;

/// Finds source files whose first line of documentation is missing.
pub(super) fn module_docs(tree: &Tree) -> Vec<Finding> {
    let missing = sources(tree).filter(|(_, text)| !has_docs(text));
    missing
        .map(|(path, _)| {
            let mend = "begin the file with one `//!` line that says what it is for";
            Finding::new(path, "has no documentation of its own", mend)
        })
        .collect()
}

fn has_docs(text: &str) -> bool {
    // Documentation from another file counts, and inner attributes may stand before it.
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.any(|line| line.starts_with("//!") || line.contains("doc = include_str!"))
}

/// Finds tests whose names nobody reads to their end.
pub(super) fn test_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in sources(tree) {
        let mut is_test = false;
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            match line.split_once("fn ").filter(|_| is_test) {
                Some((_, rest)) => {
                    let name = rest.split(['(', '<']).next().unwrap_or_default();
                    if name.len() > MOST_TEST_NAME {
                        let what = format!("has a test name of {} characters: `{name}`", name.len());
                        let mend = format!("name the claim in at most {MOST_TEST_NAME}");
                        findings.push(Finding::new(format!("{path}:{number}"), what, mend));
                    }
                    is_test = false;
                }
                None => is_test |= line == "#[test]",
            }
        }
    }
    findings
}

/// Finds more comment lines that begin with a word such as `What` or `Those` than the table allows.
///
/// A sentence that begins so is read twice. The table holds how many are left; it only shrinks.
pub(super) fn openers(tree: &Tree) -> Vec<Finding> {
    let found: Vec<String> = sources(tree)
        .flat_map(|(path, text)| (1..).zip(text.lines()).map(move |(number, line)| (path, number, line)))
        .filter(|(_, _, line)| opens(line))
        .map(|(path, number, _)| format!("{path}:{number}"))
        .collect();
    if found.len() <= MOST_OPENERS {
        return Vec::new();
    }
    let what = format!(
        "{} comment lines begin with {}, at most {MOST_OPENERS} may",
        found.len(),
        OPENERS.join(", ")
    );
    let mend =
        format!("begin the sentences with their subject; the last are {}", found[MOST_OPENERS..].join(", "));
    vec![Finding::new("comments", what, mend)]
}

fn opens(line: &str) -> bool {
    let line = line.trim_start();
    let text = line.strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']));
    let word = text.and_then(|text| text.split_whitespace().next()).unwrap_or_default();
    OPENERS.contains(&word)
}

/// Finds subjects of commits that do not fit a line of a log.
pub(super) fn subjects(log: &str) -> Vec<Finding> {
    let commits = log.lines().filter_map(|line| line.split_once(' '));
    let long = commits.filter(|(_, subject)| subject.chars().count() > MOST_SUBJECT);
    long.map(|(id, subject)| {
        let what = format!("has a subject of {} characters: {subject}", subject.chars().count());
        Finding::new(
            format!("commit {id}"),
            what,
            format!("say it in {MOST_SUBJECT}, and the reason in the body"),
        )
    })
    .collect()
}

fn sources(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.files().filter(|(path, _)| path.ends_with(".rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_line_on_itself_is_found() {
        for (text, is_good) in [
            ("//! Sends mail.\nuse std::fmt;", true),
            ("#![expect(clippy::unwrap_used, reason = \"tests\")]\n//! Tests.", true),
            ("#![doc = include_str!(\"../README.md\")]\n", true),
            ("use std::fmt;\n\n/// Sends.\nfn send() {}", false),
        ] {
            assert_eq!(has_docs(text), is_good, "{text}");
        }
    }

    #[test]
    fn a_comment_that_opens_with_a_relative_is_found() {
        for (line, is_found) in [
            ("    /// What the channel holds.", true),
            ("//! Those that wait.", true),
            ("    // Not now.", true),
            ("    /// Whatever happens.", false),
            ("    /// The channel.", false),
            ("let what = 1;", false),
        ] {
            assert_eq!(opens(line), is_found, "{line}");
        }
    }

    #[test]
    fn a_long_subject_is_found() {
        let long = format!("abc core: {}\ndef core: short", "x".repeat(MOST_SUBJECT));
        assert_eq!(subjects(&long).len(), 1);
    }
}
