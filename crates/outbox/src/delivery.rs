//! Decide what is tried when: a pure state machine. Time and chance are arguments.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{Notification, Outcome, Policy, Reason, Scope};

/// Holds the notifications that wait, and the pauses of their destinations.
///
/// Of each destination (channel and recipient) one attempt is under way at a time, in order; a slow or dead destination
/// delays no other.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    waiting: Vec<Waiting>,
    destinations: HashMap<(usize, String), Destination>,
    channels_paused: HashMap<usize, Instant>,
}

#[derive(Debug)]
struct Waiting {
    channel: usize,
    notification: Notification,
    attempts: u32,
    not_before: Instant,
    since: Instant,
}

#[derive(Debug, Default)]
struct Destination {
    busy: bool,
    paused_until: Option<Instant>,
}

/// Is what to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Make an attempt, and hand its outcome to [`Delivery::done`].
    Attempt(Box<Attempt>),
    /// Nothing before this time.
    Wait(Instant),
    /// Nothing at all, until something is offered or done.
    Idle,
}

/// Is an attempt under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) channel: usize,
    pub(crate) notification: Notification,
    attempts: u32,
    since: Instant,
    /// Under which name the destination is held while this attempt runs.
    recipient: String,
}

/// Is what became of an attempt.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    Delivered,
    Refused(Reason),
    Dead(Reason),
    Again(Reason),
}

/// Pauses asked for by a provider are kept within these: a header must not silence a process for ever.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 3600));
/// How long a held notification rests before the channel is tried again.
const HOLD: Duration = Duration::from_secs(600);

impl Delivery {
    pub(crate) fn offer(&mut self, channel: usize, notification: Notification, now: Instant) {
        self.waiting.push(Waiting { channel, notification, attempts: 0, not_before: now, since: now });
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.destinations.values().filter(|destination| destination.busy).count()
    }

    /// Picks the first that may go now, in the order of their coming.
    pub(crate) fn next(&mut self, now: Instant) -> Step {
        let mut earliest: Option<Instant> = None;
        let mut blocked: Vec<(usize, &str)> = Vec::new();
        let mut found = None;
        for (i, waiting) in self.waiting.iter().enumerate() {
            let key = (waiting.channel, waiting.notification.recipient.as_str());
            // Order is kept per destination: what stands behind a waiting one waits too.
            if blocked.contains(&key) {
                continue;
            }
            let destination = self.destinations.get(&(key.0, key.1.to_owned()));
            if destination.is_some_and(|destination| destination.busy) {
                blocked.push(key);
                continue;
            }
            let paused = destination.and_then(|destination| destination.paused_until);
            let channel = self.channels_paused.get(&waiting.channel).copied();
            let at = [Some(waiting.not_before), paused, channel].into_iter().flatten().max().unwrap_or(now);
            if at <= now {
                found = Some(i);
                break;
            }
            blocked.push(key);
            earliest = Some(earliest.map_or(at, |known| known.min(at)));
        }
        match found {
            Some(i) => {
                let Waiting { channel, notification, attempts, since, .. } = self.waiting.remove(i);
                let recipient = notification.recipient.clone();
                self.destinations.entry((channel, recipient.clone())).or_default().busy = true;
                Step::Attempt(Box::new(Attempt { channel, notification, attempts, since, recipient }))
            }
            None => earliest.map_or(Step::Idle, Step::Wait),
        }
    }

    /// Takes the outcome of an attempt. `chance` is uniform in 0..1.
    pub(crate) fn done(
        &mut self,
        attempt: Attempt,
        outcome: Outcome,
        policy: &Policy,
        now: Instant,
        chance: f64,
    ) -> Ended {
        let Attempt { channel, mut notification, attempts, since, recipient } = attempt;
        let mut destination = Destination { busy: false, paused_until: Some(now + policy.min_gap) };
        let too_old = now.saturating_duration_since(since) >= policy.max_age;
        let (ended, not_before, attempts) = match outcome {
            Outcome::Delivered(_) => (Ended::Delivered, now, 0),
            Outcome::DeliveredThenWait { wait, scope, .. } => {
                self.pause(channel, scope, now + wait.clamp(PAUSE.0, PAUSE.1), &mut destination);
                (Ended::Delivered, now, 0)
            }
            Outcome::RecipientRefused(reason) => (Ended::Refused(reason), now, 0),
            Outcome::Rejected(reason) => (Ended::Dead(reason), now, 0),
            Outcome::Ambiguous(reason) if !policy.retry_ambiguous => (Ended::Dead(reason), now, 0),
            Outcome::Degrade(reason) if notification.degrade() => (Ended::Again(reason), now, attempts),
            Outcome::Degrade(reason) => (Ended::Dead(reason), now, 0),
            Outcome::Moved { to, reason } if to != notification.recipient => {
                notification.recipient = to;
                (Ended::Again(reason), now, attempts)
            }
            Outcome::Moved { reason, .. } => (Ended::Dead(reason), now, 0),
            Outcome::Transient(reason)
            | Outcome::Held(reason)
            | Outcome::Ambiguous(reason)
            | Outcome::RateLimited { reason, .. }
                if too_old =>
            {
                (Ended::Dead(reason), now, 0)
            }
            Outcome::Transient(reason) => {
                let at = now + backoff(policy, attempts, chance);
                (Ended::Again(reason), at, attempts.saturating_add(1))
            }
            Outcome::Ambiguous(reason) => {
                notification.maybe_duplicate = true;
                let at = now + backoff(policy, attempts, chance);
                (Ended::Again(reason), at, attempts.saturating_add(1))
            }
            Outcome::RateLimited { wait, scope, reason } => {
                let at = now + wait.clamp(PAUSE.0, PAUSE.1);
                self.pause(channel, scope, at, &mut destination);
                (Ended::Again(reason), at, attempts)
            }
            Outcome::Held(reason) => {
                self.channels_paused.insert(channel, now + HOLD);
                (Ended::Again(reason), now + HOLD, attempts)
            }
        };
        self.destinations.insert((channel, recipient), destination);
        if matches!(ended, Ended::Again(_)) {
            // In front: order per destination is that of the first offer.
            self.waiting.insert(0, Waiting { channel, notification, attempts, not_before, since });
        }
        ended
    }

    fn pause(&mut self, channel: usize, scope: Scope, until: Instant, destination: &mut Destination) {
        match scope {
            Scope::Recipient => destination.paused_until = Some(until),
            Scope::Channel => {
                self.channels_paused.insert(channel, until);
            }
        }
    }
}

/// Full jitter: anywhere between nothing and the doubled base, up to the cap.
fn backoff(policy: &Policy, attempts: u32, chance: f64) -> Duration {
    let longest = policy.backoff_base.saturating_mul(1_u32.checked_shl(attempts.min(20)).unwrap_or(u32::MAX));
    longest.min(policy.backoff_cap).mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use watchfire_core::{Alert, App, Severity, clock};

    use super::*;
    use crate::{GroupId, Occasion};

    #[test]
    fn what_was_delivered_can_pause_what_comes_behind_it() {
        let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
        let occasion = Occasion::first(&alert, "ops", GroupId::from_u64(1), UNIX_EPOCH);
        let now = clock::instant();
        let wait = Duration::from_secs(30);
        for (scope, others_wait) in [(Scope::Recipient, false), (Scope::Channel, true)] {
            let mut delivery = Delivery::default();
            for recipient in ["ada", "ada", "bob"] {
                delivery.offer(0, occasion.notification(recipient).plain("x"), now);
            }
            let Step::Attempt(first) = delivery.next(now) else { panic!("nothing to do") };
            let outcome = Outcome::DeliveredThenWait { receipt: None, wait, scope };
            assert_eq!(delivery.done(*first, outcome, &Policy::default(), now, 0.5), Ended::Delivered);
            assert_eq!(delivery.len(), 2);
            match delivery.next(now) {
                Step::Attempt(other) => {
                    assert!(!others_wait && other.notification.recipient() == "bob", "{scope:?}");
                }
                Step::Wait(at) => assert!(others_wait && at == now + wait, "{scope:?}"),
                Step::Idle => panic!("two are waiting"),
            }
            assert!(matches!(delivery.next(now + wait), Step::Attempt(_)), "{scope:?}");
        }
    }
}
