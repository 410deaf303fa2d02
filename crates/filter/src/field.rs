//! The filters that look at the fields of an event.

use std::{fmt, sync::Arc};

use tracing_core::Metadata;
use watchfire_core::{ConfigError, EventView, Pattern, SelfLog};

use crate::{
    EventFilter, Verdict,
    node::{Judge, Node},
};

/// Begins a filter on the field `name`: the event's, else that of the innermost span that has it.
///
/// ```
/// # use watchfire_filter as filter;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let wanted = filter::directives("error")?
///     .and(filter::field("tenant").equals("load-test").not())
///     .and(filter::field("path").matches("^/api/")?);
/// # Ok(())
/// # }
/// ```
pub fn field(name: impl Into<String>) -> Field {
    Field { name: name.into() }
}

/// A field by its name; one of its methods makes the filter.
///
/// Values are compared as text: a number as it is written in decimal, a `?value` as its `Debug` writes it. A value of a
/// span was redacted when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Field {
    name: String,
}

impl Field {
    /// Lets an event pass whose field is exactly `text`.
    #[must_use]
    pub fn equals(self, text: impl Into<String>) -> EventFilter {
        self.judge(Test::Equals(text.into()))
    }

    /// Lets an event pass in whose field the regular expression `pattern` is found.
    ///
    /// # Errors
    /// If the pattern is not a regular expression, or takes more than 1 MiB compiled.
    pub fn matches(self, pattern: &str) -> Result<EventFilter, ConfigError> {
        Ok(self.judge(Test::Matches(Pattern::new(pattern)?)))
    }

    /// Lets an event pass whose field is a number not below `least`: a slow query by `field("duration_ms").at_least(200)`.
    ///
    /// A text that is a number counts as one.
    #[must_use]
    pub fn at_least(self, least: impl Into<f64>) -> EventFilter {
        self.judge(Test::AtLeast(least.into()))
    }

    /// Lets an event pass whose field is a number not above `most`. See [`at_least`](Self::at_least).
    #[must_use]
    pub fn at_most(self, most: impl Into<f64>) -> EventFilter {
        self.judge(Test::AtMost(most.into()))
    }

    /// Lets an event pass that has the field, or stands in a span that has it.
    #[must_use]
    pub fn present(self) -> EventFilter {
        self.judge(Test::Present)
    }

    fn judge(self, test: Test) -> EventFilter {
        EventFilter::of(Node::Leaf(Arc::new(FieldJudge { name: self.name, test })))
    }
}

struct FieldJudge {
    name: String,
    test: Test,
}

enum Test {
    Present,
    Equals(String),
    Matches(Pattern),
    AtLeast(f64),
    AtMost(f64),
}

impl Judge for FieldJudge {
    fn verdict(&self, _metadata: &Metadata<'_>) -> Verdict {
        Verdict::PerEvent
    }

    fn passes(&self, event: &EventView<'_>, _log: &SelfLog) -> bool {
        let value = event.field(&self.name);
        value.is_some_and(|value| match &self.test {
            Test::Present => true,
            Test::Equals(text) => value == text,
            Test::Matches(pattern) => pattern.is_match(value),
            Test::AtLeast(least) => number(value).is_some_and(|number| number >= *least),
            Test::AtMost(most) => number(value).is_some_and(|number| number <= *most),
        })
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

impl fmt::Debug for FieldJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Present => write!(f, "Field({})", self.name),
            Test::Equals(text) => write!(f, "Field({} = {text:?})", self.name),
            Test::AtLeast(least) => write!(f, "Field({} >= {least})", self.name),
            Test::AtMost(most) => write!(f, "Field({} <= {most})", self.name),
            Test::Matches(pattern) => write!(f, "Field({} ~ {:?})", self.name, pattern.source()),
        }
    }
}
