//! Make formats of their tables.

use std::sync::Arc;

use watchfire_core::ConfigError;
use watchfire_file::{Format, Json, Logfmt, Pretty, Record, Template, Text};

use crate::{
    registry::Components,
    setting::{Options, Setting},
};

/// Makes the format of this name: a table of `formatters`, or a type.
pub(crate) fn make(
    options: &Options,
    name: &str,
    components: &Components,
) -> Result<Arc<dyn Format>, ConfigError> {
    let bare = Options::new().with("type", name);
    let table = options.table("formatters").and_then(|formatters| formatters.table(name)).unwrap_or(&bare);
    let is_on = |key: &str| table.get(key).and_then(Setting::as_bool).unwrap_or(false);
    Ok(match table.text("type").unwrap_or("template") {
        "text" => Arc::new(Text::new().color(is_on("color"))),
        "pretty" => Arc::new(Pretty::new().color(is_on("color"))),
        "logfmt" => Arc::new(Logfmt::new()),
        "json" => {
            let json = if is_on("nested") { Json::new().nested() } else { Json::new() };
            Arc::new(if is_on("source") { json.with_source() } else { json })
        }
        "template" => {
            let text = table.text("format").unwrap_or_default();
            let is_percent = match table.text("style") {
                Some(style) => style == "%",
                None => text.contains("%("),
            };
            let template = if is_percent { Template::percent(text) } else { Template::new(text) }?;
            Arc::new(match table.text("date_format") {
                Some(pattern) => template.date_format(pattern)?,
                None => template,
            })
        }
        own => match components.make_formatter(own, table) {
            Some(made) => made?,
            None => Arc::new(Text::new()),
        },
    })
}

/// Makes a format that a file takes, of one that is shared.
pub(crate) fn shared(format: Arc<dyn Format>) -> impl Format {
    move |record: &Record<'_>, out: &mut String| format.write(record, out)
}
