use std::{error::Error, fmt, sync::Arc};

use matchers::Pattern;
use tracing_core::Metadata;
use watchfire_core::{ConfigError, EventView, SelfLog};

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
    /// Says what is wrong with the pattern.
    pub fn matches(self, pattern: &str) -> Result<EventFilter, ConfigError> {
        let wrong = |error: matchers::BuildError| {
            let reason = innermost(&error);
            ConfigError::new("pattern", format!("`{pattern}` is no regular expression: {reason}"))
        };
        // By itself first: in the brackets below `a)(b` would be one.
        pattern.parse::<Pattern>().map_err(wrong)?;
        // The automaton says whether the whole rest of a text matches; here the pattern may end anywhere.
        let found: Pattern = format!("(?:{pattern})(?s:.*)").parse().map_err(wrong)?;
        Ok(self.judge(Test::Matches(pattern.to_owned(), Box::new(found))))
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

/// Returns the cause that says something: the outer ones only name the step that failed.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    // The parser draws the pattern on several lines, and names the error on the last.
    let text = innermost.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

struct FieldJudge {
    name: String,
    test: Test,
}

enum Test {
    Present,
    Equals(String),
    Matches(String, Box<Pattern>),
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
            Test::Matches(_, pattern) => pattern.matches(&value),
        })
    }
}

impl fmt::Debug for FieldJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Present => write!(f, "Field({})", self.name),
            Test::Equals(text) => write!(f, "Field({} = {text:?})", self.name),
            Test::Matches(pattern, _) => write!(f, "Field({} ~ {pattern:?})", self.name),
        }
    }
}
