//! The rule of a directive on spans and their fields.

use std::fmt;

use tracing_core::{LevelFilter, Metadata};
use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, ParseError},
};
use watchfire_core::{SpanNode, covers};

use super::value::FieldRule;

/// A directive with a span or a field, and the state of the spans that it is about.
///
/// The span callbacks of a layer's filter go to an inner `EnvFilter`, which compares the values; which spans
/// these are is decided here, by whole segments, when their callsites are registered. Without a registry
/// [`matches`](Self::matches) looks at a node of the event's chain instead.
pub(crate) struct SpanRule {
    target: Option<String>,
    name: Option<String>,
    fields: Vec<FieldRule>,
    level: LevelFilter,
    state: EnvFilter,
}

impl SpanRule {
    pub(super) fn new(
        target: Option<String>,
        name: Option<String>,
        fields: Vec<FieldRule>,
        level: LevelFilter,
    ) -> Result<Self, ParseError> {
        let state = fresh_state(name.as_deref(), &fields, level)?;
        Ok(Self { target, name, fields, level, state })
    }

    pub(crate) fn level(&self) -> LevelFilter {
        self.level
    }

    /// Tells whether a span has to be made for its values to be compared.
    pub(crate) fn has_value(&self) -> bool {
        self.fields.iter().any(FieldRule::has_value)
    }

    pub(crate) fn state(&self) -> &EnvFilter {
        &self.state
    }

    /// Tells whether this is about the spans of a callsite, whatever their values.
    pub(crate) fn is_about(&self, metadata: &Metadata<'_>) -> bool {
        self.target.as_deref().is_none_or(|target| covers(target, metadata.target()))
            && self.name.as_deref().is_none_or(|name| name == metadata.name())
            && self.fields.iter().all(|field| metadata.fields().field(field.name()).is_some())
    }

    /// Tells whether a span is one that this is about, with the values it has now.
    pub(crate) fn matches(&self, node: &SpanNode) -> bool {
        self.is_about(node.metadata())
            && self.fields.iter().filter(|field| field.has_value()).all(|field| {
                let mut matched = false;
                node.visit(&mut |name, value| matched |= name == field.name() && field.matches(value));
                matched
            })
    }

    /// Tells whether `other` is this directive again, perhaps with another level.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.target == other.target && self.name == other.name && self.fields == other.fields
    }
}

impl Clone for SpanRule {
    /// Copies the rule with a state of its own: a state keeps spans by their ids, and these are a registry's.
    fn clone(&self) -> Self {
        let state = fresh_state(self.name.as_deref(), &self.fields, self.level);
        Self {
            target: self.target.clone(),
            name: self.name.clone(),
            fields: self.fields.clone(),
            level: self.level,
            // It parsed when `self` was made of the same parts.
            state: state.unwrap_or_default(),
        }
    }
}

impl fmt::Debug for SpanRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.target.as_deref().unwrap_or_default())?;
        f.write_str(&text(self.name.as_deref(), &self.fields, self.level))
    }
}

fn fresh_state(
    name: Option<&str>,
    fields: &[FieldRule],
    level: LevelFilter,
) -> Result<EnvFilter, ParseError> {
    if name.is_some() || fields.iter().any(FieldRule::has_value) {
        let directive: Directive = text(name, fields, level).parse()?;
        Ok(EnvFilter::default().add_directive(directive))
    } else {
        // `add_directive` takes names of fields alone for a static directive only; the builder, which cannot read more
        // than one field, for one of spans, too. One is enough: it is told only of spans that have all of them.
        EnvFilter::builder().parse(text(None, fields.get(..1).unwrap_or_default(), level))
    }
}

fn text(name: Option<&str>, fields: &[FieldRule], level: LevelFilter) -> String {
    let name = name.unwrap_or_default();
    if fields.is_empty() {
        return format!("[{name}]={level}");
    }
    let fields: Vec<_> = fields.iter().map(ToString::to_string).collect();
    format!("[{name}{{{}}}]={level}", fields.join(","))
}
