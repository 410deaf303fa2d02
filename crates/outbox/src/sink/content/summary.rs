//! The content that sums many groups up.

use std::time::Duration;

use super::{alerts, groups};
use crate::{
    Counts, Occasion, OccasionKind, Outlook,
    model::text::{format_duration, format_timestamp},
};

/// Says how often, how fast and since when: `1532 more in 5 min (5.1/s), 9804 in total since ...; the last 2 s ago`.
pub(super) fn summary(occasion: &Occasion<'_>) -> Option<String> {
    let Counts { total, fresh, first, last, .. } = occasion.tally();
    let over = last.duration_since(first).unwrap_or_default();
    let ago = format_duration(occasion.now().duration_since(last).unwrap_or_default());
    match occasion.kind() {
        OccasionKind::First if total <= 1 => None,
        OccasionKind::Quiet => Some(format!(
            "quiet for {ago}; {} in total over {}, since {}",
            alerts(total),
            format_duration(over),
            format_timestamp(first)
        )),
        OccasionKind::Storm => {
            let next = match occasion.forecast() {
                Some(Outlook::Next(at)) => format!(
                    "; what else is new is held back and told together by {} or the end of the storm, what is critical at once",
                    format_timestamp(at)
                ),
                Some(Outlook::Over) => "; new kinds are told of one by one again".to_owned(),
                None => String::new(),
            };
            let told = alerts(fresh);
            Some(format!(
                "since {}; {told} not told of before, the last {ago} ago{next}",
                format_timestamp(first)
            ))
        }
        OccasionKind::CatchUp => Some(format!(
            "a backlog: {} in {} kept back over {} since {}; the last {ago} ago",
            alerts(fresh),
            kinds(groups(occasion)),
            format_duration(over),
            format_timestamp(first)
        )),
        OccasionKind::First => Some(format!(
            "{} in total over {} since {}; the last {ago} ago",
            alerts(total),
            format_duration(over),
            format_timestamp(first)
        )),
        _ => Some(format!(
            "{fresh} more, {total} in total over {}{} since {}; the last {ago} ago",
            format_duration(over),
            rate(total, over),
            format_timestamp(first)
        )),
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

fn kinds(count: u64) -> String {
    if count == 1 { "1 group".to_owned() } else { format!("{count} groups") }
}
