//! Decide when a channel speaks, and of what: the machine of all its groups.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use watchfire_core::{Alert, Severity};

use super::{
    Fingerprint,
    places::Places,
    say::{Say, mention},
    state::{Group, Late},
};
use crate::{
    Counts, GroupId, Noise, OccasionKind, QuietNote,
    hash::Fnv128,
    moment::Moment,
    noise::{Budget, Silences},
};

/// How many groups are kept, and how many bytes of their alerts.
pub(super) const MOST_GROUPS: usize = 1024;
const MOST_BYTES: usize = 4 << 20;
/// More new groups than these within a minute are a storm.
pub(super) const STORM: usize = 15;
const STORM_SPAN: Duration = Duration::from_secs(60);
/// More messages than these at one time are one message.
const AT_ONCE: usize = 3;
/// Edits of one channel stay this far apart: Telegram allows 20 messages a minute in a group.
const EDIT_GAP: Duration = Duration::from_secs(3);

/// Holds the groups of one channel, and says when it speaks. Takes the time as an argument.
///
/// At every moment `taken = told + withheld + pending`.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) channel: String,
    pub(super) noise: Noise,
    can_edit: bool,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) bytes: usize,
    places: Places,
    arrivals: VecDeque<Moment>,
    pub(super) storm: Option<Storm>,
    pub(super) lump: Lump,
    pub(super) budget: Budget,
    silences: Silences,
    quiet_until: Option<Moment>,
    last_edit: Moment,
    /// The last alert, to stand for groups that are no longer known.
    latest: Option<Arc<Alert>>,
    /// How many messages told of several groups.
    pub(super) bundles: u32,
    wake: Option<Moment>,
    pub(super) tally: Tally,
    /// Alerts withheld, and not yet mentioned by a message.
    pub(super) unmentioned: u64,
    pub(super) withheld_before: u64,
    pub(super) changed: bool,
}

/// Counts alerts by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Taken, those of an earlier life of the program that were not told included.
    pub(crate) taken: u64,
    /// Told of, by themselves or as a number.
    pub(crate) told: u64,
    /// Too few of their group to be told of.
    pub(crate) withheld: u64,
}

/// Is a time in which new groups are told of together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storm {
    pub(super) since: Moment,
    due: Moment,
    check: Moment,
    step: u8,
    said: bool,
}

/// Counts the alerts of groups that had to leave the table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lump {
    pub(super) alerts: u64,
    pub(super) groups: u64,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) due: Moment,
}

impl Desk {
    pub(crate) fn new(channel: &str, noise: Noise, can_edit: bool) -> Self {
        Self {
            channel: channel.to_owned(),
            budget: Budget::new(&noise.budget),
            noise,
            can_edit,
            groups: BTreeMap::new(),
            bytes: 0,
            places: Places::default(),
            arrivals: VecDeque::new(),
            storm: None,
            lump: Lump::default(),
            silences: Silences::default(),
            quiet_until: None,
            last_edit: Moment::default(),
            latest: None,
            bundles: 0,
            wake: None,
            tally: Tally::default(),
            unmentioned: 0,
            withheld_before: 0,
            changed: false,
        }
    }

    /// Returns what the settings are.
    pub(crate) fn noise(&self) -> &Noise {
        &self.noise
    }

    /// Takes an alert that stands for `weight` of its kind; `named` is what the program calls its group.
    pub(crate) fn take(
        &mut self,
        alert: Arc<Alert>,
        named: Option<&str>,
        weight: u64,
        now: Moment,
        out: &mut Vec<Say>,
    ) -> GroupId {
        let print = Fingerprint::of(&alert, named);
        let (id, folded) = self.places.group_of(print, now);
        self.changed = true;
        self.tally.taken += weight;
        self.latest = Some(Arc::clone(&alert));
        let known = self.groups.get(&id);
        let is_new = known.is_none();
        let raised = known.is_some_and(|group| alert.severity > group.severity);
        let noise = &self.noise;
        let group = self.groups.entry(id).or_insert_with(|| Group::new(&alert, noise, now));
        group.count(weight, now, noise);
        group.folded = folded;
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
    pub(crate) fn count(&mut self, id: Option<GroupId>, n: u64, now: Moment, out: &mut Vec<Say>) {
        if n == 0 {
            return;
        }
        self.changed = true;
        self.tally.taken += n;
        match id.and_then(|id| Some((id, self.groups.get_mut(&id)?))) {
            Some((id, group)) => {
                group.count(n, now, &self.noise);
                if group.owed {
                    self.owe(id, now, out);
                } else {
                    self.plan(id, now);
                }
            }
            None => self.lump(n, now, now, now),
        }
    }

    /// Says what is due. `editable` tells whether there is a message of the group to edit.
    pub(crate) fn tick(&mut self, now: Moment, editable: &dyn Fn(GroupId) -> bool, out: &mut Vec<Say>) {
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
    pub(crate) fn due(&self) -> Option<Moment> {
        self.wake
    }

    /// Says all that is left, as far as the budget goes: there is nobody to say it later.
    pub(crate) fn close(&mut self, now: Moment, out: &mut Vec<Say>) {
        let left = |group: &&Group| group.unsaid > 0 && (!group.owed || group.is_loud(&self.noise, now));
        let ready: Vec<GroupId> =
            self.groups.iter().filter(|(_, group)| left(group)).map(|(id, _)| *id).collect();
        if self.lump.alerts > 0 {
            self.lump.due = now;
        }
        self.storm = None;
        self.speak(ready, now, out);
        self.wake = self.next();
    }

    /// Takes the silences of now.
    pub(crate) fn silence(&mut self, silences: Silences, now: Moment) {
        if self.silences == silences {
            return;
        }
        self.silences = silences;
        for (id, group) in &mut self.groups {
            // One that was taken back ends now.
            if group.late == Some(Late::Silence) && self.silences.of(*id, now).is_none() {
                group.due = group.due.min(now);
            }
        }
        self.wake = self.next();
    }

    /// Takes until when only what is critical is said.
    pub(crate) fn hush(&mut self, until: Option<Moment>) {
        self.quiet_until = until;
    }

    /// Takes one message to a recipient out of the budget; `false` if there is none left for them.
    pub(crate) fn spend(&mut self, recipient: &str, now: Moment) -> bool {
        self.changed = true;
        recipient.is_empty() || self.budget.take(recipient, now)
    }

    /// Returns how many alerts wait to be told of.
    pub(crate) fn pending(&self) -> u64 {
        self.lump.alerts + self.groups.values().map(|group| group.unsaid).sum::<u64>()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns how many were withheld by earlier processes.
    pub(crate) fn withheld_before(&self) -> u64 {
        self.withheld_before
    }

    pub(crate) fn open_groups(&self) -> usize {
        self.groups.len()
    }

    fn arrived(&mut self, now: Moment) {
        if self.noise.every.is_some() {
            return;
        }
        self.arrivals.push_back(now);
        self.forget_arrivals(now);
        if self.arrivals.len() > STORM && self.storm.is_none() {
            // What came before was told one by one; from now on they come together.
            self.storm = Some(Storm { since: now, due: now, check: now + STORM_SPAN, step: 0, said: false });
            self.wake = Some(now);
        }
    }

    fn forget_arrivals(&mut self, now: Moment) {
        while self.arrivals.len() > STORM + 1
            || self.arrivals.front().is_some_and(|at| now.since(*at) > STORM_SPAN)
        {
            self.arrivals.pop_front();
        }
    }

    /// Tells whether this alert goes by itself on a channel that sends every one.
    fn sends_every(&mut self, id: GroupId, now: Moment) -> bool {
        let (Some(rate), Some(group)) = (self.noise.every, self.groups.get_mut(&id)) else { return false };
        match rate.allow(group.every, now) {
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
    fn held(&self, id: GroupId, group: &Group, now: Moment) -> Option<(Moment, Late)> {
        if let Some(silence) = self.silences.of(id, now) {
            return Some((silence.until.into(), Late::Silence));
        }
        if group.owed && !group.is_loud(&self.noise, now) {
            let within = self.noise.min_count.map_or(Duration::from_secs(3600), |min| min.within);
            return Some((group.last + within + Duration::from_millis(1), Late::MinCount));
        }
        if group.severity >= Severity::Critical {
            return None;
        }
        if let Some(until) = self.quiet_until.filter(|until| *until > now) {
            return Some((until, Late::QuietHours));
        }
        match &self.storm {
            Some(storm) if group.owed => Some((storm.due.max(now), Late::Storm)),
            _ => None,
        }
    }

    /// Says the first message of a group, if nothing holds it.
    fn owe(&mut self, id: GroupId, now: Moment, out: &mut Vec<Say>) {
        let Some(group) = self.groups.get(&id) else { return };
        let held = match self.held(id, group, now) {
            None if self.budget.left("", now) == 0 => Some((self.budget.next("", now), Late::Budget)),
            held => held,
        };
        match held {
            None => self.say(id, now, out),
            Some(held) => self.hold(id, held),
        }
    }

    fn hold(&mut self, id: GroupId, (until, why): (Moment, Late)) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.due = until;
            group.late = Some(why);
            (group.early_at, group.edit_at) = (None, None);
            let at = group.next();
            self.wake_by(at);
        }
    }

    fn plan(&mut self, id: GroupId, now: Moment) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.plan(&self.noise, self.can_edit, now);
            let at = group.next();
            self.wake_by(at);
        }
    }

    fn wake_by(&mut self, at: Moment) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Looks at everything at the next tick, after a restart.
    pub(super) fn wake_all(&mut self, now: Moment) {
        self.wake = self.next().map(|at| at.max(now));
    }

    fn next(&self) -> Option<Moment> {
        let groups = self.groups.values().map(Group::next);
        let storm = self.storm.as_ref().map(|storm| storm.due.min(storm.check));
        let lump = (self.lump.alerts > 0).then_some(self.lump.due);
        groups.chain(storm).chain(lump).min()
    }

    /// Decides what a group that is due does; `true` if it wants to speak.
    fn is_ready(
        &mut self,
        id: GroupId,
        now: Moment,
        editable: &dyn Fn(GroupId) -> bool,
        out: &mut Vec<Say>,
    ) -> bool {
        let Some(group) = self.groups.get(&id) else { return false };
        if group.unsaid == 0 && group.fresh == 0 && !group.owed {
            self.end(id, now, editable, out);
            return false;
        }
        let by_time = group.due <= now || group.early_at.is_some_and(|at| at <= now);
        match self.held(id, group, now) {
            Some((_, Late::MinCount)) if now.since(group.last) > self.patience() => {
                self.withhold(id);
                false
            }
            Some(held) => {
                // A storm that is due has just spoken, or waits for its budget.
                let until = held.0.max(now + Duration::from_millis(1));
                self.hold(id, (until, held.1));
                false
            }
            None if group.owed => true,
            None if by_time && self.noise.digests.is_empty() => {
                self.withhold(id);
                false
            }
            None if by_time => true,
            None => {
                self.edit(id, now, editable, out);
                false
            }
        }
    }

    fn patience(&self) -> Duration {
        self.noise.min_count.map_or(Duration::from_secs(3600), |min| min.within)
    }

    /// Lets go of a group that is not to be told of, and counts what it had.
    fn withhold(&mut self, id: GroupId) {
        if let Some(group) = self.groups.remove(&id) {
            self.bytes = self.bytes.saturating_sub(group.bytes);
            self.tally.withheld += group.unsaid;
            self.unmentioned += group.unsaid;
            self.changed = true;
        }
    }

    /// Ends a group that has been quiet for a whole window.
    fn end(&mut self, id: GroupId, now: Moment, editable: &dyn Fn(GroupId) -> bool, out: &mut Vec<Say>) {
        let Some(group) = self.groups.remove(&id) else { return };
        self.bytes = self.bytes.saturating_sub(group.bytes);
        self.changed = true;
        if group.total > 1 && self.noise.quiet == QuietNote::Edit && self.can_edit && editable(id) {
            let mut say = Say::of(OccasionKind::Quiet, id, &group, now);
            say.alert = Arc::clone(&group.opening);
            out.push(say);
        }
    }

    /// Brings the count of the message that is there up to date.
    fn edit(&mut self, id: GroupId, now: Moment, editable: &dyn Fn(GroupId) -> bool, out: &mut Vec<Say>) {
        let next = self.last_edit + EDIT_GAP;
        let Some(group) = self.groups.get_mut(&id) else { return };
        if !editable(id) {
            group.edit_at = Some(now + self.noise.edit_every);
            return;
        }
        if next > now {
            group.edit_at = Some(next);
            return;
        }
        let mut say = Say::of(OccasionKind::Edit, id, group, now);
        say.alert = Arc::clone(&group.opening);
        group.unsaid = 0;
        group.said = group.said.saturating_add(1);
        group.last_said = now;
        group.edit_at = None;
        self.last_edit = now;
        self.tally.told += say.told;
        out.push(say);
    }

    /// Begins to speak of several groups: each for itself, or all in one message.
    fn speak(&mut self, mut ready: Vec<GroupId>, now: Moment, out: &mut Vec<Say>) {
        let lump = self.lump.alerts > 0 && self.lump.due <= now;
        if ready.is_empty() && !lump {
            return;
        }
        let mut tokens = self.budget.left("", now) as usize;
        if tokens == 0 {
            let next = self.budget.next("", now).max(now + Duration::from_millis(1));
            ready.into_iter().for_each(|id| self.hold(id, (next, Late::Budget)));
            self.lump.due = self.lump.due.max(next);
            return;
        }
        let order = |id: &GroupId| self.groups.get(id).map(|group| (Reverse(group.severity), group.first));
        ready.sort_by_key(order);
        if ready.len() <= AT_ONCE.min(tokens) && !lump {
            ready.into_iter().for_each(|id| self.say(id, now, out));
            return;
        }
        let mut ready = VecDeque::from(ready);
        let urgent = |group: &Group| group.owed && group.severity >= Severity::Critical;
        while tokens > 1
            && let Some(id) = ready.front().filter(|id| self.groups.get(id).is_some_and(urgent)).copied()
        {
            ready.pop_front();
            self.say(id, now, out);
            tokens -= 1;
        }
        match (ready.make_contiguous(), lump) {
            ([], false) => {}
            ([only], false) => self.say(*only, now, out),
            _ => self.bundle(OccasionKind::Digest, ready.make_contiguous(), Vec::new(), now, out),
        }
    }

    /// Says one group's first message or digest.
    fn say(&mut self, id: GroupId, now: Moment, out: &mut Vec<Say>) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if !self.budget.take("", now) {
            return;
        }
        let kind = if group.owed { OccasionKind::First } else { OccasionKind::Digest };
        let mut say = Say::of(kind, id, group, now);
        if kind == OccasionKind::First {
            group.opening = Arc::clone(&group.sample);
        }
        if std::mem::take(&mut self.unmentioned) > 0 {
            say.notes.extend(withheld_note(self.tally.withheld));
        }
        group.told(&self.noise, now);
        let at = group.next();
        self.tally.told += say.told;
        self.wake_by(at);
        out.push(say);
    }

    /// Says several groups in one message.
    fn bundle(
        &mut self,
        kind: OccasionKind,
        ids: &[GroupId],
        mut notes: Vec<String>,
        now: Moment,
        out: &mut Vec<Say>,
    ) {
        let oldest = ids.iter().filter_map(|id| self.groups.get(id)).min_by_key(|group| group.first);
        let alert = oldest.map(|group| &group.sample).or(self.latest.as_ref()).map(Arc::clone);
        let Some(alert) = alert else { return };
        if !self.budget.take("", now) {
            return;
        }
        let lump = std::mem::take(&mut self.lump);
        let mut told = lump.alerts;
        let (mut total, mut fresh) = (lump.alerts, lump.alerts);
        let (mut first, mut last) = match lump.alerts {
            0 => (now, Moment::default()),
            _ => (lump.first, lump.last),
        };
        let mut mentions = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(group) = self.groups.get_mut(id) else { continue };
            mentions.push(mention(*id, group));
            told += group.unsaid;
            total += group.total;
            fresh += group.fresh.max(group.unsaid);
            first = first.min(group.first);
            last = last.max(group.last);
            group.told(&self.noise, now);
        }
        let groups = mentions.len() as u64 + lump.groups;
        mentions.sort_by_key(|mention| Reverse(mention.count));
        mentions.truncate(10);
        if lump.groups > 0 {
            notes.push(format!(
                "{} alerts were of {} groups for which there was no room.",
                lump.alerts, lump.groups
            ));
        }
        if std::mem::take(&mut self.unmentioned) > 0 {
            notes.extend(withheld_note(self.tally.withheld));
        }
        let since = self.storm.map_or(now, |storm| storm.since);
        let name = Fnv128::new()
            .part(b"bundle")
            .part(self.channel.as_bytes())
            .part(kind.as_str().as_bytes())
            .part(&since.as_millis().to_be_bytes());
        self.bundles = self.bundles.saturating_add(1);
        self.tally.told += told;
        out.push(Say {
            kind,
            group: GroupId::from_u64(name.finish_u64()),
            number: self.bundles,
            alert,
            counts: Counts::new(total, fresh, first.into(), last.into()).groups(groups.max(1)),
            told,
            mentions,
            notes,
        });
    }

    /// Speaks of a storm, and ends it: by time, not by events, as the end of a storm is that none come.
    fn weather(&mut self, now: Moment, out: &mut Vec<Say>) {
        let Some(mut storm) = self.storm else { return };
        if storm.check <= now {
            storm.check = now + STORM_SPAN;
            self.forget_arrivals(now);
            let over = self.arrivals.len() <= STORM;
            if over {
                if self.say_storm(&mut storm, true, now, out) {
                    self.storm = None;
                    // The groups are as any others from now on, with what comes next.
                    return;
                }
                storm.check = storm.due;
            }
        }
        if storm.due <= now {
            self.say_storm(&mut storm, false, now, out);
        }
        self.storm = Some(storm);
    }

    /// Says what a storm has gathered; `false` if it has to wait.
    fn say_storm(&mut self, storm: &mut Storm, over: bool, now: Moment, out: &mut Vec<Say>) -> bool {
        if let Some(until) = self.quiet_until.filter(|until| *until > now) {
            storm.due = until;
            return false;
        }
        let silences = &self.silences;
        let noise = &self.noise;
        let ids: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(id, group)| {
                group.owed
                    && group.unsaid > 0
                    && group.severity < Severity::Critical
                    && group.is_loud(noise, now)
                    && silences.of(**id, now).is_none()
            })
            .map(|(id, _)| *id)
            .collect();
        if ids.is_empty() && self.lump.alerts == 0 {
            storm.due = now + self.noise.window(storm.step);
            return true;
        }
        if self.budget.left("", now) == 0 {
            storm.due = self.budget.next("", now).max(now + Duration::from_millis(1));
            return false;
        }
        let notes = if over {
            vec!["The storm is over: new kinds are told of one by one again.".to_owned()]
        } else {
            Vec::new()
        };
        self.bundle(OccasionKind::Storm, &ids, notes, now, out);
        if storm.said {
            storm.step = storm.step.saturating_add(1);
        }
        storm.said = true;
        storm.due = now + self.noise.window(storm.step);
        true
    }

    fn lump(&mut self, alerts: u64, first: Moment, last: Moment, now: Moment) {
        if self.lump.alerts == 0 {
            self.lump = Lump { first, last, due: now + self.noise.window(0), ..Lump::default() };
        }
        self.lump.alerts += alerts;
        self.lump.groups += 1;
        self.lump.first = self.lump.first.min(first);
        self.lump.last = self.lump.last.max(last);
        self.wake_by(self.lump.due);
    }

    /// Keeps the table within its bounds: those that have nothing to tell go first, then the longest unheard of.
    pub(super) fn make_room(&mut self, keep: GroupId, now: Moment) {
        if self.groups.len() <= MOST_GROUPS && self.bytes <= MOST_BYTES {
            return;
        }
        let mut order: Vec<_> = self
            .groups
            .iter()
            .filter(|(id, _)| **id != keep)
            .map(|(id, group)| (group.unsaid > 0, group.last, *id))
            .collect();
        order.sort_unstable();
        // Some at a time, so that the sorting is paid for once in a while.
        for (_, _, id) in order {
            if self.groups.len() <= MOST_GROUPS / 8 * 7 && self.bytes <= MOST_BYTES / 8 * 7 {
                return;
            }
            if let Some(group) = self.groups.remove(&id) {
                self.bytes = self.bytes.saturating_sub(group.bytes);
                if group.unsaid > 0 {
                    self.lump(group.unsaid, group.first, group.last, now);
                }
            }
        }
    }
}

fn withheld_note(all: u64) -> Option<String> {
    (all > 0).then(|| format!("{all} alerts so far were too few of their kind to be told of here."))
}
