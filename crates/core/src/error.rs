use std::{borrow::Cow, fmt};

/// Says which field of a configuration is wrong, what is wrong with it, and what is expected.
///
/// Every constructor and every `.layer(..)` of the workspace returns this error, before anything is started.
/// Its text never holds a secret: values that may be one are described, not shown. `{:?}` writes what `Display` does, for
/// it is what a program prints whose `main` returns the error; `{:#?}` lists the fields.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    field: Cow<'static, str>,
    reason: String,
}

impl ConfigError {
    /// Makes an error for `field` (a dotted path such as `slack.webhook`); `reason` is lower case, without a full stop.
    pub fn new(field: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// Returns the dotted path of the field that is wrong.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns what is wrong and what is expected.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        f.debug_struct("ConfigError").field("field", &self.field).field("reason", &self.reason).finish()
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_that_returns_it_prints_a_sentence() {
        let error: Box<dyn std::error::Error> = ConfigError::new("slack.webhook", "is no URL").into();
        assert_eq!(format!("{error:?}"), "slack.webhook: is no URL");
        let fields = format!("{error:#?}");
        assert!(
            fields.contains("field: \"slack.webhook\"") && fields.contains("reason: \"is no URL\""),
            "{fields}"
        );
    }
}
