//! Visit the fields of events and spans: into typed values, and into one reused buffer of text.

use std::{borrow::Cow, cell::Cell, error::Error, fmt};

use tracing_core::{
    Event,
    field::{Field, Visit},
};

use crate::{
    EventView, FIELDS_LEFT_OUT, MASK, Redactor, Value,
    alert::thread_name_by,
    cap::{Limits, append, append_text},
    shown_causes,
};

pub(crate) type FieldList = Vec<(&'static str, Value)>;

/// A stretch of the texts of a [`KeptFields`], in bytes.
pub(crate) type Stretch = (u32, u32);

/// Holds what a visit kept: values of a fixed size, and all their texts in one buffer.
///
/// Two allocations whatever the number of fields, and none if the buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct KeptFields {
    texts: String,
    fields: Vec<(&'static str, Raw)>,
    message: Option<Stretch>,
    /// The name of the thread.
    thread: Stretch,
    /// The messages of the first `&dyn Error` field and its causes, outermost first.
    error: Vec<Stretch>,
}

/// A value whose text is elsewhere.
#[derive(Clone, Copy, Debug)]
enum Raw {
    Str(Stretch),
    Debug(Stretch),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bool(bool),
}

impl KeptFields {
    /// Takes the buffers that this thread used last, if it has any.
    pub(crate) fn spare() -> Self {
        SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default()
    }

    /// Leaves the buffers for this thread's next visit.
    pub(crate) fn leave(mut self) {
        self.clear();
        SPARE.try_with(|spare| spare.set(Some(self))).unwrap_or_default();
    }

    /// Makes room for `fields` more, and for the texts that most events have.
    pub(crate) fn reserve(&mut self, fields: usize) {
        self.fields.reserve(fields);
        self.texts.reserve(USUAL_TEXT);
    }

    /// Forgets what was kept, and keeps the room for it, unless that is more than most events need.
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.fields.clear();
        self.message = None;
        self.thread = (0, 0);
        self.error.clear();
        self.texts.shrink_to(KEEP_TEXT);
        self.fields.shrink_to(KEEP_FIELDS);
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.map(|stretch| self.text(stretch))
    }

    /// Notes the name of the event's thread: copied, as a reference would have two threads count at one place.
    pub(crate) fn with_thread(mut self, event: &EventView<'_>) -> Self {
        let start = self.end();
        match event.incident() {
            Some(incident) => self.texts.push_str(&event.redactor().clean(incident.thread())),
            None => self.texts.push_str(&thread_name_by(event.redactor())),
        }
        self.thread = (start, self.end());
        self
    }

    pub(crate) fn thread(&self) -> &str {
        self.text(self.thread)
    }

    pub(crate) fn error(&self) -> impl Iterator<Item = &str> {
        self.error.iter().map(|stretch| self.text(*stretch))
    }

    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = (&'static str, Value)> {
        self.fields.iter().map(|(name, raw)| {
            let value = match *raw {
                Raw::Str(stretch) => Value::Str(self.text(stretch).into()),
                Raw::Debug(stretch) => Value::Debug(self.text(stretch).into()),
                Raw::I64(n) => Value::I64(n),
                Raw::U64(n) => Value::U64(n),
                Raw::I128(n) => Value::I128(n),
                Raw::U128(n) => Value::U128(n),
                Raw::F64(n) => Value::F64(n),
                Raw::Bool(b) => Value::Bool(b),
            };
            (*name, value)
        })
    }

    fn text(&self, (start, end): Stretch) -> &str {
        self.texts.get(start as usize..end as usize).unwrap_or_default()
    }

    fn end(&self) -> u32 {
        u32::try_from(self.texts.len()).unwrap_or(u32::MAX)
    }
}

/// The room that buffers for one event keep: what the texts and fields of nearly every event need.
const KEEP_TEXT: usize = 4_096;
const KEEP_FIELDS: usize = 32;
const USUAL_TEXT: usize = 240;

thread_local! {
    static SPARE: Cell<Option<KeptFields>> = const { Cell::new(None) };
}

/// Collects typed values, capped and redacted; user formatters run here, so no lock may be held.
pub(crate) struct Collect<'a> {
    pub(crate) kept: KeptFields,
    pub(crate) panics: u64,
    limits: &'a Limits,
    redactor: &'a Redactor,
    hide_log: bool,
    left: usize,
    /// How many fields were left out.
    left_out: u64,
}

impl<'a> Collect<'a> {
    /// Collects into empty buffers.
    pub(crate) fn new(kept: KeptFields, limits: &'a Limits, redactor: &'a Redactor, hide_log: bool) -> Self {
        Self { kept, panics: 0, limits, redactor, hide_log, left: limits.total, left_out: 0 }
    }

    /// Returns the fields, with the number of those that were left out.
    pub(crate) fn end(mut self) -> KeptFields {
        if self.left_out > 0 {
            self.kept.fields.push((FIELDS_LEFT_OUT, Raw::U64(self.left_out)));
        }
        self.kept
    }

    fn skips(&mut self, name: &str) -> bool {
        let is_hidden = is_hidden(self.hide_log, name);
        let is_left_out = !is_hidden && self.kept.fields.len() >= self.limits.fields;
        self.left_out += u64::from(is_left_out);
        is_hidden || is_left_out
    }

    /// Keeps an integer, which may be a secret.
    fn put_integer(&mut self, field: &Field, raw: Raw, magnitude: u128) {
        let is_hidden = self.redactor.hides_number(self.redactor.judge_field(field.name()), magnitude);
        self.put(field, raw, is_hidden);
    }

    /// Keeps a value that is not a text, or the mask instead.
    fn put(&mut self, field: &Field, raw: Raw, is_hidden: bool) {
        let name = field.name();
        if self.skips(name) {
            if let (FIELDS_LEFT_OUT, Raw::U64(more)) = (name, raw) {
                // A number of fields, not one more.
                self.left_out = self.left_out.saturating_add(more).saturating_sub(1);
            }
            return;
        }
        let raw = if is_hidden {
            let start = self.kept.end();
            self.kept.texts.push_str(MASK);
            Raw::Str((start, self.kept.end()))
        } else {
            raw
        };
        self.kept.fields.push((name, raw));
    }

    /// Writes a text capped and redacted; what it was before is in the buffer for a moment only.
    fn text(
        &mut self,
        name: &'static str,
        cap: usize,
        write: impl FnOnce(&mut String, usize) -> bool,
    ) -> Stretch {
        let start = self.kept.end();
        let texts = &mut self.kept.texts;
        let begin = texts.len();
        if !write(texts, cap.min(self.left)) {
            self.panics += 1;
        }
        let verdict = self.redactor.judge_field(name);
        let text = texts.get(begin..).unwrap_or_default();
        if let Cow::Owned(clean) = self.redactor.clean_under(verdict, text) {
            texts.truncate(begin);
            texts.push_str(&clean);
        }
        self.left = self.left.saturating_sub(texts.len() - begin);
        (start, self.kept.end())
    }

    fn put_text(
        &mut self,
        field: &Field,
        make: fn(Stretch) -> Raw,
        write: impl FnOnce(&mut String, usize) -> bool,
    ) {
        let name = field.name();
        if name == "message" && self.kept.message.is_none() {
            self.kept.message = Some(self.text(name, self.limits.message, write));
        } else if !self.skips(name) {
            let stretch = self.text(name, self.limits.value, write);
            self.kept.fields.push((name, make(stretch)));
        }
    }

    fn error_text(&mut self, name: &'static str, error: impl fmt::Display) -> Stretch {
        self.text(name, self.limits.value, |out, cap| append(out, cap, format_args!("{error}")))
    }
}

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, Raw::Debug, |out, cap| append(out, cap, format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, Raw::Str, |out, cap| {
            append_text(out, cap, value);
            true
        });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let name = field.name();
        if self.skips(name) {
            return;
        }
        let outermost = self.error_text(name, value);
        let is_first = self.kept.error.is_empty();
        if is_first {
            self.kept.error.push(outermost);
        }
        let mut end = outermost.1;
        for cause in shown_causes(value, self.limits.causes) {
            if !is_first {
                self.kept.texts.push_str(": ");
            }
            let stretch = self.error_text(name, cause);
            if is_first {
                self.kept.error.push(stretch);
            } else {
                end = stretch.1;
            }
        }
        self.kept.fields.push((name, Raw::Debug((outermost.0, end))));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_integer(field, Raw::I64(value), value.unsigned_abs().into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_integer(field, Raw::U64(value), value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put_integer(field, Raw::I128(value), value.unsigned_abs());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put_integer(field, Raw::U128(value), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let is_hidden = !self.redactor.is_default()
            && self.redactor.hides_float(self.redactor.judge_field(field.name()), value);
        self.put(field, Raw::F64(value), is_hidden);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Raw::Bool(value), false);
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
