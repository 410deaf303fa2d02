//! Visit the fields of an event into one buffer: typed, capped, redacted.

use std::{cell::Cell, error::Error, fmt, ops::Range};

use tracing_core::field::{Field, Visit};
use watchfire_core::{Alert, EventView, FIELDS_LEFT_OUT, MASK, NameVerdict, shown_causes};

use super::intake::{Intake, cut_short, formatted};
use crate::FieldValue;

/// Holds the texts of one event in one reused buffer: no allocation in the steady state.
#[derive(Default)]
pub(super) struct Body {
    text: String,
    pub(super) message: Range<usize>,
    pub(super) fields: Vec<FieldSlot>,
    pub(super) causes: Vec<Range<usize>>,
}

pub(super) struct FieldSlot {
    pub(super) name: Range<usize>,
    pub(super) value: KeptValue,
}

pub(super) enum KeptValue {
    Str(Range<usize>),
    Debug(Range<usize>),
    Plain(FieldValue<'static>),
}

/// A buffer larger than this is given back to the allocator, so that one huge event does not stay for ever.
const KEEP: usize = 65_536;

thread_local! {
    static SPARE: Cell<Option<Box<Body>>> = const { Cell::new(None) };
}

impl Body {
    pub(super) fn take() -> Box<Self> {
        let mut body = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
        body.text.clear();
        body.message = 0..0;
        body.fields.clear();
        body.causes.clear();
        body
    }

    pub(super) fn put_back(self: Box<Self>) {
        if self.text.capacity() <= KEEP {
            SPARE.try_with(|spare| spare.set(Some(self))).ok();
        }
    }

    pub(super) fn text(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    pub(super) fn value(&self, kept: &KeptValue) -> FieldValue<'_> {
        match kept {
            KeptValue::Str(range) => FieldValue::Str(self.text(range)),
            KeptValue::Debug(range) => FieldValue::Debug(self.text(range)),
            KeptValue::Plain(value) => *value,
        }
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    /// Takes the fields of an event; `verdicts` are those on the names of its callsite, in their order.
    pub(super) fn fill(&mut self, event: &EventView<'_>, verdicts: Option<&[NameVerdict]>) {
        let mut visitor = Fill {
            intake: Intake::of(event),
            // Fields that a rewrite brings are none of the callsite's.
            verdicts: verdicts.filter(|_| !event.has_other_fields()),
            hide_log: event.is_log(),
            has_message: false,
            has_error: false,
            left_out: 0,
            body: self,
        };
        event.record(&mut visitor);
        let left_out = visitor.left_out;
        if left_out > 0 {
            let name = self.push(FIELDS_LEFT_OUT);
            self.fields.push(FieldSlot { name, value: KeptValue::Plain(FieldValue::U64(left_out)) });
        }
    }

    pub(super) fn fill_from(&mut self, alert: &Alert) {
        self.message = self.push(&alert.message);
        for field in &alert.fields {
            let name = self.push(&field.name);
            let value = match FieldValue::from(&field.value) {
                FieldValue::Str(text) => KeptValue::Str(self.push(text)),
                FieldValue::Debug(text) => KeptValue::Debug(self.push(text)),
                FieldValue::I64(n) => KeptValue::Plain(FieldValue::I64(n)),
                FieldValue::U64(n) => KeptValue::Plain(FieldValue::U64(n)),
                FieldValue::I128(n) => KeptValue::Plain(FieldValue::I128(n)),
                FieldValue::U128(n) => KeptValue::Plain(FieldValue::U128(n)),
                FieldValue::F64(n) => KeptValue::Plain(FieldValue::F64(n)),
                FieldValue::Bool(b) => KeptValue::Plain(FieldValue::Bool(b)),
            };
            self.fields.push(FieldSlot { name, value });
        }
        for cause in alert.error.iter().skip(1) {
            let range = self.push(cause);
            self.causes.push(range);
        }
    }
}

struct Fill<'a> {
    body: &'a mut Body,
    intake: Intake<'a>,
    verdicts: Option<&'a [NameVerdict]>,
    hide_log: bool,
    has_message: bool,
    has_error: bool,
    /// How many fields were left out.
    left_out: u64,
}

impl Fill<'_> {
    fn skips(&mut self, name: &str) -> bool {
        let is_hidden = self.hide_log && name.starts_with("log.");
        let is_left_out = !is_hidden && self.body.fields.len() >= self.intake.limits.fields;
        self.left_out += u64::from(is_left_out);
        is_hidden || is_left_out
    }

    fn verdict(&self, field: &Field) -> NameVerdict {
        let known = self.verdicts.and_then(|verdicts| verdicts.get(field.index()));
        known.copied().unwrap_or_else(|| self.intake.redactor.judge_name(field.name()))
    }

    /// Writes a text into the body, capped and redacted.
    fn text(
        &mut self,
        verdict: NameVerdict,
        cap: usize,
        write: impl FnOnce(&mut String, usize),
    ) -> Range<usize> {
        let start = self.body.text.len();
        self.intake.append(verdict, cap, &mut self.body.text, write);
        start..self.body.text.len()
    }

    fn put_integer(&mut self, field: &Field, value: FieldValue<'static>, magnitude: u128) {
        self.put(field, value, self.intake.hides(self.verdict(field), magnitude));
    }

    /// Puts a value that is not a text, or the mask instead.
    fn put(&mut self, field: &Field, value: FieldValue<'static>, is_hidden: bool) {
        if self.skips(field.name()) {
            if let (FIELDS_LEFT_OUT, FieldValue::U64(more)) = (field.name(), value) {
                // A number of fields, not one more.
                self.left_out = self.left_out.saturating_add(more).saturating_sub(1);
            }
            return;
        }
        let name = self.body.push(field.name());
        let value = if is_hidden { KeptValue::Str(self.body.push(MASK)) } else { KeptValue::Plain(value) };
        self.body.fields.push(FieldSlot { name, value });
    }

    fn put_text(
        &mut self,
        field: &Field,
        kind: fn(Range<usize>) -> KeptValue,
        write: impl FnOnce(&mut String, usize),
    ) {
        let verdict = self.verdict(field);
        if field.name() == "message" && !self.has_message {
            self.has_message = true;
            self.body.message = self.text(verdict, self.intake.limits.message, write);
        } else if !self.skips(field.name()) {
            let name = self.body.push(field.name());
            let value = kind(self.text(verdict, self.intake.limits.value, write));
            self.body.fields.push(FieldSlot { name, value });
        }
    }
}

impl Visit for Fill<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, KeptValue::Debug, formatted(format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, KeptValue::Str, cut_short(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if self.skips(field.name()) {
            return;
        }
        self.put_text(field, KeptValue::Debug, formatted(format_args!("{value}")));
        if self.has_error {
            return;
        }
        self.has_error = true;
        for cause in shown_causes(value, self.intake.limits.causes) {
            let cap = self.intake.limits.value;
            let range = self.text(self.verdict(field), cap, formatted(format_args!("{cause}")));
            self.body.causes.push(range);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_integer(field, FieldValue::I64(value), value.unsigned_abs().into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_integer(field, FieldValue::U64(value), value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put_integer(field, FieldValue::I128(value), value.unsigned_abs());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put_integer(field, FieldValue::U128(value), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, FieldValue::F64(value), self.intake.hides_float(self.verdict(field), value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, FieldValue::Bool(value), false);
    }
}
