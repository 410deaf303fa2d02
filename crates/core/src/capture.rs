//! Capture an alert from an event, in two steps: on the caller's thread, and on the worker's.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Instant, SystemTime},
};

use tracing_core::{Level, Metadata};

use crate::{
    Alert, AlertId, App, EventView, Field, Incident, Limits, Severity, SpanFacts, SpanNode, Stack, Value,
    alert::{Origin, random_u64},
    fields::{Collect, KeptFields},
};

/// Makes alerts of events: one per outbox, or per handler that keeps alerts.
#[derive(Debug)]
pub struct Capture {
    app: Arc<App>,
    stacks: Option<Severity>,
    process: u64,
    count: AtomicU32,
}

impl Capture {
    /// Captures for `app`, without call stacks.
    pub fn new(app: impl Into<Arc<App>>) -> Self {
        Self { app: app.into(), stacks: None, process: random_u64(), count: AtomicU32::new(0) }
    }

    /// Captures the call stack of events of this severity and up. Costs some microseconds each. Default: of none.
    #[must_use]
    pub fn stacks_from(mut self, severity: Severity) -> Self {
        self.stacks = Some(severity);
        self
    }

    /// Returns the program that the alerts name.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Returns a fresh id.
    #[must_use]
    pub fn next_id(&self, at: SystemTime) -> AlertId {
        // A forked child goes on counting where its parent does.
        let child = if crate::process::forks() == 0 { 0 } else { u64::from(std::process::id()) };
        AlertId::from_parts(at, self.process ^ child, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes an alert of an event: its fields, the spans around it, the error chain; redacted and capped.
    #[must_use]
    pub fn alert(&self, event: &EventView<'_>) -> Alert {
        let (alert, buffers) =
            self.finish(self.take(event, crate::clock::instant(), Buffers(KeptFields::spare())));
        buffers.0.leave();
        alert
    }

    /// Takes what of an event of this moment is gone when it is over, redacted and capped, for [`finish`](Self::finish)
    /// to make an alert of, on whatever thread.
    ///
    /// It formats, and else it counts references and copies into `buffers`: with used ones nothing is allocated.
    #[must_use]
    pub fn take(&self, event: &EventView<'_>, at: Instant, mut buffers: Buffers) -> Captured {
        buffers.0.reserve(event.metadata().fields().len());
        let mut collect = Collect::new(buffers.0, event.limits(), event.redactor(), event.is_log());
        event.record(&mut collect);
        let severity = event.severity();
        Captured {
            at,
            level: event.level(),
            severity,
            place: RawOrigin::of(event),
            kept: collect.end().with_thread(event),
            spans: Spans::of(event),
            stack: match event.incident() {
                Some(incident) => incident.stack().cloned(),
                None => self.stacks.filter(|from| severity >= *from).map(|_| Stack::capture()),
            },
            origin: event.incident().map_or(Origin::Event, Incident::origin),
        }
    }

    /// Makes the alert of what was taken, and gives its buffers back to be used again.
    #[must_use]
    pub fn finish(&self, taken: Captured) -> (Alert, Buffers) {
        // The wall clock is read here, so that the program's thread reads one clock only.
        let now = crate::clock::now();
        let at = now.checked_sub(crate::clock::instant().saturating_duration_since(taken.at)).unwrap_or(now);
        let mut kept = taken.kept;
        let place = taken.place.texts();
        let alert = Alert {
            id: self.next_id(at),
            at,
            level: taken.level,
            severity: taken.severity,
            target: place.target,
            module: place.module,
            file: place.file,
            line: place.line,
            thread: kept.thread().to_owned(),
            message: kept.message().unwrap_or_default().to_owned(),
            fields: kept.fields().map(|(name, value)| Field { name: Cow::Borrowed(name), value }).collect(),
            spans: taken.spans.facts(),
            error: kept.error().map(str::to_owned).collect(),
            stack: taken.stack,
            origin: taken.origin,
            app: Arc::clone(&self.app),
        };
        kept.clear();
        (alert, Buffers(kept))
    }
}

/// An event as its thread left it: not yet an alert, but independent of the event.
#[derive(Debug)]
pub struct Captured {
    at: Instant,
    level: Level,
    severity: Severity,
    place: RawOrigin,
    kept: KeptFields,
    spans: Spans,
    stack: Option<Stack>,
    origin: Origin,
}

/// Holds the texts and values of one captured event; its room is used again.
#[derive(Debug, Default)]
pub struct Buffers(KeptFields);

/// The origin of an event. The texts of a callsite are `'static`; those of a `log` record are copied.
#[derive(Debug)]
enum RawOrigin {
    Callsite(&'static Metadata<'static>),
    Record(Box<Texts>),
}

#[derive(Debug)]
struct Texts {
    target: Cow<'static, str>,
    module: Option<Cow<'static, str>>,
    file: Option<Cow<'static, str>>,
    line: Option<u32>,
}

impl RawOrigin {
    fn of(event: &EventView<'_>) -> Self {
        if !event.has_own_metadata() {
            return Self::Callsite(event.callsite());
        }
        let metadata = event.metadata();
        let own = |text: &str| Cow::Owned(event.redactor().clean(text).into_owned());
        Self::Record(Box::new(Texts {
            target: own(metadata.target()),
            module: metadata.module_path().map(own),
            file: metadata.file().map(own),
            line: metadata.line(),
        }))
    }

    fn texts(self) -> Texts {
        match self {
            Self::Callsite(metadata) => Texts {
                target: Cow::Borrowed(metadata.target()),
                module: metadata.module_path().map(Cow::Borrowed),
                file: metadata.file().map(Cow::Borrowed),
                line: metadata.line(),
            },
            Self::Record(texts) => *texts,
        }
    }
}

/// The chain of spans of a captured event.
#[derive(Debug)]
enum Spans {
    None,
    /// The chain itself: what is to be shown of it was recorded when the spans were made, and never changes.
    Shared {
        leaf: Arc<SpanNode>,
        /// One bit for each span that is admitted, the leaf's the lowest.
        admitted: u64,
        value: usize,
        total: usize,
    },
    /// Copies: some fields were recorded later, which goes on, or are to be redacted by other rules.
    Copied(Vec<SpanFacts>),
}

impl Spans {
    fn of(event: &EventView<'_>) -> Self {
        let Some(leaf) = event.span_to_keep() else { return Self::None };
        let limits = event.limits();
        let by_default = event.redactor().is_default();
        let (mut admitted, mut count) = (0_u64, 0);
        let mut bit = 1_u64;
        for node in leaf.chain() {
            if count < limits.spans && event.admits(node) {
                if bit == 0 || !by_default || !node.is_as_made() {
                    return Self::Copied(copied(event.spans(), event.redactor(), limits));
                }
                admitted |= bit;
                count += 1;
            }
            bit <<= 1;
        }
        Self::Shared { leaf, admitted, value: limits.value, total: limits.total }
    }

    fn facts(self) -> Vec<SpanFacts> {
        match self {
            Self::None => Vec::new(),
            Self::Copied(spans) => spans,
            Self::Shared { leaf, admitted, value: most, total } => {
                let bits = std::iter::successors(Some(admitted), |bits| Some(bits >> 1));
                let shown = leaf.chain().zip(bits).filter(|(_, bits)| bits & 1 == 1);
                facts(shown.map(|(node, _)| node), total, |node, put| {
                    node.first().for_each(|(name, value)| put(name, value.cut(most).into_owned()));
                })
            }
        }
    }
}

pub(crate) fn copied<'a>(
    mut nodes: impl Iterator<Item = &'a SpanNode>,
    redactor: &crate::Redactor,
    limits: &Limits,
) -> Vec<SpanFacts> {
    let mut spans = facts(nodes.by_ref().take(limits.spans), limits.total, |node, put| {
        node.visit_redacted(redactor, &mut |name, value| put(name, value.cut(limits.value).into_owned()));
    });
    spans.splice(0..0, SpanFacts::left_out(nodes.count()));
    spans
}

/// Makes the facts of a chain, the outermost first; the fields of the innermost go first until the texts are `total`.
fn facts<'a>(
    nodes: impl Iterator<Item = &'a SpanNode>,
    total: usize,
    fields_of: impl Fn(&'a SpanNode, &mut dyn FnMut(&'static str, Value)),
) -> Vec<SpanFacts> {
    let mut left = total;
    let mut spans: Vec<SpanFacts> = nodes
        .map(|node| {
            let mut fields = Vec::new();
            fields_of(node, &mut |name, value| {
                let size = value.as_text().map_or(16, str::len);
                if size <= left {
                    left -= size;
                    fields.push(Field { name: Cow::Borrowed(name), value });
                }
            });
            SpanFacts::new(node.name(), node.target(), fields)
        })
        .collect();
    spans.reverse();
    spans
}

impl fmt::Display for crate::SpanFacts {
    /// Writes `name{field=value other=value}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.fields.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, field) in self.fields.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{}={}", field.name, field.value)?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests;
