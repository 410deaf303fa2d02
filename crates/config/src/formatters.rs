//! Make formats of their tables.

use std::sync::Arc;

use watchfire_core::ConfigError;
use watchfire_file::{
    Console, Format, Json, JsonKey, LogFile, Logfmt, Pretty, Record, SpanStyle, Template, Text,
};

use crate::{
    registry::Components,
    setting::{Options, Setting},
};

/// A format as its handler takes it. Formats with a faster way to write keep their types.
pub(crate) enum MadeFormat {
    Json(Box<Json>),
    Text(Text),
    Logfmt(Logfmt),
    Other(Arc<dyn Format>),
}

/// Applies a format to a builder.
macro_rules! apply {
    ($to:expr, $format:expr) => {
        match $format {
            MadeFormat::Json(json) => $to.format(*json),
            MadeFormat::Text(text) => $to.format(text),
            MadeFormat::Logfmt(logfmt) => $to.format(logfmt),
            MadeFormat::Other(format) => {
                $to.format(move |record: &Record<'_>, out: &mut String| format.write(record, out))
            }
        }
    };
}

impl MadeFormat {
    pub(crate) fn apply_to_file(self, file: LogFile) -> LogFile {
        apply!(file, self)
    }

    pub(crate) fn apply_to_console(self, console: Console) -> Console {
        apply!(console, self)
    }
}

/// Makes the format of this name: a table of `formatters`, or a type.
pub(crate) fn make(
    options: &Options,
    name: &str,
    components: &Components,
) -> Result<MadeFormat, ConfigError> {
    let bare = Options::new().with("type", name);
    let table = options.table("formatters").and_then(|formatters| formatters.table(name)).unwrap_or(&bare);
    let is_on = |key: &str| table.get(key).and_then(Setting::as_bool).unwrap_or(false);
    Ok(match table.text("type").unwrap_or("template") {
        "text" => MadeFormat::Text(if is_on("color") { Text::new().colored() } else { Text::new() }),
        "pretty" if is_on("color") => MadeFormat::Other(Arc::new(Pretty::new().colored())),
        "pretty" => MadeFormat::Other(Arc::new(Pretty::new())),
        "logfmt" => MadeFormat::Logfmt(Logfmt::new()),
        "json" => MadeFormat::Json(Box::new(json(table))),
        "template" => {
            let text = table.text("format").unwrap_or_default();
            let is_percent = match table.text("style") {
                Some(style) => style == "%",
                None => text.contains("%("),
            };
            let template = if is_percent { Template::percent(text) } else { Template::new(text) }?;
            MadeFormat::Other(Arc::new(match table.text("date_format") {
                Some(pattern) => template.date_format(pattern)?,
                None => template,
            }))
        }
        own => MadeFormat::Other(match components.make_formatter(own, table) {
            Some(made) => made?,
            None => Arc::new(Text::new()),
        }),
    })
}

fn json(table: &Options) -> Json {
    const KEYS: [(&str, JsonKey); 11] = [
        ("time", JsonKey::Time),
        ("level", JsonKey::Level),
        ("target", JsonKey::Target),
        ("message", JsonKey::Message),
        ("fields", JsonKey::Fields),
        ("spans", JsonKey::Spans),
        ("causes", JsonKey::Causes),
        ("file", JsonKey::File),
        ("line", JsonKey::Line),
        ("thread", JsonKey::Thread),
        ("stack", JsonKey::Stack),
    ];
    let mut json = match table.text("preset") {
        Some("gcp") => Json::gcp(),
        Some("datadog") => Json::datadog(),
        Some("ecs") => Json::ecs(),
        Some("opentelemetry") => Json::opentelemetry(),
        _ => Json::new(),
    };
    let is_on = |key: &str| table.get(key).and_then(Setting::as_bool).unwrap_or(false);
    if is_on("nested") {
        json = json.nested();
    }
    if is_on("source") {
        json = json.with_source();
    }
    json = match table.text("spans") {
        Some("flat") => json.spans(SpanStyle::Flat),
        Some("off") => json.spans(SpanStyle::Off),
        _ => json,
    };
    let names = table.table("keys");
    for (name, part) in KEYS {
        if let Some(key) = names.and_then(|names| names.text(name)) {
            json = json.key(part, key.to_owned());
        }
    }
    json
}
