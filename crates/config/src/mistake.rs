use std::{error::Error, fmt, ops::Range};

use watchfire_core::ConfigError;

/// Says what is wrong with a configuration, where, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// The way to the value, such as `handlers.ops.level`.
    pub path: String,
    /// The bytes of the text that are wrong, if the configuration came from one.
    pub span: Option<Range<usize>>,
    /// What is wrong, and what is expected. Never holds a secret.
    pub reason: String,
    /// What may have been meant, or what to do.
    pub hint: Option<String>,
    /// Whether it only is pointless: the configuration works, and probably not as meant.
    pub is_warning: bool,
    /// Whether a part is named that a program may have registered.
    pub(crate) names_unknown_part: bool,
}

impl Mistake {
    pub(crate) fn new(path: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_string(),
            span: None,
            reason: reason.into(),
            hint: None,
            is_warning: false,
            names_unknown_part: false,
        }
    }

    pub(crate) fn at(mut self, span: Option<Range<usize>>) -> Self {
        self.span = span;
        self
    }

    pub(crate) fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    pub(crate) fn meant(self, name: Option<&str>) -> Self {
        self.hint(name.map(|name| format!("did you mean `{name}`?")))
    }

    pub(crate) fn unknown_part(mut self) -> Self {
        self.names_unknown_part = true;
        self
    }

    pub(crate) fn warning(mut self) -> Self {
        self.is_warning = true;
        self
    }
}

/// Shows the way to the value, what is wrong with it, and what may have been meant; [`Mistakes`] knows the line.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason)?,
            path => write!(f, "{path}: {}", self.reason)?,
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Holds all mistakes of one configuration, in the order of its text.
///
/// Its `Display` shows each with its line and column and the line itself, and what may have been meant. `{:?}` writes the
/// same, for it is what a program prints whose `main` returns the error; `{:#?}` lists the fields, without the text of
/// the file, in which credentials may stand.
#[derive(Clone, PartialEq, Eq)]
pub struct Mistakes {
    name: String,
    text: String,
    list: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn new(name: &str, text: &str, mut list: Vec<Mistake>) -> Self {
        list.sort_by_key(|mistake| (mistake.is_warning, mistake.span.as_ref().map_or(0, |span| span.start)));
        list.dedup();
        Self { name: name.to_owned(), text: text.to_owned(), list }
    }

    /// Returns the mistakes.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }

    /// Tells whether there is one that is more than a warning.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|mistake| !mistake.is_warning)
    }

    /// Returns the name of the file, or of what else the configuration came from.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.name
    }

    /// Returns the line and column of a mistake, both from 1; columns count characters.
    #[must_use]
    pub fn line_and_column(&self, mistake: &Mistake) -> Option<(usize, usize)> {
        let start = mistake.span.as_ref()?.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Some((line, column))
    }

    fn show(&self, mistake: &Mistake, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if mistake.is_warning { "warning: " } else { "" };
        let subject = if mistake.path.is_empty() { String::new() } else { format!("{}: ", mistake.path) };
        let Some((line, column)) = self.line_and_column(mistake) else {
            write!(f, "{}: {kind}{subject}{}", self.name, mistake.reason)?;
            return self.show_hint(mistake, "  ", f);
        };
        writeln!(f, "{}:{line}:{column}: {kind}{subject}{}", self.name, mistake.reason)?;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        // What stands in the line may be a credential: known ones are masked, as everywhere, and what stands beside the
        // mistake, under a misspelt key say, is cut short.
        let from = column - 1;
        let until = from
            + mistake
                .span
                .as_ref()
                .map_or(0, |span| self.text.get(span.clone()).unwrap_or_default().chars().count());
        let shown = shortened(text, from, until);
        let masked = watchfire_core::process::mask_own_secrets(&shown);
        writeln!(f, "{margin} |\n{number} | {}", masked.replace('\t', " "))?;
        let bytes = mistake.span.as_ref().map_or(0, |span| span.len());
        let start = mistake.span.as_ref().map_or(0, |span| span.start);
        let marked = self.text.get(start..(start + bytes).min(self.text.len())).unwrap_or_default();
        let length = marked.lines().next().unwrap_or_default().chars().count().max(1);
        write!(f, "{margin} | {}{}", " ".repeat(column - 1), "^".repeat(length))?;
        self.show_hint(mistake, &format!("{margin} "), f)
    }

    fn show_hint(&self, mistake: &Mistake, margin: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &mistake.hint {
            Some(hint) => write!(f, "\n{margin}= {hint}"),
            None => Ok(()),
        }
    }
}

/// Cuts long texts in quotes that begin behind the marked characters.
fn shortened(line: &str, from: usize, until: usize) -> String {
    const LONGEST: usize = 12;
    let mut shown = String::with_capacity(line.len());
    let mut quoted: Option<usize> = None;
    for (at, c) in line.chars().enumerate() {
        let is_marked = (from..until).contains(&at);
        match quoted {
            None if matches!(c, '"' | '\'') && !is_marked && at >= until => quoted = Some(0),
            Some(_) if matches!(c, '"' | '\'') => quoted = None,
            Some(count) => {
                quoted = Some(count + 1);
                if count == LONGEST {
                    shown.push('…');
                }
                if count >= LONGEST {
                    continue;
                }
            }
            None => {}
        }
        shown.push(c);
    }
    shown
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.list.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            self.show(mistake, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        f.debug_struct("Mistakes").field("name", &self.name).field("list", &self.list).finish_non_exhaustive()
    }
}

impl Error for Mistakes {}

impl From<Mistakes> for ConfigError {
    fn from(mistakes: Mistakes) -> Self {
        let first = mistakes.list.first().map_or("", |mistake| mistake.path.as_str());
        let field = if first.is_empty() { "config".to_owned() } else { first.to_owned() };
        let reasons: Vec<_> =
            mistakes.list.iter().map(|mistake| format!("{}: {}", mistake.path, mistake.reason)).collect();
        Self::new(field, reasons.join("; "))
    }
}

/// Gathers mistakes under way.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) list: Vec<Mistake>,
}

impl Findings {
    pub(crate) fn add(&mut self, mistake: Mistake) {
        self.list.push(mistake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Parts};

    #[test]
    fn a_main_that_returns_them_prints_what_a_person_reads_and_no_file() {
        let text =
            "[handlers.ops]\ntype = \"slack\"\nwebhok = \"https://hooks.example.com/planted-in-mistakes\"\n";
        let mistakes = Config::examine("watchfire.toml", text, &Parts::new());
        let error: Box<dyn Error> = mistakes.clone().into();
        let printed = format!("Error: {error:?}");
        assert_eq!(printed, format!("Error: {mistakes}"));
        assert!(
            printed
                .starts_with("Error: watchfire.toml:3:1: handlers.ops.webhok: is unknown\n  |\n3 | webhok ="),
            "{printed}"
        );
        assert!(printed.contains("  = did you mean `webhook`?"), "{printed}");
        let fields = format!("{mistakes:#?}");
        assert!(fields.contains("path: \"handlers.ops.webhok\"") && !fields.contains("planted"), "{fields}");
        let first = mistakes.list().first().unwrap();
        assert_eq!(first.to_string(), "handlers.ops.webhok: is unknown (did you mean `webhook`?)");
    }
}
