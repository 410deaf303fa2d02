//! The format of one aligned line per event, for people.

use tracing_core::{Metadata, field::FieldSet};
use watchfire_core::{Severity, Stack};

use super::{
    direct::{Layout, LinePart},
    escape::{has_none, is_word, need, one_line, plain, quoted_if_needed, readable, word},
};
use crate::{FieldValue, Format, Record, record::SpanChain};

/// Writes lines for people: aligned, one record per line, what belongs to it indented below.
///
/// ```text
/// 2026-11-20T21:48:12.123456Z ERROR    shop::pay: card declined order=4711 | request{id=7} > charge{attempt=2}
///     caused by: connection reset by peer
/// ```
#[derive(Clone, Debug, Default)]
pub struct Text {
    color: bool,
}

/// The prefix of every line after the first of a record.
pub(crate) const INDENT: &str = "    ";

impl Text {
    /// Writes without colour.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Colours levels and dims the less important parts, for a terminal.
    #[must_use]
    pub fn colored(self) -> Self {
        self.with_color(true)
    }

    pub(crate) fn with_color(mut self, on: bool) -> Self {
        self.color = on;
        self
    }
}

impl Format for Text {
    fn write(&self, record: &Record<'_>, out: &mut String) {
        self.opening(out);
        record.write_time(out);
        self.behind_time(record.severity(), record.target(), out);
        self.text(LinePart::Message, record.message(), out);
        for (name, value) in record.fields() {
            self.key(name, out);
            word(value, out);
        }
        self.spans(record.spans(), out);
        out.push('\n');
        if let Some((file, line)) = record.panic_place() {
            out.push_str(INDENT);
            out.push_str("at ");
            place(file, line, out);
            out.push('\n');
        }
        below(record.causes(), record.stack(), out);
    }
}

impl Text {
    fn behind_time(&self, severity: Severity, target: &str, out: &mut String) {
        let paint = Paint(self.color);
        behind_time(severity, paint, out);
        paint.on(DIM, out);
        one_line(target, out);
        out.push(':');
        paint.off(out);
    }
}

impl Layout for Text {
    fn admits(&self, _fields: &FieldSet) -> bool {
        true
    }

    fn opening(&self, out: &mut String) {
        Paint(self.color).on(DIM, out);
    }

    fn head(&self, severity: Severity, metadata: &Metadata<'_>, out: &mut String) {
        self.behind_time(severity, metadata.target(), out);
    }

    fn key(&self, name: &str, out: &mut String) {
        out.push(' ');
        key(name, Paint(self.color), out);
    }

    fn is_plain(&self, part: LinePart, text: &str) -> bool {
        match part {
            LinePart::Message | LinePart::Debug => !text.is_empty() && has_none(text, need::LINE),
            LinePart::Str => !text.is_empty() && is_word(text),
        }
    }

    fn plain_text(&self, part: LinePart, text: &str, out: &mut String) {
        if part == LinePart::Message {
            out.push(' ');
        }
        out.push_str(text);
    }

    fn text(&self, part: LinePart, text: &str, out: &mut String) {
        match part {
            LinePart::Message if text.is_empty() => {}
            LinePart::Message => {
                out.push(' ');
                readable(text, INDENT, out);
            }
            LinePart::Str => quoted_if_needed(text, out),
            // A `Debug` text brings its own quotes and braces.
            LinePart::Debug => one_line(text, out),
        }
    }

    fn number(&self, value: FieldValue<'_>, out: &mut String) {
        plain(value, out);
    }

    fn tail(&self, causes: &[String], spans: impl FnOnce(&mut String), out: &mut String) {
        spans(out);
        out.push('\n');
        below(causes.iter().map(String::as_str), None, out);
    }

    fn spans(&self, spans: SpanChain<'_>, out: &mut String) {
        let mut first = true;
        spans.each(&mut |name, fields| {
            out.push_str(if first { " | " } else { " > " });
            first = false;
            one_line(name, out);
            let mut open = false;
            fields.each(&mut |name, value| {
                out.push(if open { ' ' } else { '{' });
                open = true;
                key(name, Paint(self.color), out);
                word(value, out);
            });
            if open {
                out.push('}');
            }
        });
    }
}

/// Appends what every record begins with: its time and its level.
pub(super) fn head(record: &Record<'_>, paint: Paint, out: &mut String) {
    paint.on(DIM, out);
    record.write_time(out);
    behind_time(record.severity(), paint, out);
}

/// Appends the level, and the blanks around it.
fn behind_time(severity: Severity, paint: Paint, out: &mut String) {
    paint.off(out);
    out.push(' ');
    paint.level(severity, 8, out);
    out.push(' ');
}

/// Appends a file and a line, as `src/pay.rs:12`.
pub(super) fn place(file: &str, line: Option<u32>, out: &mut String) {
    one_line(file, out);
    if let Some(line) = line {
        out.push(':');
        out.push_str(&line.to_string());
    }
}

/// Appends the causes of the error and the call stack, each on an indented line.
pub(super) fn below<'t>(causes: impl Iterator<Item = &'t str>, stack: Option<&Stack>, out: &mut String) {
    for cause in causes {
        out.push_str(INDENT);
        out.push_str("caused by: ");
        readable(cause, "        ", out);
        out.push('\n');
    }
    if let Some(stack) = stack {
        for line in stack.excerpt() {
            out.push_str(INDENT);
            one_line(&line, out);
            out.push('\n');
        }
    }
}

fn key(name: &str, paint: Paint, out: &mut String) {
    paint.on(DIM, out);
    one_line(name, out);
    out.push('=');
    paint.off(out);
}

/// Writes the colours of a terminal, or nothing.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

pub(super) const DIM: &str = "\x1b[2m";

impl Paint {
    pub(super) fn on(self, code: &str, out: &mut String) {
        if self.0 {
            out.push_str(code);
        }
    }

    pub(super) fn off(self, out: &mut String) {
        if self.0 {
            out.push_str("\x1b[0m");
        }
    }

    pub(super) fn level(self, severity: Severity, width: usize, out: &mut String) {
        self.on(
            match severity {
                Severity::Trace => "\x1b[35m",
                Severity::Debug => "\x1b[34m",
                Severity::Info => "\x1b[32m",
                Severity::Warn => "\x1b[33m",
                Severity::Error => "\x1b[31m",
                Severity::Critical => "\x1b[1;37;41m",
            },
            out,
        );
        out.push_str(severity.as_str());
        self.off(out);
        for _ in severity.as_str().len()..width {
            out.push(' ');
        }
    }
}
