use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use watchfire_core::ConfigError;

use crate::model::timestamp::Timestamp;

/// Bounds how many messages may go out: at most so many in any span of that length, some of them at once.
///
/// Its text form is `30/h`, `30/h burst 10`, `5/15m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    most: u32,
    per: Duration,
    burst: u32,
}

impl Rate {
    /// Allows `most` messages in any span of `per`, a third of them at once.
    #[must_use]
    pub const fn new(most: u32, per: Duration) -> Self {
        let most = if most == 0 { 1 } else { most };
        Self { most, per, burst: most.div_ceil(3) }
    }

    /// Allows `most` messages in any hour.
    #[must_use]
    pub const fn hourly(most: u32) -> Self {
        Self::new(most, Duration::from_secs(3600))
    }

    /// Allows `most` messages in any 24 hours.
    #[must_use]
    pub const fn daily(most: u32) -> Self {
        Self::new(most, Duration::from_secs(86_400))
    }

    /// Sets how many may go at once, between 1 and all.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = if burst == 0 {
            1
        } else if burst > self.most {
            self.most
        } else {
            burst
        };
        self
    }

    /// Returns how many messages may go in any span of [`per`](Self::per).
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.most
    }

    /// Returns the length of the span.
    #[must_use]
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// Takes one out of a bucket that is full again at `full_at`; returns when it then is.
    pub(crate) fn allow(&self, full_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        (left(self, full_at, now) > 0).then(|| full_at.max(now) + self.interval())
    }

    /// One comes back after this time: a burst, and what comes back within `per`, make `most` together.
    fn interval(&self) -> Duration {
        // In whole milliseconds, as a moment is; rounded up, or the last one would come too early.
        Duration::from_millis(as_millis(self.per).div_ceil(u64::from(self.most - self.burst) + 1))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.most)?;
        match self.per.as_secs() {
            1 => f.write_str("s")?,
            60 => f.write_str("min")?,
            3600 => f.write_str("h")?,
            86_400 => f.write_str("d")?,
            seconds if seconds % 60 == 0 => write!(f, "{}min", seconds / 60)?,
            seconds => write!(f, "{seconds}s")?,
        }
        write!(f, " burst {}", self.burst)
    }
}

impl FromStr for Rate {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::new("budget", "expected a rate such as `30/h` or `30/h burst 10`");
        let (rate, burst) = match text.split_once("burst") {
            Some((rate, burst)) => (rate, Some(burst.trim().parse::<u32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let (most, per) = rate.trim().trim_end_matches(',').split_once('/').ok_or_else(wrong)?;
        let most: u32 = most.trim().parse().map_err(|_| wrong())?;
        let per = per.trim();
        let digits = per.find(|c: char| !c.is_ascii_digit()).unwrap_or(per.len());
        let (number, unit) = per.split_at_checked(digits).ok_or_else(wrong)?;
        let number: u32 = if number.is_empty() { 1 } else { number.parse().map_err(|_| wrong())? };
        let unit = match unit {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        if most == 0 || number == 0 || burst == Some(0) {
            return Err(wrong());
        }
        let rate = Self::new(most, Duration::from_secs(unit) * number);
        Ok(burst.map_or(rate, |burst| rate.burst(burst)))
    }
}

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
                rate.burst - left(rate, levels.get(i).copied().unwrap_or_default(), now).min(rate.burst)
            };
            let of_span =
                |per| old.iter().enumerate().filter(move |(_, rate)| rate.per == per).map(spent).max();
            let most = old.iter().enumerate().map(spent).max().unwrap_or_default();
            let level =
                |rate: &Rate| now + rate.interval() * of_span(rate.per).unwrap_or(most).min(rate.burst);
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
            *level = rate.allow(*level, now).unwrap_or(*level);
        }
        true
    }

    /// Returns how many may go at once of the narrowest rate; without a rate any number.
    pub(crate) fn burst(&self) -> u32 {
        self.rates.iter().map(|rate| rate.burst).min().unwrap_or(u32::MAX)
    }

    /// Takes back what has come again in `span`, as if that time had not been.
    pub(crate) fn stand_still(&mut self, who: &str, span: Duration, now: Timestamp) {
        let Some(levels) = self.full_at.get_mut(who) else { return };
        for (level, rate) in levels.iter_mut().zip(&self.rates) {
            *level = (*level + span).min(now + rate.interval() * rate.burst);
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
            .map(|(level, rate)| (*level).min(now + rate.interval() * rate.burst))
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

fn left(rate: &Rate, full_at: Timestamp, now: Timestamp) -> u32 {
    let interval = as_millis(rate.interval()).max(1);
    let missing = as_millis(full_at.since(now)).div_ceil(interval);
    rate.burst.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
}

fn next(rate: &Rate, full_at: Timestamp, now: Timestamp) -> Timestamp {
    (full_at - rate.interval() * (rate.burst - 1)).max(now)
}

fn as_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_rates() {
        for (text, shown) in [
            ("30/h", "30/h burst 10"),
            ("30/h burst 4", "30/h burst 4"),
            ("5/15m, burst 9", "5/15min burst 5"),
            ("1/s", "1/s burst 1"),
            ("20/d", "20/d burst 7"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), shown);
            assert_eq!(shown.parse::<Rate>().unwrap(), rate);
        }
        for wrong in ["", "h", "0/h", "3/0h", "3/x", "-1/h", "3/h burst 0", "3/h burst x", "3"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong:?}");
        }
    }

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
