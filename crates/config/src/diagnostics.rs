//! Collect what is wrong with a configuration, and show each with its line.

use std::{collections::HashSet, error::Error, fmt, ops::Range};

use watchfire_core::{ConfigError, Diagnostic};

use crate::{
    excerpt::{Excerpt, SourceText},
    source_map::SourceMap,
};

/// A problem found in a configuration, before the text of its line is looked up. It holds no value of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The way to the value, such as `handlers.ops.level`.
    pub(crate) path: String,
    /// The bytes of the text that are wrong, if the configuration came from one.
    pub(crate) span: Option<Range<usize>>,
    /// The problem, and the value that is expected. Never holds a secret.
    pub(crate) reason: String,
    /// The value that was probably meant, or advice.
    pub(crate) hint: Option<String>,
    /// Whether the configuration works, but probably not as meant.
    pub(crate) is_warning: bool,
    pub(crate) cause: Cause,
}

/// The cause of a finding, where it decides whether the finding counts.
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

impl Finding {
    pub(crate) fn new(path: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_string(),
            span: None,
            reason: reason.into(),
            hint: None,
            is_warning: false,
            cause: Cause::Value,
        }
    }

    /// Returns the paths of all that it is in, the outermost first, and its own.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let ends = self.path.match_indices(['.', '[']).map(|(at, _)| at).chain([self.path.len()]);
        ends.filter_map(|end| self.path.get(..end))
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

impl Finding {
    /// Makes the diagnostic that a user sees, with the position of its span.
    pub(crate) fn diagnostic(self, position: Option<(usize, usize)>) -> Diagnostic {
        let Self { path, span, reason, hint, is_warning, cause: _ } = self;
        let mut diagnostic =
            if is_warning { Diagnostic::warning(path, reason) } else { Diagnostic::new(path, reason) };
        if let Some(hint) = hint {
            diagnostic = diagnostic.with_hint(hint);
        }
        match span {
            Some(span) => diagnostic.with_span(span, position),
            None => diagnostic,
        }
    }
}

/// The errors and warnings of one configuration, in the order of its text.
///
/// Its `Display` shows each with its line and column, the line with its keys, and what may have been meant. Of values it
/// shows kind and length alone. `{:?}` writes the same, because a program prints it whose `main` returns the error.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostics {
    name: String,
    list: Vec<Diagnostic>,
    /// The line of each.
    excerpts: Vec<Option<Excerpt>>,
    /// How many there are besides.
    further: usize,
}

impl Diagnostics {
    /// Sorts what was found in the text of `name`, and adds the lines that are shown.
    pub(crate) fn new(name: &str, text: &str, source_map: &SourceMap, findings: Findings) -> Self {
        let mut found = findings.list;
        found.sort_by_key(|finding| (finding.is_warning, finding.start()));
        let broken: Vec<Range<usize>> = spans_of_syntax(&found);
        let source = SourceText::new(text, source_map, broken.iter());
        let (mut list, mut excerpts) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for finding in found {
            let excerpt = finding.span.as_ref().and_then(|span| source.excerpt(span));
            let position = excerpt.as_ref().map(|excerpt| (excerpt.line, excerpt.column));
            list.push(finding.diagnostic(position));
            excerpts.push(excerpt);
        }
        Self { name: name.to_owned(), list, excerpts, further: findings.further }
    }

    /// Makes an error that is not about a text.
    pub(crate) fn one(name: &str, finding: Finding) -> Self {
        Self::of(name, vec![finding.diagnostic(None)])
    }

    /// Makes errors that are not about a text.
    pub(crate) fn of(name: &str, list: Vec<Diagnostic>) -> Self {
        let excerpts = vec![None; list.len()];
        Self { name: name.to_owned(), list, excerpts, further: 0 }
    }

    /// Returns the diagnostics, errors first; of more than 1000 the first.
    #[must_use]
    pub fn list(&self) -> &[Diagnostic] {
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
        self.list.iter().any(|diagnostic| !diagnostic.is_warning())
    }

    /// Returns the name of the file, or of the other source of the configuration.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.name
    }

    fn show(
        &self,
        diagnostic: &Diagnostic,
        excerpt: Option<&Excerpt>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some((line, column)) = diagnostic.position() {
            write!(f, ":{line}:{column}")?;
        }
        let kind = if diagnostic.is_warning() { "warning: " } else { "" };
        let subject =
            if diagnostic.path().is_empty() { String::new() } else { format!("{}: ", diagnostic.path()) };
        write!(f, ": {kind}{subject}{}", diagnostic.reason())?;
        let margin = match excerpt {
            Some(excerpt) => {
                f.write_str("\n")?;
                excerpt.write(f)?
            }
            None => "  ".to_owned(),
        };
        match diagnostic.hint() {
            Some(hint) => write!(f, "\n{margin}= {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (diagnostic, excerpt)) in self.list.iter().zip(&self.excerpts).enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            self.show(diagnostic, excerpt.as_ref(), f)?;
        }
        match self.further {
            0 => Ok(()),
            more => write!(f, "\n\n{}: {more} more are not shown", self.name),
        }
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        f.debug_struct("Diagnostics")
            .field("name", &self.name)
            .field("list", &self.list)
            .finish_non_exhaustive()
    }
}

impl Error for Diagnostics {}

impl From<Diagnostics> for ConfigError {
    fn from(diagnostics: Diagnostics) -> Self {
        let mut errors = diagnostics.list.into_iter().filter(|diagnostic| !diagnostic.is_warning());
        let mut error = match errors.next() {
            Some(first) => Self::from(first),
            None => Self::new("config", "is refused"),
        };
        errors.for_each(|diagnostic| error.push(diagnostic));
        error
    }
}

/// The diagnostics found so far, each once.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) list: Vec<Finding>,
    seen: HashSet<(String, String, usize)>,
    further: usize,
}

/// More are counted only: nobody reads them, and a file may be all wrong.
const MOST: usize = 1000;

impl Findings {
    /// Adds a finding, unless it is there.
    pub(crate) fn add(&mut self, finding: Finding) {
        let is_new = self.seen.insert((finding.path.clone(), finding.reason.clone(), finding.start()));
        if is_new && self.list.len() < MOST {
            self.list.push(finding);
        } else if is_new {
            self.further += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Counts one that is not kept.
    pub(crate) fn count_one(&mut self) {
        self.further += 1;
    }

    /// Tells whether a further finding is only counted: then its hint need not be looked for.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MOST
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| !finding.is_warning)
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
        let follows = |finding: &Finding| {
            let is_stray = finding.cause == Cause::UnknownSection;
            is_stray || finding.start() == 0 || broken.contains(&line(finding.start()))
        };
        self.list.retain(|finding| finding.cause == Cause::Syntax || !follows(finding));
    }
}

pub(crate) fn spans_of_syntax(list: &[Finding]) -> Vec<Range<usize>> {
    let syntax = list.iter().filter(|finding| finding.cause == Cause::Syntax);
    syntax.filter_map(|finding| finding.span.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Components, Config};

    #[test]
    fn a_main_that_returns_them_prints_readable_text_and_no_file() {
        let text = "[handlers.ops]\ntype = \"slack\"\nwebhok = \"https://hooks.example.com/planted-in-diagnostics\"\n";
        let diagnostics = Config::examine("watchfire.toml", text, &Components::new());
        let error: Box<dyn Error> = diagnostics.clone().into();
        let printed = format!("Error: {error:?}");
        assert_eq!(printed, format!("Error: {diagnostics}"));
        assert!(
            printed
                .starts_with("Error: watchfire.toml:3:1: handlers.ops.webhok: is unknown\n  |\n3 | webhok ="),
            "{printed}"
        );
        assert!(printed.contains("  = did you mean `webhook`?"), "{printed}");
        let fields = format!("{diagnostics:#?}");
        assert!(fields.contains("path: \"handlers.ops.webhok\"") && !fields.contains("planted"), "{fields}");
        let first = diagnostics.list().first().unwrap();
        assert_eq!(first.to_string(), "handlers.ops.webhok: is unknown (did you mean `webhook`?)");
    }
}
