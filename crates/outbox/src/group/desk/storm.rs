use std::time::Duration;

use watchfire_core::Severity;

use super::{Desk, STORM, STORM_SPAN, Storm};
use crate::{GroupId, OccasionKind, group::Say, moment::Moment};

impl Desk {
    pub(super) fn arrived(&mut self, now: Moment) {
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

    pub(super) fn forget_arrivals(&mut self, now: Moment) {
        while self.arrivals.len() > STORM + 1
            || self.arrivals.front().is_some_and(|at| now.since(*at) > STORM_SPAN)
        {
            self.arrivals.pop_front();
        }
    }

    /// Speaks of a storm, and ends it: by time, not by events, as the end of a storm is that none come.
    pub(super) fn weather(&mut self, now: Moment, out: &mut Vec<Say>) {
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
        now: Moment,
        out: &mut Vec<Say>,
    ) -> bool {
        if let Some(until) = self.budget.hushed(Severity::Error, now) {
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
                    && group.is_loud(noise)
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
}
