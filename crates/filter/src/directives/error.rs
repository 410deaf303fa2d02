//! The errors of directives, each with its position.

use std::fmt;

use watchfire_core::ConfigError;

/// Says which directive is wrong, where it stands, why, and what may have been meant. `{:?}` writes what `Display` does,
/// `{:#?}` lists the fields.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectiveError {
    /// The directive, or the part of it, as it was written.
    pub part: String,
    /// The byte at which it begins in the whole text.
    pub at: usize,
    /// The problem, and the value that is expected.
    pub reason: String,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
}

impl DirectiveError {
    pub(super) fn new(part: impl Into<String>, at: usize, reason: impl Into<String>) -> Self {
        Self { part: part.into(), at, reason: reason.into(), suggestion: None }
    }

    pub(super) fn meant(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }
}

impl fmt::Display for DirectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at byte {} {}", self.part, self.at, self.reason)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, ", did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DirectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let Self { part, at, reason, suggestion } = self;
        let mut fields = f.debug_struct("DirectiveError");
        fields
            .field("part", part)
            .field("at", at)
            .field("reason", reason)
            .field("suggestion", suggestion)
            .finish()
    }
}

impl std::error::Error for DirectiveError {}

/// Holds all mistakes of one text of directives; there is at least one. `{:?}` writes what `Display` does, for it is what a
/// program prints whose `main` returns the error; `{:#?}` lists the fields.
#[derive(Clone, PartialEq, Eq)]
pub struct DirectiveErrors {
    variable: Option<String>,
    errors: Vec<DirectiveError>,
}

impl DirectiveErrors {
    /// Returns the mistakes in the order of the text.
    #[must_use]
    pub fn errors(&self) -> &[DirectiveError] {
        &self.errors
    }

    /// Returns the environment variable that holds the text, if it came from one.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }

    pub(super) fn of(mut self, variable: &str) -> Self {
        self.variable = Some(variable.to_owned());
        self
    }
}

impl From<Vec<DirectiveError>> for DirectiveErrors {
    fn from(errors: Vec<DirectiveError>) -> Self {
        Self { variable: None, errors }
    }
}

impl fmt::Display for DirectiveErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.variable.as_deref().unwrap_or("directives");
        write!(f, "{source}: ")?;
        for (i, error) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for DirectiveErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let mut fields = f.debug_struct("DirectiveErrors");
        fields.field("variable", &self.variable).field("errors", &self.errors).finish()
    }
}

impl std::error::Error for DirectiveErrors {}

impl From<DirectiveErrors> for ConfigError {
    fn from(errors: DirectiveErrors) -> Self {
        let source = errors.variable.clone().unwrap_or_else(|| "directives".to_owned());
        let reasons: Vec<_> = errors.errors.iter().map(ToString::to_string).collect();
        Self::new(source, reasons.join("; "))
    }
}
