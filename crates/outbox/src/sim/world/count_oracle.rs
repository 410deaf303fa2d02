//! Keep the books of the aggregators: what was captured was told, withheld, waits, or is known to be lost with a crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{Process, World, adoption_oracle::LeftCounts, aggregation::may_speak};
use crate::{
    GroupId, NotificationId, OccasionKind, model::Timestamp, pipeline::pipeline_turn::KEEP,
    sim::fake_disk::Mode, sink::OVERDUE, spool::Owner,
};

/// The simulator's view of one aggregator of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// Alerts that its program has emitted.
    pub(super) fed: u64,
    /// The same since the counts were last written down, what was told since, and messages made since.
    pub(super) since: Since,
    written: Option<Written>,
    told: u64,
    messages: usize,
    made: BTreeSet<NotificationId>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Since {
    pub(super) fed: u64,
    told: u64,
    carried: u64,
    pub(super) pings: u64,
    heard: u64,
    made: Vec<NotificationId>,
}

/// The state that a process has stored for one channel.
#[derive(Clone, Debug)]
struct Written {
    file: Rc<Vec<u8>>,
    pending: u64,
    told: BTreeSet<GroupId>,
}

/// A process that is gone, and whose last words on the disk are not known yet.
#[derive(Debug)]
pub(super) struct Grave {
    pub(super) owner: Owner,
    books: Vec<(Book, Option<String>, u64)>,
}

/// Sums up what processes that are gone have done with the alerts of one channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    fed: u64,
    told: u64,
    withheld: u64,
    /// Counted and gone with a crash; below 0 if told twice for it.
    pub(super) lost: i128,
}

/// The messages that people receive, for the rate limits.
#[derive(Debug, Default)]
pub(super) struct Pings {
    pub(super) counted: BTreeSet<NotificationId>,
    /// Catch-ups, and what they stand for.
    pub(super) parts: BTreeMap<NotificationId, Vec<NotificationId>>,
    times: BTreeMap<(usize, String), Vec<Timestamp>>,
    /// When people have heard them.
    heard: BTreeMap<(usize, String), Vec<Timestamp>>,
    /// Messages of which a crash has taken the knowledge, by channel.
    excess: BTreeMap<usize, u64>,
    /// Messages of which it has taken the knowledge that they are late.
    excess_heard: BTreeMap<usize, u64>,
}

impl Process {
    pub(super) fn carried(&self) -> Vec<u64> {
        self.channels.iter().map(|channel| channel.counters.carried.load(Ordering::Acquire)).collect()
    }
}

impl World {
    /// Checks what a process has taken over, which it did if `adopts` says so: all that was left, and nothing twice.
    pub(super) fn note_adopted(
        &mut self,
        process: &mut Process,
        before: &[u64],
        adopts: &[bool],
    ) -> Result<(), String> {
        let movable = self.disk.borrow().mode != Mode::ReadOnly;
        for (to, carried) in process.carried().into_iter().enumerate() {
            let taken = carried - before.get(to).copied().unwrap_or_default();
            let adopts = movable && adopts.get(to).copied().unwrap_or_default();
            let mut left = 0;
            let Some(counting) = process.aggregators.get(to) else { continue };
            let free = self.left.iter().filter(|estate| self.is_free(estate, &process.owner));
            let free: BTreeSet<String> = free.map(|estate| estate.name.clone()).collect();
            for estate in self.left.iter_mut().filter(|left| left.channel == to && left.taker.is_none()) {
                // Who died in the middle of it has what has its name on it.
                let passed_on = format!("state/groups/{}+{}", estate.name, process.owner);
                let has_name = || self.disk.borrow().content(&passed_on).is_some();
                if !(if process.is_dead() { has_name() } else { adopts && free.contains(&estate.name) }) {
                    continue;
                }
                left += estate.pending;
                estate.pass_to(&process.owner);
                let told = |id: &&GroupId| counting.aggregator.known(**id).is_none_or(|(_, owed)| owed);
                if let Some(id) = estate.told.iter().find(told) {
                    return Err(format!("{id} was told of by {to}, and the next process does not know"));
                }
            }
            if taken != left {
                return Err(format!("{left} were left for {to}, and {taken} were taken over"));
            }
            if let Some(book) = process.books.get_mut(to) {
                book.since.carried += taken;
            }
        }
        Ok(())
    }

    /// Checks the aggregators of a process; `ticked` if they have just said what is due.
    pub(super) fn balance(&mut self, process: &mut Process, ticked: bool) -> Result<(), String> {
        if process.is_dead() {
            return Ok(());
        }
        let now = process.clock(self.now);
        for to in 0..process.channels.len() {
            self.balance_one(process, to, ticked, now).map_err(|broken| format!("channel {to}: {broken}"))?;
        }
        self.check_budgets()
    }

    fn balance_one(
        &mut self,
        process: &mut Process,
        to: usize,
        ticked: bool,
        now: Timestamp,
    ) -> Result<(), String> {
        let (Some(channel), Some(counting), Some(shown)) =
            (process.channels.get(to), process.aggregators.get(to), process.shown.get(to))
        else {
            return Ok(());
        };
        let Some(book) = process.books.get_mut(to) else { return Ok(()) };
        let (aggregator, counters) = (&counting.aggregator, &channel.counters);
        let (tally, pending) = (aggregator.tally(), aggregator.pending());
        if tally.taken != tally.told + tally.withheld + pending {
            return Err(format!("{tally:?} and {pending} that wait do not add up"));
        }
        let carried = counters.carried.load(Ordering::Acquire);
        if tally.taken != book.fed + carried + aggregator.withheld_before() {
            return Err(format!("{} fed and {carried} carried are not {tally:?}", book.fed));
        }
        let said = counters.rendered.load(Ordering::Acquire) + counters.grouped.load(Ordering::Acquire);
        if said != tally.told {
            return Err(format!("{} are told of, and messages said {said}", tally.told));
        }
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let pings = |kind: OccasionKind| !matches!(kind, OccasionKind::Edit | OccasionKind::Quiet);
        let read: u64 = shown.iter().filter(|(kind, ..)| pings(*kind)).map(|(.., fresh)| fresh).sum();
        // What edits have told comes in a digest again.
        if read != tally.told && !channel.tuning().policy.can_edit {
            return Err(format!("{} are told of, and the messages have {read}", tally.told));
        }
        let messages = shown.iter().filter(|(kind, ..)| pings(*kind)).count();
        drop(shown);
        if (self.plan.steady && ticked)
            && let Some((id, severity)) = aggregator
                .owed_groups()
                .find(|(id, severity)| may_speak(channel, counting, *id, *severity, now))
        {
            let story = aggregator.story(id);
            return Err(format!("at {now:?} the first of {id} ({severity}) waits for nothing: {story}"));
        }
        book.since.told += tally.told + tally.withheld - aggregator.withheld_before() - book.told;
        book.told = tally.told + tally.withheld - aggregator.withheld_before();
        let (written, kept) = counting.kept();
        let is_sound = self.disk.borrow().mode == Mode::Sound;
        let is_late = kept.is_none_or(|kept| now.since(kept) >= KEEP) || messages > book.messages;
        if !written && is_sound && is_late {
            return Err("counts are not written down in time".to_owned());
        }
        book.messages = messages;
        if written {
            let path = process.dispatch.groups_file(&channel.name).unwrap_or_default();
            if tally.taken > 0 && self.disk.borrow().content(&path).is_none() {
                return Err("counts are said to be written down, and are not".to_owned());
            }
            if let Some(file) = self.disk.borrow().content(&path) {
                book.written = Some(Written { file, pending, told: aggregator.told_groups() });
                book.since = Since::default();
                self.left.retain(|left| left.channel != to || left.taker.as_ref() != Some(&process.owner));
            }
        }
        Ok(())
    }

    /// Notes a process that is gone; what it has left is looked at when the disk is as it will be.
    pub(super) fn dig(&mut self, process: &Process) {
        let books = process.books.iter().enumerate().filter_map(|(to, book)| {
            let (channel, counting) = (process.channels.get(to)?, process.aggregators.get(to)?);
            let (tally, pending) = (counting.aggregator.tally(), counting.aggregator.pending());
            // What it has said and not written down is said again by the next, under the same ids.
            self.excused.extend(&book.since.made);
            let sum = self.sums.get_mut(to)?;
            sum.fed += book.fed;
            sum.told += tally.told;
            sum.withheld += tally.withheld - counting.aggregator.withheld_before();
            *self.pings.excess.entry(to).or_default() += book.since.pings;
            *self.pings.excess_heard.entry(to).or_default() += book.since.pings.max(book.since.heard);
            let mut book = book.clone();
            book.since.told +=
                tally.told + tally.withheld - counting.aggregator.withheld_before() - book.told;
            Some((book, process.dispatch.groups_file(&channel.name), pending))
        });
        let books = books.collect();
        self.graves.push(Grave { owner: process.owner.clone(), books });
    }

    /// Reads what processes that are gone have left, and checks that no more is lost than may be.
    pub(super) fn read_graves(&mut self) -> Result<(), String> {
        for Grave { owner, books } in std::mem::take(&mut self.graves) {
            for (to, (book, path, pending)) in books.into_iter().enumerate() {
                let path = path.unwrap_or_default();
                let file = self.disk.borrow().content(&path);
                let is_known = match (&file, &book.written) {
                    (Some(file), Some(written)) => **file == *written.file,
                    (None, None) => true,
                    (None, Some(_)) => return Err(format!("what {owner} had written down is gone")),
                    (Some(_), None) => false,
                };
                let read = file.as_deref().map(|file| self.read_desk(to, file));
                let (left, told) = read.unwrap_or_default();
                if let Some(written) = book.written.as_ref().filter(|_| is_known)
                    && (written.pending != left || written.told != told)
                {
                    return Err(format!("{} waited of {to}, and {left} were written down", written.pending));
                }
                let mine =
                    |estate: &LeftCounts| estate.channel == to && estate.taker.as_ref() == Some(&owner);
                let (mut back, mut fewer) = (0, 0);
                for estate in self.left.iter_mut().filter(|estate| mine(estate)) {
                    // Written down while it died: it is in there, unless the power goes.
                    if is_known || !file.as_ref().is_some_and(|file| estate.is_within(file)) {
                        estate.taker = None;
                        back += estate.pending;
                        fewer += i128::from(estate.taken) - i128::from(estate.pending);
                    }
                }
                let lost = i128::from(pending) - i128::from(left) - i128::from(back);
                let (most, least) = (i128::from(book.since.fed), -i128::from(book.since.told));
                if is_known && !(least..=most).contains(&(lost - fewer)) {
                    return Err(format!("{lost} of {to} are lost with {owner}, of {:?}", book.since));
                }
                if let Some(sum) = self.sums.get_mut(to) {
                    sum.lost += lost;
                }
                if file.is_some() {
                    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                    self.left.push(LeftCounts {
                        name,
                        channel: to,
                        owner: owner.clone(),
                        holder: owner.clone(),
                        pending: left,
                        is_safe: is_known,
                        taken: 0,
                        told,
                        taker: None,
                    });
                }
            }
        }
        Ok(())
    }

    /// Notes each message when it is decided on, the first time.
    pub(super) fn count_pings(&mut self, process: &mut Process) {
        if !self.plan.grouped {
            return;
        }
        let there = if process.is_dead() { self.universe(process) } else { BTreeSet::new() };
        self.note_unpaid(process);
        for ticket in process.dispatch.delivery.tickets() {
            let id = ticket.key.id;
            let pings = !matches!(ticket.kind, OccasionKind::Edit | OccasionKind::Quiet);
            if ticket.state.deferred || self.pings.counted.contains(&id) {
                continue;
            }
            // What has no file, the disk being full, may have left all the same.
            if process.is_dead() && !there.contains(&id) && !process.flying.contains_key(&ticket.key) {
                continue;
            }
            self.pings.counted.insert(id);
            if let Some(book) = process.books.get_mut(ticket.channel) {
                book.since.made.push(id);
                book.made.insert(id);
            }
            // A message that sums up was paid for by its parts.
            let parts = self.pings.parts.get(&id).into_iter().flatten();
            let paid = ticket.kind == OccasionKind::CatchUp
                && parts.into_iter().any(|part| self.pings.counted.contains(part));
            if pings && !paid {
                let times = self.pings.times.entry((ticket.channel, ticket.recipient.clone())).or_default();
                times.push(self.now);
                if let Some(book) = process.books.get_mut(ticket.channel) {
                    book.since.pings += 1;
                }
            }
        }
    }

    /// Notes what people have heard; `by` a process, or what was under way when it died.
    pub(super) fn note_heard(&mut self, mut by: Option<&mut Process>) {
        let heard = std::mem::take(&mut self.providers.heard);
        if !self.plan.grouped {
            return;
        }
        for (channel, to, id) in heard {
            let Some(number) = self.plan.channels.iter().position(|wanted| wanted.name == channel) else {
                continue;
            };
            self.pings.heard.entry((number, to)).or_default().push(self.now);
            let parts = self.pings.parts.get(&id).map(Vec::as_slice).unwrap_or_default();
            let book = by.as_mut().and_then(|process| process.books.get_mut(number));
            match book {
                // Its own: it knows since when it is on its way.
                Some(book) if parts.iter().chain([&id]).all(|id| book.made.contains(id)) => {
                    book.since.heard += 1
                }
                _ => *self.pings.excess_heard.entry(number).or_default() += 1,
            }
        }
    }

    fn check_budgets(&self) -> Result<(), String> {
        if !self.plan.steady {
            return Ok(());
        }
        let Pings { times, heard, excess, excess_heard, .. } = &self.pings;
        self.check_times(times, excess, Duration::ZERO)
            .map_err(|broken| format!("counted when it was made: {broken}"))?;
        self.check_times(heard, excess_heard, OVERDUE)
    }

    /// Checks that no span but `slack` has more messages than a budget allows.
    fn check_times(
        &self,
        times: &BTreeMap<(usize, String), Vec<Timestamp>>,
        excess: &BTreeMap<usize, u64>,
        slack: Duration,
    ) -> Result<(), String> {
        for ((to, recipient), times) in times {
            let rates =
                self.plan.channels.get(*to).map(|wanted| &wanted.settings.policy.notifications.budget);
            for rate in rates.into_iter().flatten() {
                let excess = excess.get(to).copied().unwrap_or_default();
                // Each process that runs at the same time has its own.
                let most = u64::from(rate.most()) * self.processes.len() as u64 + excess;
                let later = times.iter().skip(usize::try_from(most).unwrap_or(usize::MAX));
                let is_over = |(a, b): &(&Timestamp, &Timestamp)| b.since(**a) + slack < rate.per();
                if let Some((first, last)) = times.iter().zip(later).find(is_over) {
                    let span = last.since(*first);
                    return Err(format!(
                        "{recipient} of {to} heard more than {most} within {span:?}: {rate}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns how many alerts wait at aggregators, or were left.
    pub(super) fn untold(&self) -> u64 {
        let aggregators = self.processes.iter().flatten().flat_map(|process| &process.aggregators);
        let waiting: u64 = aggregators.map(|counting| counting.aggregator.pending()).sum();
        waiting + self.left.iter().filter(|left| left.taker.is_none()).map(|left| left.pending).sum::<u64>()
    }

    /// Checks at the end that every alert was told, withheld, or is known to be lost with a crash.
    pub(super) fn settle_sums(&mut self) -> Result<(), String> {
        for number in 0..self.processes.len() {
            self.end_well(number);
        }
        self.read_graves()?;
        for (to, sum) in self.sums.iter().enumerate() {
            let out = i128::from(sum.told) + i128::from(sum.withheld) + sum.lost;
            if i128::from(sum.fed) != out {
                return Err(format!("channel {to}: {sum:?}"));
            }
            self.summary.captured += sum.fed;
            self.summary.told += sum.told;
            self.summary.withheld += sum.withheld;
            self.summary.lost += u64::try_from(sum.lost.max(0)).unwrap_or_default();
            self.summary.told_again += u64::try_from((-sum.lost).max(0)).unwrap_or_default();
        }
        Ok(())
    }
}
