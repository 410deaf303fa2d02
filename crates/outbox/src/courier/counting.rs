//! Drive the desks: what they decide is said, counted and kept.

use std::sync::{Arc, atomic::Ordering};

use watchfire_core::Alert;

use super::{
    Courier,
    talk::{Remarks, Talk},
};
use crate::{GroupId, moment::Moment, shared::micros, spool::Disk};

impl Courier<'_> {
    pub(super) fn talk(&mut self) -> Talk<'_, Disk> {
        Talk {
            dispatch: &mut self.dispatch,
            channels: &self.channels,
            desks: &mut self.desks,
            looked: &mut self.looked,
        }
    }

    /// Has a channel take an alert that stands for `weight`; `remarks` go with it if it is said now.
    pub(super) fn take(
        &mut self,
        number: usize,
        alert: Arc<Alert>,
        weight: u64,
        remarks: &Remarks,
        now: Moment,
    ) -> Option<GroupId> {
        self.talk().take(number, alert, weight, remarks, now)
    }

    /// Lets the desks say what is due; returns when something is due again.
    pub(super) fn count(&mut self, ending: bool, asked: bool, now: Moment) -> Option<Moment> {
        let last_words = ending || self.shared.orders.last_words.load(Ordering::Acquire);
        let passed = micros(self.shared.began.elapsed());
        let app = self.shared.capture.app();
        self.talk().adopt(app, now);
        let next = self.talk().count(last_words, asked, passed, now);
        if last_words {
            self.shared.pending.store(self.dispatch.len(), Ordering::Release);
            self.shared.orders.last_words_said.store(true, Ordering::Release);
            self.shared.settled.1.notify_all();
        }
        next
    }
}
