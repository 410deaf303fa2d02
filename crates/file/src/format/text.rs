use crate::{FieldValue, Format, Record};

use super::escape::{one_line, readable, word};

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

/// What every line after the first of a record begins with.
pub(crate) const INDENT: &str = "    ";

impl Text {
    /// Writes without colour.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether levels are coloured and the less important is dimmed, for a terminal. Default: no.
    #[must_use]
    pub fn color(mut self, on: bool) -> Self {
        self.color = on;
        self
    }
}

impl Format for Text {
    fn write(&self, record: &Record<'_>, out: &mut String) {
        let paint = Paint(self.color);
        head(record, paint, out);
        paint.on(DIM, out);
        one_line(record.target(), out);
        out.push(':');
        paint.off(out);
        if !record.message().is_empty() {
            out.push(' ');
            readable(record.message(), INDENT, out);
        }
        for (name, value) in record.fields() {
            out.push(' ');
            field(name, value, paint, out);
        }
        let mut first = true;
        record.each_span(&mut |name, fields| {
            out.push_str(if first { " | " } else { " > " });
            first = false;
            one_line(name, out);
            let mut open = false;
            fields.each(&mut |name, value| {
                out.push(if open { ' ' } else { '{' });
                open = true;
                field(name, value, paint, out);
            });
            if open {
                out.push('}');
            }
        });
        out.push('\n');
        below(record, out);
    }
}

/// Appends what every record begins with: its time and its level.
pub(super) fn head(record: &Record<'_>, paint: Paint, out: &mut String) {
    paint.on(DIM, out);
    record.write_time(out);
    paint.off(out);
    out.push(' ');
    paint.level(record.severity(), 8, out);
    out.push(' ');
}

/// Appends the causes of the error and the call stack, each on an indented line.
pub(super) fn below(record: &Record<'_>, out: &mut String) {
    for cause in record.causes() {
        out.push_str(INDENT);
        out.push_str("caused by: ");
        readable(cause, "        ", out);
        out.push('\n');
    }
    if let Some(stack) = record.stack() {
        for line in stack.excerpt() {
            out.push_str(INDENT);
            one_line(&line, out);
            out.push('\n');
        }
    }
}

fn field(name: &str, value: FieldValue<'_>, paint: Paint, out: &mut String) {
    paint.on(DIM, out);
    one_line(name, out);
    out.push('=');
    paint.off(out);
    word(value, out);
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

    pub(super) fn level(self, severity: watchfire_core::Severity, width: usize, out: &mut String) {
        use watchfire_core::Severity;
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
