//! Decide when a channel speaks, and of what: the machine of all its groups.

mod digest;
mod eviction;
#[cfg(feature = "sim")]
mod inspect;
mod retune;
mod storm;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use watchfire_core::{Alert, Severity};

use super::{
    Fingerprint,
    cardinality_limit::CardinalityLimit,
    emission::Emission,
    fingerprint::Identity,
    group::{Group, Late},
    token_bucket,
};
use crate::{
    GroupId, NotificationPolicy,
    aggregate::{RateLimiter, Silences},
    model::Timestamp,
};
use storm::Storm;

/// How many groups are kept, and how many bytes of their alerts.
pub(super) const MOST_GROUPS: usize = 1024;
pub(super) const MOST_BYTES: usize = 4 << 20;
/// More new groups than these within a minute are a storm.
pub(super) const STORM: usize = 15;
pub(super) const STORM_SPAN: Duration = Duration::from_secs(60);
/// More messages than these at one time are one message.
pub(super) const AT_ONCE: usize = 3;
/// Edits of one channel stay this far apart: Telegram allows 20 messages a minute in a group.
const EDIT_GAP: Duration = Duration::from_secs(3);

/// Holds the groups of one channel, and says when it speaks. Takes the time as an argument.
///
/// At every moment `taken = told + suppressed + pending`.
#[derive(Debug)]
pub(crate) struct Aggregator {
    pub(super) channel: String,
    pub(super) policy: NotificationPolicy,
    can_edit: bool,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) bytes: usize,
    places: CardinalityLimit,
    arrivals: VecDeque<Timestamp>,
    pub(super) storm: Option<Storm>,
    pub(super) overflow: Overflow,
    pub(super) budget: RateLimiter,
    silences: Silences,
    last_edit: Timestamp,
    /// The last alert, to stand for groups that are no longer known.
    pub(super) latest: Option<Arc<Alert>>,
    /// How many messages told of several groups.
    pub(super) bundles: u32,
    wake: Option<Timestamp>,
    pub(super) tally: Tally,
    /// Alerts suppressed, and not yet mentioned by a message.
    pub(super) unmentioned: u64,
    pub(super) suppressed_before: u64,
    pub(super) changed: bool,
    /// The program ends in order: what was told is written down as told.
    pub(super) closed: bool,
}

/// Counts alerts by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Taken, those of an earlier life of the program that were not told included.
    pub(crate) taken: u64,
    /// Told of, by themselves or as a number.
    pub(crate) told: u64,
    /// Too few of their group to be told of.
    pub(crate) suppressed: u64,
}

/// Counts the alerts of groups that had to leave the table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overflow {
    pub(super) alerts: u64,
    pub(super) groups: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) due: Timestamp,
    /// As of a group.
    pub(super) maybe_told: bool,
}

impl Aggregator {
    /// Opens the aggregator of a channel, which speaks as much as `budget` has.
    pub(crate) fn new(
        channel: &str,
        policy: NotificationPolicy,
        budget: RateLimiter,
        can_edit: bool,
    ) -> Self {
        Self {
            channel: channel.to_owned(),
            budget,
            policy,
            can_edit,
            groups: BTreeMap::new(),
            bytes: 0,
            places: CardinalityLimit::default(),
            arrivals: VecDeque::new(),
            storm: None,
            overflow: Overflow::default(),
            silences: Silences::default(),
            last_edit: Timestamp::default(),
            latest: None,
            bundles: 0,
            wake: None,
            tally: Tally::default(),
            unmentioned: 0,
            closed: false,
            suppressed_before: 0,
            changed: false,
        }
    }

    /// Returns what the settings are.
    pub(crate) fn policy(&self) -> &NotificationPolicy {
        &self.policy
    }

    /// Takes an alert that stands for `weight` of its kind; `named` is what the program calls its group.
    pub(crate) fn take(
        &mut self,
        alert: Arc<Alert>,
        named: Option<&str>,
        weight: u64,
        now: Timestamp,
        out: &mut Vec<Emission>,
    ) -> GroupId {
        let print = Fingerprint::of(&alert, named);
        let (id, folded) = self.places.group_of(print, now);
        self.changed = true;
        self.tally.taken += weight;
        self.latest = Some(Arc::clone(&alert));
        let known = self.groups.get(&id);
        let is_new = known.is_none();
        let raised = known.is_some_and(|group| alert.severity > group.severity);
        let policy = &self.policy;
        let group = self.groups.entry(id).or_insert_with(|| Group::new(&alert, policy, now));
        group.count(weight, now, policy);
        group.folded = folded;
        if is_new {
            group.identity = Identity::of(&alert, named);
        }
        self.bytes = self.bytes.saturating_sub(if is_new { 0 } else { group.bytes });
        group.show(&alert);
        self.bytes += group.bytes;
        if raised {
            (group.severity, group.owed) = (alert.severity, true);
        }
        if is_new {
            self.arrived(now);
        }
        if self.sends_every(id, now) || self.groups.get(&id).is_some_and(|group| group.owed) {
            self.owe(id, now, out);
        } else {
            self.plan(id, now);
        }
        self.make_room(id, now);
        id
    }

    /// Counts `n` more of a group, without having seen them; without a group they are told of as a number.
    pub(crate) fn count(&mut self, id: Option<GroupId>, n: u64, now: Timestamp, out: &mut Vec<Emission>) {
        if n == 0 {
            return;
        }
        self.changed = true;
        self.tally.taken += n;
        match id.and_then(|id| Some((id, self.groups.get_mut(&id)?))) {
            Some((id, group)) => {
                group.count(n, now, &self.policy);
                if group.owed {
                    self.owe(id, now, out);
                } else {
                    self.plan(id, now);
                }
            }
            None => self.overflow(n, now, now, now),
        }
    }

    /// Notes that `n` that are about to be [counted](Self::count) may be of other kinds from the same place: there were too
    /// many different ones for a look at each.
    pub(crate) fn note_unread(&mut self, id: Option<GroupId>, n: u64) {
        if let Some(group) = id.and_then(|id| self.groups.get_mut(&id)) {
            group.unread = group.unread.saturating_add(n);
        }
    }

    /// Notes that what is counted and not reported may have been reported before.
    pub(crate) fn note_maybe_told(&mut self, id: GroupId) {
        match self.groups.get_mut(&id) {
            Some(group) => group.maybe_told |= group.unsaid > 0,
            None => self.overflow.maybe_told |= self.overflow.alerts > 0,
        }
    }

    /// Says what is due. `editable` tells whether there is a message of the group to edit.
    pub(crate) fn tick(
        &mut self,
        now: Timestamp,
        editable: &dyn Fn(GroupId) -> bool,
        out: &mut Vec<Emission>,
    ) {
        if self.wake.is_none_or(|at| at > now) {
            return;
        }
        let before = out.len();
        self.weather(now, out);
        let due: Vec<GroupId> =
            self.groups.iter().filter(|(_, group)| group.next() <= now).map(|(id, _)| *id).collect();
        let mut ready = Vec::new();
        for id in due {
            if self.is_ready(id, now, editable, out) {
                ready.push(id);
            }
        }
        self.speak(ready, now, out);
        self.wake = self.next();
        self.changed |= out.len() > before;
    }

    /// Returns when something may be due.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.wake
    }

    /// Says all that is left, as far as the budget goes: there is nobody to say it later.
    pub(crate) fn close(&mut self, now: Timestamp, out: &mut Vec<Emission>) {
        let left = |group: &&Group| group.unsaid > 0 && (!group.owed || group.is_loud(&self.policy));
        let ready: Vec<GroupId> =
            self.groups.iter().filter(|(_, group)| left(group)).map(|(id, _)| *id).collect();
        if self.overflow.alerts > 0 {
            self.overflow.due = now;
        }
        self.storm = None;
        self.speak(ready, now, out);
        self.wake = self.next();
    }

    /// Returns how many alerts wait to be told of.
    pub(crate) fn pending(&self) -> u64 {
        self.overflow.alerts + self.groups.values().map(|group| group.unsaid).sum::<u64>()
    }

    /// Returns how many of these are of groups that nobody was told of, because of a budget, a storm or quiet hours.
    pub(crate) fn held_back(&self) -> u64 {
        let held = self.groups.values().filter(|group| group.is_held_back());
        self.overflow.alerts + held.map(|group| group.unsaid).sum::<u64>()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns how many were suppressed by earlier processes.
    pub(crate) fn suppressed_before(&self) -> u64 {
        self.suppressed_before
    }

    pub(crate) fn open_groups(&self) -> usize {
        self.groups.len()
    }

    /// Tells whether this alert goes by itself on a channel that sends every one.
    fn sends_every(&mut self, id: GroupId, now: Timestamp) -> bool {
        let (Some(rate), Some(group)) = (self.policy.every, self.groups.get_mut(&id)) else { return false };
        match token_bucket::allow(&rate, group.every, now) {
            Some(level) => {
                group.every = level;
                group.owed = true;
                true
            }
            // The first of a group is always owed; a flood of new groups has the queue's bound.
            None => false,
        }
    }

    /// Returns until when a group may not speak, and why.
    fn held(&self, id: GroupId, group: &Group, now: Timestamp) -> Option<(Timestamp, Late)> {
        if let Some(silence) = self.silences.of(id, now) {
            return Some((silence.until.into(), Late::Silence));
        }
        if group.owed && !group.is_loud(&self.policy) {
            let within = self.policy.min_count.map_or(Duration::from_secs(3600), |min| min.within);
            return Some((group.last + within + Duration::from_millis(1), Late::MinCount));
        }
        if group.severity >= Severity::Critical {
            return None;
        }
        if let Some(until) = self.budget.muted_until(group.severity, now) {
            return Some((until, Late::QuietHours));
        }
        match &self.storm {
            Some(storm) if group.owed => Some((storm.due.max(now), Late::Storm)),
            _ => None,
        }
    }

    /// Says the first message of a group, if nothing holds it.
    fn owe(&mut self, id: GroupId, now: Timestamp, out: &mut Vec<Emission>) {
        let Some(group) = self.groups.get(&id) else { return };
        let held = match self.held(id, group, now) {
            None if !self.budget.is_open_for("", group.severity, id, now) => {
                Some((self.budget.next_available("", now), Late::Budget))
            }
            held => held,
        };
        match held {
            None => self.say(id, now, out),
            Some(held) => self.hold(id, held),
        }
    }

    fn hold(&mut self, id: GroupId, (until, why): (Timestamp, Late)) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.due = until;
            group.late = Some(why);
            (group.early_at, group.edit_at) = (None, None);
            let at = group.next();
            self.wake_by(at);
        }
    }

    fn plan(&mut self, id: GroupId, now: Timestamp) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.plan(&self.policy, self.can_edit, now);
            let at = group.next();
            self.wake_by(at);
        }
    }

    fn wake_by(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Looks at everything at the next tick, after a restart.
    pub(super) fn wake_all(&mut self, now: Timestamp) {
        self.wake = self.next().map(|at| at.max(now));
    }

    fn next(&self) -> Option<Timestamp> {
        let groups = self.groups.values().map(Group::next);
        let storm = self.storm.as_ref().map(|storm| storm.due.min(storm.check));
        let overflow = (self.overflow.alerts > 0).then_some(self.overflow.due);
        groups.chain(storm).chain(overflow).min()
    }

    /// Decides what a group that is due does; `true` if it wants to speak.
    fn is_ready(
        &mut self,
        id: GroupId,
        now: Timestamp,
        editable: &dyn Fn(GroupId) -> bool,
        out: &mut Vec<Emission>,
    ) -> bool {
        let Some(group) = self.groups.get(&id) else { return false };
        if group.unsaid == 0 && group.fresh == 0 && !group.owed {
            self.end(id, now, editable, out);
            return false;
        }
        let by_time = group.due <= now || group.early_at.is_some_and(|at| at <= now);
        match self.held(id, group, now) {
            Some((_, Late::MinCount)) if now.since(group.last) > self.patience() => {
                self.suppress(id);
                false
            }
            Some(held) => {
                // A storm that is due has just spoken, or waits for its budget.
                let until = held.0.max(now + Duration::from_millis(1));
                self.hold(id, (until, held.1));
                false
            }
            None if group.owed => true,
            None if by_time && self.policy.digests.is_empty() => {
                self.suppress(id);
                false
            }
            None if by_time => true,
            None => {
                self.edit(id, now, editable, out);
                false
            }
        }
    }
}
