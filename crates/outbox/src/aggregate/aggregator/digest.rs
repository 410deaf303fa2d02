//! Digests: the repeats of a group, reported when they are due.

use std::{cmp::Reverse, collections::VecDeque, sync::Arc, time::Duration};

use watchfire_core::counted;

use super::{AT_ONCE, Aggregator, EDIT_GAP};
use crate::{
    Counts, GroupId, GroupSummary, OccasionKind, QuietNote,
    aggregate::{
        Emission,
        emission::{mention, most_frequent, notes_of},
        group::{Group, Late},
    },
    model::{Timestamp, hash::Fnv128},
};

impl Aggregator {
    /// Ends a group that has been quiet for a whole window.
    pub(super) fn end(
        &mut self,
        id: GroupId,
        now: Timestamp,
        editable: &dyn Fn(GroupId) -> bool,
        out: &mut Vec<Emission>,
    ) {
        let Some(group) = self.groups.remove(&id) else { return };
        self.bytes = self.bytes.saturating_sub(group.bytes);
        self.changed = true;
        if group.total > 1 && self.policy.quiet == QuietNote::Edit && self.can_edit && editable(id) {
            let mut emission = Emission::of(OccasionKind::Quiet, id, &group, now);
            emission.summary.alert = Arc::clone(&group.opening);
            out.push(emission);
        }
    }

    /// Brings the count of the message that is there up to date.
    pub(super) fn edit(
        &mut self,
        id: GroupId,
        now: Timestamp,
        editable: &dyn Fn(GroupId) -> bool,
        out: &mut Vec<Emission>,
    ) {
        let next = self.last_edit + EDIT_GAP;
        let Some(group) = self.groups.get_mut(&id) else { return };
        if !editable(id) {
            group.edit_at = Some(now + self.policy.edit_every);
            return;
        }
        if next > now {
            group.edit_at = Some(next);
            return;
        }
        let mut emission = Emission::of(OccasionKind::Edit, id, group, now);
        emission.summary.alert = Arc::clone(&group.opening);
        (group.unsaid, group.maybe_told) = (0, false);
        group.said = group.said.saturating_add(1);
        group.last_said = now;
        group.edit_at = None;
        self.last_edit = now;
        self.tally.told += emission.told;
        out.push(emission);
    }

    /// Begins to speak of several groups: each for itself, or all in one message.
    pub(super) fn speak(&mut self, mut ready: Vec<GroupId>, now: Timestamp, out: &mut Vec<Emission>) {
        let overflow = self.overflow.alerts > 0 && self.overflow.due <= now;
        if ready.is_empty() && !overflow {
            return;
        }
        let mut tokens = self.budget.available("", now) as usize;
        if tokens == 0 {
            // Critical groups have a reserve.
            let (urgent, others): (Vec<_>, Vec<_>) = ready.into_iter().partition(|id| {
                let group = self.groups.get(id).filter(|group| group.is_urgent());
                group.is_some_and(|group| self.budget.is_open_for("", group.severity, *id, now))
            });
            urgent.into_iter().for_each(|id| self.say(id, now, out));
            ready = others;
            let next = self.budget.next_available("", now).max(now + Duration::from_millis(1));
            ready.into_iter().for_each(|id| self.hold(id, (next, Late::Budget)));
            self.overflow.due = self.overflow.due.max(next);
            return;
        }
        let order = |id: &GroupId| self.groups.get(id).map(|group| (Reverse(group.severity), group.first));
        ready.sort_by_key(order);
        if ready.len() <= AT_ONCE.min(tokens) && !overflow {
            ready.into_iter().for_each(|id| self.say(id, now, out));
            return;
        }
        let mut ready = VecDeque::from(ready);
        while tokens > 1
            && let Some(id) =
                ready.front().filter(|id| self.groups.get(id).is_some_and(Group::is_urgent)).copied()
        {
            ready.pop_front();
            self.say(id, now, out);
            tokens -= 1;
        }
        match (ready.make_contiguous(), overflow) {
            ([], false) => {}
            ([only], false) => self.say(*only, now, out),
            _ => match self.bundle(OccasionKind::Digest, ready.make_contiguous(), now) {
                Some(emission) => out.push(emission),
                // Nothing is known of what was counted: it waits for an alert to stand for it.
                None => self.overflow.due = now + self.policy.window(0),
            },
        }
    }

    /// Says one group's first message or digest.
    pub(super) fn say(&mut self, id: GroupId, now: Timestamp, out: &mut Vec<Emission>) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if !self.budget.try_acquire_for("", group.severity, id, now) {
            return;
        }
        let kind = if group.owed { OccasionKind::First } else { OccasionKind::Digest };
        let mut emission = Emission::of(kind, id, group, now);
        if kind == OccasionKind::First {
            group.opening = Arc::clone(&group.sample);
        }
        if std::mem::take(&mut self.unmentioned) > 0 {
            emission.summary.notes.extend(suppressed_note(self.tally.suppressed));
        }
        group.told(&self.policy, now);
        let at = group.next();
        self.tally.told += emission.told;
        self.wake_by(at);
        out.push(emission);
    }

    /// Puts several groups into one message.
    pub(super) fn bundle(&mut self, kind: OccasionKind, ids: &[GroupId], now: Timestamp) -> Option<Emission> {
        let oldest = ids.iter().filter_map(|id| self.groups.get(id)).min_by_key(|group| group.first);
        let alert = oldest.map(|group| &group.sample).or(self.latest.as_ref()).map(Arc::clone);
        let alert = alert?;
        if !self.budget.try_acquire("", now) {
            return None;
        }
        let mut notes = notes_of(ids.iter().filter_map(|id| self.groups.get(id)));
        let overflow = std::mem::take(&mut self.overflow);
        let mut told = overflow.alerts;
        let mut maybe_duplicate = overflow.maybe_told;
        let (mut total, mut fresh) = (overflow.alerts, overflow.alerts);
        let (mut first, mut last) = match overflow.alerts {
            0 => (now, Timestamp::default()),
            _ => (overflow.first, overflow.last),
        };
        let mut fresh_since = first;
        let mut mentions = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(group) = self.groups.get_mut(id) else { continue };
            mentions.push(mention(*id, group, group.fresh.max(group.unsaid)));
            told += group.unsaid;
            maybe_duplicate |= group.maybe_told;
            total += group.total;
            fresh += group.fresh.max(group.unsaid);
            first = first.min(group.first);
            last = last.max(group.last);
            if group.fresh > 0 {
                fresh_since = fresh_since.min(group.fresh_since);
            }
            group.told(&self.policy, now);
        }
        let groups = mentions.len() as u64 + overflow.groups;
        let mentions = most_frequent(mentions);
        if overflow.groups > 0 {
            notes.push(format!(
                "No room was left for {} of {}.",
                counted(overflow.alerts, "alert"),
                counted(overflow.groups, "group")
            ));
        }
        if std::mem::take(&mut self.unmentioned) > 0 {
            notes.extend(suppressed_note(self.tally.suppressed));
        }
        let since = self.storm.map_or(now, |storm| storm.since);
        let name = Fnv128::new()
            .part(b"bundle")
            .part(self.channel.as_bytes())
            .part(kind.as_str().as_bytes())
            .part(&since.as_millis().to_be_bytes());
        self.bundles = self.bundles.saturating_add(1);
        self.tally.told += told;
        let counts = Counts::new(total, fresh, first.into(), last.into())
            .fresh_since(fresh_since.into())
            .groups(groups.max(1));
        let summary = GroupSummary::first(alert, GroupId::from_u64(name.finish_u64()))
            .of_kind(kind, self.bundles)
            .with_counts(counts)
            .with_mentions(mentions)
            .with_notes(notes);
        Some(Emission { summary, told, maybe_duplicate })
    }
}

fn suppressed_note(all: u64) -> Option<String> {
    (all > 0).then(|| format!("{} suppressed so far (below `min_count`).", counted(all, "alert")))
}
