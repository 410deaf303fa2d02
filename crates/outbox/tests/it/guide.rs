//! The guide says what the code does.

use std::time::Duration;

use watchfire_core::Severity;
use watchfire_outbox::{NotificationPolicy, QuietNote, format_duration};

const GUIDE: &str = include_str!("../../../../docs/guide/noise.md");

/// Sets the defaults out as the guide does.
fn table(noise: &NotificationPolicy, can_edit: bool) -> String {
    let short = |span: &Duration| format_duration(*span).replace(" 0 s", "").replace(" 0 min", "");
    let first = match noise.every {
        Some(rate) => format!("every alert, up to {rate} of each kind"),
        None if noise.first_from > Severity::Trace => {
            format!("at once from {} on; below it when its `min_count` is reached", noise.first_from)
        }
        None => "at once".to_owned(),
    };
    let digests = match noise.digests.as_slice() {
        [] => "none".to_owned(),
        [only] => format!("every {}", short(only)),
        [some @ .., last] => {
            let some: Vec<String> = some.iter().map(short).collect();
            format!("after {}, then every {}", some.join(", "), short(last))
        }
    };
    let early = if noise.early {
        "at 10, 100, 1,000 … in total, 30 s after the last message at the earliest"
    } else {
        "none"
    };
    let counter = if can_edit {
        format!("edits the first message every {} at most", short(&noise.edit_every))
    } else {
        "none".to_owned()
    };
    let quiet =
        if can_edit && noise.quiet == QuietNote::Edit { "edits the first message" } else { "nothing" };
    let budget: Vec<String> = noise.budget.iter().map(ToString::to_string).collect();
    let budget = if budget.is_empty() { "none".to_owned() } else { budget.join(", ") };
    format!(
        "| what | when |\n|---|---|\n| first alert of a kind | {first} |\n| digests | {digests} |\n\
         | early digest | {early} |\n| live counter | {counter} |\n| when it is quiet | {quiet} |\n| budget | {budget} |\n"
    )
}

#[test]
fn the_defaults_are_those_of_the_guide() {
    let kinds = [
        ("mail", NotificationPolicy::mail(), false),
        ("chat", NotificationPolicy::chat(), true),
        ("webhook", NotificationPolicy::webhook(), false),
        ("messenger", NotificationPolicy::messenger(), true),
        ("sms", NotificationPolicy::sms(), false),
        ("tracker", NotificationPolicy::tracker(), false),
    ];
    for (name, noise, can_edit) in kinds {
        let begin = format!("<!-- noise: {name} -->\n");
        let (_, rest) = GUIDE.split_once(&begin).unwrap_or_else(|| panic!("no table {name}"));
        let (shown, _) = rest.split_once("<!-- end -->").unwrap_or((rest, ""));
        assert_eq!(shown, table(&noise, can_edit), "{name}");
    }
    assert_eq!(
        table(&NotificationPolicy::default(), false).lines().last(),
        Some("| budget | 60/h burst 20 |")
    );
}

const COUNTERS: &str = include_str!("../../../../docs/guide/counters.md");
const STATS: &str = include_str!("../../src/model/stats.rs");
const METRICS: &str = include_str!("../../src/worker/metrics.rs");

/// Returns the names in the first column of a table of the guide.
fn named(table: &str) -> Vec<&'static str> {
    let (_, table) = COUNTERS.split_once(&format!("<!-- names: {table} -->")).unwrap();
    let (table, _) = table.split_once("<!-- end -->").unwrap();
    table.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect()
}

/// Returns the public fields of a struct.
fn fields(name: &str) -> Vec<&'static str> {
    let (_, body) = STATS.split_once(&format!("pub struct {name} {{")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    body.lines().filter_map(|line| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0)).collect()
}

#[test]
fn the_names_of_counters_and_metrics_are_those_of_the_guide() {
    for name in ["Stats", "ChannelStats"] {
        assert_eq!(named(name), fields(name), "{name}");
    }
    let quoted = METRICS.split('"').filter(|text| text.starts_with("watchfire_"));
    let mut metrics: Vec<&str> = Vec::new();
    for name in quoted {
        if !metrics.contains(&name) {
            metrics.push(name);
        }
    }
    assert_eq!(named("metrics"), metrics);
}
