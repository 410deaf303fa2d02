//! Eviction: groups that make room for others, and the overflow that counts them.

use std::time::Duration;

use super::{Aggregator, MOST_BYTES, MOST_GROUPS, Overflow};
use crate::{GroupId, model::Timestamp};

impl Aggregator {
    pub(super) fn overflow(&mut self, alerts: u64, first: Timestamp, last: Timestamp, now: Timestamp) {
        if self.overflow.alerts == 0 {
            self.overflow = Overflow { first, last, due: now + self.policy.window(0), ..Overflow::default() };
        }
        self.overflow.alerts += alerts;
        self.overflow.groups += 1;
        self.overflow.first = self.overflow.first.min(first);
        self.overflow.last = self.overflow.last.max(last);
        self.wake_by(self.overflow.due);
    }

    /// Keeps the table within its bounds: those that have nothing to tell go first, then the longest unheard of.
    pub(in crate::aggregate) fn make_room(&mut self, keep: GroupId, now: Timestamp) {
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
                    self.overflow(group.unsaid, group.first, group.last, now);
                }
            }
        }
    }

    /// Returns how long a group waits for its `min_count`.
    pub(super) fn patience(&self) -> Duration {
        self.policy.min_count.map_or(Duration::from_secs(3600), |min| min.within)
    }

    /// Lets go of a group that is not to be told of, and counts what it had.
    pub(super) fn suppress(&mut self, id: GroupId) {
        if let Some(group) = self.groups.remove(&id) {
            self.bytes = self.bytes.saturating_sub(group.bytes);
            self.tally.suppressed += group.unsaid;
            self.unmentioned += group.unsaid;
            self.changed = true;
        }
    }
}
