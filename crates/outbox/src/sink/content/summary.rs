//! The content that sums many groups up.

use std::time::Duration;

use watchfire_core::counted;

use super::groups;
use crate::{
    Counts, Occasion, OccasionKind, Outlook,
    model::text::{format_duration, format_timestamp},
};

/// Says how often, how fast and since when: `1532 more in 5 min 0 s (5.1/s), 9804 in total since ...; the last 2 s ago`.
pub(super) fn summary(occasion: &Occasion<'_>) -> Option<String> {
    let Counts { total, fresh, fresh_since, first, last, .. } = occasion.tally();
    let over = last.duration_since(first).unwrap_or_default();
    let ago = format_duration(occasion.now().duration_since(last).unwrap_or_default());
    match occasion.kind() {
        OccasionKind::First if total <= 1 => None,
        OccasionKind::Quiet => Some(format!(
            "quiet for {ago}; {} in total over {}, since {}",
            counted(total, "alert"),
            format_duration(over),
            format_timestamp(first)
        )),
        OccasionKind::Storm => {
            let next = match occasion.forecast() {
                Some(Outlook::Next(at)) => format!(
                    "; further kinds are batched until {} or the end of the storm; critical alerts are sent at once",
                    format_timestamp(at)
                ),
                Some(Outlook::Over) => "; new kinds are sent one by one again".to_owned(),
                None => String::new(),
            };
            Some(format!(
                "since {}; {}, the last {ago} ago{next}",
                format_timestamp(first),
                counted(fresh, "new alert")
            ))
        }
        OccasionKind::CatchUp => Some(format!(
            "a backlog: {} in {} kept back over {} since {}; the last {ago} ago",
            counted(fresh, "alert"),
            counted(groups(occasion), "group"),
            format_duration(over),
            format_timestamp(first)
        )),
        OccasionKind::First => Some(format!(
            "{} in total over {} since {}; the last {ago} ago",
            counted(total, "alert"),
            format_duration(over),
            format_timestamp(first)
        )),
        _ => Some(format!(
            "{fresh} more{}, {total} in total since {}; the last {ago} ago",
            pace(fresh, last.duration_since(fresh_since).unwrap_or_default()),
            format_timestamp(first)
        )),
    }
}

/// Says in how long so many came, and how fast: those since the last message only, as what came before says nothing about
/// what happens now.
fn pace(count: u64, over: Duration) -> String {
    match over.as_secs() {
        _ if count < 2 => String::new(),
        0 => " within 1 s".to_owned(),
        _ => format!(" in {}{}", format_duration(over), rate(count, over)),
    }
}

/// Says how fast, where that is a number that tells something.
fn rate(count: u64, over: Duration) -> String {
    let seconds = over.as_secs();
    if seconds < 10 || count < 10 {
        return String::new();
    }
    let tenths = count.saturating_mul(10) / seconds;
    match tenths {
        0 => format!(" ({}/h)", count.saturating_mul(3600) / seconds),
        1..=99 => format!(" ({}.{}/s)", tenths / 10, tenths % 10),
        _ => format!(" ({}/s)", tenths / 10),
    }
}
