//! The texts of the tree, and just enough of a lexer to tell code from comments, strings and tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The text files of the repository by their path from its root, with `/` between folders.
pub(super) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Reads all text files below `root` but those of build and tool folders.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))?;
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = entry.path();
                if entry.file_type()?.is_dir() {
                    let ours = !name.starts_with('.') || [".ci", ".cargo"].contains(&name.as_str());
                    if ours && !["target", "node_modules"].contains(&name.as_str()) {
                        folders.push(path);
                    }
                } else if name == ".git" {
                    // In a linked worktree it is a file, with the path of the repository.
                } else if let Ok(text) = fs::read_to_string(&path) {
                    let path = path.strip_prefix(root).unwrap_or(&path);
                    files.insert(path.to_string_lossy().replace('\\', "/"), text);
                }
            }
        }
        Ok(Self(files))
    }

    /// Returns one file.
    pub(super) fn file(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Returns all files in the order of their paths.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns the Rust files below a folder that are no tests.
    pub(super) fn sources(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files()
            .filter(move |(path, _)| path.starts_with(folder) && path.ends_with(".rs") && !is_test(path))
    }

    #[cfg(test)]
    pub(super) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect())
    }
}

/// Says whether a path is a test by our naming: below a folder `tests`, or a file `tests.rs`.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// Returns the code with comments and the insides of literals blanked; lines stay where they are.
pub(super) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { chars: &chars, at: 0, out: String::with_capacity(text.len()) };
    lexer.run();
    lexer.out
}

/// Returns blanked code without the items under `#[cfg(test)]`; their lines go with them.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        out.push_str(before);
        rest = after_item(after);
    }
    out.push_str(rest);
    out
}

/// Returns what follows the item that starts here: past its `;`, or past its braces.
fn after_item(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(char, ';' | '}') {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

/// Returns blanked code without the bodies of `macro_rules!`.
pub(super) fn without_macros(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("macro_rules!") {
        out.push_str(before);
        rest = after_item(after);
    }
    out.push_str(rest);
    out
}

/// Returns the words of blanked code.
pub(super) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char: char| !(char.is_alphanumeric() || char == '_')).filter(|word| !word.is_empty())
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    out: String,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(char) = self.peek(0) {
            match (char, self.peek(1)) {
                ('/', Some('/')) => self.blank_while(|lexer| lexer.peek(0) != Some('\n')),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('r', Some('"' | '#')) if !self.in_word() && self.raw_hashes().is_some() => self.raw_string(),
                ('\'', _) => self.quote(),
                _ => self.keep(),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Whether the character before this one belongs to a word other than the prefixes `b` and `c`.
    fn in_word(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.chars.get(at)).copied();
        let part = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
        part(before(1)) && (!matches!(before(1), Some('b' | 'c')) || part(before(2)))
    }

    fn keep(&mut self) {
        self.out.extend(self.peek(0));
        self.at += 1;
    }

    fn blank(&mut self) {
        self.out.extend(self.peek(0).map(|char| if char == '\n' { '\n' } else { ' ' }));
        self.at += 1;
    }

    fn blank_while(&mut self, more: impl Fn(&Self) -> bool) {
        while self.peek(0).is_some() && more(self) {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.blank();
                    continue;
                }
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        while let Some(char) = self.peek(0) {
            match char {
                '"' => return self.keep(),
                '\\' => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }

    /// Returns the number of `#` of a raw string that starts at this `r`; a raw identifier has no quote.
    fn raw_hashes(&self) -> Option<usize> {
        let hashes = (1..).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        (self.peek(1 + hashes) == Some('"')).then_some(hashes)
    }

    fn raw_string(&mut self) {
        let hashes = self.raw_hashes().unwrap_or_default();
        for _ in 0..hashes + 2 {
            self.keep();
        }
        let closes = |lexer: &Self| {
            lexer.peek(0) == Some('"') && (1..=hashes).all(|ahead| lexer.peek(ahead) == Some('#'))
        };
        self.blank_while(|lexer| !closes(lexer));
        for _ in 0..=hashes {
            self.keep();
        }
    }

    /// A character literal or a lifetime: the literal ends in a quote after one character or an escape.
    fn quote(&mut self) {
        self.keep();
        if self.peek(0) == Some('\\') {
            self.blank();
            self.blank();
            self.blank_while(|lexer| lexer.peek(0) != Some('\''));
            self.keep();
        } else if self.peek(1) == Some('\'') {
            self.blank();
            self.keep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_what_is_not_code() {
        let cases = [
            ("a // fn b\nc", "a        \nc"),
            ("a /* fn /* x */ y */ c", "a                    c"),
            ("\"fn\" x", "\"  \" x"),
            (r#""a\"fn" x"#, r#""     " x"#),
            ("r\"fn\" x", "r\"  \" x"),
            ("r#\"f\"n\"# x", "r#\"   \"# x"),
            ("br#\"fn\"# x", "br#\"  \"# x"),
            ("r#fn x", "r#fn x"),
            ("'\"' fn", "' ' fn"),
            ("'\\'' fn", "'  ' fn"),
            ("&'a str \"fn\"", "&'a str \"  \""),
            ("\"two\nlines\"", "\"   \n     \""),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn cuts_test_items_and_nothing_else() {
        let cases = [
            ("a\n#[cfg(test)]\nmod tests { fn x() { } }\nb", "a\n\nb"),
            ("a\n#[cfg(test)]\nmod tests;\nb", "a\n\nb"),
            ("#[cfg(test)]\nfn x() { if a { b } }fn y() {}", "fn y() {}"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_tests(text), expected, "{text}");
        }
    }
}
