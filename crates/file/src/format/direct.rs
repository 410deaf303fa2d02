//! The fast path: writes an event's values straight into the line, along a plan that is made once per callsite.
//!
//! A line of these formats is what stands before the time, the time, a head that is the same for all events of a
//! callsite, the message, each field behind its key, the causes, and the spans. The plan holds head and keys as text, and
//! the verdict on each name. The spans' text is kept with the innermost span. The same bytes come out of
//! [`Format::write`], which takes over where the plan does not hold: for `log` records, rewritten fields, call stacks,
//! and callsites whose fields a format has to see all at once.

use std::{cell::Cell, error::Error, fmt, sync::OnceLock, time::SystemTime};

use tracing_core::{
    Metadata,
    field::{Field, FieldSet, Visit},
};
use watchfire_core::{
    EventView, MASK, NameVerdict, RenderingId, Severity, append, append_text, process, shown_causes,
    thread_name_by,
};

use super::{
    Format,
    callsites::{CallsiteKey, Callsites},
};
use crate::{
    FieldValue,
    numbers::{float, integer},
    record::{
        SpanChain,
        intake::{Intake, formatted},
    },
    time::{Zone, write_rfc3339},
};

/// The kinds of text in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinePart {
    Message,
    /// The value of a field, given as a string.
    Str,
    /// The value of a field, written by `Debug` or `Display`.
    Debug,
}

/// A format whose lines can be written value by value.
pub(crate) trait Layout: Format {
    /// Tells whether fields of these names can be written in their order, each by itself.
    fn admits(&self, fields: &FieldSet) -> bool;

    /// Appends what stands before the time.
    fn opening(&self, out: &mut String);

    /// Appends what stands between the time and the message.
    fn head(&self, severity: Severity, metadata: &Metadata<'_>, out: &mut String);

    /// Appends what stands between the message and the first field, up to the thread's name if that is part of it.
    fn middle(&self, metadata: &Metadata<'_>, out: &mut String) -> Middle {
        let _ = (metadata, out);
        Middle::Whole
    }

    /// Appends the thread's name, and what stands between it and the first field.
    fn thread(&self, name: &str, out: &mut String) -> Middle {
        let _ = (name, out);
        Middle::Whole
    }

    /// Appends what stands before a value.
    fn key(&self, name: &str, out: &mut String);

    /// Tells at its bytes whether a text needs nothing but what frames it.
    fn is_plain(&self, part: LinePart, text: &str) -> bool;

    /// Appends a plain text, framed.
    fn plain_text(&self, part: LinePart, text: &str, out: &mut String);

    /// Appends any text, framed.
    fn text(&self, part: LinePart, text: &str, out: &mut String);

    /// Appends a number that is not written alike everywhere: of 128 bits, or not finite.
    fn number(&self, value: FieldValue<'_>, out: &mut String);

    /// Appends what stands behind the fields; `spans` appends the text of the spans.
    fn tail(&self, causes: &[String], spans: impl FnOnce(&mut String), out: &mut String);

    /// Appends the spans.
    fn spans(&self, spans: SpanChain<'_>, out: &mut String);
}

/// The text that [`Layout::middle`] has appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Middle {
    Whole,
    /// The name of the thread is to follow.
    ToThread,
    /// As `Whole`, and the first key has no comma before it.
    Opened,
}

/// A format that may write an event without a record.
pub(crate) trait Straight: Send + Sync {
    /// Appends the event as a line. Returns `false`, with nothing appended, if it takes a record.
    fn write(&self, event: &EventView<'_>, at: SystemTime, zone: &Zone, out: &mut String) -> bool;
}

/// A layout with the plans made so far.
pub(crate) struct Direct<L> {
    layout: L,
    opening: String,
    rendering: RenderingId,
    plans: Callsites<Option<CallsitePlan>>,
}

/// The parts of a line that all events of one callsite share.
struct CallsitePlan {
    head: Box<str>,
    /// Present if it is not empty.
    middle: Option<Box<(String, Middle)>>,
    fields: Box<[FieldPlan]>,
}

struct FieldPlan {
    key: Box<str>,
    verdict: NameVerdict,
    is_message: bool,
    usual: OnceLock<Usual>,
}

/// The first text of a field that needed no redaction. Nearly every message, and many a value, is the
/// same at each event: to compare costs a tenth of what a look for secrets does.
struct Usual {
    /// A text may be plain as one part and need quotes as another.
    part: LinePart,
    text: Box<str>,
    /// The text as it stands in a line.
    framed: Box<str>,
    /// How many credentials of our own were registered when it was found clean.
    registered: u64,
}

/// A text longer than this is not kept.
const USUAL: usize = 128;

impl FieldPlan {
    #[inline]
    fn usual(&self, part: LinePart, text: &str) -> Option<&str> {
        self.usual.get().and_then(|usual| {
            let is_same = *usual.text == *text
                && usual.part == part
                && usual.registered == process::own_secrets_registered();
            is_same.then_some(&*usual.framed)
        })
    }

    /// Keeps a text that was found clean, with its form in a line and the number from before that.
    fn keep(&self, part: LinePart, text: &str, framed: &str, registered: u64) {
        if self.usual.get().is_none() && text.len() <= USUAL {
            self.usual.get_or_init(|| Usual { part, text: text.into(), framed: framed.into(), registered });
        }
    }
}

impl<L: Layout> Direct<L> {
    pub(crate) fn new(layout: L) -> Self {
        let mut opening = String::new();
        layout.opening(&mut opening);
        Self { layout, opening, rendering: RenderingId::new(), plans: Callsites::default() }
    }

    fn plan(&self, event: &EventView<'_>) -> Option<CallsitePlan> {
        let metadata = event.callsite();
        let names = metadata.fields();
        let message = names.iter().position(|field| field.name() == "message");
        let messages = names.iter().filter(|field| field.name() == "message").count();
        let admitted = message.unwrap_or(0) == 0
            && messages <= 1
            && names.len() <= event.limits().fields
            && self.layout.admits(names);
        if !admitted {
            return None;
        }
        let text = |write: &dyn Fn(&mut String)| {
            let mut text = String::new();
            write(&mut text);
            text.into_boxed_str()
        };
        let mut middle = String::new();
        let state = self.layout.middle(metadata, &mut middle);
        Some(CallsitePlan {
            head: text(&|out| self.layout.head(event.severity(), metadata, out)),
            middle: (!middle.is_empty()).then(|| Box::new((middle, state))),
            fields: names
                .iter()
                .map(|field| FieldPlan {
                    key: text(&|out| self.layout.key(field.name(), out)),
                    verdict: event.redactor().judge_name(field.name()),
                    is_message: field.name() == "message",
                    usual: OnceLock::new(),
                })
                .collect(),
        })
    }
}

impl<L: Layout> Straight for Direct<L> {
    fn write(&self, event: &EventView<'_>, at: SystemTime, zone: &Zone, out: &mut String) -> bool {
        if event.has_own_metadata() || event.has_other_fields() {
            return false;
        }
        let plan = self.plans.get(CallsiteKey::of(event), || self.plan(event));
        let Some(Some(plan)) = plan else { return false };
        out.reserve(512);
        out.push_str(&self.opening);
        write_rfc3339(zone, at, out);
        out.push_str(&plan.head);
        let mut line = LineWriter {
            layout: &self.layout,
            plan,
            intake: Intake::of(event),
            out,
            has_message: false,
            is_opened: false,
            has_error: false,
            causes: None,
        };
        event.record(&mut line);
        line.begin_fields();
        let causes = line.causes.take();
        let spans = |out: &mut String| {
            event.write_spans(self.rendering, out, |out| self.layout.spans(SpanChain::Event(event), out));
        };
        self.layout.tail(causes.as_deref().unwrap_or_default(), spans, out);
        true
    }
}

/// A line that is being written.
struct LineWriter<'a, L> {
    layout: &'a L,
    plan: &'a CallsitePlan,
    intake: Intake<'a>,
    out: &'a mut String,
    /// Whether the message, and what stands behind it, are written.
    has_message: bool,
    /// Whether the next key stands first in an object.
    is_opened: bool,
    /// Whether an error was among the fields; only the causes of the first are written.
    has_error: bool,
    causes: Option<Vec<String>>,
}

impl<'a, L: Layout> LineWriter<'a, L> {
    /// Writes the empty message of an event that has none, before its fields.
    #[inline]
    fn begin_fields(&mut self) {
        if !self.has_message {
            self.layout.text(LinePart::Message, "", self.out);
            self.end_message();
        }
    }

    fn end_message(&mut self) {
        self.has_message = true;
        if let Some(middle) = &self.plan.middle {
            self.out.push_str(&middle.0);
            let state = match middle.1 {
                Middle::ToThread => self.layout.thread(&thread_name_by(self.intake.redactor), self.out),
                state => state,
            };
            self.is_opened = state == Middle::Opened;
        }
    }

    /// Writes the key of a field.
    #[inline]
    fn key(&mut self, field: &Field) -> Option<&'a FieldPlan> {
        self.begin_fields();
        let plan = self.plan.fields.get(field.index())?;
        let key = if std::mem::take(&mut self.is_opened) { plan.key.get(1..) } else { Some(&*plan.key) };
        self.out.push_str(key.unwrap_or_default());
        Some(plan)
    }

    /// Writes the key of a text, unless it is the message; returns how, and how much of it, is to be written.
    fn begin_text(&mut self, field: &Field, part: LinePart) -> Option<(&'a FieldPlan, LinePart, usize)> {
        let plan = self.plan.fields.get(field.index())?;
        if plan.is_message && !self.has_message {
            return Some((plan, LinePart::Message, self.intake.cap(self.intake.limits.message)));
        }
        self.key(field);
        Some((plan, part, self.intake.cap(self.intake.limits.value)))
    }

    /// Writes a text that is within its cap.
    fn end_text(&mut self, plan: &FieldPlan, part: LinePart, text: &str) {
        if let Some(framed) = plan.usual(part, text) {
            self.intake.admit(text);
            self.out.push_str(framed);
        } else {
            let registered = process::own_secrets_registered();
            let clean = self.intake.clean(plan.verdict, text);
            let start = self.out.len();
            if self.layout.is_plain(part, &clean) {
                self.layout.plain_text(part, &clean, self.out);
            } else {
                self.layout.text(part, &clean, self.out);
            }
            if plan.verdict.is_clear() && *clean == *text {
                plan.keep(part, text, self.out.get(start..).unwrap_or_default(), registered);
            }
        }
        if part == LinePart::Message {
            self.end_message();
        }
    }

    /// Writes what a formatter gives.
    fn formatted(&mut self, field: &Field, args: fmt::Arguments<'_>) {
        with_scratch(|scratch| {
            if let Some((plan, part, cap)) = self.begin_text(field, LinePart::Debug) {
                append(scratch, cap, args);
                self.end_text(plan, part, scratch);
            }
        });
    }

    /// Writes the key of an integer, and the mask if it is hidden; else `write` writes it.
    fn integer(&mut self, field: &Field, magnitude: u128, write: impl FnOnce(&L, &mut String)) {
        let Some(plan) = self.key(field) else { return };
        if self.intake.hides(plan.verdict, magnitude) {
            self.layout.text(LinePart::Str, MASK, self.out);
        } else {
            write(self.layout, self.out);
        }
    }
}

impl<L: Layout> Visit for LineWriter<'_, L> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.formatted(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let Some((plan, part, cap)) = self.begin_text(field, LinePart::Str) else { return };
        if value.len() <= cap {
            self.end_text(plan, part, value);
        } else {
            let mut cut = String::new();
            append_text(&mut cut, cap, value);
            self.end_text(plan, part, &cut);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.formatted(field, format_args!("{value}"));
        if std::mem::replace(&mut self.has_error, true) {
            return;
        }
        let verdict = self.plan.fields.get(field.index()).map(|plan| plan.verdict);
        let (Some(verdict), limits) = (verdict, self.intake.limits) else { return };
        for cause in shown_causes(value, limits.causes) {
            let mut text = String::new();
            self.intake.append(verdict, limits.value, &mut text, formatted(format_args!("{cause}")));
            self.causes.get_or_insert_default().push(text);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.integer(field, value.unsigned_abs().into(), |_, out| integer(value, out));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.integer(field, value.into(), |_, out| integer(value, out));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let write = |layout: &L, out: &mut String| layout.number(FieldValue::I128(value), out);
        self.integer(field, value.unsigned_abs(), write);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let write = |layout: &L, out: &mut String| layout.number(FieldValue::U128(value), out);
        self.integer(field, value, write);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let Some(plan) = self.key(field) else { return };
        if self.intake.hides_float(plan.verdict, value) {
            self.layout.text(LinePart::Str, MASK, self.out);
        } else if value.is_finite() {
            float(value, self.out);
        } else {
            self.layout.number(FieldValue::F64(value), self.out);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.key(field).is_some() {
            self.out.push_str(if value { "true" } else { "false" });
        }
    }
}

/// A buffer larger than this is given back to the allocator.
const KEEP: usize = 65_536;

/// Lends a reused buffer for one value; a formatter that logs finds another one.
fn with_scratch(work: impl FnOnce(&mut String)) {
    thread_local! {
        static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
    }
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.clear();
    work(&mut scratch);
    if scratch.capacity() <= KEEP {
        SCRATCH.try_with(|slot| slot.set(scratch)).ok();
    }
}
