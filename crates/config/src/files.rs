//! Make log files of their tables.

use watchfire_core::{ConfigError, Severity};
use watchfire_file::{Compression, Console, Durability, LogFile, RotationInterval, WhenFull};

use crate::{
    formatters,
    level::Threshold,
    registry::Components,
    setting::{Options, Setting},
    units,
};

/// Makes the file of a handler's table; nothing is opened yet.
pub(crate) fn make(
    options: &Options,
    table: &Options,
    components: &Components,
) -> Result<LogFile, ConfigError> {
    let mut file = LogFile::new(table.text("path").unwrap_or_default());
    let duration = |table: &Options, key: &str| table.get(key).and_then(|value| units::duration(value).ok());
    let size = |table: &Options, key: &str| table.get(key).and_then(|value| units::size(value).ok());
    let is_on = |key: &str| table.get(key).and_then(Setting::as_bool).unwrap_or(false);
    if let Some(name) = table.text("formatter") {
        file = formatters::make(options, name, components)?.apply_to_file(file);
    }
    if let Some(rotate) = table.table("rotate") {
        if let Some(every) = rotate.text("every").and_then(every) {
            file = file.every(every);
        }
        if let Some((hour, minute)) = rotate.get("at").and_then(|at| units::clock(at).ok()) {
            file = file.at(hour, minute);
        }
        if let Some(bytes) = size(rotate, "size") {
            file = file.max_size(bytes);
        }
        if rotate.get("at_start").and_then(Setting::as_bool).unwrap_or(false) {
            file = file.rotate_at_start();
        }
        if let Some(pattern) = rotate.text("name") {
            file = file.rotated_name(pattern);
        }
        if let Some(files) = rotate.get("keep").and_then(Setting::as_integer) {
            file = file.keep(usize::try_from(files).unwrap_or(usize::MAX));
        }
        if let Some(age) = duration(rotate, "keep_for") {
            file = file.keep_for(age);
        }
        if let Some(bytes) = size(rotate, "keep_size") {
            file = file.keep_bytes(bytes);
        }
    }
    if let Some(then) = table.text("on_rotation").and_then(|name| components.rotation_callback(name)) {
        file = file.on_rotation(move |path| then(path));
    }
    if let Some(bytes) = size(table, "max_text") {
        file = file.max_text(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    if let Some(most) = table.get("open_files").and_then(Setting::as_integer) {
        file = file.open_files(usize::try_from(most).unwrap_or(usize::MAX));
    }
    if let Some(idle) = duration(table, "close_idle_after") {
        file = file.close_idle_after(idle);
    }
    if table.get("compress").is_some() {
        file = file.compress(Compression::Gzip);
    }
    if let Some(mode) = table.text("mode") {
        let wrong = || ConfigError::new("file.mode", "expected permissions such as `0640`");
        let mode = u32::from_str_radix(mode.trim_start_matches("0o"), 8).map_err(|_| wrong())?;
        file = file.mode(if mode <= 0o777 { mode } else { return Err(wrong()) });
    }
    if let Some(link) = table.text("link") {
        file = file.link_current(link);
    }
    file = match table.text("zone") {
        None | Some("utc") => file,
        Some("local") => file.local(),
        Some(zone) => file.zone(zone.to_owned()),
    };
    #[cfg(unix)]
    if is_on("reopen_on_hangup") {
        file = file.reopen_on_hangup();
    }
    if let Some(pause) = duration(table, "flush_every") {
        file = file.flush_every(pause);
    }
    if let Some(severity) = severity(table, "flush_on") {
        file = file.flush_on(severity);
    }
    file = match (table.text("durability"), duration(table, "sync_every")) {
        (_, Some(pause)) => file.durability(Durability::SyncEvery(pause)),
        (Some("each_line"), None) => file.durability(Durability::EachLine),
        (Some("sync_on_error"), None) => file.durability(Durability::SyncOnError),
        _ => file,
    };
    if let Some(bytes) = size(table, "buffer") {
        file = file.buffer(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    if table.text("when_full") == Some("drop") {
        file = file.when_full(WhenFull::Drop);
    }
    if let Some(patience) = duration(table, "block_at_most") {
        file = file.block_at_most(patience);
    }
    if is_on("threadless") {
        file = file.threadless();
    }
    if let Some(severity) = severity(table, "stacks_from") {
        file = file.stacks_from(severity);
    }
    Ok(file)
}

/// Makes the console of a handler's table.
pub(crate) fn console(
    options: &Options,
    table: &Options,
    components: &Components,
) -> Result<Console, ConfigError> {
    let mut console =
        if table.text("stream") == Some("stdout") { Console::stdout() } else { Console::stderr() };
    let has_own =
        |name: &str| options.table("formatters").is_some_and(|formatters| formatters.get(name).is_some());
    console = match table.text("formatter") {
        None => console,
        // The console knows these itself, and whether it stands on a terminal.
        Some(name) if has_own(name) => formatters::make(options, name, components)?.apply_to_console(console),
        Some("text") => console.text(),
        Some("pretty") => console.pretty(),
        Some(name) => formatters::make(options, name, components)?.apply_to_console(console),
    };
    if let Some(on) = table.get("color").and_then(Setting::as_bool) {
        console = if on { console.colored() } else { console.uncolored() };
    }
    if let Some(patience) = table.get("block_at_most").and_then(|value| units::duration(value).ok()) {
        console = console.block_at_most(patience);
    }
    Ok(match table.text("zone") {
        None | Some("utc") => console,
        Some("local") => console.local(),
        Some(zone) => console.zone(zone.to_owned()),
    })
}

/// Reads a level that stands for itself and the worse ones.
pub(crate) fn severity(table: &Options, key: &str) -> Option<Severity> {
    match Threshold::parse(table.get(key)?).ok()? {
        Threshold::All => Some(Severity::Trace),
        Threshold::From(severity) => Some(severity),
        Threshold::Off => None,
    }
}

fn every(name: &str) -> Option<RotationInterval> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    match name {
        "minute" => Some(RotationInterval::Minute),
        "hour" => Some(RotationInterval::Hour),
        "day" => Some(RotationInterval::Day),
        "week" => Some(RotationInterval::Week(0)),
        day => {
            let number = DAYS.iter().position(|known| *known == day)?;
            u8::try_from(number).ok().map(RotationInterval::Week)
        }
    }
}
