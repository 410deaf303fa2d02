//! The format of several lines per event, for people who develop.

use crate::{Format, Record};

use super::{
    escape::{one_line, readable, word},
    text::{DIM, INDENT, Paint, below, head, place},
};

/// Writes records over several lines, for a developer at a terminal: what an alert's mail would show.
///
/// ```text
/// 2026-11-20T21:48:12.123456Z ERROR    card declined
///     in shop::pay at src/pay.rs:12
///     order = 4711
///     request: id = 7
///     caused by: connection reset by peer
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Pretty {
    color: bool,
}

impl Pretty {
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

impl Format for Pretty {
    fn write(&self, record: &Record<'_>, out: &mut String) {
        let paint = Paint(self.color);
        head(record, paint, out);
        readable(record.message(), INDENT, out);
        out.push('\n');
        out.push_str(INDENT);
        paint.on(DIM, out);
        out.push_str("in ");
        one_line(record.target(), out);
        if let Some(file) = record.file() {
            out.push_str(" at ");
            place(file, record.line(), out);
        }
        paint.off(out);
        out.push('\n');
        for (name, value) in record.fields() {
            out.push_str(INDENT);
            one_line(name, out);
            out.push_str(" = ");
            word(value, out);
            out.push('\n');
        }
        let mut spans = Vec::new();
        record.each_span(&mut |name, fields| {
            let mut text = String::from(INDENT);
            one_line(name, &mut text);
            text.push(':');
            fields.each(&mut |name, value| {
                text.push(' ');
                one_line(name, &mut text);
                text.push_str(" = ");
                word(value, &mut text);
            });
            spans.push(text);
        });
        // The innermost first, as in a call stack.
        for span in spans.iter().rev() {
            out.push_str(span);
            out.push('\n');
        }
        below(record.causes(), record.stack(), out);
    }
}
