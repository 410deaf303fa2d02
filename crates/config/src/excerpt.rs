//! Shows a line of a configuration without its values: keys, punctuation, and of each value its kind and length.

use std::{collections::HashSet, fmt, ops::Range};

use crate::{keys, source_map::SourceMap};

/// The longest key that is shown whole, in characters.
const LONGEST_KEY: usize = 64;
/// The longest line that is shown whole, in characters.
const LONGEST_LINE: usize = 160;

/// The kind and length of a value: all that an excerpt shows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text(usize),
    Number(usize),
    Bool,
    Date,
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(0) => f.write_str("<empty text>"),
            Self::Text(1) => f.write_str("<text, 1 character>"),
            Self::Text(length) => write!(f, "<text, {length} characters>"),
            Self::Number(1) => f.write_str("<number, 1 digit>"),
            Self::Number(digits) => write!(f, "<number, {digits} digits>"),
            Self::Bool => f.write_str("<bool>"),
            Self::Date => f.write_str("<date>"),
        }
    }
}

/// One line of a configuration, with the marked part; it holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// Counts from 1.
    pub(crate) line: usize,
    /// In characters of the file, from 1.
    pub(crate) column: usize,
    shown: String,
    /// In characters of `shown`.
    mark: Range<usize>,
}

/// The text of a configuration with what is known of its lines.
pub(crate) struct SourceText<'a> {
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// Values that are neither lists nor tables, in the order of the text.
    scalars: Vec<(Range<usize>, Scalar)>,
    /// Lines that the parser could not read: what is a key there and what a value is a guess.
    broken: HashSet<usize>,
}

/// A part of a line: its bytes in the text, and what is shown instead.
struct LinePiece {
    bytes: Range<usize>,
    shown: String,
    is_verbatim: bool,
}

impl<'a> SourceText<'a> {
    pub(crate) fn new<'s>(
        text: &'a str,
        source_map: &SourceMap,
        syntax_errors: impl Iterator<Item = &'s Range<usize>>,
    ) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines: Vec<usize> = std::iter::once(0).chain(starts).collect();
        let mut source = Self { text, lines, scalars: source_map.scalars(), broken: HashSet::new() };
        for span in syntax_errors {
            let (first, last) = (source.line_of(span.start), source.line_of(span.end));
            source.broken.extend(first..=last);
        }
        source
    }

    /// Shows the line in which a span begins. Without a text there is nothing to show.
    pub(crate) fn excerpt(&self, span: &Range<usize>) -> Option<Excerpt> {
        if self.text.is_empty() {
            return None;
        }
        let start = span.start.min(self.text.len());
        let number = self.line_of(start);
        let begin = self.lines.get(number).copied().unwrap_or_default();
        let rest = self.text.get(begin..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        let end = begin + line.trim_end_matches('\r').len();
        let pieces =
            if self.broken.contains(&number) { self.broken_line(begin..end) } else { self.line(begin..end) };
        let column = self.text.get(begin..start).unwrap_or_default().chars().count() + 1;
        let shown: String = pieces.iter().map(|piece| piece.shown.as_str()).collect();
        let from = self.shown_at(&pieces, start, false);
        let until = self.shown_at(&pieces, span.end.min(end), true).max(from + 1);
        let (shown, mark) = windowed(&shown, from..until);
        Some(Excerpt { line: number + 1, column, shown, mark })
    }

    fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    fn line(&self, bytes: Range<usize>) -> Vec<LinePiece> {
        let mut pieces = Vec::new();
        let mut at = bytes.start;
        let first = self.scalars.partition_point(|(range, _)| range.end <= bytes.start);
        for (range, scalar) in self.scalars.get(first..).unwrap_or_default() {
            if range.start >= bytes.end {
                break;
            }
            if !self.keys(at..range.start.max(at), &bytes, &mut pieces) {
                return pieces;
            }
            at = range.end.min(bytes.end);
            let bytes = range.start.max(bytes.start)..at;
            pieces.push(LinePiece { bytes, shown: scalar.to_string(), is_verbatim: false });
        }
        self.keys(at..bytes.end, &bytes, &mut pieces);
        pieces
    }

    /// Shows the keys and the punctuation between two values; `false` at a comment, which ends the line.
    fn keys(&self, bytes: Range<usize>, line: &Range<usize>, pieces: &mut Vec<LinePiece>) -> bool {
        let text = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let is_header = text(line.clone()).trim_start().starts_with('[');
        let mut at = bytes.start;
        while let Some(c) = text(at..bytes.end).chars().next() {
            let mut end = at + c.len_utf8();
            let (shown, is_verbatim) = match c {
                '#' => {
                    pieces.push(LinePiece {
                        bytes: at..line.end,
                        shown: "# …".to_owned(),
                        is_verbatim: false,
                    });
                    return false;
                }
                ' ' | '\t' => (" ".to_owned(), true),
                '[' | ']' | '{' | '}' | '=' | ',' | '.' | ':' => (c.to_string(), true),
                _ => {
                    end = word_end(text(at..bytes.end), c) + at;
                    let next = text(end..line.end).trim_start().chars().next();
                    // Only a key is followed by one of these.
                    let is_key = matches!(next, Some('=' | '.' | ':')) || (is_header && next == Some(']'));
                    let word = text(at..end);
                    if is_key && word.chars().count() <= LONGEST_KEY && !word.chars().any(char::is_control) {
                        (word.to_owned(), true)
                    } else {
                        ("…".to_owned(), false)
                    }
                }
            };
            pieces.push(LinePiece { bytes: at..end, shown, is_verbatim });
            at = end;
        }
        true
    }

    /// Shows of a line that could not be read the key at its start, if it is one that is known.
    fn broken_line(&self, bytes: Range<usize>) -> Vec<LinePiece> {
        let line = self.text.get(bytes.clone()).unwrap_or_default();
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let opening = trimmed.chars().next().filter(|c| matches!(c, '"' | '[')).map_or(0, char::len_utf8);
        let rest = trimmed.get(opening..).unwrap_or_default();
        let length = rest.find(|c: char| !is_bare(c)).unwrap_or(rest.len());
        let key = rest.get(..length).unwrap_or_default();
        let mut shown = 0;
        if keys::is_known(key) {
            shown = indent + opening + length;
            let after = line.get(shown..).unwrap_or_default();
            let value = after.trim_start_matches('"').trim_start();
            if value.starts_with(['=', ':']) {
                let value = value.get(1..).unwrap_or_default();
                shown = line.len() - value.trim_start().len();
            }
        }
        let mut pieces = Vec::new();
        let verbatim = line.get(..shown).unwrap_or_default().replace('\t', " ");
        let middle = bytes.start + shown;
        pieces.push(LinePiece { bytes: bytes.start..middle, shown: verbatim, is_verbatim: true });
        if middle < bytes.end {
            pieces.push(LinePiece { bytes: middle..bytes.end, shown: "…".to_owned(), is_verbatim: false });
        }
        pieces
    }

    /// Returns where a byte of the text stands in what is shown, in characters.
    fn shown_at(&self, pieces: &[LinePiece], at: usize, is_end: bool) -> usize {
        let mut shown = 0;
        for piece in pieces {
            let length = piece.shown.chars().count();
            let is_here = if is_end { at <= piece.bytes.end } else { at < piece.bytes.end };
            if is_here {
                let within = self.text.get(piece.bytes.start..at).unwrap_or_default().chars().count();
                return shown
                    + match (piece.is_verbatim, is_end) {
                        (true, _) => within.min(length),
                        (false, true) => length,
                        (false, false) => 0,
                    };
            }
            shown += length;
        }
        shown
    }
}

impl Excerpt {
    /// Writes the line and the mark below it, and returns the margin for what follows.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>) -> Result<String, fmt::Error> {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{margin} |\n{number} | {}", self.shown)?;
        write!(f, "{margin} | {}{}", " ".repeat(self.mark.start), "^".repeat(self.mark.len()))?;
        Ok(format!("{margin} "))
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Returns the end of the word that a text begins with: a quoted key with its quotes, a bare one, or one character.
fn word_end(text: &str, first: char) -> usize {
    if matches!(first, '"' | '\'') {
        let mut escaped = false;
        for (at, c) in text.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' if first == '"' => escaped = true,
                c if c == first => return at + 1,
                _ => {}
            }
        }
        return text.len();
    }
    match text.find(|c: char| !is_bare(c)) {
        Some(0) => first.len_utf8(),
        Some(end) => end,
        None => text.len(),
    }
}

/// Cuts a long line around its marked part.
fn windowed(shown: &str, mark: Range<usize>) -> (String, Range<usize>) {
    let length = shown.chars().count();
    if length <= LONGEST_LINE {
        return (shown.to_owned(), mark);
    }
    let skipped = mark.start.saturating_sub(LONGEST_LINE / 4);
    let mut cut: String = shown.chars().skip(skipped).take(LONGEST_LINE).collect();
    let mut mark = mark.start - skipped..(mark.end - skipped).min(LONGEST_LINE);
    if skipped + LONGEST_LINE < length {
        cut.push('…');
    }
    if skipped > 0 {
        cut.insert(0, '…');
        mark = mark.start + 1..mark.end + 1;
    }
    (cut, mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Components, Config,
        diagnostics::{Findings, spans_of_syntax},
        read_toml,
    };

    fn shown(text: &str, marked: &str) -> (String, String) {
        let mut findings = Findings::default();
        let (_, source_map) = read_toml::read(text, &mut findings);
        let syntax = spans_of_syntax(&findings.list);
        let source = SourceText::new(text, &source_map, syntax.iter());
        let start = text.find(marked).unwrap();
        let excerpt = source.excerpt(&(start..start + marked.len())).unwrap();
        let mark: String = excerpt.shown.chars().skip(excerpt.mark.start).take(excerpt.mark.len()).collect();
        (excerpt.shown, mark)
    }

    #[test]
    fn a_line_shows_its_keys_and_of_values_kind_and_length() {
        for (text, marked, line, mark) in [
            ("tokn = \"xoxb-1\"", "tokn", "tokn = <text, 6 characters>", "tokn"),
            ("a = \"xoxb-1\" # pw: x", "\"xoxb-1\"", "a = <text, 6 characters> # …", "<text, 6 characters>"),
            ("a = ''", "''", "a = <empty text>", "<empty text>"),
            (
                "t = { sid = \"AC0\", pw = \"hunter2\" }",
                "pw",
                "t = { sid = <text, 3 characters>, pw = <text, 7 characters> }",
                "pw",
            ),
            (
                "to = [\"a@b\", 4711, true, 1979-05-27]",
                "4711",
                "to = [<text, 3 characters>, <number, 4 digits>, <bool>, <date>]",
                "<number, 4 digits>",
            ),
            ("x = 1\n[handlers.\"a b\".c]", "c]", "[handlers.\"a b\".c]", "c]"),
            ("to = [\n  \"hunter2\",\n]", "\"hunter2\"", "  <text, 7 characters>,", "<text, 7 characters>"),
            ("a = \"\"\"\nhunter2\n\"\"\"", "hunter2", "<text, 8 characters>", "<text, 8 characters>"),
            ("\tä = 'x'\n\"ü.x\" = 'yy'", "\"ü.x\"", "\"ü.x\" = <text, 2 characters>", "\"ü.x\""),
        ] {
            assert_eq!(shown(text, marked), (line.to_owned(), mark.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_shows_a_known_key_at_most() {
        for (text, line) in [
            ("token = \"hunter2\n[root]\n", "token = …"),
            ("token = hunter2 hunter3\n", "token = …"),
            ("hunter2\n", "…"),
            ("hunter2 hunter3\n", "…"),
            ("tokn hunter2\n", "…"),
            ("  token: hunter2\n", "  token: …"),
            ("[handlers.hunter2\n", "[handlers…"),
            ("token = \"a\"\ntoken = \"hunter2\"\n", "token = …"),
            ("x = { token = \"hunter2\", token = \"hunter3\" }\n", "…"),
        ] {
            let said = Config::examine("x.toml", text, &Components::new()).to_string();
            assert!(!said.contains("hunter"), "{text}: {said}");
            let expected = format!("| {line}\n");
            assert!(said.contains(&expected), "{text}: {said}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let entries: Vec<_> = (0..400).map(|i| format!("k{i} = {i}")).collect();
        let text = format!("a = {{ {} }}", entries.join(", "));
        let (line, mark) = shown(&text, "k200");
        assert!(line.chars().count() <= LONGEST_LINE + 2 && line.starts_with('…') && line.ends_with('…'));
        assert_eq!(mark, "k200");
    }
}
