//! Turn records into lines.

mod callsites;
mod direct;
mod escape;
mod json;
mod logfmt;
mod pretty;
mod renderer;
mod template;
mod text;

use crate::Record;

pub(crate) use renderer::Renderer;

pub use json::{Json, JsonKey, SpanStyle};
pub use logfmt::Logfmt;
pub use pretty::Pretty;
pub use template::Template;
pub use text::Text;

/// Turns a record into a line: a format of your own, or one of those here.
///
/// The texts of a record may hold any character. A format has to take care that a newline in one cannot look like the
/// beginning of another record.
pub trait Format: Send + Sync + 'static {
    /// Appends the record to `out`, with a newline at its end.
    fn write(&self, record: &Record<'_>, out: &mut String);
}

impl<F: Fn(&Record<'_>, &mut String) + Send + Sync + 'static> Format for F {
    fn write(&self, record: &Record<'_>, out: &mut String) {
        self(record, out);
    }
}

#[cfg(test)]
mod tests;
