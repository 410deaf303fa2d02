use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use watchfire_core::{Alert, AlertId, App, SelfLog, Severity};

use super::{
    Summary,
    chance::Chance,
    ledger::Ledger,
    provider::{Paper, Pauses, Providers},
    ram::{Disk, Mode, Ram},
};
use crate::{
    GroupId, Notification, NotificationId, Occasion, Policy,
    channels::{ChannelState, Settings},
    delivery::{Key, Ticket},
    dispatch::{Dispatch, Job, Limits},
    failover::FailOver,
    moment::Moment,
    spool::{Alive, Name, Owner, Spool},
};

/// Is everything that one seed is about.
pub(super) struct World {
    chance: Chance,
    now: Moment,
    disk: Rc<RefCell<Disk>>,
    plan: Plan,
    processes: Vec<Option<Process>>,
    living: Arc<Mutex<BTreeSet<Owner>>>,
    app: Arc<App>,
    providers: Providers,
    ledger: Ledger,
    /// Those that may come twice without a mark: the power went, or the disk could not note the attempt.
    excused: BTreeSet<NotificationId>,
    alerts: u128,
    pids: u32,
    summary: Summary,
    steps: Vec<String>,
}

/// Is what a seed sets up once.
struct Plan {
    channels: Vec<Wanted>,
    limits: Limits,
    damages: bool,
}

#[derive(Clone)]
struct Wanted {
    name: String,
    recipients: Vec<String>,
    settings: Settings,
    sound: bool,
}

struct Process {
    owner: Owner,
    ram: Ram,
    dispatch: Dispatch<Ram>,
    channels: Vec<Arc<ChannelState>>,
    flying: BTreeMap<Key, (usize, Notification)>,
    pauses: Pauses,
    paced: BTreeMap<(usize, String), Moment>,
    /// Ends that were counted and whose files were still there.
    uncleared: Cell<u64>,
    /// How far its clock is ahead of the world's, or behind.
    ahead: (bool, Duration),
}

impl Process {
    fn clock(&self, world: Moment) -> Moment {
        match self.ahead {
            (true, by) => world + by,
            (false, by) => world - by,
        }
    }

    fn is_dead(&self) -> bool {
        self.ram.dead.get()
    }

    fn ends(&self) -> u64 {
        let sum = |channel: &Arc<ChannelState>| {
            let counters = &channel.counters;
            let all = [&counters.refused, &counters.dead, &counters.dropped_spool, &counters.damaged];
            all.iter().map(|counter| counter.load(Ordering::Acquire)).sum::<u64>()
        };
        self.channels.iter().map(sum).sum()
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let plan = Plan::draw(&mut chance);
        let mut providers = Providers::default();
        for channel in plan.channels.iter().filter(|channel| channel.sound) {
            providers.sound.extend(channel.recipients.iter().map(|to| (channel.name.clone(), to.clone())));
        }
        let processes = 1 + usize::try_from(chance.below(3)).unwrap_or_default();
        Self {
            chance,
            now: Moment::from_millis(1_700_000_000_000),
            disk: Rc::default(),
            plan,
            processes: (0..processes).map(|_| None).collect(),
            living: Arc::default(),
            app: Arc::new(App::new("shop").host("sim").pid(1)),
            providers,
            ledger: Ledger::default(),
            excused: BTreeSet::new(),
            alerts: 0,
            pids: 1,
            summary: Summary::default(),
            steps: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Summary, String> {
        let steps = 40 + self.chance.below(80);
        let done = (0..steps).try_for_each(|_| self.step()).and_then(|()| self.come_to_rest());
        self.summary.steps = steps;
        self.summary.accepted = self.ledger.accepted;
        self.summary.marked_duplicates = self.providers.marked;
        match done {
            Ok(()) => Ok(self.summary),
            Err(broken) => {
                let from = self.steps.len().saturating_sub(60);
                let last = self.steps.get(from..).unwrap_or_default().join("\n  ");
                Err(format!("{broken}\nthe last steps:\n  {last}"))
            }
        }
    }

    fn say(&mut self, text: impl Into<String>) {
        self.steps.push(text.into());
    }

    fn step(&mut self) -> Result<(), String> {
        let number = usize::try_from(self.chance.below(self.processes.len() as u64)).unwrap_or_default();
        match self.chance.below(100) {
            0..30 => self.emit(number)?,
            30..50 => self.drive(number)?,
            50..72 => self.finish_one(number)?,
            72..84 => {
                let span = self.chance.span();
                self.now = self.now + span;
                self.say(format!("{span:?} pass"));
            }
            84..87 => {
                if let Some(process) = self.processes.get(number).and_then(Option::as_ref) {
                    let fuel = self.chance.below(25);
                    process.ram.fuel.set(Some(fuel));
                    self.say(format!("process {number} has {fuel} steps left"));
                }
            }
            87..89 => self.kill(number),
            89..90 => self.lose_power(),
            90..91 => self.end_well(number),
            91..94 => self.change_disk(),
            94..95 => self.change_locks(),
            95..96 => self.leave_alert(number),
            96..97 if self.plan.damages => self.damage(),
            _ => self.settle_sound(number)?,
        }
        self.bury_dead();
        self.check()
    }

    /// Starts the process of a slot where none runs; its clock may be far off.
    fn start(&mut self, number: usize) {
        if self.processes.get(number).is_none_or(Option::is_some) {
            return;
        }
        self.pids += 1;
        let owner = Owner::new("sim", self.pids, "0");
        self.living.lock().unwrap_or_else(PoisonError::into_inner).insert(owner.clone());
        let living = Arc::clone(&self.living);
        let alive: Alive = Arc::new(move |owner| {
            Some(living.lock().unwrap_or_else(PoisonError::into_inner).contains(owner))
        });
        let ram = Ram::new(&self.disk);
        let spool = Spool::new(ram.clone(), owner.clone(), alive, self.pids);
        let dispatch = Dispatch::new(Some(spool), SelfLog::to(|_| ()), Arc::new(|_, _| ()), None);
        let mut dispatch = dispatch.with_limits(self.plan.limits, self.plan.limits);
        let mut channels = Vec::new();
        for (i, wanted) in self.plan.channels.iter().enumerate() {
            let policy = wanted.settings.policy.clone();
            let sink = Paper { recipients: wanted.recipients.clone(), policy };
            let channel = ChannelState::new(wanted.name.clone(), Arc::new(sink), wanted.settings.clone());
            dispatch.add_channel(i, &channel);
            channels.push(Arc::new(channel));
        }
        let ahead = match self.chance.below(10) {
            0 => (true, self.chance.span()),
            1 => (false, self.chance.span()),
            _ => (true, Duration::ZERO),
        };
        self.say(format!("process {number} starts, its clock off by {ahead:?}"));
        if let Some(slot) = self.processes.get_mut(number) {
            *slot = Some(Process {
                owner,
                ram,
                dispatch,
                channels,
                flying: BTreeMap::new(),
                pauses: Pauses::default(),
                paced: BTreeMap::new(),
                uncleared: Cell::new(0),
                ahead,
            });
        }
    }

    /// Takes a process out of its slot to work with; starts it where none runs.
    fn take(&mut self, number: usize) -> Option<Process> {
        self.start(number);
        self.processes.get_mut(number)?.take()
    }

    fn put_back(&mut self, number: usize, process: Process) {
        if let Some(slot) = self.processes.get_mut(number) {
            *slot = Some(process);
        }
    }

    fn alert(&mut self) -> (Alert, GroupId) {
        self.alerts += 1;
        let group = self.chance.below(4);
        let severity = if self.chance.percent(20) { Severity::Critical } else { Severity::Error };
        let mut alert = Alert::new(Arc::clone(&self.app), severity, format!("{group}/{}", self.alerts));
        alert = alert.id(AlertId::from_u128(self.alerts)).at(self.now.into());
        (alert, GroupId::from_u64(group))
    }

    fn emit(&mut self, number: usize) -> Result<(), String> {
        let Some(mut process) = self.take(number) else { return Ok(()) };
        let count = if self.chance.percent(10) { 10 } else { 1 };
        for _ in 0..count {
            let (alert, group) = self.alert();
            let to = usize::try_from(self.chance.below(process.channels.len() as u64)).unwrap_or_default();
            let Some(channel) = process.channels.get(to).cloned() else { continue };
            let now = process.clock(self.now);
            let occasion = Occasion::first(&alert, &channel.name, group, now.into());
            let Some((rendered, facts)) = channel.render(&occasion, now) else { continue };
            let ids: Vec<NotificationId> = rendered.iter().map(Notification::id).collect();
            let before = self.universe(&process);
            let ends = process.ends();
            process.dispatch.accept(&process.channels, to, rendered, &facts, now);
            process.dispatch.commit();
            self.say(format!("process {number} accepts {} for {}", alert.message, channel.name));
            self.explain(&process, &before, ends);
            self.note_accepted(&process, ids.into_iter());
        }
        let conserved = conserved(&process);
        self.put_back(number, process);
        conserved
    }

    /// Enters what is accepted: what has a file, forced to the disk.
    fn note_accepted(&mut self, process: &Process, ids: impl Iterator<Item = NotificationId>) {
        if process.dispatch.trouble().is_none() && !process.is_dead() {
            let files: BTreeSet<_> = self.disk.borrow().names("cur").filter_map(id_of).collect();
            ids.filter(|id| files.contains(id)).for_each(|id| self.ledger.accept(id));
        }
    }

    /// Notes why ids are not there any more.
    fn explain(&mut self, process: &Process, before: &BTreeSet<NotificationId>, ends: u64) {
        let mut merged = BTreeSet::new();
        for (into, covers) in process.dispatch.covers() {
            covers.iter().for_each(|id| self.ledger.merge(*id, into));
            merged.extend(covers.iter().copied());
        }
        // The file of one that ended may go later than it is counted.
        let mut ended = process.ends().saturating_sub(ends) + process.uncleared.get();
        for id in before.difference(&self.universe(process)) {
            if ended > 0
                && !merged.contains(id)
                && self.ledger.is_open(*id)
                && !self.providers.got.contains_key(id)
            {
                ended -= 1;
                self.ledger.end(*id);
            }
        }
        process.uncleared.set(ended);
    }

    /// Lets a process do what there is to do, up to the next wait.
    fn drive(&mut self, number: usize) -> Result<(), String> {
        let Some(mut process) = self.take(number) else { return Ok(()) };
        let now = process.clock(self.now);
        let before = self.universe(&process);
        let ends = process.ends();
        let (left, _) = process.dispatch.look(&process.channels, true, now);
        for left in left {
            for (to, channel) in process.channels.clone().iter().enumerate() {
                let occasion = Occasion::first(&left.alert, &channel.name, GroupId::from_u64(9), now.into());
                let Some((rendered, facts)) = channel.render(&occasion, now) else { continue };
                process.dispatch.accept(&process.channels, to, rendered, &facts, now);
            }
            process.dispatch.end_alert(&left.name);
        }
        process.dispatch.commit();
        let broken = self.start_attempts(&mut process, number, now);
        self.explain_moves(&process, &before, ends);
        self.note_accepted(&process, process.dispatch.ids().iter().copied());
        let conserved = conserved(&process);
        self.put_back(number, process);
        broken.and(conserved)
    }

    /// As [`explain`](Self::explain), for what other channels took over too.
    fn explain_moves(&mut self, process: &Process, before: &BTreeSet<NotificationId>, ends: u64) {
        self.explain(process, before, ends);
        let sum = |counter: fn(&ChannelState) -> u64| {
            process.channels.iter().map(|channel| counter(channel)).sum::<u64>()
        };
        let failed_over = sum(|channel| channel.counters.failed_over.load(Ordering::Acquire));
        if failed_over > 0 {
            // The copies are in the books themselves.
            let gone: Vec<_> = before.difference(&self.universe(process)).copied().collect();
            let merged: BTreeSet<_> =
                process.dispatch.covers().flat_map(|(_, covers)| covers.to_vec()).collect();
            for id in gone {
                if !merged.contains(&id) {
                    self.ledger.end(id);
                }
            }
        }
    }

    fn start_attempts(&mut self, process: &mut Process, number: usize, now: Moment) -> Result<(), String> {
        for _ in 0..10_000 {
            match process.dispatch.next(&process.channels, now) {
                Job::Attempt { key, channel, notification } => {
                    if process.is_dead() {
                        return Ok(());
                    }
                    self.summary.attempts += 1;
                    self.say(format!(
                        "process {number} tries {} at {}",
                        notification.title(),
                        notification.recipient()
                    ));
                    let to = notification.recipient();
                    let max_age =
                        process.channels.get(channel).map_or(Duration::MAX, |channel| channel.policy.max_age);
                    let passed = process.dispatch.delivery.tickets().any(|other| {
                        other.key < key
                            && (other.channel, other.recipient.as_str(), other.group)
                                == (channel, to, notification.group())
                            && now.since(other.key.accepted_at()) < max_age
                    });
                    if passed {
                        return Err(format!("{} went before an older one of its group", notification.id()));
                    }
                    if now < process.pauses.until(channel, to) {
                        return Err(format!("{to} was asked before the time that its provider set"));
                    }
                    if process.paced.get(&(channel, to.to_owned())).is_some_and(|until| now < *until) {
                        return Err(format!("{to} was asked faster than its pace"));
                    }
                    if process.flying.values().any(|(of, other)| *of == channel && other.recipient() == to) {
                        return Err(format!("two attempts at {to} at once"));
                    }
                    if self.disk.borrow().mode == Mode::ReadOnly {
                        self.excused.insert(notification.id());
                    }
                    process.flying.insert(key, (channel, *notification));
                }
                Job::Wait(at) if at <= now => return Err(format!("waits for {at:?} at {now:?}")),
                Job::Wait(_) | Job::Idle => return Ok(()),
            }
        }
        Err("goes on for ever".to_owned())
    }

    fn finish_one(&mut self, number: usize) -> Result<(), String> {
        let Some(process) = self.processes.get(number).and_then(Option::as_ref) else { return Ok(()) };
        let keys: Vec<Key> = process.flying.keys().copied().collect();
        match self.chance.pick(&keys).copied() {
            Some(key) => self.finish(number, key),
            None => Ok(()),
        }
    }

    fn finish(&mut self, number: usize, key: Key) -> Result<(), String> {
        let Some(mut process) = self.take(number) else { return Ok(()) };
        let now = process.clock(self.now);
        let Some((channel, notification)) = process.flying.remove(&key) else {
            self.put_back(number, process);
            return Ok(());
        };
        if self.disk.borrow().mode == Mode::ReadOnly {
            self.excused.insert(notification.id());
        }
        let excused = self.excused.contains(&notification.id());
        let outcome = self.providers.answer(&notification, excused, &mut self.chance)?;
        self.say(format!("process {number} is told of {}: {outcome:?}", notification.title()));
        process.pauses.note(channel, notification.recipient(), &outcome, now);
        if let Some(gap) = process.channels.get(channel).map(|channel| channel.policy.min_gap) {
            process.paced.insert((channel, notification.recipient().to_owned()), now + gap);
        }
        let before = self.universe(&process);
        let ends = process.ends();
        let chance = self.chance.fraction();
        process.dispatch.done(&process.channels, key, outcome, now, chance);
        self.explain(&process, &before, ends);
        let conserved = conserved(&process);
        self.put_back(number, process);
        conserved
    }

    fn kill(&mut self, number: usize) {
        if let Some(process) = self.processes.get(number).and_then(Option::as_ref) {
            process.ram.dead.set(true);
        }
    }

    /// Takes away the processes that died; what they had under way may have arrived.
    fn bury_dead(&mut self) {
        for number in 0..self.processes.len() {
            let is_dead = self.processes.get(number).and_then(Option::as_ref).is_some_and(Process::is_dead);
            let Some(process) = self.processes.get_mut(number).filter(|_| is_dead).and_then(Option::take)
            else {
                continue;
            };
            self.summary.kills += 1;
            self.say(format!("process {number} is dead"));
            self.part_with(&process);
        }
    }

    fn part_with(&mut self, process: &Process) {
        self.living.lock().unwrap_or_else(PoisonError::into_inner).remove(&process.owner);
        for channel in &process.channels {
            self.summary.merged += channel.counters.merged.load(Ordering::Acquire);
            self.summary.failed_over += channel.counters.failed_over.load(Ordering::Acquire);
        }
        for (_, notification) in process.flying.values() {
            if self.chance.percent(50) && self.providers.take(notification, true).is_ok() {
                self.say(format!("{} had arrived", notification.title()));
            }
        }
    }

    fn lose_power(&mut self) {
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
        self.bury_dead();
        self.excused.extend(self.providers.got.keys().copied());
        self.disk.borrow_mut().lose_power(&mut self.chance);
    }

    /// Ends a process as `main` does when it returns.
    fn end_well(&mut self, number: usize) {
        let Some(mut process) = self.processes.get_mut(number).and_then(Option::take) else { return };
        self.say(format!("process {number} ends"));
        process.dispatch.release_all();
        self.part_with(&process);
    }

    fn change_disk(&mut self) {
        let mode = match self.chance.below(10) {
            0..2 => Mode::Full,
            2 => Mode::ReadOnly,
            _ => Mode::Sound,
        };
        self.say(format!("the disk is {mode:?}"));
        self.disk.borrow_mut().mode = mode;
    }

    fn change_locks(&mut self) {
        let names: Vec<String> = self.plan.channels.iter().map(|channel| channel.name.clone()).collect();
        if let Some(name) = self.chance.pick(&names).cloned()
            && !self.providers.locked.remove(&name)
        {
            self.providers.locked.insert(name);
        }
    }

    /// Has a process leave an alert as a panic does.
    fn leave_alert(&mut self, number: usize) {
        let Some(process) = self.take(number) else { return };
        let (alert, _) = self.alert();
        let mut spool = Spool::new(process.ram.clone(), process.owner.clone(), Arc::new(|_| None), 0);
        let id = NotificationId(u128::MAX - self.alerts);
        let name = Name::alert(Key { accepted: self.now.as_millis() * 1_000, id }, &process.owner);
        // The panic's own files: nobody else writes at that moment.
        let _written = spool.leave(&name, &alert).is_ok();
        self.put_back(number, process);
    }

    fn damage(&mut self) {
        let names: Vec<String> = self.disk.borrow().names("cur").map(str::to_owned).collect();
        let Some(name) = self.chance.pick(&names).cloned() else { return };
        if let Some(parsed) = Name::parse(&name) {
            self.say(format!("{name} is damaged"));
            self.disk.borrow_mut().damage(&format!("cur/{name}"), &mut self.chance);
            self.ledger.end(parsed.key.id);
            // Whatever it stood for is gone with it.
            self.ledger.merge(parsed.key.id, parsed.key.id);
        }
    }

    /// Lets time stand still until nothing is left for those who always answer well: others must not delay them.
    fn settle_sound(&mut self, number: usize) -> Result<(), String> {
        for _ in 0..500 {
            self.drive(number)?;
            let Some(process) = self.processes.get(number).and_then(Option::as_ref) else { return Ok(()) };
            if process.is_dead() {
                return Ok(());
            }
            let sound = |(key, (_, notification)): (&Key, &(usize, Notification))| {
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
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.say("all is well");
        self.disk.borrow_mut().mode = Mode::Sound;
        self.providers.all_sound = true;
        for process in self.processes.iter().flatten() {
            process.ram.fuel.set(None);
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
            let files = self.disk.borrow().names("new").chain(self.disk.borrow().names("cur")).count();
            if rest == 0 && files == 0 && self.ledger.still_open() == 0 {
                return Ok(());
            }
            self.now = self.now + Duration::from_secs(if round < 200 { 31 } else { 3_600 });
        }
        let disk = self.disk.borrow();
        let names: Vec<&str> = disk.names("new").chain(disk.names("cur")).collect();
        Err(format!("{} open at the end; files: {names:?}", self.ledger.still_open()))
    }

    fn flying(&self, number: usize) -> Option<Key> {
        self.processes.get(number)?.as_ref()?.flying.keys().next().copied()
    }

    /// Returns the ids of all that a process knows, and of all that has a file.
    fn universe(&self, process: &Process) -> BTreeSet<NotificationId> {
        let disk = self.disk.borrow();
        let files = disk.names("new").chain(disk.names("cur")).filter_map(id_of);
        let own = process.dispatch.ids().iter().copied().filter(|_| !process.is_dead());
        files.chain(own).collect()
    }

    /// Checks that nothing that was accepted is lost.
    fn check(&mut self) -> Result<(), String> {
        let disk = self.disk.borrow();
        let ids = |folder: &'static str| disk.names(folder).filter_map(id_of);
        let mut there: BTreeSet<NotificationId> = ids("new").chain(ids("cur")).collect();
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
fn conserved(process: &Process) -> Result<(), String> {
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
            + get(&counters.taken)
            + get(&counters.damaged);
        pending +=
            came.checked_sub(went).ok_or_else(|| format!("{}: {came} came and {went} went", channel.name))?;
    }
    let waiting = process.dispatch.len() as u64;
    if pending == waiting { Ok(()) } else { Err(format!("{pending} should wait, {waiting} do")) }
}

impl Plan {
    fn draw(chance: &mut Chance) -> Self {
        let names = ["ops", "mail", "sms"];
        let count = 1 + usize::try_from(chance.below(3)).unwrap_or_default();
        let channels = names.iter().take(count).enumerate().map(|(i, name)| {
            let recipients = 1 + chance.below(2);
            let mut policy = Policy::default();
            if chance.percent(30) {
                policy.min_gap = Duration::from_millis(1_100);
            }
            if chance.percent(30) {
                policy.max_age = Duration::from_secs(900);
            }
            policy.retry_ambiguous = chance.percent(80);
            let mut settings = Settings::new(policy);
            if let Some(next) = names.get(i + 1).filter(|_| i + 1 < count && chance.percent(40)) {
                let after = Duration::from_secs(chance.below(300));
                settings.fail_over = Some(FailOver { after, to: vec![(*next).to_owned()] });
            }
            Wanted {
                name: (*name).to_owned(),
                recipients: (0..recipients).map(|to| format!("to{to}")).collect(),
                settings,
                sound: chance.percent(35),
            }
        });
        let channels = channels.collect();
        let limits = if chance.percent(15) { Limits { count: 8, bytes: 64 << 20 } } else { Limits::ON_DISK };
        Self { channels, limits, damages: chance.percent(10) }
    }
}
