//! Take the ends of attempts: what becomes of a letter, its file, and whom that concerns.

use std::sync::atomic::Ordering;

use watchfire_core::Alert;

use super::{Dispatch, FRESH, Kept, Said};
use crate::{
    GroupId, Outcome, Reason, Receipt,
    delivery::{Fate, Judgement},
    model::{
        DeliveryState, QueueKey, Timestamp,
        stats::{Counters, bump},
    },
    pipeline::channel_state::Channels,
    spool::{Files, Missing, StateKind},
};

impl<F: Files> Dispatch<F> {
    /// Takes the outcome of an attempt; returns what there is to say about it. `chance` is uniform in 0..1.
    pub(crate) fn done(
        &mut self,
        channels: &Channels,
        key: QueueKey,
        outcome: Outcome,
        now: Timestamp,
        chance: f64,
    ) -> Option<Said> {
        let is_first = self.delivery.get(key).is_some_and(|ticket| !self.delivery.is_heard(ticket.occasion));
        let degraded = matches!(outcome, Outcome::Degrade(_));
        let mut kind = OutcomeKind::of(&outcome);
        let Judgement { ticket, fate, fail_over, alone } = self.delivery.done(key, outcome, now, chance)?;
        let channel = channels.get(ticket.channel)?;
        let counters = &channel.counters;
        if ticket.state.held {
            // Also what was unknown once too often.
            kind = OutcomeKind::Held;
        }
        kind.count(counters);
        let said = |verb, title: String, reason: &Reason| {
            Some(Said { channel: ticket.channel, verb, title, reason: reason.clone() })
        };
        match fate {
            Fate::Delivered(receipt) => {
                bump(&counters.delivered);
                counters.last_success.store(now.as_millis(), Ordering::Release);
                let delay = now.since(key.accepted_at());
                counters.delays.note(delay);
                self.forget_failures(&channel.name, &ticket.recipient);
                self.remember(key.id);
                channel.note_heard(&ticket, is_first, now);
                let kept = self.forget(ticket.channel, key, ticket.size);
                self.remove_files(kept);
                if let Some(receipt) = receipt {
                    self.keep_receipt(&channel.name, ticket.group, receipt, now);
                }
                None
            }
            Fate::Refused(reason) | Fate::Dead(reason) => {
                let refused = kind == OutcomeKind::Recipient;
                let letter = self.letter(key);
                let title =
                    letter.as_ref().map(|letter| letter.notification.title.clone()).unwrap_or_default();
                let mut handed_over = false;
                if let (true, Ok(letter)) = (fail_over, &letter) {
                    self.restate(key, DeliveryState { failed_over: true, in_flight: true, ..ticket.state });
                    self.mark_handed_over(ticket.channel, ticket.occasion);
                    let twice = self.may_be_twice(key, ticket.state);
                    let copies = self.hand_over(channels, ticket.channel, letter, twice, &reason, now);
                    handed_over = !copies.is_empty();
                }
                if let (false, true, Ok(letter)) = (handed_over, alone, &letter) {
                    self.tell_last_resort(&letter.summary.alert, &reason);
                }
                bump(if refused { &counters.refused } else { &counters.dead });
                self.remember(key.id);
                bump(&counters.drops_to_note);
                if kind == OutcomeKind::Ambiguous {
                    // Its dead letter says so too: who has it tried again has it marked.
                    self.restate(key, ticket.state);
                }
                let kept = self.forget(ticket.channel, key, ticket.size);
                self.note_end(key.id);
                self.bury(kept, &reason);
                said(if refused { "refused for its recipient" } else { "given up" }, title, &reason)
            }
            Fate::Again(reason) => {
                if degraded {
                    bump(&counters.degraded);
                }
                self.restate(key, ticket.state);
                let why = (&reason, ticket.state.held);
                self.note_failure((ticket.channel, &channel.name), &ticket.recipient, why, now);
                said("not delivered yet", self.title(key), &reason)
            }
            Fate::Moved { from, reason } => {
                self.keep_move(&channel.name, &from, &ticket.recipient);
                self.restate(key, ticket.state);
                said("not delivered yet", self.title(key), &reason)
            }
        }
    }

    pub(super) fn tell_last_resort(&self, alert: &Alert, reason: &Reason) {
        if watchfire_core::caught(|| (self.last_resort)(alert, reason)).is_none() {
            self.self_log.say("the last resort panicked");
        }
    }

    pub(super) fn restate(&mut self, key: QueueKey, state: DeliveryState) {
        let fresh = self.kept.len() < FRESH;
        let Some(kept) = self.kept.get_mut(&key) else { return };
        if let (Some(spool), Some(name)) = (&self.spool, &kept.name) {
            // One that is gone is noticed at its next attempt.
            if let Ok(name) = spool.restate(name, state) {
                kept.name = Some(name);
            }
            if !fresh {
                kept.letter = None;
            }
        }
    }

    pub(super) fn bury(&mut self, kept: Option<Kept>, reason: &Reason) {
        let (Some(kept), Some(spool)) = (kept, &mut self.spool) else { return };
        for name in kept.name.into_iter().chain(kept.parts) {
            if let Err(missing @ Missing::Io(_)) = spool.bury(&name, reason.as_str()) {
                self.self_log.say(format_args!("cannot keep a dead letter: {missing}"));
                self.leftovers.push((name, Some(reason.clone())));
            }
        }
    }

    /// Tries again what could not be removed or buried.
    pub(super) fn clear_leftovers(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        self.leftovers.retain(|(name, reason)| {
            let done = match reason {
                Some(reason) => spool.bury(name, reason.as_str()),
                None => spool.remove(name),
            };
            matches!(done, Err(Missing::Io(_)))
        });
    }

    pub(super) fn keep_receipt(&mut self, channel: &str, group: GroupId, receipt: Receipt, now: Timestamp) {
        let (key, text, forgotten) = self.receipts.add(channel, group, receipt, now);
        if let Some(spool) = &mut self.spool {
            // Without it a digest stands beside its thread instead of in it.
            spool.keep(StateKind::Receipts, &key, &text).ok();
            for key in forgotten {
                spool.forget(StateKind::Receipts, &key);
            }
        }
    }
}

/// Names an outcome, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutcomeKind {
    Delivered,
    Transient,
    RateLimited,
    Degrade,
    Recipient,
    Moved,
    Held,
    Ambiguous,
    Rejected,
}

impl OutcomeKind {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Delivered(_) | Outcome::DeliveredThenWait { .. } => Self::Delivered,
            Outcome::Transient(_) | Outcome::Unknown(_) => Self::Transient,
            Outcome::RateLimited { .. } => Self::RateLimited,
            Outcome::Degrade(_) => Self::Degrade,
            Outcome::RecipientRefused(_) => Self::Recipient,
            Outcome::Moved { .. } => Self::Moved,
            Outcome::Held(_) => Self::Held,
            Outcome::Ambiguous(_) => Self::Ambiguous,
            Outcome::Rejected(_) => Self::Rejected,
        }
    }

    fn count(self, counters: &Counters) {
        let counter = match self {
            Self::Delivered => return,
            Self::Transient => &counters.transient,
            Self::RateLimited => &counters.rate_limited,
            Self::Held => &counters.held,
            Self::Ambiguous => &counters.ambiguous,
            Self::Recipient | Self::Moved | Self::Degrade | Self::Rejected => return,
        };
        bump(counter);
    }
}
