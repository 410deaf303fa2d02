//! Say in one message what is too old to be said one by one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use watchfire_core::{Alert, AlertId};

use super::Dispatch;
use crate::{
    Counts, GroupId, Mention, NotificationId, OccasionKind, Reason,
    channels::{ChannelState, Channels},
    delivery::{Key, State, Ticket},
    hash::Fnv128,
    letter::{Facts, Letter},
    moment::Moment,
    one_line,
    page::stamp,
    spool::Files,
    stats::bump,
};

/// How much longer than a single message a catch-up may wait before it is given up.
const LAST_CALL: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many groups a catch-up names.
const MOST_MENTIONS: usize = 20;

impl<F: Files> Dispatch<F> {
    pub(super) fn merge(&mut self, channels: &Channels, keys: &[Key], now: Moment) {
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
                Ok(letter) if now.since(letter.facts.since) > last_call => {
                    self.expire(channel, &ticket, &letter, "too old, even for a message that sums up");
                }
                Ok(letter) => parts.push((ticket, letter)),
                Err(missing) => self.lose(&channel.counters, *key, &missing, now),
            }
        }
        if parts.is_empty() {
            return;
        }
        let facts = Arc::new(sum_up(&parts));
        let group = parts.iter().map(|(ticket, _)| ticket.group).max().unwrap_or(GroupId::from_u64(0));
        let rendered = channel.render_again(&facts, OccasionKind::CatchUp, group, &[], now);
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
        let letter = Letter { notification, facts, covers };
        // It was paid for: by its parts, or when they were admitted.
        let state = State { not_before: now, maybe_duplicate, ..State::default() };
        let Some(spooled) = self.take_letter(channels, number, letter, state, now) else {
            for (ticket, letter) in &parts {
                self.expire(channel, ticket, letter, "too old, and the message that sums up cannot be said");
            }
            return;
        };
        if spooled {
            // Its file must last before those of its parts go.
            self.commit();
        }
        let letters: Vec<(Key, u64)> = parts.iter().map(|(ticket, _)| (ticket.key, ticket.size)).collect();
        for _ in &letters {
            bump(&channel.counters.merged);
        }
        self.withdraw(number, &letters, &[id]);
        self.make_room(channels, number);
    }

    fn expire(&mut self, channel: &ChannelState, ticket: &Ticket, letter: &Letter, why: &str) {
        let reason = Reason::new(why);
        self.tell_last_resort(&letter.facts.alert, &reason);
        bump(&channel.counters.dead);
        bump(&channel.counters.unreported);
        let kept = self.forget(ticket.channel, ticket.key, ticket.size);
        self.note_end(ticket.key.id);
        self.bury(kept, &reason);
    }
}

/// Makes the facts of a message that stands for all `parts`; the same parts give the same id.
fn sum_up(parts: &[(Ticket, Letter)]) -> Facts {
    let mut mentions: BTreeMap<GroupId, Mention> = BTreeMap::new();
    let mut mention = |group: GroupId, title: &str, count: u64| {
        let known = mentions.entry(group).or_insert_with(|| Mention::new(group, title, 0));
        known.count = known.count.saturating_add(count);
    };
    let mut hash = Fnv128::new();
    for (ticket, letter) in parts {
        hash = hash.part(&ticket.key.id.as_u128().to_be_bytes());
        if letter.facts.mentions.is_empty() {
            mention(ticket.group, &letter.notification.title, letter.facts.counts.fresh);
        }
        letter.facts.mentions.iter().for_each(|other| mention(other.group, &other.title, other.count));
    }
    let mut mentions: Vec<Mention> = mentions.into_values().collect();
    mentions.sort_by(|a, b| b.count.cmp(&a.count).then(a.group.cmp(&b.group)));
    let total = mentions.iter().fold(0, |sum: u64, mention| sum.saturating_add(mention.count));
    let groups = mentions.len();
    mentions.truncate(MOST_MENTIONS);

    let counts = || parts.iter().map(|(_, letter)| letter.facts.counts);
    let first = counts().map(|counts| counts.first).min().unwrap_or(Moment::default().into());
    let last = counts().map(|counts| counts.last).max().unwrap_or(first);
    let since = parts.iter().map(|(_, letter)| letter.facts.since).min().unwrap_or_default();
    let severity =
        parts.iter().map(|(ticket, _)| ticket.severity).max().unwrap_or(watchfire_core::Severity::Error);
    let oldest = parts.first().map(|(_, letter)| match letter.facts.mentions.first() {
        Some(mention) => mention.title.as_str(),
        None => letter.notification.title.as_str(),
    });
    let oldest = oldest.unwrap_or_default();
    let message = format!(
        "{total} alerts of {groups} kinds could not be delivered between {} and {}; the oldest: {}",
        stamp(first),
        stamp(last),
        one_line(oldest, 120),
    );
    let app = parts.last().map(|(_, letter)| Arc::clone(&letter.facts.alert.app));
    let app = app.unwrap_or_else(|| Arc::new("watchfire".into()));
    let alert = Alert::new(app, severity, message).target("watchfire::catch_up").at(last);
    Facts {
        alert: Arc::new(alert.id(AlertId::from_u128(hash.finish()))),
        number: 0,
        counts: Counts::new(total, total, first, last),
        mentions,
        notes: Vec::new(),
        since,
    }
}
