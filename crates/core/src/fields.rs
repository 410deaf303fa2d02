//! Visit the fields of events and spans: into typed values, and into one reused buffer of text.

use std::{cell::Cell, error::Error, fmt};

use tracing_core::{
    Event,
    field::{Field, Visit},
};

use crate::{
    Redactor, Value,
    cap::{Limits, append},
};

pub(crate) type FieldList = Vec<(&'static str, Value)>;

/// Collects typed values, capped and redacted; user formatters run here, so no lock may be held.
pub(crate) struct Collect<'a> {
    pub(crate) fields: FieldList,
    /// The messages of the first `&dyn Error` field and its causes, outermost first.
    pub(crate) error: Option<(&'static str, Vec<String>)>,
    pub(crate) message: Option<String>,
    pub(crate) panics: u64,
    limits: &'a Limits,
    redactor: &'a Redactor,
    hide_log: bool,
    left: usize,
    scratch: String,
}

impl<'a> Collect<'a> {
    pub(crate) fn new(limits: &'a Limits, redactor: &'a Redactor, hide_log: bool) -> Self {
        Self {
            fields: Vec::new(),
            error: None,
            message: None,
            panics: 0,
            limits,
            redactor,
            hide_log,
            left: limits.total,
            scratch: String::new(),
        }
    }

    fn skips(&self, name: &str) -> bool {
        self.fields.len() >= self.limits.fields || is_hidden(self.hide_log, name)
    }

    fn put(&mut self, field: &Field, value: Value) {
        if !self.skips(field.name()) {
            let value = if self.redactor.is_secret_name(field.name()) {
                Value::from(crate::redact::MASK)
            } else {
                value
            };
            self.fields.push((field.name(), value));
        }
    }

    /// Writes `args` capped and redacted; the text is in `scratch` for a moment only.
    fn text(&mut self, name: &str, cap: usize, args: fmt::Arguments<'_>) -> String {
        self.scratch.clear();
        if self.redactor.is_secret_name(name) {
            // The value is not even formatted.
            return crate::redact::MASK.to_owned();
        }
        if !append(&mut self.scratch, cap.min(self.left), args) {
            self.panics += 1;
        }
        let text = self.redactor.clean(&self.scratch).into_owned();
        self.left = self.left.saturating_sub(text.len());
        text
    }

    fn put_text(&mut self, field: &Field, make: fn(Box<str>) -> Value, args: fmt::Arguments<'_>) {
        if field.name() == "message" && self.message.is_none() {
            let text = self.text("message", self.limits.message, args);
            self.message = Some(text);
        } else if !self.skips(field.name()) {
            let text = self.text(field.name(), self.limits.value, args);
            self.fields.push((field.name(), make(text.into_boxed_str())));
        }
    }
}

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, Value::Debug, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, Value::Str, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if self.skips(field.name()) {
            return;
        }
        let mut chain = vec![self.text(field.name(), self.limits.value, format_args!("{value}"))];
        let mut cause = value.source();
        while let Some(error) = cause
            && chain.len() <= self.limits.causes
        {
            chain.push(self.text(field.name(), self.limits.value, format_args!("{error}")));
            cause = error.source();
        }
        if self.error.is_none() {
            if let Some(outermost) = chain.first() {
                self.fields.push((field.name(), Value::Debug(outermost.as_str().into())));
            }
            self.error = Some((field.name(), chain));
        } else {
            self.fields.push((field.name(), Value::Debug(chain.join(": ").into_boxed_str())));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, Value::U128(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::F64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }
}

/// `tracing-log` puts a record's true target, file and line into fields; the view shows them as metadata instead.
fn is_hidden(hide_log: bool, name: &str) -> bool {
    hide_log && name.starts_with("log.")
}

type Places = Vec<(&'static str, u32, u32)>;

/// Holds the text of all fields in one reused thread-local buffer: no allocation in the steady state.
pub(crate) struct FieldBuf {
    text: String,
    places: Places,
}

/// A buffer larger than this is given back to the allocator, so that one huge event does not stay for ever.
const KEEP: usize = 65_536;

thread_local! {
    /// Two, as one event may have one of its own fields and one of its spans'.
    static SPARES: [Cell<Option<(String, Places)>>; 2] = const { [Cell::new(None), Cell::new(None)] };
}

impl FieldBuf {
    pub(crate) fn empty() -> Self {
        let spare = SPARES.try_with(|spares| spares.iter().find_map(Cell::take)).ok().flatten();
        let (mut text, mut places) = spare.unwrap_or_default();
        text.clear();
        places.clear();
        Self { text, places }
    }

    pub(crate) fn of_event(event: &Event<'_>, is_log: bool) -> Self {
        let mut fill = Fill { buf: Self::empty(), cap: Limits::default().value, hide_log: is_log };
        event.record(&mut fill);
        fill.buf
    }

    /// Returns the text of the field; of equal names the last counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, start, end) = self.places.iter().rev().find(|(known, ..)| *known == name)?;
        self.text.get(*start as usize..*end as usize)
    }

    pub(crate) fn put(&mut self, name: &'static str, cap: usize, args: fmt::Arguments<'_>) {
        let start = self.text.len();
        append(&mut self.text, cap, args);
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.text.len())) {
            self.places.push((name, start, end));
        }
    }
}

impl Drop for FieldBuf {
    fn drop(&mut self) {
        if self.text.capacity() <= KEEP {
            let spare = (std::mem::take(&mut self.text), std::mem::take(&mut self.places));
            SPARES
                .try_with(|[one, other]| match one.take() {
                    None => one.set(Some(spare)),
                    full => {
                        one.set(full);
                        other.set(Some(spare));
                    }
                })
                .ok();
        }
    }
}

struct Fill {
    buf: FieldBuf,
    cap: usize,
    hide_log: bool,
}

impl Visit for Fill {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !is_hidden(self.hide_log, field.name()) {
            self.buf.put(field.name(), self.cap, format_args!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if !is_hidden(self.hide_log, field.name()) {
            self.buf.put(field.name(), self.cap, format_args!("{value}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.buf.put(field.name(), self.cap, format_args!("{value}"));
    }
}
