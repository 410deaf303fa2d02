//! Read a rewrite of its table.

use watchfire_core::{Rewrite, Value};

use crate::{
    level::Threshold,
    setting::{Options, Setting},
};

/// Says which key is wrong, and why.
pub(super) type Wrong = (&'static str, &'static str);

/// Makes what a table of the type `rewrite` asks for.
pub(super) fn rewrite(table: &Options) -> Result<Rewrite, Wrong> {
    let mut rewrite = Rewrite::new();
    if let Some(level) = table.get("level") {
        match Threshold::parse(level) {
            Ok(Threshold::From(severity)) => rewrite = rewrite.severity(severity),
            _ => return Err(("level", "is not a level of events")),
        }
    }
    for (from, to) in table.table("rename").into_iter().flat_map(Options::iter) {
        rewrite = rewrite.rename(from, to.as_text().unwrap_or_default());
    }
    for name in table.texts("remove") {
        rewrite = rewrite.remove(name);
    }
    if let Some(text) = table.text("message") {
        if table.table("set").is_some_and(|set| set.get("message").is_some()) {
            return Err(("message", "is set twice: here, and in `set`"));
        }
        rewrite = rewrite.message(text);
    }
    for (name, value) in table.table("set").into_iter().flat_map(Options::iter) {
        if let Some(value) = value_of(value) {
            rewrite = rewrite.set(name, value);
        }
    }
    if rewrite == Rewrite::new() {
        return Err(("", "changes nothing; it takes `level`, `message`, `set`, `rename` and `remove`"));
    }
    Ok(rewrite)
}

/// Names what a rewrite changes, without the values that it sets.
pub(super) fn describe(table: &Options) -> String {
    let mut changes = Vec::new();
    if let Some(level) = table.get("level").and_then(|level| Threshold::parse(level).ok()) {
        changes.push(format!("level {level}"));
    }
    for (from, to) in table.table("rename").into_iter().flat_map(Options::iter) {
        changes.push(format!("`{from}` renamed `{}`", to.as_text().unwrap_or_default()));
    }
    changes.extend(table.texts("remove").into_iter().map(|name| format!("`{name}` removed")));
    let message = table.get("message").map(|_| "message");
    let set = table.table("set").into_iter().flat_map(Options::iter).map(|(name, _)| name);
    changes.extend(message.into_iter().chain(set).map(|name| format!("`{name}` set")));
    changes.join(", ")
}

fn value_of(setting: &Setting) -> Option<Value> {
    Some(match setting {
        Setting::Text(text) => Value::from(text.as_str()),
        Setting::Integer(number) => Value::from(*number),
        Setting::Float(number) => Value::from(*number),
        Setting::Bool(is_on) => Value::from(*is_on),
        Setting::List(_) | Setting::Table(_) | Setting::Unresolved => return None,
    })
}
