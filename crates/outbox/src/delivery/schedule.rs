//! Decide what is tried when: a pure state machine. Time and chance are arguments.
//!
//! It knows tickets, not messages: what a message says and where it is kept is the matter of `dispatch`.

mod judge;
mod last_wait;
mod overdue;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Unbounded},
    time::Duration,
};

use crate::{
    DeliveryPolicy, GroupId, Reason, Receipt,
    model::{DeliveryState, QueueKey, Ticket, Timestamp, stats::DeliveryView},
};

use super::pacing::{Destination, Pacing};

/// Holds what waits, and the pauses of its destinations.
///
/// Of each destination (channel and recipient) one attempt is under way at a time; a slow or dead destination delays
/// no other. Of one group at one destination the order is that of acceptance; a message that failed steps aside for
/// those of other groups, of which the severe have a head start.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    tickets: BTreeMap<QueueKey, Ticket>,
    destinations: BTreeMap<(usize, String), Destination>,
    pacings: BTreeMap<usize, Pacing>,
    /// When a ticket is to be said by other channels.
    deadlines: BTreeSet<(Timestamp, QueueKey)>,
    siblings: BTreeMap<u64, Siblings>,
}

/// How many attempts of one channel are under way at a time: recipients that hang delay the others only when they are as
/// many.
const AT_ONCE: usize = 16;

/// How long a channel has at least before others speak for it.
const CHANCE: Duration = Duration::from_secs(10);

/// Counts the notifications of one occasion on one channel.
#[derive(Debug, Default)]
struct Siblings {
    open: usize,
    delivered: bool,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Make an attempt, and hand its outcome to [`Delivery::done`].
    Attempt(QueueKey),
    /// Say these in one message instead: they are too old to be said one by one. Then [`Delivery::remove`] them.
    Merge(Vec<QueueKey>),
    /// Ask the channel's budget for those that wait for it; then [`Delivery::admit`], merge or
    /// [`postpone`](Delivery::postpone) them.
    Admit(usize),
    /// Have other channels say it; then [`Delivery::remove`] it, or [`Delivery::keep`] it if none can.
    FailOver(QueueKey),
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing at all, until something is offered or done.
    Idle,
}

/// The result of an attempt.
#[derive(Debug, PartialEq)]
pub(crate) struct Judgement {
    /// The ticket, with its state after the attempt.
    pub(crate) ticket: Ticket,
    pub(crate) fate: Fate,
    /// Whether other channels are to say it now.
    pub(crate) fail_over: bool,
    /// Whether no other recipient of the same occasion was or may yet be reached.
    pub(crate) alone: bool,
}

/// Says where a notification goes from here.
#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    Delivered(Option<Receipt>),
    Refused(Reason),
    Dead(Reason),
    /// It waits for another attempt.
    Again(Reason),
    /// It waits for another attempt at this address; `ticket` names the new one.
    Moved {
        from: String,
        reason: Reason,
    },
}

impl Delivery {
    /// Says how a channel is treated, and after how long others speak for it.
    pub(crate) fn set_channel(
        &mut self,
        channel: usize,
        policy: DeliveryPolicy,
        fail_over: Option<Duration>,
    ) {
        let pacing = self.pacings.entry(channel).or_default();
        pacing.policy = policy;
        pacing.fail_over = fail_over;
    }

    /// Treats a channel otherwise from now on, what waits for it included.
    pub(crate) fn retune(
        &mut self,
        channel: usize,
        policy: &DeliveryPolicy,
        after: Option<Duration>,
        now: Timestamp,
    ) {
        let known = self.pacings.entry(channel).or_default();
        if known.policy == *policy && known.fail_over == after {
            return;
        }
        self.set_channel(channel, policy.clone(), after);
        let is_held = self.pacings.get(&channel).is_some_and(|pacing| pacing.held.is_open());
        for (key, ticket) in self.tickets.iter_mut().filter(|(_, ticket)| ticket.channel == channel) {
            if let Some(at) = ticket.deadline {
                self.deadlines.remove(&(at, *key));
            }
            let after = after.filter(|_| !ticket.state.failed_over && !ticket.state.deferred);
            ticket.deadline =
                after.map(|after| if is_held { now } else { (key.accepted_at() + after).max(now) });
            self.deadlines.extend(ticket.deadline.map(|at| (at, *key)));
        }
    }

    /// Takes one that waits.
    pub(crate) fn offer(&mut self, mut ticket: Ticket, now: Timestamp) {
        let key = ticket.key;
        ticket.paid = now;
        let pacing = self.pacings.entry(ticket.channel).or_default();
        let may = !ticket.state.failed_over && !ticket.state.deferred;
        ticket.deadline = pacing.fail_over.filter(|_| may).map(|after| {
            if pacing.held.is_open() {
                return now;
            }
            // What was found after a restart is late, but its channel gets a chance first.
            (key.accepted_at() + after).max(now + after.min(CHANCE))
        });
        self.deadlines.extend(ticket.deadline.map(|at| (at, key)));
        self.siblings.entry(ticket.occasion).or_default().open += 1;
        let address = (ticket.channel, ticket.recipient.clone());
        self.destinations.entry(address).or_default().waiting.insert(key);
        self.tickets.insert(key, ticket);
    }

    pub(crate) fn len(&self) -> usize {
        self.tickets.len()
    }

    pub(crate) fn get(&self, key: QueueKey) -> Option<&Ticket> {
        self.tickets.get(&key)
    }

    pub(crate) fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.values()
    }

    /// Picks what may go now.
    pub(crate) fn next(&mut self, now: Timestamp) -> Step {
        let mut earliest: Option<Timestamp> = None;
        for (at, key) in &self.deadlines {
            let busy = self.tickets.get(key).is_none_or(|ticket| ticket.state.in_flight);
            if *at <= now && !busy {
                return Step::FailOver(*key);
            }
            if *at > now {
                earliest = Some(*at);
                break;
            }
        }
        let mut found = None;
        'channels: for (channel, pacing) in &self.pacings {
            if pacing.under_way >= AT_ONCE || pacing.is_on_trial() {
                continue;
            }
            // Each in its turn, from behind the last one on: also the trial after a hold is not always the same one's.
            let last = (*channel, pacing.last.clone());
            let behind = self.destinations.range((Excluded(&last), Unbounded));
            let behind = behind.take_while(|((number, _), _)| number == channel);
            let before = self.destinations.range((*channel, String::new())..=last.clone());
            for (_, destination) in behind.chain(before) {
                if destination.busy.is_some() || destination.waiting.is_empty() {
                    continue;
                }
                let opens = pacing.opens_at().max(destination.opens_at());
                let (pick, later) = self.pick(destination, &pacing.policy, now);
                let at = match (&pick, later) {
                    (Some(_), _) => opens,
                    (None, Some(later)) => opens.max(later),
                    (None, None) => continue,
                };
                match pick {
                    Some(pick) if at <= now => {
                        found = Some(pick);
                        break 'channels;
                    }
                    _ => earliest = Some(earliest.map_or(at, |known| known.min(at))),
                }
            }
        }
        match found {
            Some(Step::Attempt(key)) => {
                self.start(key);
                Step::Attempt(key)
            }
            Some(step) => step,
            None => earliest.map_or(Step::Idle, Step::Wait),
        }
    }

    /// Picks among those of one destination; if none may go, says when one may.
    fn pick(
        &self,
        destination: &Destination,
        policy: &DeliveryPolicy,
        now: Timestamp,
    ) -> (Option<Step>, Option<Timestamp>) {
        let mut passed: BTreeSet<GroupId> = BTreeSet::new();
        let mut stale = Vec::new();
        let mut best: Option<&Ticket> = None;
        let mut later: Option<Timestamp> = None;
        for ticket in destination.waiting.iter().filter_map(|key| self.tickets.get(key)) {
            let at = ticket.state.not_before;
            // It is no part of the order: what is told before it need not wait for the budget.
            if ticket.state.deferred {
                if at <= now {
                    return (Some(Step::Admit(ticket.channel)), None);
                }
                later = Some(later.map_or(at, |known| known.min(at)));
                continue;
            }
            if now.since(ticket.key.accepted_at()) >= policy.max_age {
                // One whose file cannot be read for now rests like any other.
                if at > now {
                    later = Some(later.map_or(at, |known| known.min(at)));
                } else {
                    stale.push(ticket.key);
                }
                continue;
            }
            // Order is kept within a group: what stands behind a waiting one waits too.
            if !passed.insert(ticket.group) {
                continue;
            }
            if at > now {
                later = Some(later.map_or(at, |known| known.min(at)));
            } else if best.is_none_or(|best| ticket.turn() < best.turn()) {
                best = Some(ticket);
            }
        }
        if !stale.is_empty() {
            return (Some(Step::Merge(stale)), None);
        }
        (best.map(|ticket| Step::Attempt(ticket.key)), later)
    }

    fn start(&mut self, key: QueueKey) {
        let Some(ticket) = self.tickets.get_mut(&key) else { return };
        ticket.state.in_flight = true;
        ticket.state.attempts = ticket.state.attempts.saturating_add(1);
        if let Some(pacing) = self.pacings.get_mut(&ticket.channel) {
            pacing.held.start();
            pacing.under_way += 1;
            pacing.last.clone_from(&ticket.recipient);
        }
        let address = (ticket.channel, ticket.recipient.clone());
        let destination = self.destinations.entry(address).or_default();
        destination.breaker.start();
        destination.waiting.remove(&key);
        destination.busy = Some(key);
    }

    /// Takes one out, whatever became of it.
    pub(crate) fn remove(&mut self, key: QueueKey) -> Option<Ticket> {
        let ticket = self.tickets.remove(&key)?;
        if let Some(at) = ticket.deadline {
            self.deadlines.remove(&(at, key));
        }
        self.leave(&ticket);
        if let Some(siblings) = self.siblings.get_mut(&ticket.occasion) {
            siblings.open = siblings.open.saturating_sub(1);
            if siblings.open == 0 {
                self.siblings.remove(&ticket.occasion);
            }
        }
        Some(ticket)
    }

    /// Keeps one that no other channel can say: it is not asked for again.
    pub(crate) fn keep(&mut self, key: QueueKey) -> Option<&Ticket> {
        let ticket = self.tickets.get_mut(&key)?;
        if let Some(at) = ticket.deadline.take() {
            self.deadlines.remove(&(at, key));
        }
        ticket.state.failed_over = true;
        Some(ticket)
    }

    /// Lets one go that has waited for the budget; its channel has its time from now on.
    pub(crate) fn admit(&mut self, key: QueueKey, now: Timestamp) -> Option<DeliveryState> {
        let mut ticket = self.tickets.get(&key)?.clone();
        self.leave(&ticket);
        (ticket.state.deferred, ticket.state.not_before, ticket.paid) = (false, now, now);
        let pacing = self.pacings.entry(ticket.channel).or_default();
        ticket.deadline = pacing
            .fail_over
            .filter(|_| !ticket.state.failed_over)
            .map(|after| if pacing.held.is_open() { now } else { now + after });
        self.deadlines.extend(ticket.deadline.map(|at| (at, key)));
        let state = ticket.state;
        self.wait_again(ticket);
        Some(state)
    }

    /// Takes back an attempt that was not made: its message is not there any more, or not yet.
    pub(crate) fn postpone(&mut self, key: QueueKey, until: Timestamp) {
        if let Some(mut ticket) = self.tickets.get(&key).cloned() {
            self.leave(&ticket);
            ticket.state.in_flight = false;
            ticket.state.not_before = until;
            self.wait_again(ticket);
        }
    }

    /// Lets everything go at once that only waits for its own backoff or a breaker. What a provider asked for is kept.
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        for ticket in self.tickets.values_mut().filter(|ticket| !ticket.state.in_flight) {
            ticket.state.not_before = ticket.state.not_before.min(now);
        }
        self.destinations.values_mut().for_each(|destination| destination.breaker.hurry(now));
        self.pacings.values_mut().for_each(|pacing| pacing.held.hurry(now));
    }

    /// Finds what is lost with the least harm of a channel; never what is under way, nor the newest first alert.
    pub(crate) fn least_valuable(&self, channel: usize) -> Option<QueueKey> {
        let all =
            || self.tickets.values().filter(|ticket| ticket.channel == channel && !ticket.state.in_flight);
        let newest = all().filter(|ticket| ticket.value().0 > 0).map(|ticket| ticket.key).max();
        all()
            .filter(|ticket| Some(ticket.key) != newest)
            .min_by_key(|ticket| ticket.value())
            .map(|ticket| ticket.key)
    }

    /// Notes that one was found in the spool: it gives way to what is new.
    pub(crate) fn note_recovered(&mut self, key: QueueKey, now: Timestamp) {
        if let Some(ticket) = self.tickets.get_mut(&key) {
            ticket.recovered = Some(now);
        }
    }

    /// Returns from when on an attempt for a recipient may be made.
    pub(crate) fn opens_at(&self, channel: usize, recipient: &str) -> Timestamp {
        let pacing = self.pacings.get(&channel).map(Pacing::opens_at);
        let destination = self.destinations.get(&(channel, recipient.to_owned()));
        pacing.max(destination.map(Destination::opens_at)).unwrap_or_default()
    }

    /// Returns what one channel looks like.
    pub(crate) fn view(&self, channel: usize, now: Timestamp) -> DeliveryView {
        let mut view = DeliveryView::default();
        for ticket in self.tickets.values().filter(|ticket| ticket.channel == channel) {
            view.pending += 1;
            view.in_flight += u64::from(ticket.state.in_flight);
            view.bytes += ticket.size;
            let at = ticket.key.accepted_at();
            view.oldest = Some(view.oldest.map_or(at, |known| known.min(at)));
            if ticket.severity == watchfire_core::Severity::Critical {
                view.oldest_critical = Some(view.oldest_critical.map_or(at, |known| known.min(at)));
            }
        }
        if let Some(pacing) = self.pacings.get(&channel) {
            view.held = pacing.held.is_open();
            view.paused_until = Some(pacing.paused_until).filter(|until| *until > now);
        }
        for ((of, _), destination) in &self.destinations {
            if *of == channel {
                view.breakers_open += u64::from(destination.breaker.is_open());
                let paused = destination.paused_until.filter(|until| *until > now);
                view.paused_until = view.paused_until.max(paused);
            }
        }
        view
    }

    /// Returns since when a channel has something that waits for nothing but its provider.
    pub(crate) fn waits_since(&self, channel: usize) -> Option<Timestamp> {
        let waits = |ticket: &&Ticket| ticket.channel == channel && !ticket.state.deferred;
        self.tickets.values().filter(waits).map(|ticket| ticket.key.accepted_at().max(ticket.paid)).min()
    }

    /// Takes a ticket out of its destination's queue.
    fn leave(&mut self, ticket: &Ticket) {
        let address = (ticket.channel, ticket.recipient.clone());
        if let Some(destination) = self.destinations.get_mut(&address) {
            destination.waiting.remove(&ticket.key);
            if destination.busy == Some(ticket.key) {
                destination.busy = None;
                destination.breaker.abandon();
                if let Some(pacing) = self.pacings.get_mut(&ticket.channel) {
                    pacing.held.abandon();
                    pacing.under_way = pacing.under_way.saturating_sub(1);
                }
            }
            if destination.is_forgettable() {
                self.destinations.remove(&address);
            }
        }
    }

    /// Puts a ticket back into its destination's queue.
    fn wait_again(&mut self, ticket: Ticket) {
        let address = (ticket.channel, ticket.recipient.clone());
        self.destinations.entry(address).or_default().waiting.insert(ticket.key);
        self.tickets.insert(ticket.key, ticket);
    }
}

#[cfg(test)]
mod tests;
