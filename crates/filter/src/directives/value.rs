//! The value that a directive compares a field with.

use std::{fmt, sync::Arc};

use matchers::Pattern;
use watchfire_core::Value;

use crate::pattern;

/// One `field` or `field=value` of a directive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldRule {
    name: String,
    value: Option<WantedValue>,
}

/// The right side of a comparison; the kinds and their order are those of `EnvFilter`.
#[derive(Clone, Debug)]
enum WantedValue {
    Bool(bool),
    U64(u64),
    I64(i64),
    F64(f64),
    NaN,
    /// A regular expression that has to match up to the end of the text.
    Text {
        source: String,
        pattern: Arc<Pattern>,
    },
}

impl FieldRule {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("has no name of a field".to_owned());
        }
        if value.is_some_and(|value| value.contains('=')) {
            return Err("has a second `=`, which a value cannot hold".to_owned());
        }
        let value = value.map(WantedValue::parse).transpose()?;
        Ok(Self { name: name.to_owned(), value })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn has_value(&self) -> bool {
        self.value.is_some()
    }

    pub(super) fn matches(&self, value: &Value) -> bool {
        self.value.as_ref().is_none_or(|wanted| wanted.matches(value))
    }
}

impl WantedValue {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(value) = text.parse() {
            return Ok(Self::Bool(value));
        }
        if let Ok(value) = text.parse() {
            return Ok(Self::U64(value));
        }
        if let Ok(value) = text.parse() {
            return Ok(Self::I64(value));
        }
        if let Ok(value) = text.parse::<f64>() {
            return Ok(if value.is_nan() { Self::NaN } else { Self::F64(value) });
        }
        match pattern::compile(text) {
            Ok(pattern) => Ok(Self::Text { source: text.to_owned(), pattern: Arc::new(pattern) }),
            Err(reason) => Err(format!("has a value that {reason}")),
        }
    }

    /// Compares as `EnvFilter` compares what is recorded.
    fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool(wanted), Value::Bool(value)) => wanted == value,
            (Self::U64(wanted), Value::U64(value)) => wanted == value,
            (Self::U64(wanted), Value::I64(value)) => i64::try_from(*wanted) == Ok(*value),
            (Self::I64(wanted), Value::I64(value)) => wanted == value,
            (Self::F64(wanted), Value::F64(value)) => (wanted - value).abs() < f64::EPSILON,
            (Self::NaN, Value::F64(value)) => value.is_nan(),
            (Self::Text { pattern, .. }, Value::Str(text) | Value::Debug(text)) => pattern.matches(text),
            // Recorded by their `Debug`, there being no method for them.
            (Self::Text { pattern, .. }, Value::I128(_) | Value::U128(_)) => pattern.display_matches(value),
            _ => false,
        }
    }
}

impl PartialEq for WantedValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::U64(a), Self::U64(b)) => a == b,
            (Self::I64(a), Self::I64(b)) => a == b,
            (Self::F64(a), Self::F64(b)) => a == b,
            (Self::NaN, Self::NaN) => true,
            (Self::Text { source: a, .. }, Self::Text { source: b, .. }) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for FieldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.value {
            None => Ok(()),
            Some(WantedValue::Bool(value)) => write!(f, "={value}"),
            Some(WantedValue::U64(value)) => write!(f, "={value}"),
            Some(WantedValue::I64(value)) => write!(f, "={value}"),
            // With its point, so that it is read as a float again.
            Some(WantedValue::F64(value)) => write!(f, "={value:?}"),
            Some(WantedValue::NaN) => f.write_str("=NaN"),
            Some(WantedValue::Text { source, .. }) => write!(f, "={source}"),
        }
    }
}
