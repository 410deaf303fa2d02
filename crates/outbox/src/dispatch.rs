//! Bring letters on their way: where they are kept, what is tried next, and what its end means for both.
//!
//! It reads no clock and opens no socket; files it reaches through [`Files`]. The courier and the simulator drive it.

mod catch_up;
mod hand_over;
mod recover;
mod remember;

pub(crate) use recover::Left;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use watchfire_core::{Alert, SelfLog};

use crate::{
    GroupId, Notification, NotificationId, Outcome, Reason, Receipt,
    channels::{ChannelState, Channels},
    delivery::{Delivery, Fate, Key, State, Step, Verdict, View},
    letter::{Facts, Letter},
    moment::Moment,
    receipts::Receipts,
    spool::{Drawer, Files, Missing, Name, Spool},
    stats::{Counters, bump},
};

/// Bounds what waits of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Limits {
    pub(crate) const ON_DISK: Self = Self { count: 10_000, bytes: 64 << 20 };
    pub(crate) const IN_MEMORY: Self = Self { count: 1_000, bytes: 16 << 20 };
}

/// How many ids of what has ended are remembered, so that a copy of it is not said twice.
const RECENT: usize = 1_024;
/// How many letters are at most kept in memory beside their file, until their first attempt.
const FRESH: usize = 64;
/// How long a file that cannot be read for now rests.
const REST: Duration = Duration::from_secs(10);

/// Holds all letters on their way.
pub(crate) struct Dispatch<F> {
    pub(crate) delivery: Delivery,
    kept: BTreeMap<Key, Kept>,
    ids: BTreeSet<NotificationId>,
    recent: VecDeque<NotificationId>,
    spool: Option<Spool<F>>,
    trouble: Option<String>,
    receipts: Receipts,
    moved: BTreeMap<(String, String), String>,
    usage: BTreeMap<usize, Limits>,
    limits: (Limits, Limits),
    last_key: u64,
    /// Files of what has ended that could not be removed, or buried for a reason, yet.
    leftovers: Vec<(Name, Option<Reason>)>,
    scanned: Option<Moment>,
    released: Option<Moment>,
    self_log: SelfLog,
    last_resort: LastResort,
}

/// Is told what no channel could say.
pub(crate) type LastResort = Arc<dyn Fn(&Alert, &Reason) + Send + Sync>;

/// Is where a letter is.
#[derive(Debug)]
struct Kept {
    /// Its file, where it has one.
    name: Option<Name>,
    /// The letter itself: while it has no file, and until its first attempt.
    letter: Option<Box<Letter>>,
    /// What it stands for.
    covers: Vec<NotificationId>,
    /// Whether it was found in the spool: another process may have had a part of its occasion.
    recovered: bool,
    /// The files of what it stands for, while it has none itself.
    parts: Vec<Name>,
}

/// Is what the courier does next.
#[derive(Debug)]
pub(crate) enum Job {
    Attempt { key: Key, channel: usize, notification: Box<Notification> },
    Wait(Moment),
    Idle,
}

/// Is a line for the self-log: what became of an attempt that did not deliver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) channel: usize,
    pub(crate) verb: &'static str,
    pub(crate) title: String,
    pub(crate) reason: Reason,
}

impl<F: Files> Dispatch<F> {
    /// `trouble` says why there is no spool although there should be one.
    pub(crate) fn new(
        spool: Option<Spool<F>>,
        self_log: SelfLog,
        last_resort: LastResort,
        trouble: Option<String>,
    ) -> Self {
        let mut dispatch = Self {
            delivery: Delivery::default(),
            kept: BTreeMap::new(),
            ids: BTreeSet::new(),
            recent: VecDeque::new(),
            spool,
            trouble,
            receipts: Receipts::default(),
            moved: BTreeMap::new(),
            usage: BTreeMap::new(),
            limits: (Limits::ON_DISK, Limits::IN_MEMORY),
            last_key: 0,
            leftovers: Vec::new(),
            scanned: None,
            released: None,
            self_log,
            last_resort,
        };
        dispatch.restore();
        dispatch
    }

    /// Sets the bounds on disk and in memory.
    #[cfg(feature = "sim")]
    pub(crate) fn with_limits(mut self, on_disk: Limits, in_memory: Limits) -> Self {
        self.limits = (on_disk, in_memory);
        self
    }

    /// Takes a new channel.
    pub(crate) fn add_channel(&mut self, number: usize, channel: &ChannelState) {
        let after = channel.fail_over.as_ref().map(|fail_over| fail_over.after);
        self.delivery.set_channel(number, channel.policy.clone(), after);
        if let Some(spool) = &mut self.spool {
            spool.look_again();
        }
        self.scanned = None;
    }

    /// Takes what a sink rendered: writes it into the spool, and lets it wait for its turn.
    ///
    /// It is accepted after the next [`commit`](Self::commit). Returns how many notifications are on their way now;
    /// those that were so before count too.
    pub(crate) fn accept(
        &mut self,
        channels: &Channels,
        number: usize,
        rendered: Vec<Notification>,
        facts: &Arc<Facts>,
        now: Moment,
    ) -> usize {
        self.accept_marked(channels, number, rendered, facts, false, now)
    }

    fn accept_marked(
        &mut self,
        channels: &Channels,
        number: usize,
        rendered: Vec<Notification>,
        facts: &Arc<Facts>,
        maybe_duplicate: bool,
        now: Moment,
    ) -> usize {
        rendered
            .into_iter()
            .filter(|notification| {
                let letter = Letter {
                    notification: notification.clone(),
                    facts: Arc::clone(facts),
                    covers: Vec::new(),
                };
                self.accept_letter(channels, number, letter, maybe_duplicate, now).is_some()
            })
            .count()
    }

    /// Takes one letter, and makes room for it.
    fn accept_letter(
        &mut self,
        channels: &Channels,
        number: usize,
        letter: Letter,
        maybe_duplicate: bool,
        now: Moment,
    ) -> Option<NotificationId> {
        let id = letter.notification.id;
        self.take_letter(channels, number, letter, maybe_duplicate, now)?;
        self.make_room(channels, number);
        (self.ids.contains(&id) || self.recent.contains(&id)).then_some(id)
    }

    /// Takes one letter; returns whether it has a file.
    fn take_letter(
        &mut self,
        channels: &Channels,
        number: usize,
        mut letter: Letter,
        maybe_duplicate: bool,
        now: Moment,
    ) -> Option<bool> {
        let channel = channels.get(number)?;
        if self.ids.contains(&letter.notification.id) || self.recent.contains(&letter.notification.id) {
            return Some(true);
        }
        bump(&channel.counters.notifications);
        self.follow_move(&channel.name, &mut letter.notification.recipient);
        let key = self.next_key(letter.notification.id, now);
        let state = State { not_before: now, maybe_duplicate, ..State::default() };
        let name = self.write(&Name::new(key, state, &channel.name), &letter);
        if name.is_some() {
            bump(&channel.counters.spooled);
        }
        let spooled = name.is_some();
        self.insert(number, key, state, letter, name, now);
        Some(spooled)
    }

    /// Makes what was accepted last.
    pub(crate) fn commit(&mut self) {
        if let Some(spool) = &self.spool
            && let Err(error) = spool.commit()
        {
            self.complain(&format!("cannot force the spool to the disk: {error}"));
        }
    }

    fn write(&mut self, name: &Name, letter: &Letter) -> Option<Name> {
        let written = self.spool.as_mut()?.accept(name, letter);
        match written {
            Ok(name) => {
                if self.trouble.take().is_some() {
                    self.self_log.say("the spool works again");
                }
                Some(name)
            }
            Err(trouble) => {
                self.complain(&format!(
                    "a message is kept in memory only, the spool cannot take it: {trouble}"
                ));
                None
            }
        }
    }

    fn complain(&mut self, text: &str) {
        // Once per trouble, not per message.
        if self.trouble.as_deref() != Some(text) {
            self.self_log.say(text);
            self.trouble = Some(text.to_owned());
        }
    }

    fn next_key(&mut self, id: NotificationId, now: Moment) -> Key {
        self.last_key = (now.as_millis() * 1_000).max(self.last_key + 1);
        Key { accepted: self.last_key, id }
    }

    fn insert(
        &mut self,
        number: usize,
        key: Key,
        state: State,
        letter: Letter,
        name: Option<Name>,
        now: Moment,
    ) {
        let ticket = letter.ticket(key, number, state);
        self.ids.insert(key.id);
        let usage = self.usage.entry(number).or_insert(Limits { count: 0, bytes: 0 });
        usage.count += 1;
        usage.bytes += ticket.size;
        let keep = name.is_none() || self.kept.len() < FRESH;
        let covers = letter.covers.clone();
        self.kept.insert(
            key,
            Kept {
                name,
                letter: keep.then(|| Box::new(letter)),
                covers,
                recovered: false,
                parts: Vec::new(),
            },
        );
        self.delivery.offer(ticket, now);
    }

    /// Forgets a letter that has ended; the caller has seen to its file.
    fn forget(&mut self, number: usize, key: Key, size: u64) -> Option<Kept> {
        self.delivery.remove(key);
        self.ids.remove(&key.id);
        if let Some(usage) = self.usage.get_mut(&number) {
            usage.count = usage.count.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(size);
        }
        self.kept.remove(&key)
    }

    /// Remembers what was said, or refused: it is not said again.
    fn remember(&mut self, id: NotificationId) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }

    /// Drops what is lost with the least harm until the channel is within its bounds.
    fn make_room(&mut self, channels: &Channels, number: usize) {
        let limits =
            if self.spool.is_some() && self.trouble.is_none() { self.limits.0 } else { self.limits.1 };
        let over = |usage: &Limits| usage.count > limits.count || usage.bytes > limits.bytes;
        while self.usage.get(&number).is_some_and(over) {
            let Some(key) = self.delivery.least_valuable(number) else { return };
            let size = self.delivery.get(key).map_or(0, |ticket| ticket.size);
            let kept = self.forget(number, key, size);
            self.remove_files(kept);
            if let Some(channel) = channels.get(number) {
                bump(&channel.counters.dropped_spool);
                bump(&channel.counters.unreported);
            }
        }
    }

    fn remove_files(&mut self, kept: Option<Kept>) {
        let Some(spool) = &self.spool else { return };
        for name in kept.into_iter().flat_map(|kept| kept.name.into_iter().chain(kept.parts)) {
            // What is gone already is gone.
            if let Err(Missing::Io(_)) = spool.remove(&name) {
                self.leftovers.push((name, None));
            }
        }
    }

    /// Says what to do now.
    pub(crate) fn next(&mut self, channels: &Channels, now: Moment) -> Job {
        loop {
            match self.delivery.next(now) {
                Step::Attempt(key) => {
                    if let Some(job) = self.prepare(channels, key, now) {
                        return job;
                    }
                }
                Step::Merge(keys) => self.merge(channels, &keys, now),
                Step::FailOver(key) => self.hand_over_waiting(channels, key, now),
                Step::Wait(at) => return Job::Wait(at),
                Step::Idle => return Job::Idle,
            }
        }
    }

    /// Marks the file as under way, and gets the letter.
    fn prepare(&mut self, channels: &Channels, key: Key, now: Moment) -> Option<Job> {
        let ticket = self.delivery.get(key)?.clone();
        let counters = &channels.get(ticket.channel)?.counters;
        if let (Some(spool), Some(kept)) = (&self.spool, self.kept.get_mut(&key))
            && let Some(name) = &kept.name
        {
            match spool.restate(name, ticket.state) {
                Ok(name) => kept.name = Some(name),
                Err(Missing::Gone) => {
                    self.forget(ticket.channel, key, ticket.size);
                    bump(&counters.taken);
                    return None;
                }
                // A disk that cannot be written to is no reason not to speak.
                Err(_) => {}
            }
        }
        if let (Some(spool), Some(kept)) = (&self.spool, self.kept.get_mut(&key)) {
            // What it stands for is repeated if this process dies now.
            for part in &mut kept.parts {
                let state = State { in_flight: true, ..part.state };
                if let Ok(name) = spool.restate(part, state) {
                    *part = name;
                }
            }
        }
        match self.letter(key) {
            Ok(mut letter) => {
                letter.apply(&ticket);
                bump(&counters.attempts);
                Some(Job::Attempt {
                    key,
                    channel: ticket.channel,
                    notification: Box::new(letter.notification),
                })
            }
            Err(missing) => {
                self.lose(counters, key, &missing, now);
                None
            }
        }
    }

    /// Returns a letter that waits, from memory or its file.
    fn letter(&self, key: Key) -> Result<Letter, Missing> {
        let kept = self.kept.get(&key).ok_or(Missing::Gone)?;
        if let Some(letter) = &kept.letter {
            return Ok((**letter).clone());
        }
        match (&self.spool, &kept.name) {
            (Some(spool), Some(name)) => spool.read(name),
            _ => Err(Missing::Gone),
        }
    }

    /// Does without a letter that cannot be read, for now or for good.
    fn lose(&mut self, counters: &Counters, key: Key, missing: &Missing, now: Moment) {
        let Some(ticket) = self.delivery.get(key).cloned() else { return };
        let counter = match missing {
            Missing::Io(error) => {
                self.delivery.postpone(key, now + REST);
                self.self_log.say(format_args!("cannot read a message from the spool: {error}"));
                return;
            }
            Missing::Gone => &counters.taken,
            Missing::Damaged(damage) => {
                self.self_log.say(format_args!("a damaged message was set aside in the spool: {damage}"));
                bump(&counters.unreported);
                &counters.damaged
            }
        };
        bump(counter);
        self.forget(ticket.channel, key, ticket.size);
    }

    /// Takes the outcome of an attempt; returns what there is to say about it. `chance` is uniform in 0..1.
    pub(crate) fn done(
        &mut self,
        channels: &Channels,
        key: Key,
        outcome: Outcome,
        now: Moment,
        chance: f64,
    ) -> Option<Said> {
        let degraded = matches!(outcome, Outcome::Degrade(_));
        let kind = Kind::of(&outcome);
        let Verdict { ticket, fate, fail_over, alone } = self.delivery.done(key, outcome, now, chance)?;
        let channel = channels.get(ticket.channel)?;
        let counters = &channel.counters;
        kind.count(counters);
        let said = |verb, title: String, reason: &Reason| {
            Some(Said { channel: ticket.channel, verb, title, reason: reason.clone() })
        };
        match fate {
            Fate::Delivered(receipt) => {
                bump(&counters.delivered);
                counters.last_success.store(now.as_millis(), Ordering::Release);
                let delay = now.since(key.accepted_at());
                counters.delays.note(delay);
                self.remember(key.id);
                let kept = self.forget(ticket.channel, key, ticket.size);
                self.remove_files(kept);
                if let Some(receipt) = receipt {
                    self.keep_receipt(&channel.name, ticket.group, receipt, now);
                }
                None
            }
            Fate::Refused(reason) | Fate::Dead(reason) => {
                let refused = kind == Kind::Recipient;
                let letter = self.letter(key);
                let title =
                    letter.as_ref().map(|letter| letter.notification.title.clone()).unwrap_or_default();
                let mut handed_over = false;
                if let (true, Ok(letter)) = (fail_over, &letter) {
                    self.restate(key, State { failed_over: true, in_flight: true, ..ticket.state });
                    self.mark_handed_over(ticket.channel, ticket.occasion);
                    let recovered = self.kept.get(&key).is_some_and(|kept| kept.recovered);
                    handed_over = self.hand_over(channels, ticket.channel, letter, recovered, &reason, now);
                }
                if let (false, true, Ok(letter)) = (handed_over, !refused || alone, &letter) {
                    self.tell_last_resort(&letter.facts.alert, &reason);
                }
                bump(if refused { &counters.refused } else { &counters.dead });
                self.remember(key.id);
                bump(&counters.unreported);
                let kept = self.forget(ticket.channel, key, ticket.size);
                self.bury(kept, &reason);
                said(if refused { "refused for its recipient" } else { "given up" }, title, &reason)
            }
            Fate::Again(reason) => {
                if degraded {
                    bump(&counters.degraded);
                }
                self.restate(key, ticket.state);
                said("not delivered yet", self.title(key), &reason)
            }
            Fate::Moved { from, reason } => {
                self.keep_move(&channel.name, &from, &ticket.recipient);
                self.restate(key, ticket.state);
                said("not delivered yet", self.title(key), &reason)
            }
        }
    }

    fn tell_last_resort(&self, alert: &Alert, reason: &Reason) {
        let tell = || (self.last_resort)(alert, reason);
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(tell)).is_err() {
            self.self_log.say("the last resort panicked");
        }
    }

    fn title(&self, key: Key) -> String {
        self.letter(key).map(|letter| letter.notification.title).unwrap_or_default()
    }

    fn restate(&mut self, key: Key, state: State) {
        let fresh = self.kept.len() < FRESH;
        let Some(kept) = self.kept.get_mut(&key) else { return };
        if let (Some(spool), Some(name)) = (&self.spool, &kept.name) {
            // One that is gone is noticed at its next attempt.
            if let Ok(name) = spool.restate(name, state) {
                kept.name = Some(name);
            }
            if !fresh {
                kept.letter = None;
            }
        }
    }

    fn bury(&mut self, kept: Option<Kept>, reason: &Reason) {
        let (Some(kept), Some(spool)) = (kept, &mut self.spool) else { return };
        for name in kept.name.into_iter().chain(kept.parts) {
            if let Err(missing @ Missing::Io(_)) = spool.bury(&name, reason.as_str()) {
                self.self_log.say(format_args!("cannot keep a dead letter: {missing}"));
                self.leftovers.push((name, Some(reason.clone())));
            }
        }
    }

    /// Tries again what could not be removed or buried.
    fn clear_leftovers(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        self.leftovers.retain(|(name, reason)| {
            let done = match reason {
                Some(reason) => spool.bury(name, reason.as_str()),
                None => spool.remove(name),
            };
            matches!(done, Err(Missing::Io(_)))
        });
    }

    /// Returns the receipts of a group on a channel, the oldest first.
    pub(crate) fn receipts(&self, channel: &str, group: GroupId) -> &[Receipt] {
        self.receipts.of(channel, group)
    }

    fn keep_receipt(&mut self, channel: &str, group: GroupId, receipt: Receipt, now: Moment) {
        let (key, text, forgotten) = self.receipts.add(channel, group, receipt, now);
        if let Some(spool) = &mut self.spool {
            // Without it a digest stands beside its thread instead of in it.
            spool.keep(Drawer::Receipts, &key, &text).ok();
            for key in forgotten {
                spool.forget(Drawer::Receipts, &key);
            }
        }
    }

    /// Returns how many letters wait or are under way.
    pub(crate) fn len(&self) -> usize {
        self.delivery.len()
    }

    /// Returns how many of them have a file.
    pub(crate) fn spooled(&self) -> usize {
        self.kept.values().filter(|kept| kept.name.is_some()).count()
    }

    /// Returns why letters are kept in memory although there should be a spool.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Returns what a channel looks like.
    pub(crate) fn view(&self, number: usize, now: Moment) -> View {
        self.delivery.view(number, now)
    }

    /// Returns the ids of all letters.
    #[cfg(feature = "sim")]
    pub(crate) fn ids(&self) -> &BTreeSet<NotificationId> {
        &self.ids
    }

    /// Returns each catch-up with what it stands for.
    #[cfg(feature = "sim")]
    pub(crate) fn covers(&self) -> impl Iterator<Item = (NotificationId, &[NotificationId])> {
        self.kept
            .iter()
            .map(|(key, kept)| (key.id, kept.covers.as_slice()))
            .filter(|(_, covers)| !covers.is_empty())
    }
}

/// Names an outcome, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Delivered,
    Transient,
    RateLimited,
    Degrade,
    Recipient,
    Moved,
    Held,
    Ambiguous,
    Rejected,
}

impl Kind {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Delivered(_) | Outcome::DeliveredThenWait { .. } => Self::Delivered,
            Outcome::Transient(_) => Self::Transient,
            Outcome::RateLimited { .. } => Self::RateLimited,
            Outcome::Degrade(_) => Self::Degrade,
            Outcome::RecipientRefused(_) => Self::Recipient,
            Outcome::Moved { .. } => Self::Moved,
            Outcome::Held(_) => Self::Held,
            Outcome::Ambiguous(_) => Self::Ambiguous,
            Outcome::Rejected(_) => Self::Rejected,
        }
    }

    fn count(self, counters: &Counters) {
        let counter = match self {
            Self::Delivered => return,
            Self::Transient => &counters.transient,
            Self::RateLimited => &counters.rate_limited,
            Self::Held => &counters.held,
            Self::Ambiguous => &counters.ambiguous,
            Self::Recipient | Self::Moved | Self::Degrade | Self::Rejected => return,
        };
        bump(counter);
    }
}

#[cfg(test)]
mod tests;
