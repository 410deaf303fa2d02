//! The whole world of one seed: programs, their disk, their providers, and what is known of all.

mod adoption_oracle;
mod aggregation;
mod count_oracle;
mod delivery_oracle;
mod disasters;
mod hosts;
mod plan;
mod process;

use adoption_oracle::Safe;
use count_oracle::{Book, Pings, Sum};
use delivery_oracle::conserved;
use process::Process;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use watchfire_core::{Alert, AlertId, App, SelfLog, Severity};

use super::{
    RunReport,
    fake_disk::{FakeDisk, FakeFiles, Mode},
    ledger::Ledger,
    provider::{Paper, Pauses, Providers, Shown},
    random::SimRandom,
};
use crate::{
    GroupId, GroupSummary, Notification, NotificationId,
    model::{DeliveryState, QueueKey, QueuedMessage, Timestamp},
    pipeline::{
        channel_state::{ChannelState, Settings},
        dispatch::{Dispatch, Job, Limits},
    },
    spool::{Alive, Owner, Spool},
};

/// The whole world of one seed.
pub(super) struct World {
    chance: SimRandom,
    /// Its own draws, so that the rest of a seed stays as it is: when a process dies while it starts.
    starts: SimRandom,
    now: Timestamp,
    disk: Rc<RefCell<FakeDisk>>,
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
    summary: RunReport,
    steps: Vec<String>,
    /// The counts of processes that are gone which no loss of power may take back.
    safe: Vec<Safe>,
    /// Which files of counts were ever seen to be counted in in which other one, by channel.
    counted_in: BTreeMap<(usize, String), BTreeSet<String>>,
    /// Something has died, or was taken over, since all was last in balance.
    is_unsettled: bool,
    has_lost_power: bool,
    /// How the names of files of counts begin, by channel.
    channel_keys: Vec<String>,
    sums: Vec<Sum>,
    pings: Pings,
    /// What a process broke when it started.
    broken: Option<String>,
    /// Nothing goes wrong any more.
    is_calm: bool,
}

/// The setup of a seed.
struct Plan {
    channels: Vec<Wanted>,
    limits: Limits,
    damages: bool,
    /// Alerts go through the aggregators.
    grouped: bool,
    /// All clocks are right.
    steady: bool,
    /// Each process is on a host of its own.
    spread: bool,
}

#[derive(Clone)]
struct Wanted {
    name: String,
    recipients: Vec<String>,
    settings: Settings,
    sound: bool,
}

impl World {
    /// Sets up the world of a seed; with `grouped` the alerts go through the aggregators.
    pub(super) fn new(seed: u64, grouped: bool) -> Self {
        let mut chance = SimRandom::new(seed);
        let mut plan = Plan::draw(&mut chance, grouped);
        let moves = !plan.steady;
        let mut providers = Providers { moves, ..Providers::default() };
        for channel in plan.channels.iter().filter(|channel| channel.sound) {
            providers.sound.extend(channel.recipients.iter().map(|to| (channel.name.clone(), to.clone())));
        }
        let processes = 1 + usize::try_from(chance.below(3)).unwrap_or_default();
        let sums = vec![Sum::default(); plan.channels.len()];
        let mut starts = SimRandom::new(!seed);
        let is_loose = starts.percent(35);
        plan.spread = plan.steady && processes > 1 && starts.percent(30);
        Self {
            chance,
            starts,
            now: Timestamp::from_millis(1_700_000_000_000),
            disk: Rc::new(RefCell::new(FakeDisk::new(is_loose))),
            plan,
            processes: (0..processes).map(|_| None).collect(),
            living: Arc::default(),
            app: Arc::new(App::new("shop").host("sim").pid(1)),
            providers,
            ledger: Ledger::default(),
            excused: BTreeSet::new(),
            alerts: 0,
            pids: 1,
            summary: RunReport::default(),
            steps: Vec::new(),
            safe: Vec::new(),
            counted_in: BTreeMap::new(),
            is_unsettled: false,
            has_lost_power: false,
            channel_keys: Vec::new(),
            sums,
            pings: Pings::default(),
            broken: None,
            is_calm: false,
        }
    }

    pub(super) fn run(mut self) -> Result<RunReport, String> {
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
            0..30 if self.plan.grouped => self.emit_to_desks(number)?,
            0..30 => self.emit(number)?,
            30..50 => self.drive(number)?,
            50..72 => self.finish_one(number)?,
            72..84 => {
                let span = self.chance.span();
                self.say(format!("{span:?} pass"));
                self.pass(span)?;
            }
            84..87 => {
                if let Some(process) = self.processes.get(number).and_then(Option::as_ref) {
                    let (files, fuel) = (process.files.clone(), self.chance.below(25));
                    self.limit(number, &files, fuel);
                }
            }
            87..89 => self.kill(number),
            89..90 => self.lose_power()?,
            90..91 => self.end_well(number)?,
            91..94 => self.change_disk(),
            94..95 => self.change_locks(),
            95..96 => self.leave_alert(number),
            96..97 if self.plan.damages => self.damage(),
            97..98 if self.plan.grouped => self.change_silences(),
            98..99 if self.plan.grouped => self.crash_loop(number)?,
            _ => self.settle_sound(number)?,
        }
        self.take_power()?;
        self.bury_dead()?;
        self.settle_deaths()?;
        self.check()
    }

    /// Starts the process of a slot where none runs; its clock may be far off.
    fn start(&mut self, number: usize) {
        if self.processes.get(number).is_none_or(Option::is_some) {
            return;
        }
        self.pids += 1;
        let owner = Owner::new(&self.host(number), self.pids, "0");
        self.living.lock().unwrap_or_else(PoisonError::into_inner).insert(owner.clone());
        let living = Arc::clone(&self.living);
        let alive: Alive =
            Arc::new(move |owner| living.lock().unwrap_or_else(PoisonError::into_inner).contains(owner));
        let files = FakeFiles::new(&self.disk, &owner.host);
        let spool = Spool::new(files.clone(), owner.clone(), alive, self.pids);
        let dispatch = Dispatch::new(Some(spool), SelfLog::to(|_| ()), Arc::new(|_, _| ()), None);
        let mut dispatch = dispatch.with_limits(self.plan.limits, self.plan.limits);
        let (mut channels, mut shown) = (Vec::new(), Vec::new());
        for (i, wanted) in self.plan.channels.iter().enumerate() {
            let policy = wanted.settings.policy.clone();
            shown.push(Shown::default());
            let shown = shown.last().map(Arc::clone).unwrap_or_default();
            let sink = Paper { recipients: wanted.recipients.clone(), policy, shown };
            let channel = ChannelState::new(wanted.name.clone(), Arc::new(sink), wanted.settings.clone());
            dispatch.add_channel(i, &channel);
            channels.push(Arc::new(channel));
        }
        let ahead = match self.chance.below(10) {
            0 => (true, self.chance.span()),
            1 => (false, self.chance.span()),
            _ => (true, Duration::ZERO),
        };
        let ahead = if self.plan.steady { (true, Duration::ZERO) } else { ahead };
        self.say(format!("process {number} starts, its clock off by {ahead:?}"));
        if !self.is_calm && self.starts.percent(15) {
            // Some in the first moment, some at the end of its first turn.
            let most = if self.starts.percent(50) { 6 } else { 30 };
            let fuel = self.starts.below(most);
            self.limit(number, &files, fuel);
        }
        let keys = channels.iter().filter_map(|channel| dispatch.groups_file(&channel.name));
        let key =
            |path: String| path.rsplit('/').next().and_then(|name| name.split('-').next()).map(str::to_owned);
        self.channel_keys = keys.filter_map(key).collect();
        let books = vec![Book::default(); channels.len()];
        let mut process = Process {
            owner,
            files,
            dispatch,
            channels,
            flying: BTreeMap::new(),
            pauses: Pauses::default(),
            paced: BTreeMap::new(),
            aggregators: Vec::new(),
            looked: None,
            shown,
            books,
            ahead,
        };
        if self.plan.grouped {
            let opened = self.open_desks(&mut process);
            self.broken = self.broken.take().or(opened.err());
        }
        self.put_back(number, process);
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
            let title = alert.message.clone();
            let Some((rendered, summary)) = channel.render(GroupSummary::first(alert, group), &[], now)
            else {
                continue;
            };
            let ids: Vec<NotificationId> = rendered.iter().map(Notification::id).collect();
            let state = DeliveryState { not_before: now, ..DeliveryState::default() };
            let messages = QueuedMessage::all(rendered, &summary, now);
            process.dispatch.accept(state, &process.channels, to, messages, now);
            process.dispatch.commit();
            self.say(format!("process {number} accepts {title} for {}", channel.name));
            self.explain(&mut process);
            self.note_accepted(&process, ids.into_iter());
        }
        let conserved = conserved(&process);
        self.put_back(number, process);
        conserved
    }

    /// Lets a process do what there is to do, up to the next wait.
    fn drive(&mut self, number: usize) -> Result<(), String> {
        if self.plan.grouped {
            return self.turn(number, Vec::new());
        }
        let Some(mut process) = self.take(number) else { return Ok(()) };
        let now = process.clock(self.now);
        let (left, _) = process.dispatch.look(&process.channels, true, now);
        for left in left {
            for (to, channel) in process.channels.clone().iter().enumerate() {
                let summary = GroupSummary::first(left.alert.clone(), GroupId::from_u64(9));
                let Some((rendered, summary)) = channel.render(summary, &[], now) else { continue };
                let state = DeliveryState {
                    not_before: now,
                    maybe_duplicate: left.again,
                    ..DeliveryState::default()
                };
                let messages = QueuedMessage::all(rendered, &summary, now);
                process.dispatch.accept(state, &process.channels, to, messages, now);
            }
            process.dispatch.end_alert(&left.name);
        }
        process.dispatch.commit();
        let broken = self.start_attempts(&mut process, number, now);
        self.explain(&mut process);
        self.note_accepted(&process, process.dispatch.ids().iter().copied());
        let conserved = conserved(&process);
        self.put_back(number, process);
        broken.and(conserved)
    }

    fn start_attempts(&mut self, process: &mut Process, number: usize, now: Timestamp) -> Result<(), String> {
        for _ in 0..10_000 {
            match process.pipeline().next_job(now) {
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
                    let max_age = process
                        .channels
                        .get(channel)
                        .map_or(Duration::MAX, |channel| channel.tuning().policy.max_age);
                    let passed = process.dispatch.delivery.tickets().any(|other| {
                        other.key < key
                            && !other.state.deferred
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
        let keys: Vec<QueueKey> = process.flying.keys().copied().collect();
        match self.chance.pick(&keys).copied() {
            Some(key) => self.finish(number, key),
            None => Ok(()),
        }
    }

    fn finish(&mut self, number: usize, key: QueueKey) -> Result<(), String> {
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
        if let Some(gap) = process.channels.get(channel).map(|channel| channel.tuning().policy.min_gap) {
            process.paced.insert((channel, notification.recipient().to_owned()), now + gap);
        }
        self.note_heard(Some(&mut process));
        let chance = self.chance.fraction();
        process.dispatch.done(&process.channels, key, outcome, now, chance);
        self.explain(&mut process);
        self.count_pings(&mut process);
        let conserved = conserved(&process);
        self.put_back(number, process);
        conserved
    }
}
