//! Drive the aggregators: what they decide is said, counted and kept.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::pipeline::pipeline_turn::{Extent, Pipeline};
use crate::{model::Timestamp, spool::Disk, worker::producer::micros};

impl Worker<'_> {
    pub(super) fn pipeline(&mut self) -> Pipeline<'_, Disk> {
        Pipeline {
            dispatch: &mut self.dispatch,
            channels: &self.channels,
            aggregators: &mut self.aggregators,
            looked: &mut self.looked,
        }
    }

    /// Takes over counts, reports what is due, and writes down that it is; returns when something is due again.
    pub(super) fn report(&mut self, ending: bool, asked: bool, now: Timestamp) -> Option<Timestamp> {
        let last_words = ending || self.shared.orders.last_words.load(Ordering::Acquire);
        let passed = micros(self.shared.began.elapsed());
        let app = self.shared.capture.app();
        self.pipeline().adopt(app, now);
        let extent = Extent { last_words, collects: asked, keeps_at_once: ending };
        let next = self.pipeline().report(extent, passed, now);
        if last_words {
            self.shared.pending.store(self.dispatch.len(), Ordering::Release);
            self.shared.orders.last_words_said.store(true, Ordering::Release);
            self.shared.settled.1.notify_all();
        }
        next
    }
}
