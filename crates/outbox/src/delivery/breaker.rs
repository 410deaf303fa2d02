//! The breaker: attempts stop while a provider is down.

use std::time::Duration;

use crate::{DeliveryPolicy, model::Timestamp};

/// Keeps from a destination what would only fail: opens after some failures in a row, then lets one real message
/// through as a trial, at pauses that double.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Breaker {
    #[default]
    Healthy,
    /// It failed so many times in a row.
    Failing(u32),
    /// Nothing goes before `until`; then a trial.
    Open { until: Timestamp, wait: Duration },
    /// One message is under way as a trial.
    Trial { wait: Duration },
}

impl Breaker {
    /// Returns when the next message may go; `None` if now.
    pub(crate) fn opens_at(self) -> Option<Timestamp> {
        match self {
            Self::Open { until, .. } => Some(until),
            _ => None,
        }
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Open { .. } | Self::Trial { .. })
    }

    /// Notes that an attempt starts.
    pub(crate) fn start(&mut self) {
        if let Self::Open { wait, .. } = *self {
            *self = Self::Trial { wait };
        }
    }

    /// Notes that the destination answered, whatever it said.
    pub(crate) fn answered(&mut self) {
        *self = Self::Healthy;
    }

    /// Notes a failure.
    pub(crate) fn failed(&mut self, policy: &DeliveryPolicy, now: Timestamp) {
        *self = match *self {
            Self::Healthy => Self::Failing(1),
            Self::Failing(failures) => Self::Failing(failures.saturating_add(1)),
            Self::Trial { wait } | Self::Open { wait, .. } => {
                return self.open(wait.saturating_mul(2), policy, now);
            }
        };
        if matches!(*self, Self::Failing(failures) if failures >= policy.breaker_after.max(1)) {
            self.open(policy.breaker_wait, policy, now);
        }
    }

    /// Opens at once: what is wrong is known.
    pub(crate) fn trip(&mut self, policy: &DeliveryPolicy, now: Timestamp) {
        match *self {
            Self::Trial { wait } => self.open(wait.saturating_mul(2), policy, now),
            // Another message of the same moment found the same: that is one failure, not two.
            Self::Open { .. } => {}
            _ => self.open(policy.breaker_wait, policy, now),
        }
    }

    /// Notes that a trial ended without having been made.
    pub(crate) fn abandon(&mut self) {
        if let Self::Trial { wait } = *self {
            *self = Self::Open { until: Timestamp::default(), wait };
        }
    }

    /// Lets the next message through at once, as a trial.
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        if let Self::Open { until, .. } = self {
            *until = (*until).min(now);
        }
    }

    fn open(&mut self, wait: Duration, policy: &DeliveryPolicy, now: Timestamp) {
        let wait = wait.min(policy.breaker_cap);
        *self = Self::Open { until: now + wait, wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_five_failures_and_doubles_at_failed_trials() {
        let policy = DeliveryPolicy::default();
        let mut now = Timestamp::from_millis(1_000_000);
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(&policy, now);
            assert_eq!(breaker.opens_at(), None);
        }
        for seconds in [30, 60, 120, 240, 480, 600, 600] {
            breaker.failed(&policy, now);
            let until = breaker.opens_at().unwrap();
            assert_eq!(until.since(now), Duration::from_secs(seconds));
            now = until;
            breaker.start();
            assert_eq!(breaker.opens_at(), None, "the trial");
        }
        breaker.answered();
        assert!(!breaker.is_open());
    }

    #[test]
    fn one_answer_forgets_all_failures() {
        let (policy, now) = (DeliveryPolicy::default(), Timestamp::default());
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 0..4 {
                breaker.failed(&policy, now);
            }
            breaker.answered();
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_known_cause_opens_at_once_and_once() {
        let (policy, now) = (DeliveryPolicy::default(), Timestamp::from_millis(5));
        let mut breaker = Breaker::default();
        breaker.trip(&policy, now);
        breaker.trip(&policy, now);
        assert_eq!(breaker.opens_at(), Some(now + Duration::from_secs(30)));
        breaker.hurry(now);
        assert_eq!(breaker.opens_at(), Some(now));
    }
}
