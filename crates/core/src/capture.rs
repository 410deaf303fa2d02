use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tracing_core::Level;

use crate::{
    Alert, AlertId, App, EventView, Field, Limits, Severity, SpanFacts, SpanNode, Stack, Value,
    alert::{random_u64, thread_name},
    fields::Collect,
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
    pub fn next_id(&self, at: std::time::SystemTime) -> AlertId {
        AlertId::from_parts(at, self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes an alert of an event: its fields, the spans around it, the error chain; redacted and capped.
    #[must_use]
    pub fn alert(&self, event: &EventView<'_>) -> Alert {
        let at = crate::clock::now();
        let mut collect = Collect::new(event.limits(), event.redactor(), event.is_log());
        event.record(&mut collect);
        let metadata = event.metadata();
        let place = Place::of(event);
        let severity = event.severity();
        let stack = self.stacks.filter(|from| severity >= *from).map(|_| Stack::capture());
        let error = collect.error.map(|(_, chain)| chain).unwrap_or_default();
        Alert {
            id: self.next_id(at),
            at,
            level: event.level(),
            severity,
            target: place.target,
            module: place.module,
            file: place.file,
            line: metadata.line(),
            thread: thread_name(),
            message: collect.message.unwrap_or_default(),
            fields: collect
                .fields
                .into_iter()
                .map(|(name, value)| Field { name: Cow::Borrowed(name), value })
                .collect(),
            spans: spans(event, event.limits()),
            error,
            stack,
            app: Arc::clone(&self.app),
        }
    }

    /// Makes an alert without an event, with the spans this thread is in.
    #[must_use]
    pub fn bare(&self, level: Level, severity: Severity, message: String) -> Alert {
        let mut alert = Alert::new(Arc::clone(&self.app), severity, message);
        alert.level = level;
        alert.id = self.next_id(alert.at);
        if let Some(node) = crate::slot::current_span() {
            let redactor = crate::Redactor::default();
            alert.spans = chain(node.chain(), &redactor, &Limits::default());
        }
        alert
    }
}

struct Place {
    target: Cow<'static, str>,
    module: Option<Cow<'static, str>>,
    file: Option<Cow<'static, str>>,
}

impl Place {
    /// The texts of a callsite are `'static` and only borrowed; those of a `log` record are copied.
    fn of(event: &EventView<'_>) -> Self {
        if event.is_log() {
            let metadata = event.metadata();
            let own = |text: &str| Cow::Owned(text.to_owned());
            Self {
                target: own(metadata.target()),
                module: metadata.module_path().map(own),
                file: metadata.file().map(own),
            }
        } else {
            let metadata = event.callsite();
            Self {
                target: Cow::Borrowed(metadata.target()),
                module: metadata.module_path().map(Cow::Borrowed),
                file: metadata.file().map(Cow::Borrowed),
            }
        }
    }
}

fn spans(event: &EventView<'_>, limits: &Limits) -> Vec<SpanFacts> {
    chain(event.spans(), event.redactor(), limits)
}

fn chain<'a>(
    nodes: impl Iterator<Item = &'a SpanNode>,
    redactor: &crate::Redactor,
    limits: &Limits,
) -> Vec<SpanFacts> {
    let mut left = limits.total;
    let mut spans: Vec<SpanFacts> = nodes
        .take(limits.spans)
        .map(|node| {
            let mut fields = Vec::new();
            node.visit(&mut |name, value| {
                let value = match value.as_text() {
                    // Redacted when it was recorded, but by another layer's rules than ours.
                    Some(text) if !(node.redacted_by_default && redactor.is_default()) => {
                        Value::Debug(redactor.value(name, text).into())
                    }
                    _ => value.clone(),
                };
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
