//! The format of one JSON object per line.

use std::borrow::Cow;

use tracing_core::{Metadata, field::FieldSet};
use watchfire_core::Severity;

use super::{
    direct::{Layout, LinePart, Middle},
    escape::{has_none, json_string, json_value, need},
};
use crate::{FieldValue, Format, Record, record::SpanChain};

/// Writes JSON lines: one object per record, typed values.
///
/// ```text
/// {"time":"2026-11-20T21:48:12.123456Z","level":"ERROR","target":"shop::pay","message":"card declined","order":4711,"spans":[{"name":"request","id":7}]}
/// ```
///
/// The fields stand beside the record's own keys; a field whose name is one that the line has gets an underscore behind its name.
/// The last of several fields of one name is written. Integers beyond 64 bits, NaN and infinities are strings.
#[derive(Clone, Debug)]
pub struct Json {
    nested: bool,
    spans: SpanStyle,
    source: bool,
    words: Words,
    keys: [Cow<'static, str>; KEYS],
}

/// The system whose words for severities are written, with the members that belong to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Words {
    #[default]
    Own,
    Gcp,
    Datadog,
    Ecs,
    OpenTelemetry,
}

/// The member in which Google's Cloud Logging expects the place in the source.
const GCP_PLACE: &str = "logging.googleapis.com/sourceLocation";
/// The version of the Elastic Common Schema whose names are written; its loggers have to name one.
const ECS_VERSION: &str = "8.11.0";

/// Names the parts of a JSON line whose key can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonKey {
    /// The time; default `time`.
    Time,
    /// The level; default `level`.
    Level,
    /// The target; default `target`.
    Target,
    /// The message; default `message`.
    Message,
    /// The object of the event's fields, where they are nested; default `fields`.
    Fields,
    /// The spans; default `spans`.
    Spans,
    /// The causes of an error; default `causes`.
    Causes,
    /// The source file; default `file`.
    File,
    /// The line in the source file; default `line`.
    Line,
    /// The thread; default `thread`.
    Thread,
    /// The call stack; default `stack`.
    Stack,
    /// The id of the trace, where a preset has a place for it; default `trace_id`.
    TraceId,
    /// The id of the span in the trace, where a preset has a place for it; default `span_id`.
    SpanId,
}

const KEYS: usize = 13;

/// Says how the spans around an event are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanStyle {
    /// As a list of objects, the outermost first, each with its `name` and its fields.
    #[default]
    List,
    /// Their fields as if they were the event's; of equal names the innermost counts, and the event's own before all.
    Flat,
    /// Never.
    Off,
}

impl Default for Json {
    fn default() -> Self {
        let keys = [
            "time", "level", "target", "message", "fields", "spans", "causes", "file", "line", "thread",
            "stack", "trace_id", "span_id",
        ];
        let keys = keys.map(Cow::Borrowed);
        Self { nested: false, spans: SpanStyle::List, source: false, words: Words::Own, keys }
    }
}

impl Json {
    /// Writes the event's fields beside the record's own keys, and the spans as a list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes what Google's Cloud Logging reads: `severity` (`DEFAULT` to `CRITICAL`) and `time`, and with
    /// [`with_source`](Self::with_source) the place in the source.
    ///
    /// See <https://cloud.google.com/logging/docs/structured-logging>.
    #[must_use]
    pub fn gcp() -> Self {
        Self { words: Words::Gcp, ..Self::default() }
            .key(JsonKey::Level, "severity")
            .key(JsonKey::TraceId, "logging.googleapis.com/trace")
            .key(JsonKey::SpanId, "logging.googleapis.com/spanId")
    }

    /// Writes what Datadog reads by default: `status` (`debug` to `critical`), `timestamp`, `logger.name` and
    /// `logger.thread_name`.
    ///
    /// See <https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/>.
    #[must_use]
    pub fn datadog() -> Self {
        Self { words: Words::Datadog, ..Self::default() }
            .key(JsonKey::Level, "status")
            .key(JsonKey::Time, "timestamp")
            .key(JsonKey::Target, "logger.name")
            .key(JsonKey::Thread, "logger.thread_name")
    }

    /// Writes names of the Elastic Common Schema: `@timestamp`, `log.level` (`trace` to `critical`), `log.logger`,
    /// `ecs.version`, `log.origin.file.name`, `process.thread.name`, `error.stack_trace`.
    ///
    /// See <https://www.elastic.co/docs/reference/ecs>.
    #[must_use]
    pub fn ecs() -> Self {
        Self { words: Words::Ecs, ..Self::default() }
            .key(JsonKey::Level, "log.level")
            .key(JsonKey::Time, "@timestamp")
            .key(JsonKey::Target, "log.logger")
            .key(JsonKey::File, "log.origin.file.name")
            .key(JsonKey::Line, "log.origin.file.line")
            .key(JsonKey::Thread, "process.thread.name")
            .key(JsonKey::Stack, "error.stack_trace")
            .key(JsonKey::TraceId, "trace.id")
            .key(JsonKey::SpanId, "span.id")
    }

    /// Writes names of OpenTelemetry's log data model: `timestamp`, `severity_text`, `severity_number`, `body`, and the
    /// fields in `attributes`. CRITICAL has the number of FATAL.
    ///
    /// See <https://opentelemetry.io/docs/specs/otel/logs/data-model/>.
    #[must_use]
    pub fn opentelemetry() -> Self {
        Self { words: Words::OpenTelemetry, ..Self::default() }
            .nested()
            .key(JsonKey::Level, "severity_text")
            .key(JsonKey::Time, "timestamp")
            .key(JsonKey::Message, "body")
            .key(JsonKey::Fields, "attributes")
    }

    /// Writes the event's fields in an object of their own: `"fields":{..}`.
    #[must_use]
    pub fn nested(mut self) -> Self {
        self.nested = true;
        self
    }

    /// Sets how spans are written. Default: as a list.
    #[must_use]
    pub fn spans(mut self, style: SpanStyle) -> Self {
        self.spans = style;
        self
    }

    /// Writes source file, line and thread as well.
    #[must_use]
    pub fn with_source(mut self) -> Self {
        self.source = true;
        self
    }

    /// Sets the key of a part, such as `@timestamp` for the time.
    #[must_use]
    pub fn key(mut self, part: JsonKey, name: impl Into<Cow<'static, str>>) -> Self {
        if let Some(key) = self.keys.get_mut(part as usize) {
            *key = name.into();
        }
        self
    }

    /// Tells whether the line has this key of its own, as it is configured.
    fn is_own(&self, name: &str) -> bool {
        use JsonKey::{Causes, Fields, File, Level, Line, Message, Spans, Stack, Target, Thread, Time};
        let is = |part| self.name(part) == name;
        [Time, Level, Target, Message, Causes, Stack].into_iter().any(is)
            || (self.source && [File, Line, Thread].into_iter().any(is))
            || (self.spans == SpanStyle::List && is(Spans))
            || (self.nested && is(Fields))
            || (self.lifted("trace_id").is_some() && (is(JsonKey::TraceId) || is(JsonKey::SpanId)))
            || match self.words {
                Words::Gcp => self.source && name == GCP_PLACE,
                Words::Ecs => name == "ecs.version",
                Words::OpenTelemetry => name == "severity_number",
                Words::Own | Words::Datadog => false,
            }
    }

    /// Returns the place of a field that the preset has one for.
    fn lifted(&self, name: &str) -> Option<JsonKey> {
        if matches!(self.words, Words::Own | Words::Datadog) {
            return None;
        }
        match name {
            "trace_id" => Some(JsonKey::TraceId),
            "span_id" => Some(JsonKey::SpanId),
            _ => None,
        }
    }

    /// Appends the fields that stand in places of the preset's.
    fn lift(&self, record: &Record<'_>, out: &mut String) {
        for part in ["trace_id", "span_id"] {
            let last = record.fields().filter(|(name, _)| *name == part).last();
            if let (Some((_, value)), Some(key)) = (last, self.lifted(part)) {
                self.open(key, out);
                json_value(value, out);
            }
        }
    }

    /// Appends the severity, and what stands beside it.
    fn level(&self, severity: Severity, out: &mut String) {
        let place = severity as usize;
        let word = |words: [&'static str; 6]| words.get(place).copied().unwrap_or_default();
        let text = match self.words {
            Words::Own | Words::OpenTelemetry => severity.as_str(),
            Words::Gcp => word(["DEFAULT", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
            Words::Datadog => word(["debug", "debug", "info", "warn", "error", "critical"]),
            Words::Ecs => word(["trace", "debug", "info", "warn", "error", "critical"]),
        };
        self.text(JsonKey::Level, text, out);
        match self.words {
            Words::Ecs => {
                out.push_str(",\"ecs.version\":");
                json_string(ECS_VERSION, out);
            }
            Words::OpenTelemetry => {
                out.push_str(",\"severity_number\":");
                out.push_str(word(["1", "5", "9", "13", "17", "21"]));
            }
            Words::Own | Words::Gcp | Words::Datadog => {}
        }
    }

    fn name(&self, part: JsonKey) -> &str {
        self.keys.get(part as usize).map_or("", AsRef::as_ref)
    }

    fn open(&self, part: JsonKey, out: &mut String) {
        if !out.ends_with('{') {
            out.push(',');
        }
        json_string(self.name(part), out);
        out.push(':');
    }

    fn text(&self, part: JsonKey, text: &str, out: &mut String) {
        self.open(part, out);
        json_string(text, out);
    }

    /// Appends a member whose name must not be one of the record's own.
    fn member(&self, name: &str, value: FieldValue<'_>, flat: bool, out: &mut String) {
        if !out.ends_with('{') {
            out.push(',');
        }
        self.member_name(name, flat, out);
        json_value(value, out);
    }

    fn member_name(&self, name: &str, flat: bool, out: &mut String) {
        // `level`, `level_`, … are moved out of the way alike, so that no two names can meet.
        if flat && self.is_own(name.trim_end_matches('_')) {
            json_string(&format!("{name}_"), out);
        } else {
            json_string(name, out);
        }
        out.push(':');
    }

    /// Appends the source file and the line, and the key of the thread.
    fn place(&self, file: Option<&str>, line: Option<u32>, out: &mut String) {
        if self.words == Words::Gcp {
            Self::gcp_place(file, line, out);
            return self.open(JsonKey::Thread, out);
        }
        if let Some(file) = file {
            self.text(JsonKey::File, file, out);
        }
        if let Some(line) = line {
            self.open(JsonKey::Line, out);
            json_value(FieldValue::U64(line.into()), out);
        }
        self.open(JsonKey::Thread, out);
    }

    fn gcp_place(file: Option<&str>, line: Option<u32>, out: &mut String) {
        let Some(file) = file else { return };
        out.push(',');
        json_string(GCP_PLACE, out);
        out.push_str(":{\"file\":");
        json_string(file, out);
        if let Some(line) = line {
            // A text there, as all 64-bit integers of Google's JSON are.
            out.push_str(",\"line\":");
            json_string(&line.to_string(), out);
        }
        out.push('}');
    }

    fn open_nested(&self, out: &mut String) {
        if self.nested {
            self.open(JsonKey::Fields, out);
            out.push('{');
        }
    }

    /// Appends what stands behind the fields, up to the spans.
    fn close_fields<'t>(&self, causes: impl Iterator<Item = &'t str>, out: &mut String) {
        if self.nested {
            out.push('}');
        }
        self.list(JsonKey::Causes, causes, out);
    }

    fn list<'t>(&self, part: JsonKey, texts: impl Iterator<Item = &'t str>, out: &mut String) {
        let mut texts = texts.peekable();
        if texts.peek().is_none() {
            return;
        }
        self.open(part, out);
        let mut open = '[';
        for text in texts {
            out.push(open);
            open = ',';
            json_string(text, out);
        }
        out.push(']');
    }

    fn fields(&self, record: &Record<'_>, flat: bool, out: &mut String) {
        let with_spans = self.spans == SpanStyle::Flat;
        if with_spans {
            let mut gathered: Vec<(String, watchfire_core::Value)> = Vec::new();
            let mut put = |name: &str, value: FieldValue<'_>| match gathered
                .iter_mut()
                .find(|(known, _)| known == name)
            {
                Some(known) => known.1 = value.to_owned(),
                None => gathered.push((name.to_owned(), value.to_owned())),
            };
            record.each_span(&mut |_, fields| fields.each(&mut put));
            for (name, value) in record.fields().filter(|(name, _)| self.lifted(name).is_none()) {
                put(name, value);
            }
            for (name, value) in &gathered {
                self.member(name, FieldValue::from(value), flat, out);
            }
            return;
        }
        for (place, (name, value)) in record.fields().enumerate() {
            let is_last = !record.fields().skip(place + 1).any(|(later, _)| later == name);
            if is_last && self.lifted(name).is_none() {
                self.member(name, value, flat, out);
            }
        }
    }
}

impl Format for Json {
    fn write(&self, record: &Record<'_>, out: &mut String) {
        self.opening(out);
        record.write_time(out);
        out.push('"');
        self.level(record.severity(), out);
        self.text(JsonKey::Target, record.target(), out);
        self.text(JsonKey::Message, record.message(), out);
        if self.source || record.panic_place().is_some() {
            self.place(record.file(), record.line(), out);
            json_string(record.thread(), out);
        }
        self.lift(record, out);
        self.open_nested(out);
        self.fields(record, !self.nested, out);
        self.close_fields(record.causes(), out);
        self.spans(record.spans(), out);
        if let Some(stack) = record.stack() {
            let frames: Vec<String> = stack.frames().iter().map(ToString::to_string).collect();
            self.list(JsonKey::Stack, frames.iter().map(String::as_str), out);
        }
        out.push_str("}\n");
    }
}

impl Layout for Json {
    fn admits(&self, fields: &FieldSet) -> bool {
        // Only the last of equal names is written, and flat spans share their names with the event.
        let is_double = |(place, name)| fields.iter().skip(place + 1).any(|later| later.name() == name);
        let is_lifted = fields.iter().any(|field| self.lifted(field.name()).is_some());
        !is_lifted
            && self.spans != SpanStyle::Flat
            && !fields.iter().map(|field| field.name()).enumerate().any(is_double)
    }

    fn opening(&self, out: &mut String) {
        out.push('{');
        self.open(JsonKey::Time, out);
        out.push('"');
    }

    fn head(&self, severity: Severity, metadata: &Metadata<'_>, out: &mut String) {
        out.push('"');
        self.level(severity, out);
        self.text(JsonKey::Target, metadata.target(), out);
        self.open(JsonKey::Message, out);
    }

    fn middle(&self, metadata: &Metadata<'_>, out: &mut String) -> Middle {
        if self.source {
            self.place(metadata.file(), metadata.line(), out);
            return Middle::ToThread;
        }
        self.open_nested(out);
        if self.nested { Middle::Opened } else { Middle::Whole }
    }

    fn thread(&self, name: &str, out: &mut String) -> Middle {
        json_string(name, out);
        self.open_nested(out);
        if self.nested { Middle::Opened } else { Middle::Whole }
    }

    fn key(&self, name: &str, out: &mut String) {
        out.push(',');
        self.member_name(name, !self.nested, out);
    }

    fn is_plain(&self, _part: LinePart, text: &str) -> bool {
        has_none(text, need::LINE | need::QUOTE)
    }

    fn plain_text(&self, _part: LinePart, text: &str, out: &mut String) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }

    fn text(&self, _part: LinePart, text: &str, out: &mut String) {
        json_string(text, out);
    }

    fn number(&self, value: FieldValue<'_>, out: &mut String) {
        json_value(value, out);
    }

    fn tail(&self, causes: &[String], spans: impl FnOnce(&mut String), out: &mut String) {
        if self.nested || !causes.is_empty() {
            self.close_fields(causes.iter().map(String::as_str), out);
        }
        if self.spans == SpanStyle::List {
            spans(out);
        }
        out.push_str("}\n");
    }

    fn spans(&self, spans: SpanChain<'_>, out: &mut String) {
        if self.spans != SpanStyle::List {
            return;
        }
        let mut any = false;
        spans.each(&mut |name, fields| {
            if any {
                out.push(',');
            } else {
                self.open(JsonKey::Spans, out);
                out.push('[');
                any = true;
            }
            out.push_str("{\"name\":");
            json_string(name, out);
            fields.each(&mut |name, value| {
                out.push(',');
                let plain = name.trim_end_matches('_');
                if plain == "name" {
                    json_string(&format!("{name}_"), out)
                } else {
                    json_string(name, out)
                }
                out.push(':');
                json_value(value, out);
            });
            out.push('}');
        });
        if any {
            out.push(']');
        }
    }
}
