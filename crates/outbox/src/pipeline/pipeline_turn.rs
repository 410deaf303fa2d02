//! Have the aggregators of all channels speak: what they decide is rendered, spooled, counted and kept.
//!
//! It reads no clock. The worker and the simulator drive it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use watchfire_core::{Alert, App};

use crate::{
    GroupId, GroupSummary, OccasionKind,
    aggregate::{
        Aggregator, Emission, Silences,
        callsite_limiter::{Collector, RepeatKey},
    },
    model::{
        DeliveryState, QueuedMessage, Timestamp,
        stats::{Counters, add},
    },
    pipeline::{
        channel_state::{ChannelState, Channels},
        dispatch::{Adoption, Dispatch, Job, SLICE},
    },
    spool::Files,
};

/// How often counts are written to the disk while they change; a message has them written at once.
pub(crate) const KEEP: Duration = Duration::from_secs(1);
/// How often the gates are collected from while they count.
const COLLECT: Duration = Duration::from_millis(500);
/// When idle callsites are looked for.
const GIVE_BACK: Duration = Duration::from_secs(61);
/// How often the folder of silences is read, and the quiet hours are looked up.
const LOOK: Duration = Duration::from_secs(2);
/// How often the counts of processes that are gone are looked for.
pub(crate) const ADOPT: Duration = Duration::from_secs(60);

/// A channel's aggregator, and when it was last written down.
pub(crate) struct Counting {
    pub(crate) aggregator: Aggregator,
    collector: Collector,
    /// When the callsite limiter is collected from next.
    collect_at: Option<Timestamp>,
    kept: Option<Timestamp>,
    owes_keep: bool,
    adopted: Timestamp,
}

impl Counting {
    /// Opens the aggregator of a channel, with what processes that are gone have left for it.
    ///
    /// What the living have spent counts too: a program that is started again and again among siblings that live on
    /// would have a full budget each time.
    pub(crate) fn new<F: Files>(
        channel: &ChannelState,
        dispatch: &mut Dispatch<F>,
        app: &Arc<App>,
        now: Timestamp,
    ) -> Self {
        let policy = &channel.tuning().policy;
        let mut aggregator = Aggregator::new(
            &channel.name,
            policy.notifications.clone(),
            channel.rate_limiter.clone(),
            policy.can_edit,
        );
        for text in dispatch.other_groups(&channel.name) {
            aggregator.inherit(&text, now);
        }
        let mut counting = Self {
            aggregator,
            collector: Collector::default(),
            collect_at: None,
            kept: None,
            owes_keep: false,
            adopted: now,
        };
        counting.adopt(channel, dispatch, app, true, now);
        counting
    }

    /// Takes over what processes that are gone have counted and not told.
    fn adopt<F: Files>(
        &mut self,
        channel: &ChannelState,
        dispatch: &mut Dispatch<F>,
        app: &Arc<App>,
        at_start: bool,
        now: Timestamp,
    ) {
        self.adopted = now;
        let (aggregator, mut alerts, mut adopted) = (&mut self.aggregator, Vec::new(), 0);
        let adoption = dispatch.adopt_groups(&channel.name, at_start, now, |texts| {
            for text in texts {
                alerts.extend(Aggregator::alerts_of(text));
                adopted += aggregator.restore(text, app, now);
            }
            aggregator.has_changed();
            aggregator.checkpoint(now)
        });
        dispatch.note_adopted(alerts);
        add(&channel.counters.adopted, adopted);
        match adoption {
            Adoption::Nothing => {}
            Adoption::Kept => self.owes_keep = false,
            Adoption::NotKept => (self.owes_keep, self.kept) = (true, None),
            Adoption::Later => self.adopted = now - (ADOPT - KEEP),
        }
    }

    /// Tells whether all is written down, and when it last was.
    #[cfg(feature = "sim")]
    pub(crate) fn kept(&self) -> (bool, Option<Timestamp>) {
        (!self.owes_keep, self.kept)
    }

    /// Returns when it last took over what others have left.
    #[cfg(feature = "sim")]
    pub(crate) fn adopted(&self) -> Timestamp {
        self.adopted
    }
}

/// The facts about an alert that it does not hold itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remarks {
    /// Said with it.
    pub(crate) notes: Vec<String>,
    /// It may have been said before.
    pub(crate) maybe_duplicate: bool,
}

/// How much of its counts a turn reports and writes down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// The program ends: what is left is reported, unless the next process goes on counting.
    pub(crate) last_words: bool,
    /// The limiters of callsites are collected from now, not when it is time to.
    pub(crate) collects: bool,
    pub(crate) keeps_at_once: bool,
}

/// The channels, their aggregators, and where what they say goes.
pub(crate) struct Pipeline<'a, F: Files> {
    pub(crate) dispatch: &'a mut Dispatch<F>,
    pub(crate) channels: &'a Channels,
    pub(crate) aggregators: &'a mut Vec<Counting>,
    /// When the silences were last read.
    pub(crate) looked: &'a mut Option<Timestamp>,
}

impl<F: Files> Pipeline<'_, F> {
    /// Has a channel take an alert that stands for `weight`; `remarks` go with it if it is said now.
    pub(crate) fn take(
        &mut self,
        number: usize,
        alert: Arc<Alert>,
        weight: u64,
        remarks: &Remarks,
        now: Timestamp,
    ) -> Option<GroupId> {
        let (channel, counting) = (self.channels.get(number)?, self.aggregators.get_mut(number)?);
        let named = channel.name_group(&alert);
        let mut emissions = Vec::new();
        let group = counting.aggregator.take(alert, named.as_deref(), weight, now, &mut emissions);
        if remarks.maybe_duplicate {
            counting.aggregator.note_maybe_told(group);
        }
        for emission in &mut emissions {
            emission.summary.notes.splice(0..0, remarks.notes.iter().cloned());
            emission.maybe_duplicate |= remarks.maybe_duplicate;
        }
        self.say_all(number, emissions, now);
        Some(group)
    }

    /// Notes whose the repeats of an event are that has passed the callsite limiter.
    pub(crate) fn note_repeats(
        &mut self,
        number: usize,
        key: Option<RepeatKey>,
        group: Option<GroupId>,
        now: Timestamp,
    ) {
        let (Some(counting), Some(group)) = (self.aggregators.get_mut(number), group) else { return };
        let at = match key {
            Some(key) => {
                counting.collector.owns(key, group);
                now
            }
            // Its callsite has a slot, which is given back when it is idle.
            None => now + GIVE_BACK,
        };
        counting.collect_at = Some(counting.collect_at.map_or(at, |known| known.min(at)));
    }

    /// Hands what the callsite limiter has counted to the aggregator; `micros` is the limiter's time.
    fn collect(&mut self, number: usize, asked: bool, micros: u64, now: Timestamp) -> Option<Timestamp> {
        let (channel, counting) = (self.channels.get(number)?, self.aggregators.get_mut(number)?);
        if counting.collect_at.is_some_and(|at| at <= now) || asked {
            let mut emissions = Vec::new();
            let aggregator = &mut counting.aggregator;
            let is_live = counting.collector.collect(&channel.callsite_limiter, now, micros, |repeats| {
                add(&channel.counters.captured, repeats.count);
                if repeats.unread {
                    aggregator.note_unread(repeats.of, repeats.count);
                }
                aggregator.count(repeats.of, repeats.count, now, &mut emissions);
            });
            // The next event that passes brings us back.
            counting.collect_at = is_live.then(|| now + COLLECT);
            self.say_all(number, emissions, now);
        }
        self.aggregators.get(number)?.collect_at
    }

    /// Lets the aggregators say what is due; returns when something is due again. `asked` has the gates collected from now;
    /// with `last_words` what is left is said, unless the next process goes on counting.
    fn count(&mut self, last_words: bool, asked: bool, micros: u64, now: Timestamp) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        for number in 0..self.aggregators.len() {
            let collect = self.collect(number, last_words || asked, micros, now);
            let emissions = self.ask(number, last_words, now);
            self.say_all(number, emissions, now);
            self.tell_counts(number);
            let Some(counting) = self.aggregators.get(number) else { continue };
            next = [next, counting.aggregator.due(), collect].into_iter().flatten().min();
        }
        next
    }

    /// Reports what is due, forces that to the disk, and then writes down that it is reported: a count that is written
    /// down as reported must not be lost with its message. Returns when something is due again.
    pub(crate) fn report(&mut self, extent: Extent, micros: u64, now: Timestamp) -> Option<Timestamp> {
        let next = self.count(extent.last_words, extent.collects, micros, now);
        let rest = self.dispatch.take_slice(self.channels, SLICE, now).then_some(now);
        self.dispatch.commit();
        let keep_due = self.keep_counts(extent.keeps_at_once, now);
        [next, rest, keep_due].into_iter().flatten().min()
    }

    /// Returns what to do next. What an attempt costs the budget is written down before it leaves.
    pub(crate) fn next_job(&mut self, now: Timestamp) -> Job {
        let job = self.dispatch.next(self.channels, now);
        if matches!(job, Job::Attempt { .. }) {
            self.keep_spent(now);
        }
        job
    }

    /// Takes over what processes that are gone have counted, once a minute.
    pub(crate) fn adopt(&mut self, app: &Arc<App>, now: Timestamp) {
        if !self.dispatch.is_durable() {
            return;
        }
        for (channel, counting) in self.channels.iter().zip(self.aggregators.iter_mut()) {
            if now.since(counting.adopted) >= ADOPT {
                counting.adopt(channel, self.dispatch, app, false, now);
            }
        }
    }

    /// Writes down what has changed; returns when the next is to be.
    pub(crate) fn keep_counts(&mut self, at_once: bool, now: Timestamp) -> Option<Timestamp> {
        let numbers = 0..self.aggregators.len();
        numbers
            .filter_map(|number| {
                self.keep(number, at_once, now);
                self.tell_counts(number);
                let counting = self.aggregators.get(number)?;
                counting.owes_keep.then(|| counting.kept.unwrap_or(now) + KEEP)
            })
            .min()
    }

    /// Writes all down for the last time: the program ends in order.
    pub(crate) fn close_counts(&mut self, now: Timestamp) {
        for counting in self.aggregators.iter_mut().filter(|counting| counting.aggregator.pending() > 0) {
            counting.aggregator.close_book();
        }
        self.keep_counts(true, now);
    }

    /// Writes down what was spent for other channels, before it leaves.
    fn keep_spent(&mut self, now: Timestamp) {
        for number in 0..self.aggregators.len() {
            if self.channels.get(number).is_some_and(|channel| channel.rate_limiter.is_spent()) {
                self.keep(number, true, now);
            }
        }
    }

    fn ask(&mut self, number: usize, last_words: bool, now: Timestamp) -> Vec<Emission> {
        let mut emissions = Vec::new();
        let (Some(channel), Some(counting)) = (self.channels.get(number), self.aggregators.get_mut(number))
        else {
            return emissions;
        };
        let dispatch = &self.dispatch;
        // While an earlier message of the group waits, another edit would only pile up behind it.
        let editable = |group| {
            let mut tickets = dispatch.delivery.tickets();
            dispatch.has_receipts(&channel.name, group)
                && !tickets.any(|ticket| ticket.channel == number && ticket.group == group)
        };
        counting.aggregator.tick(now, &editable, &mut emissions);
        // With a folder the next process goes on counting; a program that crashes every few seconds would say a digest
        // at each end otherwise.
        if last_words && !dispatch.is_durable() {
            counting.aggregator.close(now, &mut emissions);
        }
        emissions
    }

    fn say_all(&mut self, number: usize, emissions: Vec<Emission>, now: Timestamp) {
        for emission in emissions {
            self.say_one(number, emission, now);
        }
    }

    fn say_one(&mut self, number: usize, emission: Emission, now: Timestamp) {
        let Some(channel) = self.channels.get(number) else { return };
        let Emission { mut summary, told, maybe_duplicate } = emission;
        let is_edit = summary.kind == OccasionKind::Edit;
        let pings = !matches!(summary.kind, OccasionKind::Edit | OccasionKind::Quiet);
        let deferred = self.dispatch.deferred_note(number, now).filter(|_| pings);
        let tells_deferred = deferred.is_some();
        summary.notes.extend(deferred);
        let counters = &channel.counters;
        let state = DeliveryState { not_before: now, maybe_duplicate, ..DeliveryState::default() };
        match self.say(number, summary, state, tells_deferred, now) {
            Some(0) | None if told == 0 => {}
            // The sink has nothing to say about this, or could not.
            Some(0) => {
                add(&counters.suppressed, told);
                add(&counters.drops_to_note, told);
            }
            None => {
                add(&counters.dropped_render, told);
                add(&counters.drops_to_note, told);
            }
            Some(_) => {
                let shown = u64::from(!is_edit).min(told);
                add(&counters.rendered, shown);
                add(&counters.grouped, told - shown);
            }
        }
        if let Some(counting) = self.aggregators.get_mut(number).filter(|_| pings) {
            counting.kept = None;
        }
    }

    /// Renders an occasion and puts what comes of it on its way; returns how many notifications that are, and `None` if
    /// the sink could not render it.
    fn say(
        &mut self,
        number: usize,
        summary: GroupSummary,
        state: DeliveryState,
        tells_deferred: bool,
        now: Timestamp,
    ) -> Option<usize> {
        let channel = self.channels.get(number)?;
        let receipts = match summary.kind {
            // A first message stands for itself, whatever was sent about an earlier group of that name.
            OccasionKind::First => Vec::new(),
            _ => self.dispatch.receipts(&channel.name, summary.group),
        };
        let (rendered, summary) = channel.render(summary, &receipts, now)?;
        let count = rendered.len();
        let messages = QueuedMessage::all(rendered, &summary, now);
        let accepted = self.dispatch.accept(state, self.channels, number, messages, now);
        if tells_deferred {
            self.dispatch.fold_deferred(self.channels, number, &accepted);
        }
        Some(count)
    }

    fn keep(&mut self, number: usize, at_once: bool, now: Timestamp) {
        let (Some(channel), Some(counting)) = (self.channels.get(number), self.aggregators.get_mut(number))
        else {
            return;
        };
        counting.owes_keep |= counting.aggregator.has_changed();
        let rested = counting.kept.is_none_or(|kept| now.since(kept) >= KEEP);
        if !counting.owes_keep || !(rested || at_once) || !self.dispatch.is_durable() {
            counting.owes_keep &= self.dispatch.is_durable();
            return;
        }
        counting.kept = Some(now);
        let text = counting.aggregator.checkpoint(now);
        // On a full disk it is tried again after a while; the self-log has the spool's own trouble.
        counting.owes_keep = !self.dispatch.keep_groups(&channel.name, &text, now);
    }

    /// Hands the aggregator's counts to the stats.
    fn tell_counts(&self, number: usize) {
        let (Some(channel), Some(counting)) = (self.channels.get(number), self.aggregators.get(number))
        else {
            return;
        };
        let Counters { unreported, few, groups, held_back, .. } = &channel.counters;
        let tally = counting.aggregator.tally();
        unreported.store(counting.aggregator.pending(), Ordering::Release);
        held_back.store(counting.aggregator.held_back(), Ordering::Release);
        few.store(
            tally.suppressed.saturating_sub(counting.aggregator.suppressed_before()),
            Ordering::Release,
        );
        groups.store(counting.aggregator.open_groups() as u64, Ordering::Release);
    }

    /// Notes what of each channel is held up: the more that is, the less is said beside it.
    pub(crate) fn note_overdue(&mut self, now: Timestamp) {
        for (number, (channel, counting)) in self.channels.iter().zip(self.aggregators.iter_mut()).enumerate()
        {
            if channel.rate_limiter.is_bounded()
                && channel.rate_limiter.note_overdue(self.dispatch.delivery.overdue(number, now))
            {
                counting.aggregator.look_again(now);
            }
        }
    }

    /// Reads what people want silenced, and looks up the quiet hours, every other second.
    pub(crate) fn read_silences(&mut self, now: Timestamp) {
        let hushes =
            self.aggregators.iter().any(|counting| counting.aggregator.policy().quiet_hours.is_some());
        if (!hushes && !self.dispatch.is_durable()) || self.looked.is_some_and(|last| now.since(last) < LOOK)
        {
            return;
        }
        *self.looked = Some(now);
        let silences = self.dispatch.silences(now).map(Silences::new);
        for counting in self.aggregators.iter_mut() {
            if let Some(silences) = &silences {
                counting.aggregator.silence(silences.clone(), now);
            }
            let hours = counting.aggregator.policy().quiet_hours.as_ref();
            let until = hours.and_then(|hours| hours.until(now.into())).map(Timestamp::from);
            counting.aggregator.hush(until);
        }
    }
}

#[cfg(test)]
mod tests;
