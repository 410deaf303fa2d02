use crate::{FieldValue, Format, Record};

use super::escape::{plain, quoted_if_needed};

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
        out.push_str("time=");
        record.write_time(out);
        out.push_str(" level=");
        out.extend(record.severity().as_str().chars().map(|char| char.to_ascii_lowercase()));
        out.push_str(" target=");
        text(record.target(), out);
        out.push_str(" msg=");
        text(record.message(), out);
        for (name, value) in record.fields() {
            out.push(' ');
            key(name, out);
            if OWN.contains(&name.trim_end_matches('_')) {
                out.push('_');
            }
            out.push('=');
            put(value, out);
        }
        for cause in record.causes() {
            out.push_str(" cause=");
            text(cause, out);
        }
        let mut path = String::new();
        record.each_span(&mut |span, _| {
            if !path.is_empty() {
                path.push('>');
            }
            path.push_str(span);
        });
        if path.is_empty() {
            out.push('\n');
            return;
        }
        out.push_str(" span=");
        text(&path, out);
        record.each_span(&mut |span, fields| {
            fields.each(&mut |name, value| {
                out.push(' ');
                key(span, out);
                out.push('.');
                key(name, out);
                out.push('=');
                put(value, out);
            });
        });
        out.push('\n');
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
        FieldValue::Str(value) | FieldValue::Debug(value) => text(value, out),
        number => plain(number, out),
    }
}

fn text(value: &str, out: &mut String) {
    quoted_if_needed(value, |char| char.is_whitespace() || char == '=', out);
}
