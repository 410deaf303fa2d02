//! Hold back what a channel's budget has no room for, and say it as soon as there is some.

use std::{collections::BTreeMap, time::Duration};

use watchfire_core::{Severity, counted};

use super::Dispatch;
use crate::{
    GroupId, NotificationId, format_duration,
    model::{DeliveryState, QueueKey, QueuedMessage, Ticket, Timestamp, stats::bump},
    one_line,
    pipeline::channel_state::{ChannelState, Channels},
    spool::Files,
};

/// More than these are one message.
const AT_ONCE: usize = 3;

/// Says how a channel takes a message that its own aggregator did not decide on: within its budget and its quiet hours, which
/// what is critical pierces.
pub(super) fn terms(
    channel: &ChannelState,
    severity: Severity,
    group: GroupId,
    now: Timestamp,
) -> DeliveryState {
    match channel.rate_limiter.acquire_or_wait_until(severity, group, now) {
        None => DeliveryState { not_before: now, ..DeliveryState::default() },
        Some(until) => DeliveryState { not_before: until, deferred: true, ..DeliveryState::default() },
    }
}

/// The messages of one occasion that wait, for all its recipients.
struct Waiting {
    occasion: u64,
    severity: Severity,
    tickets: Vec<Ticket>,
}

impl<F: Files> Dispatch<F> {
    /// Lets go what has waited for the budget of a channel: a few by themselves, what is critical first, the rest in one
    /// message to each recipient. What finds no room again waits again.
    pub(super) fn admit(&mut self, channels: &Channels, number: usize, now: Timestamp) {
        let Some(channel) = channels.get(number) else { return };
        let mut waiting = Vec::new();
        for one in self.waiting(number) {
            if one.tickets.iter().all(|ticket| ticket.state.not_before > now) {
                continue;
            }
            match channel.rate_limiter.muted_until(one.severity, now) {
                Some(until) => self.defer(&one.tickets, until, now),
                None => waiting.push(one),
            }
        }
        let mut tokens = channel.rate_limiter.available("", now) as usize;
        let alone = waiting.len() <= tokens.min(AT_ONCE);
        let mut rest = Vec::new();
        for one in waiting {
            let urgent = one.severity >= Severity::Critical;
            let group = one.tickets.first().map_or(GroupId::from_u64(0), |ticket| ticket.group);
            if (alone || urgent) && channel.rate_limiter.try_acquire_for("", one.severity, group, now) {
                tokens = tokens.saturating_sub(1);
                for ticket in &one.tickets {
                    self.admit_all(channels, std::slice::from_ref(ticket), now);
                }
            } else {
                rest.extend(one.tickets);
            }
        }
        if rest.is_empty() {
            return;
        }
        if !channel.rate_limiter.try_acquire("", now) {
            return self.defer(&rest, channel.rate_limiter.next_available("", now), now);
        }
        let mut by_recipient: BTreeMap<String, Vec<Ticket>> = BTreeMap::new();
        for ticket in rest {
            by_recipient.entry(ticket.recipient.clone()).or_default().push(ticket);
        }
        by_recipient.values().for_each(|tickets| self.admit_all(channels, tickets, now));
    }

    /// Lets tickets of one recipient go, as one message, if their budget has room for it.
    fn admit_all(&mut self, channels: &Channels, tickets: &[Ticket], now: Timestamp) {
        let Some(first) = tickets.first() else { return };
        let Some(channel) = channels.get(first.channel) else { return };
        let to = &first.recipient;
        if !to.is_empty() && !channel.rate_limiter.try_acquire_for(to, first.severity, first.group, now) {
            return self.defer(tickets, channel.rate_limiter.next_available(&first.recipient, now), now);
        }
        if tickets.len() > 1 {
            // They wait until the one that stands for them is safe: killed in between, all would go, for the price of one.
            let keys: Vec<QueueKey> = tickets.iter().map(|ticket| ticket.key).collect();
            self.merge(channels, &keys, now);
        } else if let Some(state) = self.delivery.admit(first.key, now) {
            self.restate(first.key, state);
        }
    }

    fn defer(&mut self, tickets: &[Ticket], until: Timestamp, now: Timestamp) {
        let until = until.max(now + Duration::from_millis(1));
        for ticket in tickets {
            self.delivery.postpone(ticket.key, until);
            self.restate(ticket.key, DeliveryState { not_before: until, ..ticket.state });
        }
    }

    /// Returns what waits for a channel's budget: what is critical first, then the oldest.
    fn waiting(&self, number: usize) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = Vec::new();
        let tickets = self.delivery.tickets();
        for ticket in tickets.filter(|ticket| ticket.channel == number && ticket.state.deferred) {
            match waiting.iter_mut().find(|known| known.occasion == ticket.occasion) {
                Some(known) => known.tickets.push(ticket.clone()),
                None => waiting.push(Waiting {
                    occasion: ticket.occasion,
                    severity: ticket.severity,
                    tickets: vec![ticket.clone()],
                }),
            }
        }
        waiting.sort_by_key(|one| std::cmp::Reverse(one.severity.max(Severity::Error)));
        waiting
    }

    /// Returns what of that nobody is told of meanwhile: what only some recipients wait for is theirs alone.
    fn waiting_for_all(&self, number: usize) -> Vec<Waiting> {
        let mut waiting = self.waiting(number);
        waiting.retain(|one| !self.delivery.has_left(one.occasion, one.tickets.len()));
        waiting
    }

    /// Says in a line what waits for a channel's budget, for its next message; `None` if nothing does.
    pub(crate) fn deferred_note(&self, number: usize, now: Timestamp) -> Option<String> {
        let waiting = self.waiting_for_all(number);
        let oldest = waiting.iter().flat_map(|one| &one.tickets).map(|ticket| ticket.key).min()?;
        let mut alerts = 0_u64;
        let mut titles = Vec::new();
        for one in &waiting {
            let letter = one.tickets.first().and_then(|ticket| self.letter(ticket.key).ok());
            let Some(QueuedMessage { notification, summary, .. }) = letter else { continue };
            alerts += summary.counts.fresh.max(1);
            titles.push(one_line(&notification.title, 60));
        }
        let more = titles.len().saturating_sub(AT_ONCE);
        titles.truncate(AT_ONCE);
        let mut list = titles.join("; ");
        if more > 0 {
            list.push_str(&format!("; and {more} more"));
        }
        let since = format_duration(now.since(oldest.accepted_at()));
        let alerts = counted(alerts, "alert");
        Some(format!("The budget of this channel held back {alerts}, the oldest for {since}: {list}"))
    }

    /// Withdraws what waited for a channel's budget, after [`deferred_note`](Self::deferred_note) was said in `by`.
    pub(crate) fn fold_deferred(&mut self, channels: &Channels, number: usize, by: &[NotificationId]) {
        let Some(channel) = channels.get(number) else { return };
        let said: BTreeMap<String, NotificationId> = self
            .delivery
            .tickets()
            .filter(|ticket| {
                ticket.channel == number && by.contains(&ticket.key.id) && !ticket.state.deferred
            })
            .map(|ticket| (ticket.recipient.clone(), ticket.key.id))
            .collect();
        let waiting = self.waiting_for_all(number).into_iter();
        let waiting: Vec<Ticket> = waiting.flat_map(|one| one.tickets).collect();
        let mut committed = false;
        for (recipient, id) in said {
            let letters = waiting.iter().filter(|ticket| ticket.recipient == recipient);
            let letters: Vec<(QueueKey, u64)> = letters.map(|ticket| (ticket.key, ticket.size)).collect();
            if letters.is_empty() {
                continue;
            }
            if !std::mem::replace(&mut committed, true) {
                // Its file must last before theirs go.
                self.commit();
            }
            letters.iter().for_each(|_| bump(&channel.counters.merged));
            self.withdraw(number, &letters, &[id]);
        }
    }
}
