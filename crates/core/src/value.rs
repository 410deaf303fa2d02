//! The value of a field.

use std::{borrow::Cow, fmt};

use tracing_core::field::{Field, Visit};

use crate::{cap::append_text, marks::split_cut};

/// Holds the value of a field as it was recorded: typed, owned, capped and redacted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A string, as given.
    Str(Box<str>),
    /// The output of `Debug` or `Display` (`?field`, `%field`).
    Debug(Box<str>),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A signed integer of 128 bits.
    I128(i128),
    /// An unsigned integer of 128 bits.
    U128(u128),
    /// A floating-point number.
    F64(f64),
    /// `true` or `false`.
    Bool(bool),
}

impl Value {
    /// Returns the value with at most so many bytes of its text, and the mark of a cut.
    #[must_use]
    pub fn cut(&self, most: usize) -> Cow<'_, Self> {
        let shorter = |text: &str| {
            // A text that was cut when it was kept stays as it is, unless it is longer than that.
            let (kept, _) = split_cut(text);
            (kept.len() > most).then(|| {
                let mut shorter = String::new();
                append_text(&mut shorter, most, text);
                shorter.into_boxed_str()
            })
        };
        let cut = match self {
            Self::Str(text) => shorter(text).map(Self::Str),
            Self::Debug(text) => shorter(text).map(Self::Debug),
            _ => None,
        };
        cut.map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// Returns the text of a textual value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Debug(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the magnitude of an integer.
    pub(crate) fn magnitude(&self) -> Option<u128> {
        match self {
            Self::I64(n) => Some(n.unsigned_abs().into()),
            Self::U64(n) => Some((*n).into()),
            Self::I128(n) => Some(n.unsigned_abs()),
            Self::U128(n) => Some(*n),
            _ => None,
        }
    }

    /// Hands the value to `visitor`, as the macros of `tracing` would.
    pub(crate) fn visit(&self, field: &Field, visitor: &mut dyn Visit) {
        match self {
            Self::Str(text) => visitor.record_str(field, text),
            Self::Debug(text) => visitor.record_debug(field, &format_args!("{text}")),
            Self::I64(n) => visitor.record_i64(field, *n),
            Self::U64(n) => visitor.record_u64(field, *n),
            Self::I128(n) => visitor.record_i128(field, *n),
            Self::U128(n) => visitor.record_u128(field, *n),
            Self::F64(n) => visitor.record_f64(field, *n),
            Self::Bool(b) => visitor.record_bool(field, *b),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) | Self::Debug(text) => f.pad(text),
            Self::I64(n) => n.fmt(f),
            Self::U64(n) => n.fmt(f),
            Self::I128(n) => n.fmt(f),
            Self::U128(n) => n.fmt(f),
            Self::F64(n) => n.fmt(f),
            Self::Bool(b) => b.fmt(f),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into_boxed_str())
    }
}

macro_rules! from_number {
    ($($from:ty => $variant:ident),+) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

from_number!(i32 => I64, i64 => I64, u32 => U64, u64 => U64, i128 => I128, u128 => U128, f64 => F64, bool => Bool);
