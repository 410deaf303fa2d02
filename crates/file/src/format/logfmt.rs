//! The format `key=value`.

use tracing_core::{Metadata, field::FieldSet};
use watchfire_core::Severity;

use super::{
    direct::{Layout, LinePart},
    escape::{is_word, plain, quoted_if_needed},
    text::place,
};
use crate::{FieldValue, Format, Record, record::SpanChain};

/// Writes logfmt: `key=value` pairs, one record per line, values in quotes where they have to be.
///
/// ```text
/// time=2026-11-20T21:48:12.123456Z level=error target=shop::pay msg="card declined" order=4711 span=request>charge request.id=7
/// ```
///
/// Control characters in quoted values are escaped as in JSON. A character that a key cannot have becomes an
/// underscore. The event's fields keep their names, but for an underscore behind those of the record's own; a span's
/// fields have its name before theirs. Of several fields of one name the last counts.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Logfmt;

const OWN: [&str; 6] = ["time", "level", "target", "msg", "span", "cause"];

impl Logfmt {
    /// Writes logfmt.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Format for Logfmt {
    fn write(&self, record: &Record<'_>, out: &mut String) {
        self.opening(out);
        record.write_time(out);
        behind_time(record.severity(), record.target(), out);
        quoted_if_needed(record.message(), out);
        for (name, value) in record.fields() {
            self.key(name, out);
            put(value, out);
        }
        causes(record.causes(), out);
        self.spans(record.spans(), out);
        if let Some((file, line)) = record.panic_place() {
            let mut at = String::new();
            place(file, line, &mut at);
            out.push_str(" at=");
            quoted_if_needed(&at, out);
        }
        out.push('\n');
    }
}

fn behind_time(severity: Severity, target: &str, out: &mut String) {
    out.push_str(" level=");
    out.extend(severity.as_str().chars().map(|char| char.to_ascii_lowercase()));
    out.push_str(" target=");
    quoted_if_needed(target, out);
    out.push_str(" msg=");
}

fn causes<'t>(causes: impl Iterator<Item = &'t str>, out: &mut String) {
    for cause in causes {
        out.push_str(" cause=");
        quoted_if_needed(cause, out);
    }
}

impl Layout for Logfmt {
    fn admits(&self, _fields: &FieldSet) -> bool {
        true
    }

    fn opening(&self, out: &mut String) {
        out.push_str("time=");
    }

    fn head(&self, severity: Severity, metadata: &Metadata<'_>, out: &mut String) {
        behind_time(severity, metadata.target(), out);
    }

    fn key(&self, name: &str, out: &mut String) {
        out.push(' ');
        key(name, out);
        if OWN.contains(&name.trim_end_matches('_')) {
            out.push('_');
        }
        out.push('=');
    }

    fn is_plain(&self, _part: LinePart, text: &str) -> bool {
        !text.is_empty() && is_word(text)
    }

    fn plain_text(&self, _part: LinePart, text: &str, out: &mut String) {
        out.push_str(text);
    }

    fn text(&self, _part: LinePart, text: &str, out: &mut String) {
        quoted_if_needed(text, out);
    }

    fn number(&self, value: FieldValue<'_>, out: &mut String) {
        plain(value, out);
    }

    fn tail(&self, all: &[String], spans: impl FnOnce(&mut String), out: &mut String) {
        causes(all.iter().map(String::as_str), out);
        spans(out);
        out.push('\n');
    }

    fn spans(&self, spans: SpanChain<'_>, out: &mut String) {
        let mut path = String::new();
        spans.each(&mut |span, _| {
            if !path.is_empty() {
                path.push('>');
            }
            path.push_str(span);
        });
        if path.is_empty() {
            return;
        }
        out.push_str(" span=");
        quoted_if_needed(&path, out);
        spans.each(&mut |span, fields| {
            fields.each(&mut |name, value| {
                out.push(' ');
                key(span, out);
                out.push('.');
                key(name, out);
                out.push('=');
                put(value, out);
            });
        });
    }
}

fn key(name: &str, out: &mut String) {
    if name.is_empty() {
        out.push('_');
    }
    let is_fit =
        |char: char| !char.is_whitespace() && !char.is_control() && !matches!(char, '=' | '"' | '\\');
    out.extend(name.chars().map(|char| if is_fit(char) { char } else { '_' }));
}

fn put(value: FieldValue<'_>, out: &mut String) {
    match value {
        FieldValue::Str(value) | FieldValue::Debug(value) => quoted_if_needed(value, out),
        number => plain(number, out),
    }
}
