use std::sync::Arc;

use watchfire_core::Alert;

use super::state::{Group, Late};
use crate::{Counts, GroupId, Mention, OccasionKind, moment::Moment, one_line, span_text};

/// Is something for a channel to say.
#[derive(Clone, Debug)]
pub(crate) struct Say {
    pub(crate) kind: OccasionKind,
    pub(crate) group: GroupId,
    /// How many messages there were before it.
    pub(crate) number: u32,
    pub(crate) alert: Arc<Alert>,
    pub(crate) counts: Counts,
    /// How many alerts it tells of that none told of before.
    pub(crate) told: u64,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) notes: Vec<String>,
    /// It may have been said before.
    pub(crate) maybe_duplicate: bool,
}

impl Say {
    pub(super) fn of(kind: OccasionKind, id: GroupId, group: &Group, now: Moment) -> Self {
        let mut notes = Vec::new();
        if let Some(late) = group.late {
            notes.extend(late_note(late, group, now));
        }
        if group.folded {
            notes.push("This place has too many different messages; they are counted together.".to_owned());
        }
        Self {
            kind,
            group: id,
            number: group.said,
            alert: Arc::clone(&group.sample),
            counts: Counts::new(group.total, group.fresh, group.first.into(), group.last.into()),
            told: group.unsaid,
            mentions: Vec::new(),
            notes,
            maybe_duplicate: group.maybe_told,
        }
    }
}

pub(super) fn mention(id: GroupId, group: &Group) -> Mention {
    let alert = &group.opening;
    let error = alert.error.first().map_or("", String::as_str);
    let what =
        [alert.message.as_str(), error, &alert.target].into_iter().find(|text| !text.trim().is_empty());
    let title = one_line(what.unwrap_or("an event without a message"), 100);
    Mention::new(id, title, group.fresh.max(group.unsaid))
}

fn late_note(late: Late, group: &Group, now: Moment) -> Option<String> {
    let since = span_text(now.since(group.first));
    Some(match late {
        Late::Budget => format!("Held back by the channel's budget; the first came {since} ago."),
        Late::QuietHours => format!("Held back in quiet hours; the first came {since} ago."),
        Late::Silence => format!("A silence of this group has ended; {} alerts came in it.", group.unsaid),
        Late::MinCount if group.owed => return None,
        Late::MinCount | Late::Storm => return None,
    })
}
