//! Visit the fields of an event into one buffer: typed, capped, redacted.

use std::{borrow::Cow, cell::Cell, error::Error, fmt, ops::Range};

use tracing_core::field::{Field, Visit};
use watchfire_core::{Alert, EventView, Limits, MASK, Redactor, append};

use crate::FieldValue;

/// Holds the texts of one event in one reused buffer: no allocation in the steady state.
#[derive(Default)]
pub(super) struct Body {
    text: String,
    pub(super) message: Range<usize>,
    pub(super) fields: Vec<Slot>,
    pub(super) causes: Vec<Range<usize>>,
}

pub(super) struct Slot {
    pub(super) name: Range<usize>,
    pub(super) value: Kept,
}

pub(super) enum Kept {
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

    pub(super) fn value(&self, kept: &Kept) -> FieldValue<'_> {
        match kept {
            Kept::Str(range) => FieldValue::Str(self.text(range)),
            Kept::Debug(range) => FieldValue::Debug(self.text(range)),
            Kept::Plain(value) => *value,
        }
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    pub(super) fn fill(&mut self, event: &EventView<'_>) {
        let mut visitor = Fill {
            limits: event.limits(),
            redactor: event.redactor(),
            hide_log: event.is_log(),
            left: event.limits().total,
            has_message: false,
            has_error: false,
            body: self,
        };
        event.record(&mut visitor);
    }

    pub(super) fn fill_from(&mut self, alert: &Alert) {
        self.message = self.push(&alert.message);
        for field in &alert.fields {
            let name = self.push(&field.name);
            let value = match FieldValue::from(&field.value) {
                FieldValue::Str(text) => Kept::Str(self.push(text)),
                FieldValue::Debug(text) => Kept::Debug(self.push(text)),
                FieldValue::I64(n) => Kept::Plain(FieldValue::I64(n)),
                FieldValue::U64(n) => Kept::Plain(FieldValue::U64(n)),
                FieldValue::I128(n) => Kept::Plain(FieldValue::I128(n)),
                FieldValue::U128(n) => Kept::Plain(FieldValue::U128(n)),
                FieldValue::F64(n) => Kept::Plain(FieldValue::F64(n)),
                FieldValue::Bool(b) => Kept::Plain(FieldValue::Bool(b)),
            };
            self.fields.push(Slot { name, value });
        }
        for cause in alert.error.iter().skip(1) {
            let range = self.push(cause);
            self.causes.push(range);
        }
    }
}

struct Fill<'a> {
    body: &'a mut Body,
    limits: &'a Limits,
    redactor: &'a Redactor,
    hide_log: bool,
    left: usize,
    has_message: bool,
    has_error: bool,
}

impl Fill<'_> {
    fn skips(&self, name: &str) -> bool {
        self.body.fields.len() >= self.limits.fields || (self.hide_log && name.starts_with("log."))
    }

    /// Writes a text into the body, capped and redacted; a value under a secret name is not even formatted.
    fn text(&mut self, name: &str, cap: usize, args: fmt::Arguments<'_>) -> Range<usize> {
        if self.redactor.is_secret_name(name) {
            return self.body.push(MASK);
        }
        let start = self.body.text.len();
        append(&mut self.body.text, cap.min(self.left), args);
        let written = self.body.text.get(start..).unwrap_or_default();
        if let Cow::Owned(masked) = self.redactor.clean(written) {
            self.body.text.truncate(start);
            self.body.text.push_str(&masked);
        }
        let range = start..self.body.text.len();
        self.left = self.left.saturating_sub(range.len());
        range
    }

    fn put(&mut self, field: &Field, value: FieldValue<'static>) {
        if !self.skips(field.name()) {
            let name = self.body.push(field.name());
            let value = if self.redactor.is_secret_name(field.name()) {
                Kept::Str(self.body.push(MASK))
            } else {
                Kept::Plain(value)
            };
            self.body.fields.push(Slot { name, value });
        }
    }

    fn put_text(&mut self, field: &Field, kind: fn(Range<usize>) -> Kept, args: fmt::Arguments<'_>) {
        if field.name() == "message" && !self.has_message {
            self.has_message = true;
            self.body.message = self.text("message", self.limits.message, args);
        } else if !self.skips(field.name()) {
            let name = self.body.push(field.name());
            let value = kind(self.text(field.name(), self.limits.value, args));
            self.body.fields.push(Slot { name, value });
        }
    }
}

impl Visit for Fill<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, Kept::Debug, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, Kept::Str, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if self.skips(field.name()) {
            return;
        }
        self.put_text(field, Kept::Debug, format_args!("{value}"));
        if self.has_error {
            return;
        }
        self.has_error = true;
        let mut cause = value.source();
        while let Some(error) = cause
            && self.body.causes.len() < self.limits.causes
        {
            let range = self.text(field.name(), self.limits.value, format_args!("{error}"));
            self.body.causes.push(range);
            cause = error.source();
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, FieldValue::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, FieldValue::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, FieldValue::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, FieldValue::U128(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, FieldValue::F64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, FieldValue::Bool(value));
    }
}
