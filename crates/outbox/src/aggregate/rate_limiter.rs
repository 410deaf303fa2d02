//! The rate limiter of a channel, shared by its failover copies.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use watchfire_core::Severity;

use super::token_bucket::{self, RECIPIENTS, TokenBuckets};
use crate::{GroupId, Rate, model::Timestamp, sink::OVERDUE};

/// How long what has no room because others are held up rests, if nobody says before that they have gone.
const PEEK: Duration = Duration::from_secs(30);

/// The reserve of each critical group, for the channel and for each recipient: a budget that others have spent does not
/// silence it, and one group that repeats does not flood anybody.
const RESERVE: Rate = Rate::hourly(6).burst(3);
/// How many reserves are kept; beyond that what is critical has the budget of all.
const MOST_RESERVES: usize = 1_024;

/// The rate limit of one channel, shared by all that send through it: its own aggregator, and those for which it
/// takes over. Takes the time as an argument.
#[derive(Clone, Debug, Default)]
pub(crate) struct RateLimiter(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    budget: TokenBuckets,
    quiet_until: Option<Timestamp>,
    changed: bool,
    /// How many messages are held up, by recipient.
    overdue: BTreeMap<String, u32>,
    /// Until when the time that messages were held up for is taken off.
    stood: BTreeMap<String, Timestamp>,
    /// When the reserve of a critical group is full again.
    reserves: BTreeMap<(GroupId, String), Timestamp>,
}

impl Inside {
    /// Returns how many more messages may be on their way: a burst in all, beside those that are not held up.
    fn room(&self, who: &str) -> u32 {
        self.budget.burst().saturating_sub(self.overdue.get(who).copied().unwrap_or_default())
    }

    fn available(&self, who: &str, now: Timestamp) -> u32 {
        self.budget.left(who, now).min(self.room(who))
    }

    fn try_acquire(&mut self, who: &str, now: Timestamp) -> bool {
        self.changed = true;
        self.available(who, now) > 0 && self.budget.take(who, now)
    }

    /// Returns when the reserve of a group is full again after one more message, if it has one.
    fn after_reserve(
        &self,
        who: &str,
        severity: Severity,
        group: GroupId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let full_at = self.reserves.get(&(group, who.to_owned())).copied();
        let has_room = full_at.is_some() || self.reserves.len() < MOST_RESERVES;
        if severity < Severity::Critical || !has_room {
            return None;
        }
        token_bucket::allow(&RESERVE, full_at.unwrap_or_default(), now)
    }
}

impl RateLimiter {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let inside = Inside { budget: TokenBuckets::new(rates), ..Inside::default() };
        Self(Arc::new(Mutex::new(inside)))
    }

    /// Returns how many messages may go now to one recipient; under the empty name, of the channel as a whole.
    pub(crate) fn available(&self, who: &str, now: Timestamp) -> u32 {
        self.open().available(who, now)
    }

    /// Takes one; `false`, and nothing taken, if there is none.
    pub(crate) fn try_acquire(&self, who: &str, now: Timestamp) -> bool {
        self.open().try_acquire(who, now)
    }

    /// Tells whether a message of this severity and group may go now.
    pub(crate) fn is_open_for(&self, who: &str, severity: Severity, group: GroupId, now: Timestamp) -> bool {
        let inside = self.open();
        inside.available(who, now) > 0 || inside.after_reserve(who, severity, group, now).is_some()
    }

    /// Takes one for a message of this severity and group: what is critical has a reserve beside the budget.
    pub(crate) fn try_acquire_for(
        &self,
        who: &str,
        severity: Severity,
        group: GroupId,
        now: Timestamp,
    ) -> bool {
        let mut inside = self.open();
        if inside.try_acquire(who, now) {
            return true;
        }
        inside.reserves.retain(|_, full_at| *full_at > now);
        let Some(full_at) = inside.after_reserve(who, severity, group, now) else { return false };
        inside.reserves.insert((group, who.to_owned()), full_at);
        inside.changed = true;
        true
    }

    /// Returns when there is one again.
    pub(crate) fn next_available(&self, who: &str, now: Timestamp) -> Timestamp {
        let inside = self.open();
        let next = inside.budget.next(who, now);
        // Nobody knows when what is held up goes; that it went is noted before.
        if inside.room(who) == 0 { next.max(now + PEEK) } else { next }
    }

    /// Tells whether there is a bound at all.
    pub(crate) fn is_bounded(&self) -> bool {
        self.open().budget.burst() < u32::MAX
    }

    /// Notes how many messages are held up; tells whether there is room again where there was none.
    pub(crate) fn note_overdue(&self, overdue: BTreeMap<String, u32>) -> bool {
        let mut inside = self.open();
        let was_full = inside.room("") == 0;
        inside.overdue = overdue;
        was_full && inside.room("") > 0
    }

    /// Notes that a message which was paid for at `paid` is heard only now: of what the budget gets back with time, it
    /// gets nothing for that.
    pub(crate) fn discount_delay(&self, who: &str, paid: Timestamp, now: Timestamp) {
        let mut inside = self.open();
        let from = inside.stood.get(who).map_or(paid, |stood| paid.max(*stood));
        if now.since(from) < OVERDUE {
            return;
        }
        if inside.stood.len() >= RECIPIENTS {
            inside.stood.clear();
        }
        inside.stood.insert(who.to_owned(), now);
        inside.budget.stand_still(who, now.since(from), now);
        inside.changed = true;
    }

    /// Takes other rates; what was sent stays counted.
    pub(crate) fn retune(&self, rates: &[Rate], now: Timestamp) {
        self.open().budget.retune(rates, now);
    }

    /// Takes until when only what is critical is said.
    pub(crate) fn mute_until(&self, until: Option<Timestamp>) {
        self.open().quiet_until = until;
    }

    /// Returns until when what is of this severity is not said.
    pub(crate) fn muted_until(&self, severity: Severity, now: Timestamp) -> Option<Timestamp> {
        if severity >= Severity::Critical {
            return None;
        }
        self.open().quiet_until.filter(|until| *until > now)
    }

    /// Returns until when a message that was not planned here has to wait; `None`, and one taken, if it may go.
    pub(crate) fn acquire_or_wait_until(
        &self,
        severity: Severity,
        group: GroupId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.muted_until(severity, now).or_else(|| {
            (!self.try_acquire_for("", severity, group, now)).then(|| self.next_available("", now))
        })
    }

    /// Shows the buckets that are not full, for a checkpoint.
    pub(crate) fn levels(&self, now: Timestamp) -> Vec<(String, Vec<Timestamp>)> {
        let inside = self.open();
        inside.budget.levels(now).map(|(who, levels)| (who.to_owned(), levels.to_vec())).collect()
    }

    /// Takes a bucket of a checkpoint.
    pub(crate) fn restore(&self, who: &str, levels: &[Timestamp], now: Timestamp) {
        self.open().budget.restore(who, levels, now);
    }

    /// Shows the reserves that are not full, for a checkpoint: the group, the recipient, and when it is full again.
    pub(crate) fn reserves(&self, now: Timestamp) -> Vec<(GroupId, String, Timestamp)> {
        let inside = self.open();
        let spent = inside.reserves.iter().filter(|(_, full_at)| **full_at > now);
        spent.map(|((group, who), full_at)| (*group, who.clone(), *full_at)).collect()
    }

    /// Takes a reserve of a checkpoint: a program that is started again and again has it once.
    pub(crate) fn restore_reserve(&self, group: GroupId, who: String, full_at: Timestamp, now: Timestamp) {
        let mut inside = self.open();
        // A clock that was set back must not silence a group for longer than the reserve lasts.
        let full_at = full_at.min(now + RESERVE.interval() * RESERVE.burst_size());
        let key = (group, who);
        if full_at > now && (inside.reserves.contains_key(&key) || inside.reserves.len() < MOST_RESERVES) {
            let known = inside.reserves.entry(key).or_insert(full_at);
            *known = (*known).max(full_at);
        }
    }

    /// Tells whether something was taken since that was last written down.
    pub(crate) fn is_spent(&self) -> bool {
        self.open().changed
    }

    /// Tells whether something has changed since this was last asked.
    pub(crate) fn has_changed(&self) -> bool {
        std::mem::take(&mut self.open().changed)
    }

    fn open(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_message_takes_what_has_come_again_meanwhile_once() {
        let at = |minutes: u64| Timestamp::from_millis(1_700_000_000_000 + minutes * 60_000);
        // One comes again in 15 minutes.
        let rate_limiter = RateLimiter::new(&[Rate::hourly(6).burst(3)]);
        assert!(rate_limiter.try_acquire("", at(0)) && rate_limiter.try_acquire("", at(0)));
        assert_eq!(rate_limiter.available("", at(30)), 3);
        rate_limiter.discount_delay("", at(0), at(30));
        assert_eq!(rate_limiter.available("", at(30)), 1, "as if it were still the first minute");
        rate_limiter.discount_delay("", at(0), at(30));
        assert_eq!(rate_limiter.available("", at(30)), 1, "the second of them was late for the same time");
        assert_eq!(rate_limiter.available("", at(60)), 3);
        rate_limiter.discount_delay("", at(50), at(60));
        assert_eq!(rate_limiter.available("", at(60)), 2);
        assert!(rate_limiter.try_acquire("", at(60)));
        let later = 60 + 10 * 24 * 60;
        rate_limiter.discount_delay("", at(60), at(later));
        assert_eq!(rate_limiter.available("", at(later)), 1, "as it was ten days ago");
        assert_eq!(rate_limiter.available("ada", at(later)), 3, "each has their own");
    }

    #[test]
    fn the_reserve_of_a_critical_group_survives_a_restart() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let (fire, flood) = (GroupId::from_u64(1), GroupId::from_u64(2));
        let spend = |rate_limiter: &RateLimiter, group, now| {
            (0..10).filter(|_| rate_limiter.try_acquire_for("", Severity::Critical, group, now)).count()
        };
        let rates = [Rate::hourly(3)];
        let before = RateLimiter::new(&rates);
        assert_eq!(spend(&before, fire, now), 1 + 3, "the budget, then the reserve");
        let restart = |ahead: Duration| {
            let after = RateLimiter::new(&rates);
            for (who, levels) in before.levels(now) {
                after.restore(&who, &levels, now);
            }
            for (group, who, full_at) in before.reserves(now) {
                after.restore_reserve(group, who, full_at + ahead, now);
            }
            after
        };
        let after = restart(Duration::ZERO);
        assert_eq!(spend(&after, fire, now), 0, "a program in a crash loop has it once");
        assert_eq!(spend(&after, flood, now), 3, "each group has its own");
        assert!(after.is_spent());
        // Written by a clock that was a year ahead.
        let hour = RESERVE.per();
        assert_eq!(spend(&restart(365 * 24 * hour), fire, now + 2 * hour), 1 + 3);
    }

    #[test]
    fn no_lateness_silences_for_longer_than_the_budget() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let rate_limiter = RateLimiter::new(&[Rate::hourly(6).burst(3)]);
        let day = Duration::from_secs(86_400);
        for _ in 0..3 {
            assert!(rate_limiter.try_acquire("", now + day));
        }
        rate_limiter.discount_delay("", now, now + day);
        assert_eq!(rate_limiter.next_available("", now + day).since(now + day), Duration::from_secs(900));
    }

    #[test]
    fn while_a_burst_is_held_up_there_is_no_room() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let rate_limiter = RateLimiter::new(&[Rate::hourly(6).burst(3)]);
        let overdue = |count| BTreeMap::from([(String::new(), count)]);
        for (count, left, eased) in [(2, 1, false), (3, 0, false), (9, 0, false), (2, 1, true), (0, 3, false)]
        {
            assert_eq!(rate_limiter.note_overdue(overdue(count)), eased, "{count}");
            assert_eq!(
                (rate_limiter.available("", now), rate_limiter.available("ada", now)),
                (left, 3),
                "{count}"
            );
            assert_eq!(rate_limiter.next_available("", now) > now, left == 0, "{count}");
        }
    }
}
