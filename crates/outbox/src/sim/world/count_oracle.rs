//! Keep the books of the counts: what was captured was told, suppressed, waits, or is known to be lost with a crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use watchfire_core::Severity;

use super::{
    Process, World,
    adoption_oracle::{Safe, read_counts},
    aggregation::may_speak,
};
use crate::{
    GroupId, NotificationId, OccasionKind, model::Timestamp, pipeline::pipeline_turn::KEEP,
    sim::fake_disk::Mode, sink::OVERDUE,
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

/// What processes that are gone have done with the alerts of one channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    fed: u64,
    told: u64,
    suppressed: u64,
    /// Counted and gone with a crash, as of the last time that all was in balance; below 0 if told twice for it.
    lost: i128,
    /// How many of these died since then may have been lost, and how many told again.
    may_lose: u64,
    may_tell_again: u64,
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
    pub(super) fn adopted_counts(&self) -> Vec<u64> {
        self.channels.iter().map(|channel| channel.counters.adopted.load(Ordering::Acquire)).collect()
    }
}

impl World {
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
        if tally.taken != tally.told + tally.suppressed + pending {
            return Err(format!("{tally:?} and {pending} that wait do not add up"));
        }
        let adopted = counters.adopted.load(Ordering::Acquire);
        if tally.taken != book.fed + adopted + aggregator.suppressed_before() {
            return Err(format!("{} fed and {adopted} adopted are not {tally:?}", book.fed));
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
        book.since.told += tally.told + tally.suppressed - aggregator.suppressed_before() - book.told;
        book.told = tally.told + tally.suppressed - aggregator.suppressed_before();
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
            }
        }
        Ok(())
    }

    /// Notes a process that is gone, and checks what it has left.
    pub(super) fn bury(&mut self, process: &Process) -> Result<(), String> {
        self.is_unsettled = true;
        for (to, book) in process.books.iter().enumerate() {
            let (Some(channel), Some(counting)) = (process.channels.get(to), process.aggregators.get(to))
            else {
                continue;
            };
            let tally = counting.aggregator.tally();
            let suppressed = tally.suppressed - counting.aggregator.suppressed_before();
            // What it has said and not written down is said again by the next, under the same ids.
            self.excused.extend(&book.since.made);
            let told_since = book.since.told + tally.told + suppressed - book.told;
            if let Some(sum) = self.sums.get_mut(to) {
                sum.fed += book.fed;
                sum.told += tally.told;
                sum.suppressed += suppressed;
                sum.may_lose += book.since.fed;
                sum.may_tell_again += told_since;
            }
            *self.pings.excess.entry(to).or_default() += book.since.pings;
            *self.pings.excess_heard.entry(to).or_default() += book.since.pings.max(book.since.heard);
            let path = process.dispatch.groups_file(&channel.name).unwrap_or_default();
            let written = book.written.as_ref();
            if let Some(Written { file, pending, told }) = written
                && (*pending, told) != (read_counts(file).0, &read_counts(file).1)
            {
                return Err(format!("{pending} waited of {to}, and others were written down"));
            }
            let found = self.disk.borrow().content(&path);
            let is_last = found.as_ref() == written.map(|written| &written.file);
            self.safe.push(Safe {
                owner: process.owner.clone(),
                channel: to,
                name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                file: written.map(|written| Rc::clone(&written.file)),
                unsure: (!is_last).then_some((book.since.fed, told_since)),
            });
        }
        Ok(())
    }

    /// Checks that all alerts are accounted for, and that no more is lost than may be with the processes that died.
    pub(super) fn settle_deaths(&mut self) -> Result<(), String> {
        if !self.plan.grouped || !std::mem::take(&mut self.is_unsettled) {
            return Ok(());
        }
        self.check_safe()?;
        let left = self.left_counts();
        let lost_power = std::mem::take(&mut self.has_lost_power);
        for to in 0..self.sums.len() {
            let left: u64 = left.iter().filter(|left| left.channel == to).map(|left| left.pending).sum();
            let mut lost = -i128::from(left);
            for process in self.processes.iter().flatten() {
                let (Some(book), Some(counting)) = (process.books.get(to), process.aggregators.get(to))
                else {
                    continue;
                };
                let tally = counting.aggregator.tally();
                let suppressed = tally.suppressed - counting.aggregator.suppressed_before();
                let out = tally.told + suppressed + counting.aggregator.pending();
                lost += i128::from(book.fed) - i128::from(out);
            }
            let unsure = self.safe.iter().filter(|safe| lost_power && safe.channel == to);
            let unsure = unsure.filter_map(|safe| safe.unsure);
            let (fed, told) = unsure.fold((0, 0), |(fed, told), one| (fed + one.0, told + one.1));
            let Some(sum) = self.sums.get_mut(to) else { continue };
            lost += i128::from(sum.fed) - i128::from(sum.told) - i128::from(sum.suppressed);
            let (most, least) = (i128::from(sum.may_lose + fed), -i128::from(sum.may_tell_again + told));
            if !(least..=most).contains(&(lost - sum.lost)) {
                let fresh = lost - sum.lost;
                return Err(format!("{fresh} of {to} are lost, of at most {most} and at least {least}"));
            }
            (sum.lost, sum.may_lose, sum.may_tell_again) = (lost, 0, 0);
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
            // Critical alerts have a reserve beside the budget.
            if pings && !paid && ticket.severity < Severity::Critical {
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
    pub(super) fn unreported(&self) -> u64 {
        let aggregators = self.processes.iter().flatten().flat_map(|process| &process.aggregators);
        let waiting: u64 = aggregators.map(|counting| counting.aggregator.pending()).sum();
        let left = if self.plan.grouped { self.left_counts() } else { Vec::new() };
        waiting + left.iter().map(|left| left.pending).sum::<u64>()
    }

    /// Checks at the end that every alert was told, suppressed, or is known to be lost with a crash.
    pub(super) fn settle_sums(&mut self) -> Result<(), String> {
        for number in 0..self.processes.len() {
            self.end_well(number)?;
        }
        self.settle_deaths()?;
        for (to, sum) in self.sums.iter().enumerate() {
            let out = i128::from(sum.told) + i128::from(sum.suppressed) + sum.lost;
            if i128::from(sum.fed) != out {
                return Err(format!("channel {to}: {sum:?}"));
            }
            self.summary.captured += sum.fed;
            self.summary.reported += sum.told;
            self.summary.suppressed += sum.suppressed;
            self.summary.lost += u64::try_from(sum.lost.max(0)).unwrap_or_default();
            self.summary.reported_again += u64::try_from((-sum.lost).max(0)).unwrap_or_default();
        }
        Ok(())
    }
}
