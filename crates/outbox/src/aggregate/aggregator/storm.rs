//! Storms: many new groups at once become one message.

use std::{sync::Arc, time::Duration};

use watchfire_core::{Alert, Severity};

use super::{Aggregator, STORM, STORM_SPAN};
use crate::{
    GroupId, Mention, OccasionKind, Outlook,
    aggregate::{
        Emission,
        emission::{mention, most_frequent},
        group::Group,
    },
    model::Timestamp,
};

/// More new groups than these are a storm as soon as the budget has one message left: it is better spent on all of them
/// than on the next one, after which nothing would be said until the budget has room again.
pub(in crate::aggregate) const FEW: usize = 5;

/// A time in which new groups are told of together.
#[derive(Clone, Copy, Debug)]
pub(in crate::aggregate) struct Storm {
    /// When the first of the groups came that made it one.
    pub(super) since: Timestamp,
    /// How many new groups there were.
    kinds: u64,
    pub(super) due: Timestamp,
    pub(super) check: Timestamp,
    step: u8,
    said: bool,
}

impl Aggregator {
    pub(super) fn arrived(&mut self, now: Timestamp) {
        if self.policy.every.is_some() {
            return;
        }
        self.arrivals.push_back(now);
        self.forget_arrivals(now);
        if let Some(storm) = &mut self.storm {
            storm.kinds = storm.kinds.saturating_add(1);
        } else if self.arrivals.len() > STORM
            || (self.arrivals.len() > FEW && self.budget.available("", now) == 1)
        {
            // What came before was told one by one; from now on they come together.
            let since = self.arrivals.front().copied().unwrap_or(now);
            let kinds = self.arrivals.len() as u64;
            self.storm =
                Some(Storm { since, kinds, due: now, check: now + STORM_SPAN, step: 0, said: false });
            self.wake = Some(now);
        }
    }

    pub(super) fn forget_arrivals(&mut self, now: Timestamp) {
        while self.arrivals.len() > STORM + 1
            || self.arrivals.front().is_some_and(|at| now.since(*at) > STORM_SPAN)
        {
            self.arrivals.pop_front();
        }
    }

    /// Speaks of a storm, and ends it: by time, not by events, as the end of a storm is that none come.
    pub(super) fn weather(&mut self, now: Timestamp, out: &mut Vec<Emission>) {
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
    pub(super) fn say_storm(
        &mut self,
        storm: &mut Storm,
        over: bool,
        now: Timestamp,
        out: &mut Vec<Emission>,
    ) -> bool {
        if let Some(until) = self.budget.muted_until(Severity::Error, now) {
            storm.due = until;
            return false;
        }
        let silences = &self.silences;
        let policy = &self.policy;
        let ids: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(id, group)| {
                group.owed
                    && group.unsaid > 0
                    && group.severity < Severity::Critical
                    && group.is_loud(policy)
                    && silences.of(**id, now).is_none()
            })
            .map(|(id, _)| *id)
            .collect();
        if ids.is_empty() && self.overflow.alerts == 0 {
            storm.due = now + self.policy.window(storm.step);
            return true;
        }
        // What is critical goes first, by itself.
        if self.budget.available("", now) as usize <= self.urgent(now) {
            storm.due = self.budget.next_available("", now).max(now + Duration::from_millis(1));
            return false;
        }
        if storm.said {
            storm.step = storm.step.saturating_add(1);
        }
        storm.said = true;
        storm.due = now + self.policy.window(storm.step);
        let whole = self.whole_storm(storm.since, now);
        if let Some(mut emission) = self.bundle(OccasionKind::Storm, &ids, now) {
            emission.summary.outlook =
                Some(if over { Outlook::Over } else { Outlook::Next(storm.due.into()) });
            emission.summary.counts.first = storm.since.into();
            emission.summary.counts.groups = storm.kinds.max(emission.summary.counts.groups);
            if let Some((oldest, mentions)) = whole {
                (emission.summary.alert, emission.summary.mentions) = (oldest, mentions);
            }
            out.push(emission);
        }
        true
    }

    /// Returns how many critical groups wait for the budget, and are about to be told of.
    fn urgent(&self, now: Timestamp) -> usize {
        let is_urgent = |(id, group): &(&GroupId, &Group)| {
            group.is_urgent() && group.next() <= now && self.silences.of(**id, now).is_none()
        };
        self.groups.iter().filter(is_urgent).count()
    }

    /// Returns the first alert of a storm, and its most frequent groups: those that were told of one by one, too.
    fn whole_storm(&self, since: Timestamp, now: Timestamp) -> Option<(Arc<Alert>, Vec<Mention>)> {
        let of_it = |(id, group): &(&GroupId, &Group)| {
            group.first >= since
                && group.severity < Severity::Critical
                && self.silences.of(**id, now).is_none()
                && (!group.owed || group.is_loud(&self.policy))
        };
        let mut groups: Vec<_> = self.groups.iter().filter(of_it).collect();
        groups.sort_by_key(|(_, group)| group.first);
        let (_, oldest) = groups.first()?;
        let mentions = groups.iter().map(|(id, group)| mention(**id, group, group.total)).collect();
        Some((Arc::clone(&oldest.opening), most_frequent(mentions)))
    }
}
