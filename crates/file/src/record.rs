//! The record: one event as a format sees it.

use std::{borrow::Cow, fmt, time::SystemTime};

use watchfire_core::{
    Alert, EventView, NameVerdict, Origin, Redactor, Severity, SpanFacts, SpanNode, Stack, Value,
    thread_name_by,
};

use crate::time::{Zone, write_rfc3339};

mod body;
pub(crate) mod intake;

use body::Body;

/// Shows one event to a [`Format`](crate::Format): redacted, capped, typed, borrowed from a reused buffer.
pub struct Record<'a> {
    at: SystemTime,
    severity: Severity,
    target: &'a str,
    module: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
    thread: &'a str,
    body: &'a Body,
    spans: SpanChain<'a>,
    stack: Option<&'a Stack>,
    /// Whether it is a panic or a failure of `main`, whose place every format writes: the stack may have no names.
    is_incident: bool,
    zone: &'a Zone,
}

/// The value of a field, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// A string, as given.
    Str(&'a str),
    /// The output of `Debug` or `Display`.
    Debug(&'a str),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A signed integer of 128 bits.
    I128(i128),
    /// An unsigned integer of 128 bits.
    U128(u128),
    /// A floating-point number.
    F64(f64),
    /// `true` or `false`.
    Bool(bool),
}

impl<'a> Record<'a> {
    /// Shows `event` to `look`, stamped with `at`; user formatters run here, so no lock may be held.
    pub(crate) fn of_event<R>(
        event: &EventView<'_>,
        verdicts: Option<&[NameVerdict]>,
        at: SystemTime,
        stack: Option<&Stack>,
        zone: &Zone,
        look: impl FnOnce(&Record<'_>) -> R,
    ) -> R {
        let mut body = Body::take();
        body.fill(event, verdicts);
        let metadata = event.metadata();
        // The names of a callsite are the program's own words; a `log` record has any text.
        let clean = |text| if event.is_log() { event.redactor().clean(text) } else { Cow::Borrowed(text) };
        let target = clean(event.target());
        let (module, file) = (metadata.module_path().map(clean), metadata.file().map(clean));
        let result = with_thread_name_of(event, |thread| {
            look(&Record {
                at,
                severity: event.severity(),
                target: &target,
                module: module.as_deref(),
                file: file.as_deref(),
                line: metadata.line(),
                thread,
                body: &body,
                spans: SpanChain::Event(event),
                stack: stack.or_else(|| event.incident()?.stack()),
                is_incident: event.incident().is_some(),
                zone,
            })
        });
        body.put_back();
        result
    }

    /// Shows an owned alert to `look`, as its event would have been shown.
    pub(crate) fn of_alert<R>(alert: &Alert, zone: &Zone, look: impl FnOnce(&Record<'_>) -> R) -> R {
        let mut body = Body::take();
        body.fill_from(alert);
        let result = look(&Record {
            at: alert.at,
            severity: alert.severity,
            target: &alert.target,
            module: alert.module.as_deref(),
            file: alert.file.as_deref(),
            line: alert.line,
            thread: &alert.thread,
            body: &body,
            spans: SpanChain::Facts(&alert.spans),
            stack: alert.stack.as_ref(),
            is_incident: alert.origin != Origin::Event,
            zone,
        });
        body.put_back();
        result
    }

    /// Returns when the event was emitted.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// Appends when the event was emitted, in the zone that was chosen: `2026-11-20T21:48:12.123456Z`.
    pub fn write_time(&self, out: &mut String) {
        write_rfc3339(self.zone, self.at, out);
    }

    pub(crate) fn zone(&self) -> &'a Zone {
        self.zone
    }

    /// Returns the severity in force.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns the target, usually the module path.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// Returns the module path, where the event has one.
    #[must_use]
    pub fn module(&self) -> Option<&'a str> {
        self.module
    }

    /// Returns the source file, where it is known.
    #[must_use]
    pub fn file(&self) -> Option<&'a str> {
        self.file
    }

    /// Returns the line in the source file, where it is known.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// Returns the place of a panic, which is written also where places are not.
    pub(crate) fn panic_place(&self) -> Option<(&'a str, Option<u32>)> {
        self.file.filter(|_| self.is_incident).map(|file| (file, self.line))
    }

    /// Returns the name of the thread, or `ThreadId(n)`.
    #[must_use]
    pub fn thread(&self) -> &'a str {
        self.thread
    }

    /// Returns the message; empty if the event has none.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.body.text(&self.body.message)
    }

    /// Walks the event's own fields in the order of their recording.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, FieldValue<'a>)> + use<'a> {
        let body = self.body;
        body.fields.iter().map(move |field| (body.text(&field.name), body.value(&field.value)))
    }

    /// Walks the causes of the first error field, the outermost first, without the error itself.
    pub fn causes(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let body = self.body;
        body.causes.iter().map(move |range| body.text(range))
    }

    /// Returns the call stack, if one was captured.
    #[must_use]
    pub fn stack(&self) -> Option<&'a Stack> {
        self.stack
    }

    /// Calls `visit` with the name and the fields of each span, the outermost span first.
    pub fn each_span(&self, visit: &mut dyn FnMut(&str, SpanFields<'_>)) {
        self.spans.each(visit);
    }

    /// Returns the spans.
    pub(crate) fn spans(&self) -> SpanChain<'a> {
        self.spans
    }

    /// Calls `found` with the value of a field: the event's, else that of the innermost span that has it.
    ///
    /// Returns whether there is one. Of several fields of one name the last counts.
    pub fn with_field(&self, name: &str, found: &mut dyn FnMut(FieldValue<'_>)) -> bool {
        let own = self.fields().filter(|(known, _)| *known == name).last();
        if let Some((_, value)) = own {
            found(value);
            return true;
        }
        let mut hit: Option<Value> = None;
        self.each_span(&mut |_, fields| {
            fields.each(&mut |known, value| {
                if known == name {
                    hit = Some(value.to_owned());
                }
            });
        });
        hit.map(|value| found(FieldValue::from(&value))).is_some()
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("target", &self.target)
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

/// Gives the fields of one span.
#[derive(Clone, Copy)]
pub struct SpanFields<'a>(Of<'a>);

#[derive(Clone, Copy)]
enum Of<'a> {
    Node(&'a SpanNode, &'a Redactor, usize),
    Facts(&'a SpanFacts),
}

impl SpanFields<'_> {
    /// Calls `visit` with each field, in the order of their first recording.
    pub fn each(&self, visit: &mut dyn FnMut(&str, FieldValue<'_>)) {
        match self.0 {
            Of::Node(node, redactor, most) => {
                node.visit_redacted(redactor, &mut |name, value| {
                    visit(name, FieldValue::from(&*value.cut(most)));
                });
            }
            Of::Facts(facts) => {
                for field in &facts.fields {
                    visit(&field.name, FieldValue::from(&field.value));
                }
            }
        }
    }
}

impl fmt::Debug for SpanFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.each(&mut |name, value| {
            map.entry(&name, &value);
        });
        map.finish()
    }
}

impl<'a> From<&'a Value> for FieldValue<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Str(text) => Self::Str(text),
            Value::Debug(text) => Self::Debug(text),
            Value::I64(n) => Self::I64(*n),
            Value::U64(n) => Self::U64(*n),
            Value::I128(n) => Self::I128(*n),
            Value::U128(n) => Self::U128(*n),
            Value::F64(n) => Self::F64(*n),
            Value::Bool(b) => Self::Bool(*b),
            // A variant of a later core: better an empty text than none.
            _ => Self::Str(""),
        }
    }
}

impl FieldValue<'_> {
    /// Makes an owned value.
    #[must_use]
    pub fn to_owned(self) -> Value {
        match self {
            Self::Str(text) => Value::Str(text.into()),
            Self::Debug(text) => Value::Debug(text.into()),
            Self::I64(n) => Value::I64(n),
            Self::U64(n) => Value::U64(n),
            Self::I128(n) => Value::I128(n),
            Self::U128(n) => Value::U128(n),
            Self::F64(n) => Value::F64(n),
            Self::Bool(b) => Value::Bool(b),
        }
    }
}

/// The spans around an event or in an alert.
#[derive(Clone, Copy)]
pub(crate) enum SpanChain<'a> {
    Event(&'a EventView<'a>),
    Facts(&'a [SpanFacts]),
}

impl SpanChain<'_> {
    /// Calls `visit` with the name and the fields of each span, the outermost span first.
    pub(crate) fn each(self, visit: &mut dyn FnMut(&str, SpanFields<'_>)) {
        match self {
            SpanChain::Event(event) => {
                // Outermost first, without an allocation up to a usual depth.
                let mut nodes: [Option<&SpanNode>; 16] = [None; 16];
                let mut all = event.spans();
                let mut spans = all.by_ref().take(event.limits().spans);
                let mut depth = 0;
                for (slot, node) in nodes.iter_mut().zip(&mut spans) {
                    *slot = Some(node);
                    depth += 1;
                }
                let mut outer: Vec<&SpanNode> = Vec::new();
                if depth == nodes.len() {
                    outer.extend(spans);
                    if let Some(left_out) = SpanFacts::left_out(all.count()) {
                        visit(&left_out.name, SpanFields(Of::Facts(&left_out)));
                    }
                }
                let mut show = |node: &SpanNode| {
                    visit(node.name(), SpanFields(Of::Node(node, event.redactor(), event.limits().value)));
                };
                outer.into_iter().rev().for_each(&mut show);
                nodes.iter().take(depth).rev().copied().flatten().for_each(show);
            }
            SpanChain::Facts(facts) => {
                for span in facts {
                    visit(&span.name, SpanFields(Of::Facts(span)));
                }
            }
        }
    }
}

/// Shows the name of the event's thread: this one, but for an incident.
fn with_thread_name_of<R>(event: &EventView<'_>, look: impl FnOnce(&str) -> R) -> R {
    match event.incident() {
        Some(incident) => look(&event.redactor().clean(incident.thread())),
        None => look(&thread_name_by(event.redactor())),
    }
}
