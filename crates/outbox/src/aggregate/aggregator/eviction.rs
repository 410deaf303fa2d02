use std::time::Duration;

use super::{Desk, Lump, MOST_BYTES, MOST_GROUPS};
use crate::{GroupId, model::timestamp::Moment};

impl Desk {
    pub(super) fn lump(&mut self, alerts: u64, first: Moment, last: Moment, now: Moment) {
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
    pub(in crate::aggregate) fn make_room(&mut self, keep: GroupId, now: Moment) {
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

    /// Returns how long a group waits for its `min_count`.
    pub(super) fn patience(&self) -> Duration {
        self.noise.min_count.map_or(Duration::from_secs(3600), |min| min.within)
    }

    /// Lets go of a group that is not to be told of, and counts what it had.
    pub(super) fn withhold(&mut self, id: GroupId) {
        if let Some(group) = self.groups.remove(&id) {
            self.bytes = self.bytes.saturating_sub(group.bytes);
            self.tally.withheld += group.unsaid;
            self.unmentioned += group.unsaid;
            self.changed = true;
        }
    }
}
