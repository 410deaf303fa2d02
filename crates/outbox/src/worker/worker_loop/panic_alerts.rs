//! Speak of panics that others left, and of what was only counted.

use std::{sync::Arc, time::Duration};

use super::Worker;
use crate::pipeline::pipeline_turn::Remarks;
use watchfire_core::clock;

use crate::{
    model::{
        Timestamp,
        stats::{add, bump},
        text::format_duration,
    },
    pipeline::dispatch::Left,
    spool::Owner,
    worker::panics::Repeated,
};

/// How often the counts of panics at one place are told.
const REPEATS: Duration = Duration::from_secs(60);

impl Worker<'_> {
    /// Looks what others left in the spool, if it is time to.
    pub(super) fn look(&mut self, asked: bool, ending: bool, now: Timestamp) {
        let held = self.shared.panics.release(clock::instant(), ending);
        self.dispatch.hold(held.alerts);
        let rest = held.next.map(|after| now + after);
        if asked || held.released {
            self.dispatch.look_soon();
        } else if self.look_at.is_none_or(|at| at > now) && !self.dispatch.has_room_for_more(&self.channels) {
            self.look_at = [self.look_at, rest].into_iter().flatten().min();
            return;
        }
        // Who flushes, or panics, has set up its channels.
        let alerts = asked || ending || now >= self.alerts_from;
        self.find_left_marks(now);
        let (left, next) = self.dispatch.look(&self.channels, alerts, now);
        // Those that are left for later are looked for when the channels are settled.
        self.look_at = if alerts { next } else { next.map(|at| at.min(self.alerts_from)) };
        self.look_at = [self.look_at, rest].into_iter().flatten().min();
        if !alerts {
            self.dispatch.look_soon();
        }
        for left in left {
            self.speak_of_panic(&left, now);
        }
        if alerts {
            self.report_left_marks(now);
        }
    }

    fn speak_of_panic(&mut self, left: &Left, now: Timestamp) {
        let mut remarks = Remarks { notes: Vec::new(), maybe_duplicate: left.again };
        if let Some(Owner { pid, .. }) = &left.died {
            let ago = format_duration(now.since(left.alert.at.into()));
            remarks.notes.push(format!("The process {pid} died {ago} ago."));
        }
        let alert = Arc::new(left.alert.clone());
        let numbers = match &left.channel {
            Some(name) => {
                self.channels.iter().position(|channel| channel.name == *name).into_iter().collect()
            }
            None => self.panic_channels(),
        };
        for number in numbers {
            if let Some(channel) = self.channels.get(number) {
                bump(&channel.counters.captured);
            }
            self.pipeline().take(number, Arc::clone(&alert), 1, &remarks, now);
        }
        self.dispatch.end_alert(&left.name);
        if let Some(owner) = &left.died {
            self.forget_mark_of(owner);
        }
    }

    /// Tells the counts of places that panicked again and again.
    pub(super) fn say_repeated_panics(&mut self, now: Timestamp) {
        use std::sync::atomic::Ordering;
        if self.shared.panics.waiting.load(Ordering::Acquire) == 0 {
            return;
        }
        let orders = &self.shared.orders;
        let ending = [&orders.close, &orders.stop, &orders.last_words];
        let ending = ending.into_iter().any(|order| order.load(Ordering::Acquire));
        // Without a channel there is nobody to tell yet.
        if (now < self.repeats_from && !ending) || self.channels.is_empty() {
            return;
        }
        self.repeats_from = now + REPEATS;
        for Repeated { alert, counts } in self.shared.panics.take_repeated() {
            for number in self.panic_channels() {
                if let Some(channel) = self.channels.get(number) {
                    add(&channel.counters.captured, counts.fresh);
                }
                self.pipeline().take(number, Arc::clone(&alert), counts.fresh, &Remarks::default(), now);
            }
        }
    }
}
