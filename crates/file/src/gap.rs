//! Make the line that says how many lines are missing.

use std::time::SystemTime;

use watchfire_core::{Alert, App, Severity};

use crate::{Record, format::Renderer, time::Zone};

/// Returns the line for the place where lines are missing.
pub(crate) fn gap_line(format: &Renderer, zone: &Zone, missing: u64, now: SystemTime) -> String {
    let text = match missing {
        1 => "1 line is missing here: it could not be written".to_owned(),
        _ => format!("{missing} lines are missing here: they could not be written"),
    };
    let alert = Alert::new(App::new(""), Severity::Warn, text)
        .at(now)
        .target("watchfire::file")
        .field("missing", missing);
    let mut line = String::new();
    Record::of_alert(&alert, zone, |record| format.record(record, &mut line));
    line
}
