//! Formats by a template, as Python's `logging` has them.

use std::{borrow::Cow, path::Path, sync::OnceLock, time::SystemTime};

use watchfire_core::{ConfigError, Severity, clock};

use crate::{
    FieldValue, Format, Record,
    time::{push_millis, seconds},
};

use super::{
    escape::{one_line, plain, readable, word},
    text::{INDENT, below},
};

mod number;
mod parse;
mod spec;

use parse::TemplatePiece;
use spec::Val;

/// Writes lines as a template says, in the syntax of Python's `logging`.
///
/// - [`Template::new`] takes braces: `{time} {level:<8} {target} {spans} {message} {fields} {user}`,
///   with the whole of Python's format specifications (fill, alignment, sign, `#`, `0`, width, grouping, precision, type).
/// - [`Template::percent`] takes `%(asctime)-15s %(levelname)s %(user)-8s`.
///
/// A name is an attribute of Python's `LogRecord`, one of our own (`time`, `level`, `target`, `spans`, `fields`,
/// `causes`, `file`, `line`, `module_path`, `thread_name`, `pid`), or else a field of the event or of the spans around it.
/// An absent value is written as `-`. The causes of an error follow on indented lines, unless the template names them.
///
/// A newline in the message goes on in an indented line; every other control character is escaped.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<TemplatePiece>,
    date_format: Option<String>,
    has_causes: bool,
    started: SystemTime,
}

/// The value that a name in a template stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueName {
    Time,
    Asctime,
    Level,
    LevelName,
    LevelNo,
    Target,
    Message,
    Fields,
    Spans,
    Causes,
    File,
    FileName,
    FileStem,
    Line,
    ModulePath,
    Function,
    Thread,
    ThreadName,
    Process,
    ProcessName,
    Created,
    Msecs,
    Relative,
    Stack,
    /// An attribute of Python's that nothing here has.
    Nothing,
    Field(String),
}

impl ValueName {
    fn of(name: &str) -> Self {
        match name {
            "time" => Self::Time,
            "asctime" => Self::Asctime,
            "level" => Self::Level,
            "levelname" => Self::LevelName,
            "levelno" => Self::LevelNo,
            "name" | "target" => Self::Target,
            "message" | "msg" => Self::Message,
            "fields" => Self::Fields,
            "spans" => Self::Spans,
            "causes" | "exc_text" | "exc_info" => Self::Causes,
            "file" | "pathname" => Self::File,
            "filename" => Self::FileName,
            "module" => Self::FileStem,
            "line" | "lineno" => Self::Line,
            "module_path" => Self::ModulePath,
            "funcName" => Self::Function,
            "thread" => Self::Thread,
            "thread_name" | "threadName" => Self::ThreadName,
            "pid" | "process" => Self::Process,
            "processName" => Self::ProcessName,
            "created" => Self::Created,
            "msecs" => Self::Msecs,
            "relativeCreated" => Self::Relative,
            "stack" | "stack_info" => Self::Stack,
            "args" | "taskName" => Self::Nothing,
            field => Self::Field(field.to_owned()),
        }
    }
}

impl Template {
    /// Reads a template in braces.
    ///
    /// # Errors
    /// Names every mistake in the template, each with its place.
    pub fn new(text: &str) -> Result<Self, ConfigError> {
        Self::of(parse::braces(text))
    }

    /// Reads a template in Python's percent style.
    ///
    /// # Errors
    /// Names every mistake in the template, each with its place.
    pub fn percent(text: &str) -> Result<Self, ConfigError> {
        Self::of(parse::percent(text))
    }

    /// Sets how `asctime` is written, as for `strftime`. Default: `%Y-%m-%d %H:%M:%S` and `,123` milliseconds.
    ///
    /// # Errors
    /// When the pattern has a directive that is unknown.
    pub fn date_format(mut self, pattern: &str) -> Result<Self, ConfigError> {
        parse::check_strftime(pattern)
            .map_err(|reason| ConfigError::new("file.format.date_format", reason))?;
        self.date_format = Some(pattern.to_owned());
        Ok(self)
    }

    fn of(parsed: Result<Vec<TemplatePiece>, Vec<String>>) -> Result<Self, ConfigError> {
        static STARTED: OnceLock<SystemTime> = OnceLock::new();
        let pieces = parsed.map_err(|mistakes| ConfigError::new("file.format", mistakes.join("; ")))?;
        let has_causes =
            pieces.iter().any(|piece| matches!(piece, TemplatePiece::Value { name: ValueName::Causes, .. }));
        Ok(Self { pieces, date_format: None, has_causes, started: *STARTED.get_or_init(clock::now) })
    }

    /// Counts `relativeCreated` from here.
    #[cfg(test)]
    pub(crate) fn started_at(mut self, started: SystemTime) -> Self {
        self.started = started;
        self
    }

    fn value(
        &self,
        name: &ValueName,
        pattern: Option<&str>,
        record: &Record<'_>,
        show: &mut dyn FnMut(Val<'_>),
    ) {
        let mut text = String::new();
        match name {
            ValueName::Time => match pattern {
                Some(pattern) => show_text(&strftime(record, pattern), show),
                None => {
                    record.write_time(&mut text);
                    show(Val::Str(&text));
                }
            },
            ValueName::Asctime => match &self.date_format {
                Some(pattern) => show_text(&strftime(record, pattern), show),
                None => {
                    text = strftime(record, "%Y-%m-%d %H:%M:%S");
                    text.push(',');
                    push_millis(millis(record.at()), &mut text);
                    show(Val::Str(&text));
                }
            },
            ValueName::Level => show(Val::Str(record.severity().as_str())),
            ValueName::LevelName => show(Val::Str(python_level(record.severity()).0)),
            ValueName::LevelNo => show(Val::Int(python_level(record.severity()).1)),
            ValueName::Target => show_text(record.target(), show),
            ValueName::Message => {
                readable(record.message(), INDENT, &mut text);
                show(Val::Str(&text));
            }
            ValueName::Fields => {
                for (name, value) in record.fields() {
                    if !text.is_empty() {
                        text.push(' ');
                    }
                    one_line(name, &mut text);
                    text.push('=');
                    word(value, &mut text);
                }
                show_or_nothing(&text, show);
            }
            ValueName::Spans => {
                spans(record, &mut text);
                show_or_nothing(&text, show);
            }
            ValueName::Causes => {
                for cause in record.causes() {
                    if !text.is_empty() {
                        text.push_str(": ");
                    }
                    one_line(cause, &mut text);
                }
                show_or_nothing(&text, show);
            }
            ValueName::File => show_known(record.file(), show),
            ValueName::FileName => {
                show_known(record.file().and_then(|file| part(Path::new(file).file_name())), show)
            }
            ValueName::FileStem => {
                show_known(record.file().and_then(|file| part(Path::new(file).file_stem())), show)
            }
            ValueName::Line => show(record.line().map_or(Val::Absent, |line| Val::Int(line.into()))),
            ValueName::ModulePath => show_known(record.module(), show),
            ValueName::Function => {
                record.each_span(&mut |name, _| {
                    text.clear();
                    text.push_str(name);
                });
                show_or_nothing(&text, show);
            }
            ValueName::Thread => {
                let id = format!("{:?}", std::thread::current().id());
                let digits: String = id.chars().filter(char::is_ascii_digit).collect();
                show(digits.parse().map_or(Val::Absent, Val::Int));
            }
            ValueName::ThreadName => show_text(record.thread(), show),
            ValueName::Process => show(Val::Int(std::process::id().into())),
            ValueName::ProcessName => show(Val::Str("MainProcess")),
            ValueName::Created => show(Val::Float(unix(record.at()))),
            ValueName::Msecs => show(Val::Float(f64::from(millis(record.at())))),
            ValueName::Relative => show(Val::Float((unix(record.at()) - unix(self.started)) * 1000.0)),
            ValueName::Stack => match record.stack() {
                Some(stack) => show_text(&stack.excerpt().join("\n"), show),
                None => show(Val::Absent),
            },
            ValueName::Nothing => show(Val::Absent),
            ValueName::Field(name) => {
                let found = record.with_field(name, &mut |value| show_field(value, show));
                if !found {
                    show(Val::Absent);
                }
            }
        }
    }
}

impl Format for Template {
    fn write(&self, record: &Record<'_>, out: &mut String) {
        for piece in &self.pieces {
            match piece {
                TemplatePiece::Text(text) => out.push_str(text),
                TemplatePiece::Value { name, pattern, spec } => {
                    self.value(name, pattern.as_deref(), record, &mut |value| spec.write(value, out));
                }
            }
        }
        out.push('\n');
        if !self.has_causes {
            below(record.causes(), record.stack(), out);
        }
    }
}

fn show_text(text: &str, show: &mut dyn FnMut(Val<'_>)) {
    let mut safe = String::new();
    one_line(text, &mut safe);
    show(Val::Str(&safe));
}

fn show_or_nothing(text: &str, show: &mut dyn FnMut(Val<'_>)) {
    show(if text.is_empty() { Val::Absent } else { Val::Str(text) });
}

fn show_known(text: Option<&str>, show: &mut dyn FnMut(Val<'_>)) {
    match text {
        Some(text) => show_text(text, show),
        None => show(Val::Absent),
    }
}

fn show_field(value: FieldValue<'_>, show: &mut dyn FnMut(Val<'_>)) {
    match value {
        FieldValue::Str(text) | FieldValue::Debug(text) => show_text(text, show),
        FieldValue::I64(n) => show(Val::Int(n.into())),
        FieldValue::U64(n) => show(Val::Int(n.into())),
        FieldValue::I128(n) => show(Val::Int(n)),
        FieldValue::F64(n) => show(Val::Float(n)),
        FieldValue::U128(_) | FieldValue::Bool(_) => {
            let mut text = String::new();
            plain(value, &mut text);
            show(Val::Str(&text));
        }
    }
}

fn spans(record: &Record<'_>, out: &mut String) {
    record.each_span(&mut |name, fields| {
        if !out.is_empty() {
            out.push_str(" > ");
        }
        one_line(name, out);
        let mut open = false;
        fields.each(&mut |name, value| {
            out.push(if open { ' ' } else { '{' });
            open = true;
            one_line(name, out);
            out.push('=');
            word(value, out);
        });
        if open {
            out.push('}');
        }
    });
}

fn part(name: Option<&std::ffi::OsStr>) -> Option<&str> {
    name.and_then(std::ffi::OsStr::to_str)
}

fn strftime(record: &Record<'_>, pattern: &str) -> String {
    // The pattern was checked when the template was built.
    jiff::fmt::strtime::format(pattern, &record.zone().zoned(record.at())).unwrap_or_default()
}

fn millis(at: SystemTime) -> u32 {
    seconds(at).1 / 1_000_000
}

#[expect(clippy::cast_precision_loss, reason = "Python has the time as a float too")]
fn unix(at: SystemTime) -> f64 {
    let (second, nanos) = seconds(at);
    (i128::from(second) * 1_000_000 + i128::from(nanos / 1000)) as f64 / 1e6
}

/// Python's name and number of a level; TRACE has none there.
fn python_level(severity: Severity) -> (&'static str, i128) {
    match severity {
        Severity::Trace => ("TRACE", 5),
        Severity::Debug => ("DEBUG", 10),
        Severity::Info => ("INFO", 20),
        Severity::Warn => ("WARNING", 30),
        Severity::Error => ("ERROR", 40),
        Severity::Critical => ("CRITICAL", 50),
    }
}

/// Writes a value as Python's `repr` or `ascii` does.
fn repr(text: &str, ascii: bool) -> Cow<'_, str> {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for char in text.chars() {
        let code = u32::from(char);
        let hidden =
            char.is_control() || (char.is_whitespace() && char != ' ') || (ascii && !char.is_ascii());
        match char {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            char if char == quote => out.extend(['\\', char]),
            _ if hidden && code < 0x100 => out.push_str(&format!("\\x{code:02x}")),
            _ if hidden && code < 0x1_0000 => out.push_str(&format!("\\u{code:04x}")),
            _ if hidden => out.push_str(&format!("\\U{code:08x}")),
            char => out.push(char),
        }
    }
    out.push(quote);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
