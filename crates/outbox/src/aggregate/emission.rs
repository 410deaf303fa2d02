//! The messages that an aggregator decides on, and the remarks in them.

use std::{cmp::Reverse, sync::Arc};

use watchfire_core::counted;

use super::group::{Group, Late};
use crate::{
    Counts, GroupId, GroupSummary, Mention, OccasionKind, format_duration, model::Timestamp,
    sink::what_happened,
};

/// A message that a channel is to send.
#[derive(Clone, Debug)]
pub(crate) struct Emission {
    pub(crate) summary: GroupSummary,
    /// How many alerts it reports that no message has reported before.
    pub(crate) told: u64,
    /// A process that did not end in order may have reported them.
    pub(crate) maybe_duplicate: bool,
}

impl Emission {
    /// Reports what is new of a group.
    pub(super) fn of(kind: OccasionKind, id: GroupId, group: &Group, now: Timestamp) -> Self {
        let mut notes = Vec::new();
        notes.extend(group.late.and_then(|late| late_note(late, group, now)));
        if group.folded {
            notes.push("This place has too many different messages; they are counted together.".to_owned());
        }
        notes.extend(unread_note(group.unread));
        let counts = Counts::new(group.total, group.fresh, group.first.into(), group.last.into())
            .fresh_since(group.fresh_since.into());
        let summary = GroupSummary::first(Arc::clone(&group.sample), id)
            .of_kind(kind, group.said)
            .with_counts(counts)
            .with_notes(notes);
        Self { summary, told: group.unsaid, maybe_duplicate: group.maybe_told }
    }
}

/// How many groups a message names.
const MOST_MENTIONS: usize = 10;

pub(super) fn most_frequent(mut mentions: Vec<Mention>) -> Vec<Mention> {
    mentions.sort_by_key(|mention| Reverse(mention.count));
    mentions.truncate(MOST_MENTIONS);
    mentions
}

pub(super) fn mention(id: GroupId, group: &Group, count: u64) -> Mention {
    Mention::new(id, what_happened(&group.opening, 100), count)
}

/// Says of the groups of one message what each would have said in a message of its own.
pub(super) fn notes_of<'a>(groups: impl Iterator<Item = &'a Group> + Clone) -> Vec<String> {
    let late = |why| groups.clone().filter(move |group| group.late == Some(why));
    let of = |count: usize| {
        if count == 1 { "One of these groups".to_owned() } else { format!("{count} of these groups") }
    };
    let mut notes = Vec::new();
    let (silenced, came) =
        late(Late::Silence).fold((0, 0), |(n, came): (usize, u64), group| (n + 1, came + group.unsaid));
    match silenced {
        0 => {}
        1 => notes.push(format!(
            "A silence of one of these groups has ended; {} came in it.",
            counted(came, "alert")
        )),
        n => notes.push(format!(
            "Silences of {n} of these groups have ended; {} came in them.",
            counted(came, "alert")
        )),
    }
    for (why, what) in
        [(Late::QuietHours, "held back in quiet hours"), (Late::Budget, "held back by the channel's budget")]
    {
        let count = late(why).count();
        if count > 0 {
            notes.push(format!("{}: {what}.", of(count)));
        }
    }
    let folded = groups.clone().filter(|group| group.folded).count();
    if folded > 0 {
        notes.push(format!("{}: all messages of a place that has too many different ones.", of(folded)));
    }
    notes.extend(unread_note(groups.map(|group| group.unread).sum()));
    notes
}

fn unread_note(count: u64) -> Option<String> {
    let what = match count {
        0 => return None,
        1 => "1 of these arrived too fast to inspect: same call site, possibly another message.".to_owned(),
        _ => {
            format!("{count} of these arrived too fast to inspect: same call site, possibly other messages.")
        }
    };
    Some(what)
}

fn late_note(late: Late, group: &Group, now: Timestamp) -> Option<String> {
    let since = format_duration(now.since(group.first));
    match late {
        Late::Budget => Some(format!("Held back by the channel's budget; the first came {since} ago.")),
        Late::QuietHours => Some(format!("Held back in quiet hours; the first came {since} ago.")),
        Late::Silence => {
            let came = counted(group.unsaid, "alert");
            Some(format!("A silence of this group has ended; {came} came in it."))
        }
        Late::MinCount | Late::Storm => None,
    }
}
