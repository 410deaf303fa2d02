//! Bring letters on their way: where they are kept, what is tried next, and what its end means for both.
//!
//! It reads no clock and opens no socket; files it reaches through [`Files`]. The worker and the simulator drive it.

mod accept;
mod catch_up;
mod complete;
mod deferred;
mod failover;
mod failures;
mod group_counts;
mod intake;
mod last_wait;
mod left_behind;
mod recover;
mod secret_guard;

pub(crate) use group_counts::Adoption;
use group_counts::OrphanedCounts;
use intake::Intake;
pub(crate) use intake::SLICE;
pub(crate) use left_behind::id_of_marker;
pub(crate) use recover::Left;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use watchfire_core::{Alert, SelfLog};

use crate::{
    GroupId, Notification, NotificationId, Reason, Receipt,
    delivery::{Delivery, Step, receipts::Receipts},
    model::{
        DeliveryState, QueueKey, QueuedMessage, Timestamp,
        stats::{Counters, DeliveryView, bump},
    },
    pipeline::channel_state::{ChannelState, Channels},
    spool::{Files, Missing, Name, Spool},
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
pub(crate) struct Dispatch<F: Files> {
    pub(crate) delivery: Delivery,
    kept: BTreeMap<QueueKey, Kept>,
    ids: BTreeSet<NotificationId>,
    recent: VecDeque<NotificationId>,
    spool: Option<Spool<F>>,
    trouble: Option<String>,
    receipts: Receipts,
    moved: BTreeMap<(String, String), String>,
    /// The channels and recipients to whom the last attempt failed, as the spool has them.
    failing: BTreeSet<(String, String)>,
    intake: Intake,
    usage: BTreeMap<usize, Limits>,
    /// How many of the messages of each channel were found in the spool.
    recovered: BTreeMap<usize, u64>,
    limits: (Limits, Limits),
    last_key: u64,
    /// Files of what has ended that could not be removed, or buried for a reason, yet.
    leftovers: Vec<(Name, Option<Reason>)>,
    scanned: Option<Timestamp>,
    released: Option<Timestamp>,
    self_log: SelfLog,
    last_resort: LastResort,
    orphans: OrphanedCounts,
    #[cfg(feature = "sim")]
    fates: SimFates,
}

#[cfg(feature = "sim")]
/// The ends of messages other than delivery, for the simulator's oracle.
#[derive(Debug, Default)]
pub(crate) struct SimFates {
    /// Dropped, refused or given up, and counted as such.
    pub(crate) ended: Vec<NotificationId>,
    /// Withdrawn, and which stand for it.
    pub(crate) replaced: Vec<(NotificationId, Vec<NotificationId>)>,
}

/// The log for messages that no channel could deliver.
pub(crate) type LastResort = Arc<dyn Fn(&Alert, &Reason) + Send + Sync>;

/// The place of a message.
#[derive(Debug)]
struct Kept {
    /// Its file, where it has one.
    name: Option<Name>,
    /// The letter itself: while it has no file, and until its first attempt.
    letter: Option<Box<QueuedMessage>>,
    /// What it stands for.
    covers: Vec<NotificationId>,
    /// Whether it was found in the spool: another process may have had a part of its occasion.
    recovered: bool,
    /// The files of what it stands for, while it has none itself.
    parts: Vec<Name>,
}

impl Kept {
    /// Makes what is left of letters of which only the files are.
    fn of_files(parts: Vec<Name>) -> Self {
        Self { name: None, letter: None, covers: Vec::new(), recovered: false, parts }
    }
}

/// The worker's next step.
#[derive(Debug)]
pub(crate) enum Job {
    Attempt { key: QueueKey, channel: usize, notification: Box<Notification> },
    Wait(Timestamp),
    Idle,
}

/// A line for the self-log: what became of an attempt that did not deliver.
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
            failing: BTreeSet::new(),
            intake: Intake::default(),
            usage: BTreeMap::new(),
            recovered: BTreeMap::new(),
            limits: (Limits::ON_DISK, Limits::IN_MEMORY),
            last_key: 0,
            leftovers: Vec::new(),
            scanned: None,
            released: None,
            self_log,
            last_resort,
            orphans: OrphanedCounts::default(),
            #[cfg(feature = "sim")]
            fates: SimFates::default(),
        };
        dispatch.restore();
        dispatch.restore_failures();
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
        let tuning = channel.tuning();
        let after = tuning.fail_over.as_ref().map(|fail_over| fail_over.after);
        self.delivery.set_channel(number, tuning.policy.clone(), after);
        if let Some(spool) = &mut self.spool {
            spool.look_again();
        }
        self.scanned = None;
    }

    /// Says what to do now.
    pub(crate) fn next(&mut self, channels: &Channels, now: Timestamp) -> Job {
        loop {
            match self.delivery.next(now) {
                Step::Attempt(key) => {
                    if let Some(job) = self.prepare(channels, key, now) {
                        return job;
                    }
                }
                Step::Merge(keys) => self.merge(channels, &keys, now),
                Step::Admit(number) => self.admit(channels, number, now),
                Step::FailOver(key) => self.hand_over_waiting(channels, key, now),
                Step::Wait(at) => return Job::Wait(at),
                Step::Idle => return Job::Idle,
            }
        }
    }

    /// Marks the file as under way, and gets the letter.
    fn prepare(&mut self, channels: &Channels, key: QueueKey, now: Timestamp) -> Option<Job> {
        let ticket = self.delivery.get(key)?.clone();
        let channel = channels.get(ticket.channel)?;
        let counters = &channel.counters;
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
                let state = DeliveryState { in_flight: true, ..part.state };
                if let Ok(name) = spool.restate(part, state) {
                    *part = name;
                }
            }
        }
        match self.letter(key) {
            Ok(mut letter) => {
                letter.apply(&ticket);
                if !Self::may_be_sent(&mut letter.notification) {
                    let kept = self.forget(ticket.channel, key, ticket.size);
                    self.remove_files(kept);
                    self.refuse_secret(channel, &letter);
                    return None;
                }
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
    fn letter(&self, key: QueueKey) -> Result<QueuedMessage, Missing> {
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
    fn lose(&mut self, counters: &Counters, key: QueueKey, missing: &Missing, now: Timestamp) {
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
                bump(&counters.drops_to_note);
                &counters.damaged
            }
        };
        bump(counter);
        self.forget(ticket.channel, key, ticket.size);
        if matches!(missing, Missing::Damaged(_)) {
            self.note_end(key.id);
        }
    }

    fn note_end(&mut self, _id: NotificationId) {
        #[cfg(feature = "sim")]
        self.fates.ended.push(_id);
    }

    fn title(&self, key: QueueKey) -> String {
        self.letter(key).map(|letter| letter.notification.title).unwrap_or_default()
    }

    /// Returns the receipts of a group on a channel, the oldest first; those of a recipient that has moved also under
    /// the names that a sink still renders for.
    pub(crate) fn receipts(&self, channel: &str, group: GroupId) -> Vec<Receipt> {
        let mut receipts = self.receipts.of(channel, group).to_vec();
        if receipts.is_empty() {
            return receipts;
        }
        for (of, from) in self.moved.keys().filter(|(of, _)| of == channel) {
            let mut to = from.clone();
            self.follow_move(of, &mut to);
            // What was sent before the move stands elsewhere, and cannot be answered or edited from here.
            let moved: Vec<Receipt> =
                receipts.iter().filter(|known| known.recipient() == to).cloned().collect();
            if !moved.is_empty() {
                receipts.retain(|known| known.recipient() != from);
                receipts.extend(moved.iter().map(|known| Receipt::new(from.clone(), known.reference())));
            }
        }
        receipts
    }

    /// Tells whether there are any.
    pub(crate) fn has_receipts(&self, channel: &str, group: GroupId) -> bool {
        !self.receipts.of(channel, group).is_empty()
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
    pub(crate) fn view(&self, number: usize, now: Timestamp) -> DeliveryView {
        self.delivery.view(number, now)
    }

    /// Returns the ids of all letters.
    #[cfg(feature = "sim")]
    pub(crate) fn ids(&self) -> &BTreeSet<NotificationId> {
        &self.ids
    }

    /// Takes what became of letters since it was last asked.
    #[cfg(feature = "sim")]
    pub(crate) fn take_fates(&mut self) -> SimFates {
        std::mem::take(&mut self.fates)
    }
}

#[cfg(test)]
mod tests;
