//! Turn alerts into notifications: alert → group → occasion → render → spool.

use std::time::Duration;

use watchfire_core::Alert;

use super::Courier;
use crate::{
    GroupId, Occasion, OccasionKind, dispatch::Left, hash::Fnv128, moment::Moment, page::span_text,
    panics::Repeated, stats::bump,
};

/// How often the counts of panics at one place are told.
const REPEATS: Duration = Duration::from_secs(60);

impl Courier<'_> {
    /// Has a channel say an alert. Groups decide here whether it is a first one, or only counted.
    pub(super) fn speak(&mut self, number: usize, alert: &Alert, notes: &[String], now: Moment) {
        let Some(channel) = self.channels.get(number).cloned() else { return };
        let occasion = Occasion::first(alert, &channel.name, fingerprint(alert), now.into()).notes(notes);
        if self.say(number, &occasion, now) {
            bump(&channel.counters.rendered);
        } else {
            Self::count_dropped_render(&channel);
        }
    }

    /// Renders an occasion and puts what comes of it on its way; `false` if the sink could not render it.
    fn say(&mut self, number: usize, occasion: &Occasion<'_>, now: Moment) -> bool {
        let Some(channel) = self.channels.get(number).cloned() else { return false };
        let receipts = self.dispatch.receipts(&channel.name, occasion.group()).to_vec();
        let occasion = match occasion.kind() {
            // A first message stands for itself, whatever was said of an earlier group of that name.
            OccasionKind::First => occasion.clone(),
            _ => occasion.clone().receipts(&receipts),
        };
        let Some((rendered, facts)) = channel.render(&occasion, now) else { return false };
        self.dispatch.accept(&self.channels, number, rendered, &facts, now);
        true
    }

    /// Looks what others left in the spool, if it is time to.
    pub(super) fn look(&mut self, asked: bool, ending: bool, now: Moment) {
        if asked {
            self.dispatch.look_soon();
        } else if self.look_at.is_none_or(|at| at > now) {
            return;
        }
        let alerts = ending || now >= self.alerts_from;
        let (left, next) = self.dispatch.look(&self.channels, alerts, now);
        // Those that are left for later are looked for when the channels are settled.
        self.look_at = if alerts { next } else { next.map(|at| at.min(self.alerts_from)) };
        if !alerts {
            self.dispatch.look_soon();
        }
        for left in left {
            self.speak_of_panic(&left, now);
        }
    }

    fn speak_of_panic(&mut self, left: &Left, now: Moment) {
        let mut notes = Vec::new();
        if left.died {
            let ago = span_text(now.since(left.alert.at.into()));
            notes.push(format!("The process {} died {ago} ago.", left.alert.app.process_id()));
        }
        for number in self.panic_channels() {
            if let Some(channel) = self.channels.get(number) {
                bump(&channel.counters.captured);
            }
            self.speak(number, &left.alert, &notes, now);
        }
        self.dispatch.end_alert(&left.name);
    }

    /// Tells the counts of places that panicked again and again.
    pub(super) fn say_repeated_panics(&mut self, now: Moment) {
        use std::sync::atomic::Ordering;
        if self.shared.panics.waiting.load(Ordering::Acquire) == 0 {
            return;
        }
        let ending = self.shared.orders.close.load(Ordering::Acquire)
            || self.shared.orders.stop.load(Ordering::Acquire);
        if now < self.repeats_from && !ending {
            return;
        }
        self.repeats_from = now + REPEATS;
        for Repeated { alert, counts } in self.shared.panics.take_repeated() {
            let told = u32::try_from(counts.total).unwrap_or(u32::MAX);
            for number in self.panic_channels() {
                let Some(channel) = self.channels.get(number).cloned() else { continue };
                let occasion = Occasion::first(&alert, &channel.name, fingerprint(&alert), now.into())
                    .of_kind(OccasionKind::Digest, told)
                    .counts(counts);
                self.say(number, &occasion, now);
            }
        }
    }
}

/// Two alerts are of one kind when they come from one place at one level.
fn fingerprint(alert: &Alert) -> GroupId {
    let hash = Fnv128::new()
        .part(alert.target.as_bytes())
        .part(alert.file.as_deref().unwrap_or_default().as_bytes())
        .part(&alert.line.unwrap_or_default().to_be_bytes())
        .part(alert.severity.as_str().as_bytes());
    GroupId::from_u64(hash.finish_u64())
}
