//! Rewrite an event: level, severity, names and fields, without a copy of the event.

use std::{error::Error, fmt};

use tracing_core::field::{Field, Visit};

use crate::{EventView, Limits, MASK, NameVerdict, Redactor, Severity, Value, append, process};

/// Says how an event is shown to those after it: with another level, other fields, another message.
///
/// The event itself stays as it is: [`EventView::rewritten`] makes a view for those that it is handed to, and for
/// nobody else. Fields are first renamed, then removed, then set; the message is the field `message`. Only fields of the
/// event are meant, those of the spans around it stay.
///
/// Values that are set are redacted too, and a field that is a secret by its name stays one under another.
///
/// ```
/// # use watchfire_core::{Rewrite, Severity};
/// let quieter = Rewrite::new()
///     .severity(Severity::Warn)
///     .message("the payment provider is slow")
///     .rename("dur", "duration_ms")
///     .remove("body")
///     .set("team", "payments")
///     .set("page", false);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Rewrite {
    severity: Option<Severity>,
    rename: Vec<(String, Field)>,
    remove: Vec<String>,
    set: Vec<GivenField>,
}

/// A field that a rewrite brings along.
#[derive(Clone, Debug, PartialEq)]
struct GivenField {
    field: Field,
    value: Value,
    text: String,
}

impl Rewrite {
    /// Makes a rewrite that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives events this severity, and its level. A field `severity` that is set does not.
    pub fn severity(mut self, severity: impl Into<Severity>) -> Self {
        self.severity = Some(severity.into());
        self
    }

    /// Returns how many fields are set.
    #[cfg(feature = "log-values")]
    pub(crate) fn fields_set(&self) -> usize {
        self.set.len()
    }

    /// Sets the fields that `other` sets, but for those that are set already.
    pub(crate) fn and_set(mut self, other: Self) -> Self {
        for given in other.set {
            if self.set.iter().all(|known| known.field.name() != given.field.name()) {
                self.set.push(given);
            }
        }
        self
    }

    /// Gives events this message.
    pub fn message(self, text: impl Into<String>) -> Self {
        self.set("message", text.into())
    }

    /// Gives a field another name, if the event has it; another field of that name goes.
    pub fn rename(mut self, from: impl Into<String>, to: &str) -> Self {
        self.rename.push((from.into(), process::field_named(to)));
        self
    }

    /// Takes a field out.
    pub fn remove(mut self, name: impl Into<String>) -> Self {
        self.remove.push(name.into());
        self
    }

    /// Sets a field, in place of one of that name. An event shows at most as many fields as [`Limits`] say, and
    /// how many more there are in `fields_left_out`.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let text = value.to_string();
        // A message is a text, whatever it says.
        let value = if name == "message" { Value::from(text.as_str()) } else { value };
        self.set.push(GivenField { field: process::field_named(name), value, text });
        self
    }

    /// Returns the severity that events get, if they get one.
    #[must_use]
    pub fn severity_given(&self) -> Option<Severity> {
        self.severity
    }

    /// Tells whether fields are changed, the message among them.
    #[must_use]
    pub fn changes_fields(&self) -> bool {
        !(self.rename.is_empty() && self.remove.is_empty() && self.set.is_empty())
    }
}

impl fmt::Display for Rewrite {
    /// Writes what is changed: `level WARN, dur renamed duration_ms, without body, team=payments`.
    ///
    /// Values are shown as redaction shows them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        let mut next = |f: &mut fmt::Formatter<'_>| f.write_str(std::mem::replace(&mut between, ", "));
        if let Some(severity) = self.severity {
            next(f)?;
            write!(f, "level {severity}")?;
        }
        for (from, to) in &self.rename {
            next(f)?;
            write!(f, "{from} renamed {}", to.name())?;
        }
        for name in &self.remove {
            next(f)?;
            write!(f, "without {name}")?;
        }
        let redactor = crate::Redactor::default();
        for given in &self.set {
            next(f)?;
            let value = redactor.value(given.field.name(), &given.text);
            write!(f, "{}={}", given.field.name(), redactor.clean(&value))?;
        }
        Ok(())
    }
}

/// Lays a rewrite over the fields of an event, and over the rewrites before it. Lives on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Overlay<'a> {
    pub(crate) rewrite: &'a Rewrite,
    pub(crate) before: Option<&'a Self>,
}

/// Says where a field that is shown comes from.
pub(crate) enum FoundField<'a> {
    /// The event's own, by its first name.
    Own(&'static str),
    Given(&'a str),
}

impl<'a> Overlay<'a> {
    /// Finds the field that is shown as `name`.
    pub(crate) fn find(&self, event: &tracing_core::Event<'_>, name: &str) -> Option<FoundField<'a>> {
        let shown = ShownFields::of(self, event);
        if let Some(given) = shown.beyond.iter().rev().find(|given| given.field.name() == name) {
            return Some(FoundField::Given(&given.text));
        }
        let found = shown.entries().iter().rev().find(|entry| entry.is_named(name))?;
        match found.given {
            Some(given) => Some(FoundField::Given(&given.text)),
            None => Some(FoundField::Own(found.first)),
        }
    }

    /// Has `visitor` visit the fields as they are shown: the event's in their order, then those that were set.
    pub(crate) fn record(
        &self,
        view: &EventView<'_>,
        event: &tracing_core::Event<'_>,
        visitor: &mut dyn Visit,
    ) {
        let shown = ShownFields::of(self, event);
        let redactor = view.redactor();
        event.record(&mut Renaming { shown: &shown, redactor, at: 0, visitor });
        for entry in shown.entries() {
            let Some(given) = entry.given.filter(|_| entry.is_shown) else { continue };
            let field = entry.renamed.unwrap_or(&given.field);
            match entry.renamed {
                Some(_) => given.value.visit(field, &mut Under::new(redactor, entry.first, visitor)),
                None => given.value.visit(field, visitor),
            }
        }
        // The visitor knows its limit, and counts them.
        for given in &shown.beyond {
            given.value.visit(&given.field, visitor);
        }
    }
}

/// As many fields as [`Limits`](crate::Limits) lets an event have.
const MOST: usize = 64;

/// The fields of an event as they are shown, without an allocation for a usual number of them.
struct ShownFields<'a> {
    entries: [FieldEntry<'a>; MOST],
    len: usize,
    /// The fields that were set when there was no room any more.
    beyond: Vec<&'a GivenField>,
}

#[derive(Clone, Copy, Default)]
struct FieldEntry<'a> {
    /// The name it came with, by which it may be a secret's.
    first: &'static str,
    renamed: Option<&'a Field>,
    given: Option<&'a GivenField>,
    is_shown: bool,
}

impl FieldEntry<'_> {
    fn name(&self) -> &str {
        self.renamed.map_or(self.first, Field::name)
    }

    fn is_named(&self, name: &str) -> bool {
        self.is_shown && self.name() == name
    }
}

impl<'a> ShownFields<'a> {
    fn of(overlay: &Overlay<'a>, event: &tracing_core::Event<'_>) -> Self {
        let mut shown = Self { entries: [FieldEntry::default(); MOST], len: 0, beyond: Vec::new() };
        // The names of what is really there: a field may be declared and not be given. Formats nobody's values.
        event.record(&mut NameVisitor(&mut shown));
        shown.lay(overlay);
        shown
    }

    fn entries(&self) -> &[FieldEntry<'a>] {
        self.entries.get(..self.len).unwrap_or_default()
    }

    fn entries_mut(&mut self) -> impl Iterator<Item = &mut FieldEntry<'a>> {
        self.entries.iter_mut().take(self.len)
    }

    fn push(&mut self, entry: FieldEntry<'a>) {
        if let Some(free) = self.entries.get_mut(self.len) {
            *free = entry;
            self.len += 1;
        } else {
            self.beyond.extend(entry.given);
        }
    }

    fn lay(&mut self, overlay: &Overlay<'a>) {
        if let Some(before) = overlay.before {
            self.lay(before);
        }
        for (from, to) in &overlay.rewrite.rename {
            if from == to.name() || !self.entries().iter().any(|entry| entry.is_named(from)) {
                continue;
            }
            self.hide(to.name());
            self.entries_mut()
                .filter(|entry| entry.is_named(from))
                .for_each(|entry| entry.renamed = Some(to));
        }
        for name in &overlay.rewrite.remove {
            self.hide(name);
        }
        for given in &overlay.rewrite.set {
            let name = given.field.name();
            self.hide(name);
            self.push(FieldEntry { first: name, renamed: None, given: Some(given), is_shown: true });
        }
    }

    fn hide(&mut self, name: &str) {
        self.entries_mut().filter(|entry| entry.is_named(name)).for_each(|entry| entry.is_shown = false);
        self.beyond.retain(|given| given.field.name() != name);
    }
}

struct NameVisitor<'s, 'a>(&'s mut ShownFields<'a>);

impl Visit for NameVisitor<'_, '_> {
    fn record_debug(&mut self, field: &Field, _value: &dyn fmt::Debug) {
        self.0.push(FieldEntry { first: field.name(), renamed: None, given: None, is_shown: true });
    }
}

/// Hands the event's own fields on under the names that they are shown by.
struct Renaming<'s, 'a> {
    shown: &'s ShownFields<'a>,
    redactor: &'s Redactor,
    /// How many fields were visited.
    at: usize,
    visitor: &'s mut dyn Visit,
}

impl Renaming<'_, '_> {
    fn pass(&mut self, field: &Field, pass: impl FnOnce(&mut dyn Visit, &Field)) {
        let entry = self.shown.entries().get(self.at).filter(|entry| entry.given.is_none());
        self.at += 1;
        match entry {
            Some(FieldEntry { is_shown: false, .. }) => {}
            Some(FieldEntry { renamed: Some(to), first, .. }) => {
                pass(&mut Under::new(self.redactor, first, self.visitor), to);
            }
            // One too many to be known here, and to be captured.
            Some(_) | None => pass(self.visitor, field),
        }
    }
}

/// Hands a value on as it may be shown under the name that it came with.
struct Under<'s> {
    redactor: &'s Redactor,
    verdict: NameVerdict,
    visitor: &'s mut dyn Visit,
}

impl<'s> Under<'s> {
    fn new(redactor: &'s Redactor, name: &'static str, visitor: &'s mut dyn Visit) -> Self {
        Self { redactor, verdict: redactor.judge_field(name), visitor }
    }

    fn text(&mut self, field: &Field, args: fmt::Arguments<'_>) {
        let mut text = String::new();
        append(&mut text, Limits::default().value, args);
        let clean = self.redactor.clean_under(self.verdict, &text);
        self.visitor.record_debug(field, &format_args!("{clean}"));
    }

    fn number(&mut self, field: &Field, magnitude: u128, pass: impl FnOnce(&mut dyn Visit)) {
        if self.redactor.hides_number(self.verdict, magnitude) {
            self.visitor.record_str(field, MASK);
        } else {
            pass(self.visitor);
        }
    }
}

impl Visit for Under<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.verdict.is_clear() {
            self.visitor.record_debug(field, value);
        } else {
            self.text(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if self.verdict.is_clear() {
            self.visitor.record_error(field, value);
        } else {
            self.text(field, format_args!("{value}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.visitor.record_str(field, &self.redactor.clean_under(self.verdict, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.visitor.record_bool(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if self.redactor.hides_float(self.verdict, value) {
            self.visitor.record_str(field, MASK);
        } else {
            self.visitor.record_f64(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value.unsigned_abs().into(), |visitor| visitor.record_i64(field, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value.into(), |visitor| visitor.record_u64(field, value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.number(field, value.unsigned_abs(), |visitor| visitor.record_i128(field, value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.number(field, value, |visitor| visitor.record_u128(field, value));
    }
}

macro_rules! pass_on {
    ($($record:ident: $value:ty),+) => {
        $(fn $record(&mut self, field: &Field, value: $value) {
            self.pass(field, |visitor, field| visitor.$record(field, value));
        })+
    };
}

impl Visit for Renaming<'_, '_> {
    pass_on!(
        record_debug: &dyn fmt::Debug,
        record_error: &(dyn Error + 'static),
        record_str: &str,
        record_bytes: &[u8],
        record_bool: bool,
        record_f64: f64,
        record_i64: i64,
        record_u64: u64,
        record_i128: i128,
        record_u128: u128
    );
}

#[cfg(test)]
mod tests;
