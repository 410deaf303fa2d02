//! A credential that no output shows.

use std::fmt;

/// Holds a credential: a token, a password, a webhook address.
///
/// Its `Debug` shows nothing of it, and making one registers it for the whole process:
/// a value of 8 bytes or more is masked in every alert, error text and line of the self-log from then on.
///
/// ```
/// use watchfire_core::Secret;
/// let token = Secret::new("xoxb-not-a-real-token");
/// assert_eq!(format!("{token:?}"), "Secret(..)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes the credential and registers it.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into().into_boxed_str();
        crate::process::register_secret(&value);
        Self(value)
    }

    /// Returns the credential itself, to be put on the wire and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
