//! The producer's side of the queue.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use watchfire_core::{EventView, clock};

use super::shared::{Lifeline, Shared, To, What, WorkerRequest};
use crate::{
    FlushReport,
    aggregate::callsite_limiter::{self, Admission},
    model::stats::bump,
    pipeline::channel_state::ChannelState,
};

/// A handler's end of the outbox.
pub(crate) struct Producer {
    pub(crate) number: usize,
    pub(crate) channel: Arc<ChannelState>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) _lifeline: Arc<Lifeline>,
}

impl Producer {
    pub(crate) fn name(&self) -> &str {
        &self.channel.name
    }

    pub(crate) fn capture(&self, event: &EventView<'_>) {
        let counters = &self.channel.counters;
        if self.shared.is_gone() {
            return self.leave_or_drop(event);
        }
        if self.channel.hears_panics && self.shared.panics.is_on() && event.repeats_panic() {
            return self.shared.panics.note_again();
        }
        let reports_panics = self.channel.hears_panics && self.shared.panics.is_on();
        if event.repeats_request(std::ptr::from_ref(&*self.channel).addr(), reports_panics) {
            bump(&self.shared.requests_reported_again);
            return;
        }
        // Read once, and not at all by a repeat.
        let read = Cell::new(None);
        let since = || {
            let now = clock::instant();
            read.set(Some(now));
            micros(now.saturating_duration_since(self.shared.began))
        };
        let queue = &self.shared.queue;
        let callsite_limiter = &self.channel.callsite_limiter;
        match callsite_limiter.ask(
            callsite(event),
            since,
            || callsite_limiter::tag_of(event),
            || !queue.is_full(),
        ) {
            // The worker collects it, and counts it as captured.
            Admission::Counted => {}
            Admission::NoRoom => self.drop_one(),
            Admission::Pass(repeats) => {
                bump(&counters.captured);
                let at = read.get().unwrap_or_else(clock::instant);
                let captured = self.shared.capture.take(event, at, self.shared.buffers.take());
                let post =
                    WorkerRequest { to: To::Channel(self.number), what: What::Captured(captured), repeats };
                let announced = self.shared.sync.announce(event.severity());
                if queue.push(post).is_err() {
                    bump(&counters.dropped_full);
                    bump(&counters.drops_to_note);
                    if let Some(key) = repeats {
                        callsite_limiter.take_back(key);
                    }
                } else if announced.is_some() {
                    self.shared.wait_for_spool(self.number);
                }
            }
        }
    }

    /// Takes an event that no worker will: what a forked child says that is critical is left for its parent, which counts
    /// it.
    #[cold]
    fn leave_or_drop(&self, event: &EventView<'_>) {
        let Self { channel, shared, .. } = self;
        if shared.is_forked() && shared.sync.is_for(event.severity()) {
            let since = || micros(clock::instant().saturating_duration_since(shared.began));
            let tag = || callsite_limiter::tag_of(event);
            let admitted = channel.callsite_limiter.ask(callsite(event), since, tag, || true);
            if matches!(admitted, Admission::Pass(_))
                && shared.panics.leave(&shared.capture.alert(event), Some(&channel.name))
            {
                return;
            }
        }
        bump(&channel.counters.captured);
        bump(&channel.counters.dropped_shutdown);
    }

    fn drop_one(&self) {
        let counters = &self.channel.counters;
        for counter in [&counters.captured, &counters.dropped_full, &counters.drops_to_note] {
            bump(counter);
        }
    }

    pub(crate) fn flush(&self, deadline: Instant) -> FlushReport {
        self.shared.flush(deadline)
    }
}

pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Names the callsite and the severity in force: all `log` records share one callsite per level.
fn callsite(event: &EventView<'_>) -> u64 {
    let mix = |state: u64, value: u64| (state.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let severity = event.severity() as u64;
    if !event.has_own_metadata() {
        let address = std::ptr::from_ref(event.callsite()).addr();
        return mix(mix(1, address as u64), severity);
    }
    let metadata = event.metadata();
    let texts = [metadata.target(), metadata.file().unwrap_or_default()];
    let line = mix(mix(2, severity), u64::from(metadata.line().unwrap_or_default()));
    let words = texts.iter().flat_map(|text| text.as_bytes().chunks(8));
    words.fold(line, |state, word| {
        let word = word.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        mix(state, word)
    })
}
