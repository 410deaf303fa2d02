//! Put another policy in force while groups are known.

use super::{Aggregator, Late};
use crate::{NotificationPolicy, aggregate::Silences, model::Timestamp};

impl Aggregator {
    /// Takes other settings. What was counted stays, and is told as they have it: at the times of the new digests, counted
    /// from the last message.
    pub(crate) fn retune(&mut self, policy: &NotificationPolicy, can_edit: bool, now: Timestamp) {
        self.can_edit = can_edit;
        if self.policy == *policy {
            return;
        }
        self.budget.retune(&policy.budget, now);
        self.policy = policy.clone();
        self.budget.mute_until(None);
        for group in self.groups.values_mut() {
            group.due = if group.owed || group.late.is_some() {
                // Looked at anew: what has held it may hold it no longer.
                group.due.min(now)
            } else {
                group.last_said.max(group.first) + policy.window(group.step)
            };
        }
        self.changed = true;
        self.wake_all(now);
    }

    /// Takes the silences of now.
    pub(crate) fn silence(&mut self, silences: Silences, now: Timestamp) {
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

    /// Looks again at what the budget held: it has room.
    pub(crate) fn look_again(&mut self, now: Timestamp) {
        for group in self.groups.values_mut().filter(|group| group.late == Some(Late::Budget)) {
            group.due = group.due.min(now);
        }
        self.wake = self.next();
    }

    /// Takes until when only what is critical is said.
    pub(crate) fn hush(&mut self, until: Option<Timestamp>) {
        self.budget.mute_until(until);
    }
}
