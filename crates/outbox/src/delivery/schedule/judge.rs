//! Say what an outcome means for the notification, its destination and its channel.

use std::time::Duration;

use super::{
    super::backoff::{backoff, pause},
    Delivery, Fate, Judgement, QueueKey,
};
use crate::{DeliveryPolicy, Outcome, Scope, model::Timestamp};

/// How often an answer that nobody foresaw is taken for one that passes.
const UNKNOWN: u32 = 3;
/// How often the plainest rendering is refused until it is given up: a proxy or a provider may have a bad moment.
const REFUSALS: u32 = 5;
/// How often a message is sent that may have arrived each time.
const DOUBTS: u32 = 10;
/// The longest pause between two of these.
const COPIES: Duration = Duration::from_secs(3600);

impl Delivery {
    /// Takes the outcome of an attempt; `None` if the ticket was removed meanwhile. `chance` is uniform in 0..1.
    pub(crate) fn done(
        &mut self,
        key: QueueKey,
        outcome: Outcome,
        now: Timestamp,
        chance: f64,
    ) -> Option<Judgement> {
        let mut ticket = self.tickets.get(&key)?.clone();
        let outcome = match outcome {
            Outcome::Unknown(reason) if ticket.state.attempts >= UNKNOWN => Outcome::Held(reason),
            Outcome::Unknown(reason) => Outcome::Transient(reason),
            known => known,
        };
        let address = (ticket.channel, ticket.recipient.clone());
        let pacing = self.pacings.entry(ticket.channel).or_default();
        let policy = pacing.policy.clone();
        let destination = self.destinations.entry(address.clone()).or_default();
        // An attempt of an earlier process was never started here.
        if destination.busy == Some(key) {
            destination.busy = None;
            pacing.under_way = pacing.under_way.saturating_sub(1);
        }
        destination.paused_until = destination.paused_until.filter(|until| *until > now);
        if !policy.min_gap.is_zero() {
            destination.paced_until = now + policy.min_gap;
        }

        // What is wrong with the destination or the channel.
        match &outcome {
            Outcome::Transient(_) | Outcome::Ambiguous(_) => destination.breaker.failed(&policy, now),
            _ => destination.breaker.answered(),
        }
        match &outcome {
            Outcome::Held(_) => pacing.held.trip(&policy, now),
            // A trial that met something else is no proof that the credentials are good.
            Outcome::Transient(_) | Outcome::Ambiguous(_) | Outcome::RateLimited { .. }
                if pacing.is_on_trial() =>
            {
                pacing.held.failed(&policy, now);
            }
            // Attempts that began before the channel was held end later, and prove nothing either.
            Outcome::Transient(_) | Outcome::Ambiguous(_) | Outcome::RateLimited { .. } => {}
            _ => pacing.held.answered(),
        }
        let held = pacing.held.is_open();
        let asked = match &outcome {
            Outcome::RateLimited { wait, .. } | Outcome::DeliveredThenWait { wait, .. } => {
                now + pause(*wait, chance)
            }
            _ => now,
        };
        match &outcome {
            Outcome::RateLimited { scope, .. } | Outcome::DeliveredThenWait { scope, .. } => match scope {
                Scope::Channel => pacing.paused_until = pacing.paused_until.max(asked),
                Scope::Recipient => destination.paused_until = Some(asked),
            },
            _ => {}
        }

        // What becomes of the notification.
        let state = &mut ticket.state;
        state.in_flight = false;
        state.held = matches!(outcome, Outcome::Held(_));
        state.not_before = now;
        let failures = state.attempts.saturating_sub(1);
        let fate = match outcome {
            Outcome::Delivered(receipt) | Outcome::DeliveredThenWait { receipt, .. } => {
                Fate::Delivered(receipt)
            }
            Outcome::RecipientRefused(reason) => Fate::Refused(reason),
            Outcome::Rejected(reason) => Fate::Dead(reason),
            Outcome::Ambiguous(reason) if !policy.retry_ambiguous || ticket.doubts + 1 >= DOUBTS => {
                state.maybe_duplicate = true;
                Fate::Dead(reason)
            }
            Outcome::Degrade(reason) if state.step + 1 < ticket.steps => {
                state.step += 1;
                Fate::Again(reason)
            }
            Outcome::Degrade(reason) if ticket.refusals + 1 < REFUSALS => {
                ticket.refusals += 1;
                state.not_before = now + backoff(&policy, ticket.refusals, chance);
                Fate::Again(reason)
            }
            Outcome::Degrade(reason) => Fate::Dead(reason),
            Outcome::Moved { to, reason } if to == ticket.recipient => Fate::Dead(reason),
            Outcome::Moved { to, reason } => {
                let from = std::mem::replace(&mut ticket.recipient, to);
                Fate::Moved { from, reason }
            }
            Outcome::Transient(reason) | Outcome::Unknown(reason) => {
                state.not_before = now + backoff(&policy, failures, chance);
                Fate::Again(reason)
            }
            Outcome::Ambiguous(reason) => {
                state.maybe_duplicate = true;
                ticket.doubts += 1;
                // Each may be one more copy at the recipient: they come ever more rarely.
                let patient = DeliveryPolicy { backoff_cap: policy.backoff_cap.max(COPIES), ..policy };
                state.not_before =
                    now + backoff(&patient, failures.max(ticket.doubts.saturating_mul(2) - 2), chance);
                Fate::Again(reason)
            }
            Outcome::RateLimited { reason, .. } => {
                state.not_before = asked;
                // The provider did not look at it: it is not the message that fails.
                state.attempts = failures;
                Fate::Again(reason)
            }
            Outcome::Held(reason) => {
                state.attempts = failures;
                Fate::Again(reason)
            }
        };
        Some(self.settle(ticket, fate, held, now))
    }

    fn settle(&mut self, mut ticket: super::Ticket, fate: Fate, held: bool, now: Timestamp) -> Judgement {
        let key = ticket.key;
        let may_fail_over = !ticket.state.failed_over
            && self.pacings.get(&ticket.channel).is_some_and(|pacing| pacing.fail_over.is_some());
        let siblings = self.siblings.entry(ticket.occasion).or_default();
        if matches!(fate, Fate::Delivered(_)) {
            siblings.delivered = true;
        }
        // One recipient of several who gets nothing is no reason to wake up another channel.
        let alone = siblings.open <= 1 && !siblings.delivered;
        let fail_over = may_fail_over && alone && matches!(fate, Fate::Dead(_) | Fate::Refused(_));
        match &fate {
            Fate::Again(reason) | Fate::Moved { reason, .. } => {
                ticket.last = Some(reason.clone());
                self.wait_again(ticket.clone());
            }
            Fate::Delivered(_) | Fate::Refused(_) | Fate::Dead(_) => {
                self.remove(key);
            }
        }
        if held {
            self.hand_over(ticket.channel, now);
        }
        Judgement { ticket, fate, fail_over, alone }
    }

    /// Makes everything that waits for a channel which cannot deliver due for the others.
    fn hand_over(&mut self, channel: usize, now: Timestamp) {
        if self.pacings.get(&channel).is_none_or(|pacing| pacing.fail_over.is_none()) {
            return;
        }
        let waits = |key: &QueueKey| {
            self.tickets.get(key).is_some_and(|ticket| ticket.channel == channel && !ticket.state.failed_over)
        };
        let due: Vec<(Timestamp, QueueKey)> =
            self.deadlines.iter().filter(|(at, key)| *at > now && waits(key)).copied().collect();
        for (at, key) in due {
            self.deadlines.remove(&(at, key));
            self.deadlines.insert((now, key));
            if let Some(ticket) = self.tickets.get_mut(&key) {
                ticket.deadline = Some(now);
            }
        }
    }
}
