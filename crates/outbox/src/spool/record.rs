//! Write letters and alerts as JSON, and read them back.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use watchfire_core::{Alert, AlertId, App, Field, Origin, Severity, SpanFacts, Stack, Value};

use crate::{
    Counts, Form, GroupId, GroupSummary, Mention, Notification, NotificationId, OccasionKind, Outlook,
    model::{QueuedMessage, Rendering, Timestamp},
};

/// The head of a file: everything but the renderings themselves, which follow it as they are.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MessageRecord {
    pub(super) id: String,
    pub(super) channel: String,
    recipient: String,
    kind: String,
    group: String,
    title: String,
    number: u32,
    total: u64,
    fresh: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fresh_since: Option<u64>,
    first: u64,
    last: u64,
    since: u64,
    #[serde(default)]
    groups: u64,
    /// When the next message of a storm comes; 0 if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outlook: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<(String, String, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    covers: Vec<String>,
    /// The channel that it was rendered for, if an operator has sent it another way since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redirected_from: Option<String>,
    /// The form and the length of each rendering.
    renderings: Vec<(String, usize)>,
    alert: AlertRecord,
}

/// An alert; what a panic leaves behind is only this.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AlertRecord {
    id: String,
    /// Nanoseconds since the Unix epoch, as text: JSON numbers end at 53 bits.
    at: String,
    level: String,
    severity: String,
    target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    thread: String,
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spans: Vec<SpanRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    error: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
    /// `panic` or `main`, of one that is not an event's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// Who wrote it, of one that a panic left behind: the file's name tells it only until somebody claims it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) writer: Option<String>,
    /// The only channel that it is for; for all without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<String>,
    app: AppRecord,
}

/// A name, the kind of the value, and its text: floats that JSON has no numbers for, and 128 bits.
type FieldRecord = (String, char, String);

#[derive(Debug, Serialize, Deserialize)]
struct SpanRecord {
    name: String,
    target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AppRecord {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    host: String,
    pid: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    facts: Vec<(String, String)>,
}

fn owned((name, text): (&str, &str)) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

impl MessageRecord {
    pub(super) fn of(letter: &QueuedMessage) -> Self {
        let QueuedMessage { notification, summary, since, covers } = letter;
        Self {
            id: notification.id.to_string(),
            channel: notification.channel.clone(),
            recipient: notification.recipient.clone(),
            kind: notification.kind.as_str().to_owned(),
            group: notification.group.to_string(),
            title: notification.title.clone(),
            number: summary.number,
            total: summary.counts.total,
            fresh: summary.counts.fresh,
            fresh_since: Some(Timestamp::of_unix(summary.counts.fresh_since).as_millis()),
            first: Timestamp::of_unix(summary.counts.first).as_millis(),
            last: Timestamp::of_unix(summary.counts.last).as_millis(),
            since: since.as_millis(),
            groups: summary.counts.groups,
            outlook: summary.outlook.map(|outlook| match outlook {
                Outlook::Next(at) => Timestamp::of_unix(at).as_millis(),
                Outlook::Over => 0,
            }),
            mentions: summary
                .mentions
                .iter()
                .map(|m| (m.group.to_string(), m.title.clone(), m.count))
                .collect(),
            notes: summary.notes.clone(),
            covers: covers.iter().map(ToString::to_string).collect(),
            redirected_from: None,
            renderings: notification
                .ladder
                .iter()
                .map(|rendering| (rendering.form.as_str().to_owned(), rendering.body.len()))
                .collect(),
            alert: AlertRecord::of(&summary.alert),
        }
    }

    /// Puts the letter together again; `None` if something in it cannot be.
    pub(super) fn letter(self, bodies: &[u8]) -> Option<QueuedMessage> {
        let alert = Arc::new(self.alert.alert()?);
        let time = |millis: u64| Timestamp::from_millis(millis).to_unix();
        let mut rest = bodies;
        let mut ladder = Vec::with_capacity(self.renderings.len());
        for (form, len) in self.renderings {
            let (body, after) = rest.split_at_checked(len)?;
            rest = after;
            ladder.push(Rendering { form: form_of(&form)?, body: body.to_vec() });
        }
        if !rest.is_empty() || ladder.is_empty() {
            return None;
        }
        let group: GroupId = self.group.parse().ok()?;
        let notification = Notification {
            id: self.id.parse().ok()?,
            alert: alert.id,
            group,
            kind: kind_of(&self.kind)?,
            channel: self.channel,
            recipient: self.recipient,
            severity: alert.severity,
            at: alert.at,
            title: self.title,
            ladder,
            step: 0,
            maybe_duplicate: false,
        };
        let mentions = self.mentions.into_iter();
        let mentions = mentions
            .map(|(group, title, count)| Some(Mention::new(group.parse().ok()?, title, count)))
            .collect::<Option<_>>()?;
        let counts = Counts::new(self.total, self.fresh, time(self.first), time(self.last))
            .fresh_since(time(self.fresh_since.unwrap_or(self.first)))
            .groups(self.groups.max(1));
        let outlook = self.outlook.map(|at| if at == 0 { Outlook::Over } else { Outlook::Next(time(at)) });
        let summary = GroupSummary::first(alert, group)
            .of_kind(notification.kind, self.number)
            .with_counts(counts)
            .with_outlook(outlook)
            .with_mentions(mentions)
            .with_notes(self.notes);
        let since = Timestamp::from_millis(self.since);
        let covers = self.covers.iter().map(|id| id.parse::<NotificationId>().ok()).collect::<Option<_>>()?;
        Some(QueuedMessage { notification, summary: Arc::new(summary), since, covers })
    }
}

/// Returns the alert with every credential of our own masked; `None` if that leaves no alert.
pub(crate) fn masked(alert: &Alert) -> Option<Alert> {
    // As text, in which all of it stands, and as which it would be written.
    let text = serde_json::to_string(&AlertRecord::of(alert)).ok()?;
    let text = watchfire_core::process::mask_own_secrets(&text);
    serde_json::from_str::<AlertRecord>(&text).ok()?.alert()
}

impl AlertRecord {
    pub(super) fn of(alert: &Alert) -> Self {
        let since = alert.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            id: alert.id.to_string(),
            at: since.as_nanos().to_string(),
            level: alert.level.to_string(),
            severity: alert.severity.to_string(),
            target: alert.target.to_string(),
            module: alert.module.as_deref().map(str::to_owned),
            file: alert.file.as_deref().map(str::to_owned),
            line: alert.line,
            thread: alert.thread.clone(),
            message: alert.message.clone(),
            fields: alert.fields.iter().map(field_record).collect(),
            spans: alert
                .spans
                .iter()
                .map(|span| SpanRecord {
                    name: span.name.to_string(),
                    target: span.target.to_string(),
                    fields: span.fields.iter().map(field_record).collect(),
                })
                .collect(),
            error: alert.error.clone(),
            stack: alert.stack.as_ref().map(Stack::text),
            origin: Some(alert.origin.target().to_owned()).filter(|origin| !origin.is_empty()),
            writer: None,
            channel: None,
            app: AppRecord {
                name: alert.app.name().to_owned(),
                environment: alert.app.environment_name().map(str::to_owned),
                release: alert.app.release_name().map(str::to_owned),
                host: alert.app.host_name().to_owned(),
                pid: alert.app.process_id(),
                links: alert.app.links().map(owned).collect(),
                facts: alert.app.facts().map(owned).collect(),
            },
        }
    }

    pub(super) fn alert(self) -> Option<Alert> {
        let nanos: u64 = self.at.parse().ok()?;
        let at = UNIX_EPOCH + Duration::from_nanos(nanos);
        let mut app = App::new(self.app.name).host(self.app.host).pid(self.app.pid);
        if let Some(environment) = self.app.environment {
            app = app.environment(environment);
        }
        if let Some(release) = self.app.release {
            app = app.release(release);
        }
        app = self.app.links.into_iter().fold(app, |app, (name, template)| app.link(name, template));
        app = self.app.facts.into_iter().fold(app, |app, (label, field)| app.fact(label, field));
        let severity: Severity = self.severity.parse().ok()?;
        let id: AlertId = self.id.parse().ok()?;
        let mut alert = Alert::new(app, severity, self.message).id(id).at(at).thread(self.thread);
        alert.level = self.level.parse().ok()?;
        alert.target = Cow::Owned(self.target);
        alert.module = self.module.map(Cow::Owned);
        alert.file = self.file.map(Cow::Owned);
        alert.line = self.line;
        alert.fields = self.fields.into_iter().map(field_of).collect::<Option<_>>()?;
        for span in self.spans {
            let fields = span.fields.into_iter().map(field_of).collect::<Option<_>>()?;
            alert = alert.span(SpanFacts::new(span.name, span.target, fields));
        }
        alert.error = self.error;
        alert.stack = self.stack.map(Stack::from_text);
        let origin = |origin: &Origin| self.origin.as_deref() == Some(origin.target());
        alert.origin = [Origin::Panic, Origin::Failure].into_iter().find(origin).unwrap_or_default();
        Some(alert)
    }
}

fn field_record(field: &Field) -> FieldRecord {
    let kind = match &field.value {
        Value::Debug(_) => 'd',
        Value::I64(_) => 'i',
        Value::U64(_) => 'u',
        Value::I128(_) => 'I',
        Value::U128(_) => 'U',
        Value::F64(_) => 'f',
        Value::Bool(_) => 'b',
        // A kind that is added later is at least its text.
        _ => 's',
    };
    (field.name.to_string(), kind, field.value.to_string())
}

fn field_of((name, kind, text): FieldRecord) -> Option<Field> {
    let value = match kind {
        's' => Value::Str(text.into()),
        'd' => Value::Debug(text.into()),
        'i' => Value::I64(text.parse().ok()?),
        'u' => Value::U64(text.parse().ok()?),
        'I' => Value::I128(text.parse().ok()?),
        'U' => Value::U128(text.parse().ok()?),
        'f' => Value::F64(text.parse().ok()?),
        'b' => Value::Bool(text.parse().ok()?),
        _ => return None,
    };
    Some(Field::new(name, value))
}

fn form_of(text: &str) -> Option<Form> {
    [Form::Rich, Form::Plain, Form::Short, Form::Ascii].into_iter().find(|form| form.as_str() == text)
}

fn kind_of(text: &str) -> Option<OccasionKind> {
    use OccasionKind::{CatchUp, Digest, Edit, First, Quiet, Storm};
    [First, Digest, Edit, Storm, Quiet, CatchUp].into_iter().find(|kind| kind.as_str() == text)
}
