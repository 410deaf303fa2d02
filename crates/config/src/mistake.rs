//! What is wrong with a configuration, with the place of each.

use std::{collections::HashSet, error::Error, fmt, ops::Range};

use watchfire_core::ConfigError;

use crate::{
    excerpt::{Excerpt, SourceText},
    source_map::SourceMap,
};

/// What is wrong with a configuration, where, and what may have been meant. It holds no value of the configuration.
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
    /// Whether the configuration works, and probably not as meant.
    pub is_warning: bool,
    pub(crate) cause: Cause,
    pub(crate) excerpt: Option<Excerpt>,
}

/// What a mistake follows from, where that decides whether it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cause {
    #[default]
    Value,
    /// The text is not valid TOML or JSON.
    Syntax,
    /// A variable or a file that this machine does not have.
    Environment,
    /// The name of a part that the program may have registered.
    UnknownComponent,
    /// A key at the top that is like none: in a text that was misread, it may be a value that was taken for a key.
    UnknownSection,
}

impl Mistake {
    pub(crate) fn new(path: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_string(),
            span: None,
            reason: reason.into(),
            hint: None,
            is_warning: false,
            cause: Cause::Value,
            excerpt: None,
        }
    }

    pub(crate) fn syntax(reason: impl Into<String>) -> Self {
        Self::new("", reason).because(Cause::Syntax)
    }

    pub(crate) fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
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

    pub(crate) fn warning(mut self) -> Self {
        self.is_warning = true;
        self
    }

    fn start(&self) -> usize {
        self.span.as_ref().map_or(0, |span| span.start)
    }
}

/// Shows the way to the value, what is wrong with it, and what may have been meant; [`Mistakes`] shows the line too.
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

/// All mistakes of one configuration, in the order of its text.
///
/// Its `Display` shows each with its line and column, the line with its keys, and what may have been meant. Of values it
/// shows kind and length alone. `{:?}` writes the same, because a program prints it whose `main` returns the error.
#[derive(Clone, PartialEq, Eq)]
pub struct Mistakes {
    name: String,
    list: Vec<Mistake>,
    /// How many there are besides.
    further: usize,
}

impl Mistakes {
    /// Sorts what was found in the text of `name`, and adds the lines that are shown.
    pub(crate) fn new(name: &str, text: &str, source_map: &SourceMap, findings: Findings) -> Self {
        let mut list = findings.list;
        list.sort_by_key(|mistake| (mistake.is_warning, mistake.start()));
        let broken: Vec<Range<usize>> = spans_of_syntax(&list);
        let source = SourceText::new(text, source_map, broken.iter());
        for mistake in &mut list {
            mistake.excerpt = mistake.span.as_ref().and_then(|span| source.excerpt(span));
        }
        Self { name: name.to_owned(), list, further: findings.further }
    }

    /// Makes an error that is not about a text.
    pub(crate) fn one(name: &str, mistake: Mistake) -> Self {
        Self { name: name.to_owned(), list: vec![mistake], further: 0 }
    }

    /// Returns the mistakes; of more than 1000 the first.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }

    /// Returns how many there are besides those of the list.
    #[must_use]
    pub fn further(&self) -> usize {
        self.further
    }

    /// Tells whether there is one that is more than a warning.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|mistake| !mistake.is_warning)
    }

    /// Returns the name of the file, or of the other source of the configuration.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.name
    }

    /// Returns the line and column of a mistake, both from 1; columns count characters.
    #[must_use]
    pub fn line_and_column(&self, mistake: &Mistake) -> Option<(usize, usize)> {
        mistake.excerpt.as_ref().map(|excerpt| (excerpt.line, excerpt.column))
    }

    fn show(&self, mistake: &Mistake, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some((line, column)) = self.line_and_column(mistake) {
            write!(f, ":{line}:{column}")?;
        }
        let kind = if mistake.is_warning { "warning: " } else { "" };
        let subject = if mistake.path.is_empty() { String::new() } else { format!("{}: ", mistake.path) };
        write!(f, ": {kind}{subject}{}", mistake.reason)?;
        let margin = match &mistake.excerpt {
            Some(excerpt) => {
                f.write_str("\n")?;
                excerpt.write(f)?
            }
            None => "  ".to_owned(),
        };
        match &mistake.hint {
            Some(hint) => write!(f, "\n{margin}= {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.list.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            self.show(mistake, f)?;
        }
        match self.further {
            0 => Ok(()),
            more => write!(f, "\n\n{}: {more} more are not shown", self.name),
        }
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

/// The mistakes found so far, each once.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) list: Vec<Mistake>,
    seen: HashSet<(String, String, usize)>,
    further: usize,
}

/// More are counted only: nobody reads them, and a file may be all wrong.
const MOST: usize = 1000;

impl Findings {
    /// Adds a mistake, unless it is there.
    pub(crate) fn add(&mut self, mistake: Mistake) {
        let is_new = self.seen.insert((mistake.path.clone(), mistake.reason.clone(), mistake.start()));
        if is_new && self.list.len() < MOST {
            self.list.push(mistake);
        } else if is_new {
            self.further += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Tells whether a further mistake is only counted: then its hint need not be looked for.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MOST
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(|mistake| !mistake.is_warning)
    }

    /// Returns how many there are, those that are only counted included.
    pub(crate) fn count(&self) -> usize {
        self.list.len() + self.further
    }

    /// Leaves out what is only wrong because a part of the text could not be read.
    pub(crate) fn forget_what_follows_from_syntax(&mut self, text: &str) {
        let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count();
        let broken: HashSet<usize> =
            self.list.iter().filter(|one| one.cause == Cause::Syntax).map(|one| line(one.start())).collect();
        if broken.is_empty() {
            return;
        }
        let follows = |mistake: &Mistake| {
            let is_stray = mistake.cause == Cause::UnknownSection;
            is_stray || mistake.start() == 0 || broken.contains(&line(mistake.start()))
        };
        self.list.retain(|mistake| mistake.cause == Cause::Syntax || !follows(mistake));
    }
}

pub(crate) fn spans_of_syntax(list: &[Mistake]) -> Vec<Range<usize>> {
    let syntax = list.iter().filter(|mistake| mistake.cause == Cause::Syntax);
    syntax.filter_map(|mistake| mistake.span.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Components, Config};

    #[test]
    fn a_main_that_returns_them_prints_what_a_person_reads_and_no_file() {
        let text =
            "[handlers.ops]\ntype = \"slack\"\nwebhok = \"https://hooks.example.com/planted-in-mistakes\"\n";
        let mistakes = Config::examine("watchfire.toml", text, &Components::new());
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
