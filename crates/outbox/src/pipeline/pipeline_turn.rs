//! Have the desks of all channels speak: what they decide is rendered, spooled, counted and kept.
//!
//! It reads no clock. The courier and the simulator drive it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use watchfire_core::{Alert, App};

use crate::{
    GroupId, Occasion, OccasionKind,
    aggregate::Silences,
    aggregate::callsite_limiter::{Collector, Key},
    aggregate::{Desk, Say},
    delivery::State,
    model::stats::{Counters, add},
    model::timestamp::Moment,
    pipeline::channel_state::{ChannelState, Channels},
    pipeline::dispatch::Dispatch,
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
const ADOPT: Duration = Duration::from_secs(60);

/// Is a channel's desk, and when it was last written down.
pub(crate) struct Counting {
    pub(crate) desk: Desk,
    collector: Collector,
    /// When the gate is collected from next.
    collect_at: Option<Moment>,
    kept: Option<Moment>,
    owes_keep: bool,
    adopted: Moment,
}

impl Counting {
    /// Opens the desk of a channel, with what processes that are gone have left for it.
    ///
    /// What the living have spent counts too: a program that is started again and again among siblings that live on
    /// would have a full budget each time.
    pub(crate) fn new<F: Files>(
        channel: &ChannelState,
        dispatch: &mut Dispatch<F>,
        app: &Arc<App>,
        now: Moment,
    ) -> Self {
        let policy = &channel.tuning().policy;
        let mut desk = Desk::new(&channel.name, policy.noise.clone(), channel.purse.clone(), policy.can_edit);
        for text in dispatch.other_groups(&channel.name) {
            desk.inherit(&text, now);
        }
        let mut counting = Self {
            desk,
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
        now: Moment,
    ) {
        self.adopted = now;
        for left in dispatch.take_groups(&channel.name, at_start, now) {
            dispatch.note_carried(Desk::alerts_of(&left.text));
            add(&channel.counters.carried, self.desk.restore(&left, app, now));
            (self.owes_keep, self.kept) = (true, None);
        }
    }

    /// Tells whether all is written down, and when it last was.
    #[cfg(feature = "sim")]
    pub(crate) fn kept(&self) -> (bool, Option<Moment>) {
        (!self.owes_keep, self.kept)
    }

    /// Returns when it last took over what others have left.
    #[cfg(feature = "sim")]
    pub(crate) fn adopted(&self) -> Moment {
        self.adopted
    }
}

/// Is what is known of an alert beside itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remarks {
    /// Said with it.
    pub(crate) notes: Vec<String>,
    /// It may have been said before.
    pub(crate) maybe_duplicate: bool,
}

/// Is the channels, their desks, and where what they say goes.
pub(crate) struct Talk<'a, F> {
    pub(crate) dispatch: &'a mut Dispatch<F>,
    pub(crate) channels: &'a Channels,
    pub(crate) desks: &'a mut Vec<Counting>,
    /// When the silences were last read.
    pub(crate) looked: &'a mut Option<Moment>,
}

impl<F: Files> Talk<'_, F> {
    /// Has a channel take an alert that stands for `weight`; `remarks` go with it if it is said now.
    pub(crate) fn take(
        &mut self,
        number: usize,
        alert: Arc<Alert>,
        weight: u64,
        remarks: &Remarks,
        now: Moment,
    ) -> Option<GroupId> {
        let (channel, counting) = (self.channels.get(number)?, self.desks.get_mut(number)?);
        let named = channel.name_group(&alert);
        let mut says = Vec::new();
        let group = counting.desk.take(alert, named.as_deref(), weight, now, &mut says);
        for say in &mut says {
            say.notes.splice(0..0, remarks.notes.iter().cloned());
            say.maybe_duplicate |= remarks.maybe_duplicate;
        }
        self.say_all(number, says, now);
        Some(group)
    }

    /// Notes whose the repeats of an event are that has passed the gate.
    pub(crate) fn note_repeats(
        &mut self,
        number: usize,
        key: Option<Key>,
        group: Option<GroupId>,
        now: Moment,
    ) {
        let (Some(counting), Some(group)) = (self.desks.get_mut(number), group) else { return };
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

    /// Hands what the gate has counted to the desk; `micros` is the time of the gate.
    fn collect(&mut self, number: usize, asked: bool, micros: u64, now: Moment) -> Option<Moment> {
        let (channel, counting) = (self.channels.get(number)?, self.desks.get_mut(number)?);
        if counting.collect_at.is_some_and(|at| at <= now) || asked {
            let mut says = Vec::new();
            let desk = &mut counting.desk;
            let is_live = counting.collector.collect(&channel.gate, now, micros, |repeats| {
                add(&channel.counters.captured, repeats.count);
                if repeats.unread {
                    desk.note_unread(repeats.of, repeats.count);
                }
                desk.count(repeats.of, repeats.count, now, &mut says);
            });
            // The next event that passes brings us back.
            counting.collect_at = is_live.then(|| now + COLLECT);
            self.say_all(number, says, now);
        }
        self.desks.get(number)?.collect_at
    }

    /// Lets the desks say what is due; returns when something is due again. `asked` has the gates collected from now;
    /// with `last_words` what is left is said, unless the next process goes on counting.
    pub(crate) fn count(
        &mut self,
        last_words: bool,
        asked: bool,
        micros: u64,
        now: Moment,
    ) -> Option<Moment> {
        let mut next: Option<Moment> = None;
        for number in 0..self.desks.len() {
            let collect = self.collect(number, last_words || asked, micros, now);
            let says = self.ask(number, last_words, now);
            self.say_all(number, says, now);
            self.tell_counts(number);
            let Some(counting) = self.desks.get(number) else { continue };
            next = [next, counting.desk.due(), collect].into_iter().flatten().min();
        }
        next
    }

    /// Takes over what processes that are gone have counted, once a minute.
    pub(crate) fn adopt(&mut self, app: &Arc<App>, now: Moment) {
        if !self.dispatch.is_durable() {
            return;
        }
        for (channel, counting) in self.channels.iter().zip(self.desks.iter_mut()) {
            if now.since(counting.adopted) >= ADOPT {
                counting.adopt(channel, self.dispatch, app, false, now);
            }
        }
    }

    /// Writes down what has changed; returns when the next is to be.
    pub(crate) fn keep_counts(&mut self, at_once: bool, now: Moment) -> Option<Moment> {
        let numbers = 0..self.desks.len();
        numbers
            .filter_map(|number| {
                self.keep(number, at_once, now);
                self.tell_counts(number);
                let counting = self.desks.get(number)?;
                counting.owes_keep.then(|| counting.kept.unwrap_or(now) + KEEP)
            })
            .min()
    }

    /// Writes all down for the last time: the program ends in order.
    pub(crate) fn close_counts(&mut self, now: Moment) {
        for counting in self.desks.iter_mut().filter(|counting| counting.desk.pending() > 0) {
            counting.desk.close_book();
        }
        self.keep_counts(true, now);
    }

    /// Writes down what was spent for other channels, before it leaves.
    pub(crate) fn keep_spent(&mut self, now: Moment) {
        for number in 0..self.desks.len() {
            if self.channels.get(number).is_some_and(|channel| channel.purse.is_spent()) {
                self.keep(number, true, now);
            }
        }
    }

    fn ask(&mut self, number: usize, last_words: bool, now: Moment) -> Vec<Say> {
        let mut says = Vec::new();
        let (Some(channel), Some(counting)) = (self.channels.get(number), self.desks.get_mut(number)) else {
            return says;
        };
        let dispatch = &self.dispatch;
        // While an earlier message of the group waits, another edit would only pile up behind it.
        let editable = |group| {
            let mut tickets = dispatch.delivery.tickets();
            dispatch.has_receipts(&channel.name, group)
                && !tickets.any(|ticket| ticket.channel == number && ticket.group == group)
        };
        counting.desk.tick(now, &editable, &mut says);
        // With a folder the next process goes on counting; a program that crashes every few seconds would say a digest
        // at each end otherwise.
        if last_words && !dispatch.is_durable() {
            counting.desk.close(now, &mut says);
        }
        says
    }

    fn say_all(&mut self, number: usize, says: Vec<Say>, now: Moment) {
        for say in says {
            self.say_one(number, &say, now);
        }
    }

    fn say_one(&mut self, number: usize, say: &Say, now: Moment) {
        let Some(channel) = self.channels.get(number) else { return };
        let pings = !matches!(say.kind, OccasionKind::Edit | OccasionKind::Quiet);
        let deferred = self.dispatch.deferred_note(number, now).filter(|_| pings);
        let tells_deferred = deferred.is_some();
        let notes: Vec<String> = say.notes.iter().cloned().chain(deferred).collect();
        let occasion = Occasion::first(&say.alert, &channel.name, say.group, now.into())
            .of_kind(say.kind, say.number)
            .counts(say.counts)
            .outlook(say.outlook)
            .others(&say.mentions)
            .notes(&notes);
        let counters = &channel.counters;
        let state = State { not_before: now, maybe_duplicate: say.maybe_duplicate, ..State::default() };
        match self.say(number, &occasion, state, tells_deferred, now) {
            Some(0) | None if say.told == 0 => {}
            // The sink has nothing to say about this, or could not.
            Some(0) => {
                add(&counters.withheld, say.told);
                add(&counters.unreported, say.told);
            }
            None => {
                add(&counters.dropped_render, say.told);
                add(&counters.unreported, say.told);
            }
            Some(_) => {
                let shown = u64::from(say.kind != OccasionKind::Edit).min(say.told);
                add(&counters.rendered, shown);
                add(&counters.grouped, say.told - shown);
            }
        }
        if let Some(counting) = self.desks.get_mut(number).filter(|_| pings) {
            counting.kept = None;
        }
    }

    /// Renders an occasion and puts what comes of it on its way; returns how many notifications that are, and `None` if
    /// the sink could not render it.
    fn say(
        &mut self,
        number: usize,
        occasion: &Occasion<'_>,
        state: State,
        tells_deferred: bool,
        now: Moment,
    ) -> Option<usize> {
        let channel = self.channels.get(number)?;
        let receipts = self.dispatch.receipts(&channel.name, occasion.group());
        let occasion = match occasion.kind() {
            // A first message stands for itself, whatever was said of an earlier group of that name.
            OccasionKind::First => occasion.clone(),
            _ => occasion.clone().receipts(&receipts),
        };
        let (rendered, facts) = channel.render(&occasion, now)?;
        let count = rendered.len();
        let accepted = self.dispatch.accept(state, self.channels, number, rendered, &facts, now);
        if tells_deferred {
            self.dispatch.fold_deferred(self.channels, number, &accepted);
        }
        Some(count)
    }

    fn keep(&mut self, number: usize, at_once: bool, now: Moment) {
        let (Some(channel), Some(counting)) = (self.channels.get(number), self.desks.get_mut(number)) else {
            return;
        };
        counting.owes_keep |= counting.desk.has_changed();
        let rested = counting.kept.is_none_or(|kept| now.since(kept) >= KEEP);
        if !counting.owes_keep || !(rested || at_once) || !self.dispatch.is_durable() {
            counting.owes_keep &= self.dispatch.is_durable();
            return;
        }
        counting.kept = Some(now);
        let text = counting.desk.checkpoint(now);
        // On a full disk it is tried again after a while; the self-log has the spool's own trouble.
        counting.owes_keep = !self.dispatch.keep_groups(&channel.name, &text, now);
    }

    /// Hands the desk's counts to the stats.
    fn tell_counts(&self, number: usize) {
        let (Some(channel), Some(counting)) = (self.channels.get(number), self.desks.get(number)) else {
            return;
        };
        let Counters { untold, few, groups, .. } = &channel.counters;
        let tally = counting.desk.tally();
        untold.store(counting.desk.pending(), Ordering::Release);
        few.store(tally.withheld.saturating_sub(counting.desk.withheld_before()), Ordering::Release);
        groups.store(counting.desk.open_groups() as u64, Ordering::Release);
    }

    /// Notes what of each channel is held up: the more that is, the less is said beside it.
    pub(crate) fn note_overdue(&mut self, now: Moment) {
        for (number, (channel, counting)) in self.channels.iter().zip(self.desks.iter_mut()).enumerate() {
            if channel.purse.is_bounded()
                && channel.purse.note_overdue(self.dispatch.delivery.overdue(number, now))
            {
                counting.desk.look_again(now);
            }
        }
    }

    /// Reads what people want silenced, and looks up the quiet hours, every other second.
    pub(crate) fn read_silences(&mut self, now: Moment) {
        let hushes = self.desks.iter().any(|counting| counting.desk.noise().quiet_hours.is_some());
        if (!hushes && !self.dispatch.is_durable()) || self.looked.is_some_and(|last| now.since(last) < LOOK)
        {
            return;
        }
        *self.looked = Some(now);
        let silences = self.dispatch.silences(now).map(Silences::new);
        for counting in self.desks.iter_mut() {
            if let Some(silences) = &silences {
                counting.desk.silence(silences.clone(), now);
            }
            let hours = counting.desk.noise().quiet_hours.as_ref();
            let until = hours.and_then(|hours| hours.until(now.into())).map(Moment::from);
            counting.desk.hush(until);
        }
    }
}

#[cfg(test)]
mod tests;
