//! Drive the desks: what they decide is said, counted and kept.

use std::sync::atomic::Ordering;

use super::Courier;
use crate::pipeline::pipeline_turn::Talk;
use crate::{model::timestamp::Moment, spool::Disk, worker::producer::micros};

impl Courier<'_> {
    pub(super) fn talk(&mut self) -> Talk<'_, Disk> {
        Talk {
            dispatch: &mut self.dispatch,
            channels: &self.channels,
            desks: &mut self.desks,
            looked: &mut self.looked,
        }
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
