//! Report programs that have ended without an orderly exit.

use std::{sync::Arc, time::Duration};

use watchfire_core::clock;

use super::Worker;
use crate::{
    model::{Timestamp, stats::bump},
    pipeline::{dispatch::id_of_marker, pipeline_turn::Remarks},
    spool::{LeftMarker, Owner},
};

/// How often the marks of other programs are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The marks that were found and are not reported yet, and how many alerts waited when each was found.
#[derive(Debug, Default)]
pub(super) struct FoundMarks {
    looked: Option<Timestamp>,
    found: Vec<(LeftMarker, usize)>,
}

impl Worker<'_> {
    /// Finds the marks that programs have left, if it is time to look. Before what they left is claimed: it is counted.
    pub(super) fn find_left_marks(&mut self, now: Timestamp) {
        let is_due = self.marks.looked.is_none_or(|last| now.since(last) >= LOOK);
        if !is_due || self.channels.is_empty() {
            return;
        }
        self.marks.looked = Some(now);
        for left in self.shared.run_marker.left(clock::now()) {
            let owner = left.runner.owner();
            // What a panic has left behind says more, and also that its process died.
            if owner.as_ref().is_some_and(|owner| self.dispatch.has_panic_alert_of(owner)) {
                continue;
            }
            let waiting = self.dispatch.count_alerts(owner.as_ref());
            self.marks.found.push((left, waiting));
        }
    }

    /// Reports the marks that were found, on all channels that panics go to.
    pub(super) fn report_left_marks(&mut self, now: Timestamp) {
        let channels = self.panic_channels();
        if channels.is_empty() {
            return;
        }
        for (left, waiting) in std::mem::take(&mut self.marks.found) {
            let Some(alert) = self.shared.run_marker.alert(&left, waiting) else { continue };
            let alert = Arc::new(alert.id(id_of_marker(&left.name())));
            for number in &channels {
                if let Some(channel) = self.channels.get(*number) {
                    bump(&channel.counters.captured);
                }
                self.pipeline().take(*number, Arc::clone(&alert), 1, &Remarks::default(), now);
            }
            // The mark goes when its report is safe: killed in between, it is reported again, under the same id.
            self.dispatch.commit();
            self.pipeline().keep_counts(true, now);
            left.remove();
        }
    }

    /// Removes the mark of a process whose panic is reported: that report says that it died.
    pub(super) fn forget_mark_of(&mut self, owner: &Owner) {
        let is_of_owner = |left: &LeftMarker| left.runner.owner().as_ref() == Some(owner);
        let (found, others) = self.marks.found.drain(..).partition(|(left, _)| is_of_owner(left));
        self.marks.found = others;
        let found: Vec<_> = found;
        let left = self.shared.run_marker.left(clock::now()).into_iter().filter(is_of_owner);
        found.into_iter().map(|(left, _)| left).chain(left).for_each(LeftMarker::remove);
    }
}
