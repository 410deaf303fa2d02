//! Keep the other side of the books, and compare.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use super::{Process, World};
use crate::{
    Notification, NotificationId,
    model::{QueueKey, Ticket},
    sim::fake_disk::Mode,
};

impl World {
    /// Enters what is accepted: what has a file, forced to the disk.
    pub(super) fn note_accepted(&mut self, process: &Process, ids: impl Iterator<Item = NotificationId>) {
        if process.dispatch.trouble().is_none() && !process.is_dead() {
            let files: BTreeSet<_> = self.disk.borrow().claims().filter_map(id_of).collect();
            ids.filter(|id| files.contains(id)).for_each(|id| self.ledger.accept(id));
        }
    }

    /// Notes why ids are not there any more.
    pub(super) fn explain(&mut self, process: &mut Process) {
        let fates = process.dispatch.take_fates();
        for (id, by) in fates.replaced {
            for by in &by {
                self.pings.parts.entry(*by).or_default().push(id);
            }
            by.into_iter().for_each(|by| self.ledger.merge(id, by));
        }
        // What a process believes while it dies need not be so.
        let left = if process.is_dead() { self.universe(process) } else { BTreeSet::new() };
        fates.ended.into_iter().filter(|id| !left.contains(id)).for_each(|id| self.ledger.end(id));
    }

    /// Lets time stand still until nothing is left for those who always answer well: others must not delay them.
    pub(super) fn settle_sound(&mut self, number: usize) -> Result<(), String> {
        for _ in 0..500 {
            self.drive(number)?;
            let Some(process) = self.processes.get(number).and_then(Option::as_ref) else { return Ok(()) };
            if process.is_dead() {
                return Ok(());
            }
            let sound = |(key, (_, notification)): (&QueueKey, &(usize, Notification))| {
                self.providers.is_sound(notification.channel(), notification.recipient()).then_some(*key)
            };
            let Some(key) = process.flying.iter().find_map(sound) else { break };
            self.finish(number, key)?;
        }
        let Some(process) = self.processes.get(number).and_then(Option::as_ref) else { return Ok(()) };
        let now = process.clock(self.now);
        let tickets = || process.dispatch.delivery.tickets();
        let sound = |ticket: &&Ticket| {
            let channel = self.plan.channels.get(ticket.channel);
            channel.is_some_and(|channel| channel.sound && channel.settings.policy.min_gap.is_zero())
        };
        // What waits for its time holds up its own group.
        let held_up = |ticket: &&Ticket| {
            let same = |other: &Ticket| {
                (other.channel, &other.recipient, other.group)
                    == (ticket.channel, &ticket.recipient, ticket.group)
            };
            tickets().any(|other| same(other) && other.key <= ticket.key && other.state.not_before > now)
        };
        match tickets().filter(sound).find(|ticket| !held_up(ticket)) {
            Some(ticket) => Err(format!("it waits although its destination is well: {ticket:?}")),
            None => Ok(()),
        }
    }

    /// Makes everything well, and waits until all is said: nothing starves.
    pub(super) fn come_to_rest(&mut self) -> Result<(), String> {
        self.say("all is well");
        self.is_calm = true;
        self.disk.borrow_mut().mode = Mode::Sound;
        self.providers.all_sound = true;
        for process in self.processes.iter().flatten() {
            process.files.fuel.set(None);
        }
        for round in 0..3_000 {
            for number in 0..self.processes.len() {
                self.drive(number)?;
                while let Some(key) = self.flying(number) {
                    self.finish(number, key)?;
                }
            }
            self.check()?;
            let rest = self.processes.iter().flatten().map(|process| process.dispatch.len()).sum::<usize>();
            let files = self.disk.borrow().names("new").chain(self.disk.borrow().claims()).count();
            if rest == 0 && files == 0 && self.ledger.still_open() == 0 && self.unreported() == 0 {
                return self.settle_sums();
            }
            self.pass(Duration::from_secs(if round < 200 { 31 } else { 3_600 }))?;
        }
        let disk = self.disk.borrow();
        let names: Vec<&str> = disk.names("new").chain(disk.claims()).collect();
        let (open, unreported) = (self.ledger.still_open(), self.unreported());
        Err(format!("{open} open and {unreported} unreported at the end; files: {names:?}"))
    }

    pub(super) fn flying(&self, number: usize) -> Option<QueueKey> {
        self.processes.get(number)?.as_ref()?.flying.keys().next().copied()
    }

    /// Returns the ids of all that a process knows, and of all that has a file.
    pub(super) fn universe(&self, process: &Process) -> BTreeSet<NotificationId> {
        let disk = self.disk.borrow();
        let files = disk.names("new").chain(disk.claims()).filter_map(id_of);
        let own = process.dispatch.ids().iter().copied().filter(|_| !process.is_dead());
        files.chain(own).collect()
    }

    /// Checks that nothing that was accepted is lost.
    pub(super) fn check(&mut self) -> Result<(), String> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        let disk = self.disk.borrow();
        let ids = |folder: &'static str| disk.names(folder).filter_map(id_of);
        let mut there: BTreeSet<NotificationId> = ids("new").chain(disk.claims().filter_map(id_of)).collect();
        let dead: BTreeSet<NotificationId> = ids("dead").chain(ids("damaged")).collect();
        for process in self.processes.iter().flatten() {
            there.extend(process.dispatch.ids());
        }
        let got = &self.providers.got;
        match self.ledger.lost(|id| got.contains_key(&id) || dead.contains(&id), |id| there.contains(&id)) {
            Some(id) => {
                let files: Vec<&String> = disk.all().collect();
                Err(format!(
                    "{id} was accepted and is lost; {}; the files: {files:#?}",
                    self.ledger.story(id)
                ))
            }
            None => Ok(()),
        }
    }
}

/// Reads the id in a file's name; all that the books need of it.
fn id_of(name: &str) -> Option<NotificationId> {
    name.split('.').nth(1)?.parse().ok()
}

/// Checks that a process's own counters add up.
pub(super) fn conserved(process: &Process) -> Result<(), String> {
    if process.is_dead() {
        return Ok(());
    }
    let mut pending = 0;
    for channel in &process.channels {
        let counters = &channel.counters;
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Acquire);
        let came = get(&counters.notifications) + get(&counters.recovered);
        let went = get(&counters.delivered)
            + get(&counters.refused)
            + get(&counters.dead)
            + get(&counters.merged)
            + get(&counters.failed_over)
            + get(&counters.dropped_spool)
            + get(&counters.dropped_secret)
            + get(&counters.taken)
            + get(&counters.damaged);
        pending +=
            came.checked_sub(went).ok_or_else(|| format!("{}: {came} came and {went} went", channel.name))?;
    }
    let waiting = process.dispatch.len() as u64;
    if pending == waiting { Ok(()) } else { Err(format!("{pending} should wait, {waiting} do")) }
}
