//! Token buckets: what a channel, and each of its recipients, may still send.

use std::{collections::BTreeMap, time::Duration};

use crate::{Rate, model::Timestamp};

/// Holds what a channel, and each of its recipients, may still send: one token bucket per rate.
///
/// A bucket is one number, the time at which it is full again, so that it can be kept over a restart.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenBuckets {
    rates: Vec<Rate>,
    /// By recipient; the channel as a whole stands under the empty name.
    full_at: BTreeMap<String, Vec<Timestamp>>,
}

/// How many recipients are kept; beyond that the one whose buckets are fullest goes.
pub(super) const RECIPIENTS: usize = 256;

impl TokenBuckets {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        Self { rates: rates.to_vec(), full_at: BTreeMap::new() }
    }

    /// Takes other rates. What was sent stays counted: by the rate of the same span, else by the one that has counted most.
    pub(crate) fn retune(&mut self, rates: &[Rate], now: Timestamp) {
        let old = std::mem::replace(&mut self.rates, rates.to_vec());
        if rates.is_empty() {
            self.full_at.clear();
        }
        for levels in self.full_at.values_mut() {
            let spent = |(i, rate): (usize, &Rate)| {
                rate.burst_size()
                    - left(rate, levels.get(i).copied().unwrap_or_default(), now).min(rate.burst_size())
            };
            let of_span =
                |per| old.iter().enumerate().filter(move |(_, rate)| rate.per() == per).map(spent).max();
            let most = old.iter().enumerate().map(spent).max().unwrap_or_default();
            let level = |rate: &Rate| {
                now + rate.interval() * of_span(rate.per()).unwrap_or(most).min(rate.burst_size())
            };
            *levels = rates.iter().map(level).collect();
        }
    }

    /// Returns how many messages may go now; of a channel without a budget, any number.
    pub(crate) fn left(&self, who: &str, now: Timestamp) -> u32 {
        self.rates
            .iter()
            .enumerate()
            .map(|(i, rate)| left(rate, self.level(who, i), now))
            .min()
            .unwrap_or(u32::MAX)
    }

    /// Takes one; `false`, and nothing taken, if there is none.
    pub(crate) fn take(&mut self, who: &str, now: Timestamp) -> bool {
        if self.left(who, now) == 0 {
            return false;
        }
        if self.rates.is_empty() {
            return true;
        }
        self.make_room(who, now);
        let levels = self.full_at.entry(who.to_owned()).or_default();
        levels.resize(self.rates.len(), Timestamp::default());
        for (level, rate) in levels.iter_mut().zip(&self.rates) {
            *level = allow(rate, *level, now).unwrap_or(*level);
        }
        true
    }

    /// Returns how many may go at once of the narrowest rate; without a rate any number.
    pub(crate) fn burst(&self) -> u32 {
        self.rates.iter().map(|rate| rate.burst_size()).min().unwrap_or(u32::MAX)
    }

    /// Takes back what has come again in `span`, as if that time had not been.
    pub(crate) fn stand_still(&mut self, who: &str, span: Duration, now: Timestamp) {
        let Some(levels) = self.full_at.get_mut(who) else { return };
        for (level, rate) in levels.iter_mut().zip(&self.rates) {
            *level = (*level + span).min(now + rate.interval() * rate.burst_size());
        }
    }

    /// Returns when there is one again.
    pub(crate) fn next(&self, who: &str, now: Timestamp) -> Timestamp {
        self.rates
            .iter()
            .enumerate()
            .map(|(i, rate)| next(rate, self.level(who, i), now))
            .max()
            .unwrap_or(now)
    }

    /// Shows the buckets that are not full, for a checkpoint.
    pub(crate) fn levels(&self, now: Timestamp) -> impl Iterator<Item = (&str, &[Timestamp])> {
        self.full_at
            .iter()
            .filter(move |(_, levels)| levels.iter().any(|level| *level > now))
            .map(|(who, levels)| (who.as_str(), levels.as_slice()))
    }

    /// Takes a bucket of a checkpoint. A clock that was set back must not empty it for longer than it can be empty.
    pub(crate) fn restore(&mut self, who: &str, levels: &[Timestamp], now: Timestamp) {
        if levels.len() != self.rates.len() || self.full_at.len() >= RECIPIENTS {
            return;
        }
        let levels: Vec<Timestamp> = levels
            .iter()
            .zip(&self.rates)
            .map(|(level, rate)| (*level).min(now + rate.interval() * rate.burst_size()))
            .collect();
        let known = self
            .full_at
            .entry(who.to_owned())
            .or_insert_with(|| vec![Timestamp::default(); self.rates.len()]);
        for (known, level) in known.iter_mut().zip(levels) {
            *known = (*known).max(level);
        }
    }

    fn level(&self, who: &str, rate: usize) -> Timestamp {
        self.full_at.get(who).and_then(|levels| levels.get(rate)).copied().unwrap_or_default()
    }

    fn make_room(&mut self, who: &str, now: Timestamp) {
        if self.full_at.len() < RECIPIENTS || self.full_at.contains_key(who) {
            return;
        }
        self.full_at.retain(|_, levels| levels.iter().any(|level| *level > now));
        if self.full_at.len() >= RECIPIENTS {
            let fullest = self
                .full_at
                .iter()
                .filter(|(who, _)| !who.is_empty())
                .min_by_key(|(_, levels)| levels.iter().max().copied());
            if let Some(fullest) = fullest.map(|(who, _)| who.clone()) {
                self.full_at.remove(&fullest);
            }
        }
    }
}

/// Takes one token from a bucket that is full again at `full_at`; returns when it is full then.
pub(super) fn allow(rate: &Rate, full_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (left(rate, full_at, now) > 0).then(|| full_at.max(now) + rate.interval())
}

fn left(rate: &Rate, full_at: Timestamp, now: Timestamp) -> u32 {
    let interval = as_millis(rate.interval()).max(1);
    let missing = as_millis(full_at.since(now)).div_ceil(interval);
    rate.burst_size().saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
}

fn next(rate: &Rate, full_at: Timestamp, now: Timestamp) -> Timestamp {
    (full_at - rate.interval() * (rate.burst_size() - 1)).max(now)
}

fn as_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_when_the_next_may_go() {
        let mut budget = TokenBuckets::new(&[Rate::hourly(5).burst(3)]);
        let now = Timestamp::from_millis(1_000_000);
        for left in [3, 2, 1] {
            assert_eq!(budget.left("ada", now), left);
            assert!(budget.take("ada", now));
        }
        assert!(!budget.take("ada", now));
        assert_eq!(budget.left("bob", now), 3, "each has their own");
        let next = budget.next("ada", now);
        assert_eq!(next.since(now), Duration::from_secs(20 * 60));
        assert_eq!(budget.left("ada", next - Duration::from_millis(1)), 0);
        assert!(budget.take("ada", next));
    }

    #[test]
    fn other_rates_know_what_was_spent() {
        // (rates before, messages sent, rates after, how many are left)
        for (before, sent, after, left) in [
            ("6/h burst 3", 2, "6/h burst 3", 1),
            ("6/h burst 3", 2, "20/h burst 10", 8),
            ("20/h burst 10", 8, "6/h burst 3", 0),
            ("20/h burst 10", 2, "6/h burst 3", 1),
            ("20/h burst 10", 8, "20/d burst 20", 12),
            ("5/h burst 3,20/d burst 10", 3, "5/h burst 5,20/d burst 4", 1),
            ("", 50, "5/h burst 5", 5),
        ] {
            let rates = |text: &str| -> Vec<Rate> {
                text.split(',').filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()).collect()
            };
            let now = Timestamp::from_millis(1_000_000);
            let mut budget = TokenBuckets::new(&rates(before));
            for _ in 0..sent {
                assert!(budget.take("ada", now), "{before}");
            }
            budget.retune(&rates(after), now);
            assert_eq!(budget.left("ada", now), left, "{before}, {sent} sent, {after}");
            assert!(budget.left("bob", now) >= left);
        }
    }

    #[test]
    fn no_rate_is_no_bound() {
        let mut budget = TokenBuckets::new(&[]);
        assert!((0..1000).all(|_| budget.take("", Timestamp::from_millis(1))));
        assert_eq!(budget.levels(Timestamp::from_millis(1)).count(), 0);
    }

    #[test]
    fn a_clock_set_back_does_not_silence_for_longer_than_the_budget() {
        let rates = [Rate::hourly(5)];
        let mut budget = TokenBuckets::new(&rates);
        budget.restore("", &[Timestamp::from_millis(u64::MAX)], Timestamp::from_millis(1000));
        assert!(
            budget.next("", Timestamp::from_millis(1000)).since(Timestamp::from_millis(1000))
                <= Duration::from_secs(3600)
        );
    }

    #[test]
    fn keeps_few_recipients() {
        let mut budget = TokenBuckets::new(&[Rate::hourly(5)]);
        for i in 0..2000_u64 {
            assert!(budget.take(&i.to_string(), Timestamp::from_millis(i)));
        }
        assert!(budget.full_at.len() <= RECIPIENTS);
    }

    proptest! {
        #[test]
        fn never_lets_more_through_than_the_rate_in_any_span(
            most in 1_u32..40, burst in 1_u32..40, per in 1_u64..4000,
            steps in prop::collection::vec(0_u64..300, 1..300),
            restart in 0_usize..300,
        ) {
            let rate = Rate::new(most, Duration::from_secs(per)).burst(burst);
            let (mut budget, mut now, mut sent) = (TokenBuckets::new(&[rate]), Timestamp::from_millis(5), Vec::new());
            for (i, step) in steps.into_iter().enumerate() {
                now = now + Duration::from_secs(step);
                if i == restart {
                    let mut again = TokenBuckets::new(&[rate]);
                    let kept: Vec<_> = budget.levels(now).map(|(who, l)| (who.to_owned(), l.to_vec())).collect();
                    for (who, levels) in kept {
                        again.restore(&who, &levels, now);
                    }
                    budget = again;
                }
                let promised = budget.next("x", now) <= now;
                let went = budget.take("x", now);
                prop_assert_eq!(promised, went);
                if went {
                    sent.push(now);
                }
                let since = sent.iter().filter(|at| now.since(**at) < rate.per()).count();
                prop_assert!(since <= most as usize, "{since} within {per} s");
            }
        }
    }
}
