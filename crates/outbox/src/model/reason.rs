//! The reason of a failure, in one line without secrets.

use std::fmt;

/// The words of a provider or a library, in one line of at most 500 bytes, without a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(String);

/// The most bytes of a [`Reason`].
const LONGEST: usize = 500;

impl Reason {
    /// Takes a text, such as the beginning of an answer: what looks like a secret and registered credentials are masked,
    /// control characters become spaces, the rest is cut.
    pub fn new(text: impl fmt::Display) -> Self {
        let text = text.to_string();
        let redactor = watchfire_core::Redactor::default();
        let masked = redactor.clean(&text);
        let line: String = masked.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self(watchfire_core::cut(line.trim(), LONGEST).to_owned())
    }

    /// Adds what a person can do about it, if anything; that is never cut off, what was said before it is.
    #[must_use]
    pub fn advised(self, advice: Option<&str>) -> Self {
        match advice {
            Some(advice) => {
                let said = watchfire_core::cut(&self.0, LONGEST.saturating_sub(advice.len() + 2));
                Self::new(format_args!("{said}; {advice}"))
            }
            None => self,
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
