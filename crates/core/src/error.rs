//! The error of every constructor and builder: all problems of one call, each with its place.

mod causes;

use std::{borrow::Cow, fmt, ops::Range};

pub use causes::{ShownCause, shown_causes};

/// A problem of a configuration: where it is, what is wrong and what is expected, and what helps.
///
/// A configuration in code and one in a file give the same shape; that of a file also has a line. It holds no value of
/// the configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostic {
    path: Cow<'static, str>,
    reason: String,
    hint: Option<String>,
    /// Boxed, as few errors are about a text.
    place: Option<Box<TextPlace>>,
    is_warning: bool,
}

/// The place of a problem in a text.
#[derive(Clone, PartialEq, Eq)]
struct TextPlace {
    span: Range<usize>,
    position: Option<(usize, usize)>,
}

impl Diagnostic {
    /// Makes a diagnostic for `path` (dotted, such as `slack.webhook`). `reason` says what is wrong and what is expected:
    /// lower case, without a full stop, without a secret.
    pub fn new(path: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), reason: reason.into(), hint: None, place: None, is_warning: false }
    }

    /// Makes a diagnostic of a value that works, but probably not as meant.
    pub fn warning(path: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { is_warning: true, ..Self::new(path, reason) }
    }

    /// Adds what helps, such as `did you mean ...`.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the bytes of the text that are wrong, and their line and column, both from 1; columns count characters.
    #[must_use]
    pub fn with_span(mut self, span: Range<usize>, position: Option<(usize, usize)>) -> Self {
        self.place = Some(Box::new(TextPlace { span, position }));
        self
    }

    /// Returns the dotted path of the value, such as `handlers.ops.level`; empty for the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what is wrong and what is expected.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns what helps, if something is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the bytes of the text that are wrong, if the configuration came from a text.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.place.as_ref().map(|place| place.span.clone())
    }

    /// Returns the line and the column, both from 1, if the configuration came from a text.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.as_ref().and_then(|place| place.position)
    }

    /// Tells whether the configuration works, but probably not as meant.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.is_warning
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.path {
            "" => f.write_str(&self.reason)?,
            path => write!(f, "{path}: {}", self.reason)?,
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let mut shown = f.debug_struct("Diagnostic");
        shown.field("path", &self.path).field("reason", &self.reason);
        self.hint.iter().for_each(|hint| {
            shown.field("hint", hint);
        });
        self.position().iter().for_each(|position| {
            shown.field("position", position);
        });
        shown.finish()
    }
}

/// The problems that keep a configuration from working: at least one, and all that the failed call found.
///
/// Every finishing call of the workspace (`.layer(..)`, `.build()`, `.start()`) returns this error, before anything is
/// started. Its text never holds a secret: values that may be one are described, not shown. It has a line per problem.
/// `{:?}` writes what `Display` does, because a program prints that when its `main` returns the error; `{:#?}` lists the
/// fields.
///
/// ```
/// use watchfire_core::{ConfigError, Diagnostic};
///
/// let mut error = ConfigError::new("slack.webhook", "expected an address such as `https://host/path`");
/// error.push(Diagnostic::new("slack.mention", "`ada` cannot be mentioned").with_hint("Slack takes ids only"));
/// assert_eq!(error.field(), "slack.webhook");
/// assert_eq!(error.diagnostics().len(), 2);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    first: Diagnostic,
    rest: Vec<Diagnostic>,
}

impl ConfigError {
    /// Makes an error of one problem, as [`Diagnostic::new`] does.
    pub fn new(path: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Diagnostic::new(path, reason).into()
    }

    /// Returns the dotted path of the first problem.
    #[must_use]
    pub fn field(&self) -> &str {
        self.first.path()
    }

    /// Returns what is wrong and what is expected at the first problem.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.first.reason()
    }

    /// Returns all problems, in the order of the settings.
    pub fn diagnostics(&self) -> impl ExactSizeIterator<Item = &Diagnostic> {
        DiagnosticIter { first: Some(&self.first), rest: self.rest.iter() }
    }

    /// Adds a problem; one that is known already is not added again.
    pub fn push(&mut self, problem: Diagnostic) {
        if self.rest.len() < MOST && self.diagnostics().all(|known| *known != problem) {
            self.rest.push(problem);
            if self.rest.len() == MOST {
                self.rest.push(Diagnostic::new("", "has more errors than are listed"));
            }
        }
    }
}

/// More problems than these are not kept: nobody reads them, and a list may be wrong from end to end.
const MOST: usize = 200;

/// The iterator over the problems of an error.
struct DiagnosticIter<'a> {
    first: Option<&'a Diagnostic>,
    rest: std::slice::Iter<'a, Diagnostic>,
}

impl<'a> Iterator for DiagnosticIter<'a> {
    type Item = &'a Diagnostic;

    fn next(&mut self) -> Option<Self::Item> {
        self.first.take().or_else(|| self.rest.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rest.len() + usize::from(self.first.is_some());
        (left, Some(left))
    }
}

impl ExactSizeIterator for DiagnosticIter<'_> {}

impl From<Diagnostic> for ConfigError {
    fn from(problem: Diagnostic) -> Self {
        Self { first: problem, rest: Vec::new() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.diagnostics().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(problem, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        f.debug_list().entries(self.diagnostics()).finish()
    }
}

impl std::error::Error for ConfigError {}

/// The problems that a builder has found so far; its finishing call returns all of them.
///
/// ```
/// use watchfire_core::{ConfigError, Problems};
///
/// fn build(port: &str, name: &str) -> Result<(u16, String), ConfigError> {
///     let mut problems = Problems::new();
///     let port = problems.keep(port.parse().map_err(|_| ConfigError::new("port", "expected 0 to 65535")));
///     problems.check(!name.is_empty(), "name", "is empty");
///     problems.finish(|| Some((port?, name.to_owned())))
/// }
/// assert_eq!(build("x", "").unwrap_err().to_string(), "port: expected 0 to 65535\nname: is empty");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Problems(Option<ConfigError>);

impl Problems {
    /// Makes an empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the value, or keeps the error.
    pub fn keep<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Keeps an error.
    pub fn add(&mut self, error: ConfigError) {
        match &mut self.0 {
            None => self.0 = Some(error),
            Some(known) => {
                known.push(error.first);
                error.rest.into_iter().for_each(|problem| known.push(problem));
            }
        }
    }

    /// Keeps a problem unless `is_good`.
    pub fn check(&mut self, is_good: bool, path: &'static str, reason: impl Into<String>) {
        if !is_good {
            self.add(ConfigError::new(path, reason));
        }
    }

    /// Returns what `make` makes if there was no problem. `make` may return `None` only if there was one.
    ///
    /// # Errors
    ///
    /// If there was a problem: all of them.
    pub fn finish<T>(self, make: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        match self.0 {
            Some(error) => Err(error),
            None => make().ok_or_else(|| ConfigError::new("config", "a value is missing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_that_returns_it_prints_a_sentence() {
        let error: Box<dyn std::error::Error> = ConfigError::new("slack.webhook", "is not a URL").into();
        assert_eq!(format!("{error:?}"), "slack.webhook: is not a URL");
        let fields = format!("{error:#?}");
        assert!(
            fields.contains("path: \"slack.webhook\"") && fields.contains("reason: \"is not a URL\""),
            "{fields}"
        );
    }

    #[test]
    fn problems_come_back_together_each_once() {
        let mut problems = Problems::new();
        let kept = problems.keep(Ok::<_, ConfigError>(1));
        let lost = problems.keep(Err::<u8, _>(ConfigError::new("a", "is wrong")));
        problems.check(true, "b", "is fine");
        problems.check(false, "c", "is wrong");
        problems.add(ConfigError::new("a", "is wrong"));
        assert_eq!((kept, lost), (Some(1), None));
        let error = problems.finish(|| Some(())).unwrap_err();
        assert_eq!(error.to_string(), "a: is wrong\nc: is wrong");
        assert_eq!(error.diagnostics().len(), 2);
        assert_eq!(Problems::new().finish(|| kept), Ok(1));
    }
}
