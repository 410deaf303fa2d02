//! Say in one message what is too old to be said one by one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use watchfire_core::{Alert, AlertId, counted};

use super::Dispatch;
use crate::{
    Counts, GroupId, GroupSummary, Mention, NotificationId, OccasionKind, Reason,
    model::{
        DeliveryState, QueueKey, QueuedMessage, Ticket, Timestamp, hash::Fnv128, stats::bump,
        text::format_timestamp,
    },
    one_line,
    pipeline::channel_state::{ChannelState, Channels},
    spool::Files,
};

/// How much longer than a single message a catch-up may wait before it is given up.
const LAST_CALL: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many groups a catch-up names.
const MOST_MENTIONS: usize = 20;

impl<F: Files> Dispatch<F> {
    pub(super) fn merge(&mut self, channels: &Channels, keys: &[QueueKey], now: Timestamp) {
        let first = keys.first().and_then(|key| self.delivery.get(*key));
        let Some((number, recipient)) = first.map(|ticket| (ticket.channel, ticket.recipient.clone())) else {
            return;
        };
        let Some(channel) = channels.get(number) else { return };
        let last_call = channel.tuning().policy.max_age.saturating_add(LAST_CALL);
        let mut parts = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(ticket) = self.delivery.get(*key).cloned() else { continue };
            match self.letter(*key) {
                Ok(letter) if now.since(letter.since) > last_call => {
                    self.expire(channel, &ticket, &letter, "too old, even for a message that sums up");
                }
                Ok(letter) => parts.push((ticket, letter)),
                Err(missing) => self.lose(&channel.counters, *key, &missing, now),
            }
        }
        if parts.is_empty() {
            return;
        }
        let summary = Arc::new(sum_up(&parts));
        let since = parts.iter().map(|(_, letter)| letter.since).min().unwrap_or_default();
        let rendered = channel.render_again(&summary, now);
        let mine = rendered.into_iter().find(|notification| {
            let mut to = notification.recipient.clone();
            self.follow_move(&channel.name, &mut to);
            to == recipient
        });
        let Some(notification) = mine else {
            for (ticket, letter) in &parts {
                self.expire(
                    channel,
                    ticket,
                    letter,
                    "too old, and its recipient is none of the channel's any more",
                );
            }
            return;
        };
        let covers: Vec<NotificationId> = parts
            .iter()
            .flat_map(|(ticket, letter)| std::iter::once(ticket.key.id).chain(letter.covers.iter().copied()))
            .collect();
        let id = notification.id;
        let maybe_duplicate = parts.iter().any(|(ticket, _)| ticket.state.maybe_duplicate);
        let letter = QueuedMessage { notification, summary, since, covers };
        // It was paid for: by its parts, or when they were admitted.
        let state = DeliveryState { not_before: now, maybe_duplicate, ..DeliveryState::default() };
        let Some(spooled) = self.take_message(channels, number, letter, state, now) else {
            for (ticket, letter) in &parts {
                self.expire(channel, ticket, letter, "too old, and the message that sums up cannot be said");
            }
            return;
        };
        if spooled {
            // Its file must last before those of its parts go.
            self.commit();
        }
        let letters: Vec<(QueueKey, u64)> =
            parts.iter().map(|(ticket, _)| (ticket.key, ticket.size)).collect();
        for (ticket, _) in &parts {
            channel.note_heard(ticket, !self.delivery.is_heard(ticket.occasion), now);
            bump(&channel.counters.merged);
        }
        self.withdraw(number, &letters, &[id]);
        self.make_room(channels, number);
    }

    fn expire(&mut self, channel: &ChannelState, ticket: &Ticket, letter: &QueuedMessage, why: &str) {
        let reason = Reason::new(why);
        self.tell_last_resort(&letter.summary.alert, &reason);
        bump(&channel.counters.dead);
        bump(&channel.counters.drops_to_note);
        let kept = self.forget(ticket.channel, ticket.key, ticket.size);
        self.note_end(ticket.key.id);
        self.bury(kept, &reason);
    }
}

/// Counts a group in several messages.
#[derive(Default)]
struct Named {
    title: String,
    firsts: u64,
    storm: u64,
    more: u64,
}

impl Named {
    fn count(&mut self, kind: OccasionKind, title: &str, count: u64) {
        if self.title.is_empty() {
            title.clone_into(&mut self.title);
        }
        match kind {
            OccasionKind::First => self.firsts = self.firsts.saturating_add(count),
            // It names all since its beginning: what its earlier messages and the first one told, too.
            OccasionKind::Storm => self.storm = self.storm.max(count),
            _ => self.more = self.more.saturating_add(count),
        }
    }

    fn mention(self, group: GroupId) -> Mention {
        Mention::new(group, self.title, self.firsts.max(self.storm).saturating_add(self.more))
    }
}

/// Makes the summary of a message that stands for all `parts`; the same parts give the same id.
fn sum_up(parts: &[(Ticket, QueuedMessage)]) -> GroupSummary {
    let mut hash = Fnv128::new();
    let mut named: BTreeMap<GroupId, Named> = BTreeMap::new();
    let mut unnamed: BTreeMap<GroupId, u64> = BTreeMap::new();
    let mut total = 0_u64;
    for (ticket, letter) in parts {
        hash = hash.part(&ticket.key.id.as_u128().to_be_bytes());
        let GroupSummary { counts, mentions, .. } = &*letter.summary;
        total = total.saturating_add(counts.fresh);
        if mentions.is_empty() {
            let known = named.entry(ticket.group).or_default();
            known.count(ticket.kind, &letter.notification.title, counts.fresh);
            continue;
        }
        for other in mentions {
            named.entry(other.group).or_default().count(ticket.kind, &other.title, other.count);
        }
        // The messages of one storm are of the same groups.
        let known = unnamed.entry(ticket.group).or_default();
        *known = counts.groups.saturating_sub(mentions.len() as u64).max(*known);
    }
    let groups = unnamed.into_values().fold(named.len() as u64, u64::saturating_add);
    let mut mentions: Vec<Mention> = named.into_iter().map(|(group, named)| named.mention(group)).collect();
    mentions.sort_by(|a, b| b.count.cmp(&a.count).then(a.group.cmp(&b.group)));
    mentions.truncate(MOST_MENTIONS);

    let counts = || parts.iter().map(|(_, letter)| letter.summary.counts);
    let first = counts().map(|counts| counts.first).min().unwrap_or(Timestamp::default().into());
    let last = counts().map(|counts| counts.last).max().unwrap_or(first);
    let severity =
        parts.iter().map(|(ticket, _)| ticket.severity).max().unwrap_or(watchfire_core::Severity::Error);
    let oldest = parts.first().map(|(_, letter)| match letter.summary.mentions.first() {
        Some(mention) => mention.title.as_str(),
        None => letter.notification.title.as_str(),
    });
    let oldest = oldest.unwrap_or_default();
    let message = format!(
        "{} of {} could not be delivered between {} and {}; the oldest: {}",
        counted(total, "alert"),
        counted(groups, "kind"),
        format_timestamp(first),
        format_timestamp(last),
        one_line(oldest, 120),
    );
    let app = parts.last().map(|(_, letter)| Arc::clone(&letter.summary.alert.app));
    let app = app.unwrap_or_else(|| Arc::new("watchfire".into()));
    let alert = Alert::new(app, severity, message).target("watchfire::catch_up").at(last);
    let group = parts.iter().map(|(ticket, _)| ticket.group).max().unwrap_or(GroupId::from_u64(0));
    GroupSummary::first(alert.id(AlertId::from_u128(hash.finish())), group)
        .of_kind(OccasionKind::CatchUp, 0)
        .with_counts(Counts::new(total, total, first, last).groups(groups.max(1)))
        .with_mentions(mentions)
}

#[cfg(test)]
mod tests {
    use watchfire_core::{App, Severity};

    use super::*;
    use crate::Occasion;

    #[test]
    fn a_backlog_counts_each_group_of_a_storm_once() {
        let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
        let part = |id: u64, group: u64, kind, fresh, groups, named: &[(u64, u64)]| {
            let counts = Counts::new(fresh, fresh, alert.at, alert.at).groups(groups);
            let mentions: Vec<_> =
                named.iter().map(|(group, n)| Mention::new(GroupId::from_u64(*group), "named", *n)).collect();
            let summary = GroupSummary::first(alert.clone(), GroupId::from_u64(group))
                .of_kind(kind, 1)
                .with_counts(counts)
                .with_mentions(mentions);
            let notification = Occasion::new(&summary, "ops", alert.at).notification("ada").plain("text");
            let messages = QueuedMessage::all(vec![notification], &Arc::new(summary), Timestamp::default());
            let letter = messages.into_iter().next().unwrap();
            let key = QueueKey { accepted: id, id: letter.notification.id };
            (letter.ticket(key, 0, DeliveryState::default()), letter)
        };
        let summary = sum_up(&[
            part(1, 1, OccasionKind::First, 1, 1, &[]),
            part(2, 9, OccasionKind::Storm, 1, 16, &[(1, 1), (2, 1)]),
            part(3, 9, OccasionKind::Storm, 40, 32, &[(1, 3), (2, 30)]),
            part(4, 1, OccasionKind::Digest, 5, 1, &[]),
        ]);
        assert_eq!((summary.counts.total, summary.counts.groups), (47, 32));
        let counts: Vec<_> = summary.mentions.iter().map(|mention| (mention.group, mention.count)).collect();
        assert_eq!(counts, [(GroupId::from_u64(2), 30), (GroupId::from_u64(1), 8)]);
    }
}
