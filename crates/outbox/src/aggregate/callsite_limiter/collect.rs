//! Collect the counts of the callsite limiter for the worker.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use super::{COUNT, CROWDED, CallsiteLimiter, OPEN, RepeatKey, SPENT, Slot, tag};
use crate::{GroupId, model::Timestamp};

/// How long a text counts as known.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// How long a callsite keeps its slot without an event.
const IDLE: u64 = 60_000_000;

/// Collects what a callsite_limiter has counted, and knows to which group it belongs: the worker's side of the callsite_limiter.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    /// When the window of each slot that counts has begun.
    windows: BTreeMap<u16, Timestamp>,
    owners: BTreeMap<RepeatKey, GroupId>,
    /// The last group of each slot, for what was counted without a look at its text.
    last: BTreeMap<u16, GroupId>,
}

/// How often events were turned away since this was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeats {
    /// Whose they are, as far as that is known.
    pub(crate) of: Option<GroupId>,
    pub(crate) count: u64,
    /// Nobody looked at their texts: they are given to the callsite's last group.
    pub(crate) unread: bool,
}

impl Collector {
    /// Notes to which group the event that passed with `key` belongs.
    pub(crate) fn owns(&mut self, key: RepeatKey, group: GroupId) {
        self.owners.insert(key, group);
        self.last.insert(key.slot, group);
    }

    /// Takes all counts, and ends the windows that are over; returns whether there is something to look after.
    ///
    /// `micros` is the limiter's time. A count whose event has not arrived yet waits for it until its window ends.
    pub(crate) fn collect(
        &mut self,
        callsite_limiter: &CallsiteLimiter,
        now: Timestamp,
        micros: u64,
        mut count: impl FnMut(Repeats),
    ) -> bool {
        let mut is_live = false;
        for (number, slot) in (0_u16..).zip(&callsite_limiter.slots) {
            // Also of a slot without a callsite: one may have been on its way in when it was given back.
            is_live |= self.collect_slot(number, slot, now, &mut count);
            let idle = slot.full_at.load(Ordering::Acquire).saturating_add(IDLE) < micros;
            if idle && !self.windows.contains_key(&number) {
                // Nothing is counted here, and the bucket has been full for long.
                slot.id.store(0, Ordering::Release);
            }
        }
        is_live
    }

    fn collect_slot(
        &mut self,
        number: u16,
        slot: &Slot,
        now: Timestamp,
        count: &mut impl FnMut(Repeats),
    ) -> bool {
        let over = self.windows.get(&number).is_some_and(|begin| now.since(*begin) >= WINDOW);
        let mut is_live = false;
        for text in &slot.texts {
            let word = text.load(Ordering::Acquire);
            if word == 0 {
                continue;
            }
            let key = RepeatKey { slot: number, tag: tag(word) };
            let owner = self.owners.get(&key).copied();
            if owner.is_none() && !over {
                is_live = true;
                continue;
            }
            let left = if over { 0 } else { word & !COUNT };
            // Another thread may count, or take the text back, in between.
            let taken = text
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                    Some(if tag(now) == key.tag { left } else { now })
                })
                .unwrap_or_default();
            if tag(taken) == key.tag && taken & COUNT > 0 {
                count(Repeats { of: owner, count: taken & COUNT, unread: false });
            }
            if over {
                self.owners.remove(&key);
            }
            is_live = true;
        }
        // The bucket is asked again from now on.
        slot.mode.compare_exchange(SPENT, OPEN, Ordering::AcqRel, Ordering::Acquire).unwrap_or_default();
        let unread = slot.unread.swap(0, Ordering::AcqRel);
        if unread > 0 {
            count(Repeats { of: self.last.get(&number).copied(), count: unread, unread: true });
        }
        is_live |= unread > 0 || slot.mode.load(Ordering::Acquire) == CROWDED;
        if over {
            slot.mode.store(OPEN, Ordering::Release);
            self.windows.remove(&number);
            self.owners.remove(&RepeatKey { slot: number, tag: 0 });
        } else if is_live {
            self.windows.entry(number).or_insert(now);
        }
        is_live
    }
}
