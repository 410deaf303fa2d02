use super::Desk;
use crate::{Noise, moment::Moment};

impl Desk {
    /// Takes other settings. What was counted stays, and is told as they have it: at the times of the new digests, counted
    /// from the last message.
    pub(crate) fn retune(&mut self, noise: &Noise, can_edit: bool, now: Moment) {
        self.can_edit = can_edit;
        if self.noise == *noise {
            return;
        }
        self.budget.retune(&noise.budget, now);
        self.noise = noise.clone();
        self.budget.hush(None);
        for group in self.groups.values_mut() {
            group.due = if group.owed || group.late.is_some() {
                // Looked at anew: what has held it may hold it no longer.
                group.due.min(now)
            } else {
                group.last_said.max(group.first) + noise.window(group.step)
            };
        }
        self.changed = true;
        self.wake_all(now);
    }
}
