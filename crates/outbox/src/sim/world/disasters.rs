//! What goes wrong: processes die, the power goes, disks fill up.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use super::{Process, World};
use crate::{
    NotificationId,
    model::QueueKey,
    sim::fake_disk::{FakeFiles, Mode},
    spool::{Name, Spool},
};

impl World {
    pub(super) fn kill(&mut self, number: usize) {
        if let Some(process) = self.processes.get(number).and_then(Option::as_ref) {
            process.files.dead.set(true);
        }
    }

    /// Notes what a process that died has left although it believed it to be withdrawn: nobody knows that it was paid.
    pub(super) fn note_unpaid(&self, process: &mut Process) {
        if !process.is_dead() {
            return;
        }
        let known: BTreeSet<NotificationId> =
            process.dispatch.delivery.tickets().map(|ticket| ticket.key.id).collect();
        for name in self.disk.borrow().claims().filter_map(Name::parse) {
            let (id, is_its) = (name.key.id, name.owner.as_ref() == Some(&process.owner));
            if !is_its || name.state.deferred || known.contains(&id) || self.pings.counted.contains(&id) {
                continue;
            }
            let of = process.channels.iter().position(|channel| channel.name == name.label);
            if let Some(book) = of.and_then(|of| process.books.get_mut(of)) {
                book.since.pings += 1;
            }
        }
    }

    /// Lets a process make so many changes of files and no more; now and then it is the power that goes then.
    pub(super) fn limit(&mut self, number: usize, files: &FakeFiles, fuel: u64) {
        let with_power = self.starts.percent(25);
        files.fuel.set(Some(fuel));
        files.with_power.set(with_power);
        let end = if with_power { " before the power goes" } else { "" };
        self.say(format!("process {number} has {fuel} steps left{end}"));
    }

    /// Loses the power if that is what a process has died of.
    pub(super) fn take_power(&mut self) -> Result<(), String> {
        let mut processes = self.processes.iter().flatten();
        match processes.any(|process| process.is_dead() && process.files.with_power.get()) {
            true => self.lose_power(),
            false => Ok(()),
        }
    }

    /// Takes away the processes that died; what they had under way may have arrived.
    pub(super) fn bury_dead(&mut self) -> Result<(), String> {
        for number in 0..self.processes.len() {
            let is_dead = self.processes.get(number).and_then(Option::as_ref).is_some_and(Process::is_dead);
            let Some(process) = self.processes.get_mut(number).filter(|_| is_dead).and_then(Option::take)
            else {
                continue;
            };
            self.summary.kills += 1;
            self.say(format!("process {number} is dead"));
            self.part_with(&process)?;
        }
        Ok(())
    }

    pub(super) fn part_with(&mut self, process: &Process) -> Result<(), String> {
        self.living.lock().unwrap_or_else(PoisonError::into_inner).remove(&process.owner);
        for channel in &process.channels {
            self.summary.merged += channel.counters.merged.load(Ordering::Acquire);
            self.summary.failed_over += channel.counters.failed_over.load(Ordering::Acquire);
        }
        if self.plan.grouped {
            self.bury(process)?;
            // What the full disk did not take, nor the counts without it, is told again: the next has the same number.
            let disk = self.disk.borrow();
            let files: BTreeSet<_> = disk.claims().filter_map(Name::parse).map(|name| name.key.id).collect();
            let flying = process.flying.values().map(|(_, notification)| notification.id());
            self.excused.extend(flying.filter(|id| !files.contains(id)));
        }
        for (_, notification) in process.flying.values() {
            if self.chance.percent(50) && self.providers.take(notification, true).is_ok() {
                self.say(format!("{} had arrived", notification.title()));
            }
        }
        self.note_heard(None);
        Ok(())
    }

    pub(super) fn lose_power(&mut self) -> Result<(), String> {
        self.say("the power goes");
        self.summary.power_losses += 1;
        for number in 0..self.processes.len() {
            self.kill(number);
        }
        // What was noted of attempts and ends may be forgotten.
        let mut known: Vec<NotificationId> = self.providers.got.keys().copied().collect();
        for process in self.processes.iter().flatten() {
            known.extend(process.flying.values().map(|(_, notification)| notification.id()));
        }
        self.excused.extend(known);
        self.bury_dead()?;
        self.excused.extend(self.providers.got.keys().copied());
        self.disk.borrow_mut().lose_power(&mut self.chance);
        (self.is_unsettled, self.has_lost_power) = (true, true);
        Ok(())
    }

    /// Ends a process as `main` does when it returns.
    pub(super) fn end_well(&mut self, number: usize) -> Result<(), String> {
        let Some(mut process) = self.processes.get_mut(number).and_then(Option::take) else { return Ok(()) };
        self.say(format!("process {number} ends"));
        if self.plan.grouped {
            let now = process.clock(self.now);
            process.pipeline().close_counts(now);
            // As the worker does: what it has spent and counted is safe, or the next one does not know.
            self.balance(&mut process, false)?;
        }
        process.dispatch.release_all();
        self.part_with(&process)
    }

    pub(super) fn change_disk(&mut self) {
        let mode = match self.chance.below(10) {
            0..2 => Mode::Full,
            2 => Mode::ReadOnly,
            _ => Mode::Sound,
        };
        // Where no sign of life can be written the others are right to think that one is dead.
        let mode = if self.plan.spread { Mode::Sound } else { mode };
        self.say(format!("the disk is {mode:?}"));
        self.disk.borrow_mut().mode = mode;
    }

    pub(super) fn change_locks(&mut self) {
        let names: Vec<String> = self.plan.channels.iter().map(|channel| channel.name.clone()).collect();
        if let Some(name) = self.chance.pick(&names).cloned()
            && !self.providers.locked.remove(&name)
        {
            self.providers.locked.insert(name);
        }
    }

    /// Has a process leave an alert as a panic does.
    pub(super) fn leave_alert(&mut self, number: usize) {
        let Some(process) = self.take(number) else { return };
        let (alert, _) = self.alert();
        let mut spool = Spool::new(process.files.clone(), process.owner.clone(), Arc::new(|_| true), 0);
        let id = NotificationId(u128::MAX - self.alerts);
        let name = Name::alert(QueueKey { accepted: self.now.as_millis() * 1_000, id }, &process.owner);
        // The panic's own files: nobody else writes at that moment.
        let _written = spool.leave(&name, &alert).is_ok();
        self.put_back(number, process);
    }

    pub(super) fn damage(&mut self) {
        let names: Vec<String> = self.disk.borrow().claims().map(str::to_owned).collect();
        let Some(name) = self.chance.pick(&names).cloned() else { return };
        if let Some(parsed) = Name::parse(&name) {
            self.say(format!("{name} is damaged"));
            let path = self.disk.borrow().claim(&name).cloned().unwrap_or_default();
            self.disk.borrow_mut().damage(&path, &mut self.chance);
            self.ledger.end(parsed.key.id);
            // Whatever it stood for is gone with it.
            self.ledger.merge(parsed.key.id, parsed.key.id);
        }
    }
}
