//! Turn the repeats of a storm away at the caller: counted, in some nanoseconds, without an allocation, a lock or a
//! system call.
//!
//! A token bucket per callsite comes first. Past its burst the text decides: one not seen in this window passes, a
//! known one is counted. A callsite with too many texts answers without looking at them, but for a sample now and then.

mod collect;
mod text;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use collect::Collector;
pub(crate) use text::tag_of;

use crate::NotificationPolicy;

/// How many callsites of one handler are told apart at a time; what finds no slot passes.
const SLOTS: usize = 256;
/// In how many slots a callsite may stand.
const PROBES: usize = 8;
/// How many texts of a callsite pass in one window.
pub(crate) const TEXTS: usize = 20;
/// How many events of a callsite pass whatever they say, and how fast that many may come again.
const BURST: u32 = 20;
const REFILL: Duration = Duration::from_millis(250);
/// How far apart the samples of a callsite with too many texts are.
const SAMPLE: Duration = Duration::from_millis(250);
/// Of those only each 64th looks at the clock.
const LOOK: u64 = 64;

/// The callsite limiter of one handler: a table of fixed size, shared by all threads.
pub(crate) struct CallsiteLimiter {
    slots: Box<[Slot]>,
    /// How many microseconds one token takes, and how many the whole bucket.
    token: u64,
    bucket: u64,
}

/// The limiter's state for one callsite.
#[derive(Default)]
struct Slot {
    /// Who has it; 0 if nobody.
    id: AtomicU64,
    /// When the bucket is full again, in microseconds.
    full_at: AtomicU64,
    /// One of the modes below.
    mode: AtomicU8,
    /// When the next sample may pass.
    sample_at: AtomicU64,
    /// What was counted without a look at its text.
    unread: AtomicU64,
    /// Above 32 bits of a text's hash, below how often it was turned away: in one word, so that no count can go to
    /// another text.
    texts: [AtomicU64; TEXTS],
}

/// The bucket is asked.
const OPEN: u8 = 0;
/// The bucket was empty a moment ago; until the collector looks again only the text is asked, and no clock.
const SPENT: u8 = 1;
/// The callsite has too many texts in this window.
const CROWDED: u8 = 2;

/// Says where the repeats of an event that passed are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RepeatKey {
    slot: u16,
    /// 0 for what was counted without a look at its text.
    tag: u32,
}

/// The limiter's decision on one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Pass(Option<RepeatKey>),
    Counted,
    /// It would pass, but there is no room for it.
    NoRoom,
}

impl CallsiteLimiter {
    pub(crate) fn new(policy: &NotificationPolicy) -> Self {
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
        let (burst, token) = match policy.every {
            Some(rate) => (rate.most(), micros(rate.per() / rate.most())),
            None => (BURST, micros(REFILL)),
        };
        Self {
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
            token,
            bucket: token.saturating_mul(u64::from(burst)),
        }
    }

    /// Asks whether an event of the callsite `id` passes. `now` are microseconds of any beginning; `tag` hashes the text;
    /// `has_room` tells whether an event that passes can be taken.
    pub(crate) fn ask(
        &self,
        id: u64,
        now: impl Fn() -> u64,
        tag: impl FnOnce() -> u32,
        has_room: impl Fn() -> bool,
    ) -> Admission {
        let pass = |key| if has_room() { Admission::Pass(key) } else { Admission::NoRoom };
        let id = id.max(1);
        let Some((number, slot)) = self.slot(id) else { return pass(None) };
        let mode = slot.mode.load(Ordering::Acquire);
        if mode == CROWDED {
            // The clock costs as much as all the rest here.
            if slot.unread.load(Ordering::Acquire) % LOOK == 0 && slot.takes_sample(now()) {
                return pass(Some(RepeatKey { slot: number, tag: 0 }));
            }
            slot.unread.fetch_add(1, Ordering::AcqRel);
            return Admission::Counted;
        }
        if mode == OPEN {
            if slot.takes_token(now(), self.token, self.bucket) {
                return pass(None);
            }
            slot.mode.store(SPENT, Ordering::Release);
        }
        let tag = tag().max(1);
        match slot.sees(tag, &has_room) {
            Seen::Known => Admission::Counted,
            Seen::New => Admission::Pass(Some(RepeatKey { slot: number, tag })),
            Seen::NoRoom => Admission::NoRoom,
            Seen::TooMany => {
                slot.sample_at.store(now() + micros(SAMPLE), Ordering::Release);
                slot.mode.store(CROWDED, Ordering::Release);
                slot.unread.fetch_add(1, Ordering::AcqRel);
                Admission::Counted
            }
        }
    }

    /// Returns how many were counted and not yet collected.
    pub(crate) fn waiting(&self) -> u64 {
        let of = |slot: &Slot| {
            let texts: u64 = slot.texts.iter().map(|text| text.load(Ordering::Acquire) & COUNT).sum();
            texts + slot.unread.load(Ordering::Acquire)
        };
        self.slots.iter().map(of).sum()
    }

    /// Takes back that an event has passed: there was no room for it, and the next of its kind is to pass instead.
    pub(crate) fn take_back(&self, key: RepeatKey) {
        let Some(slot) = self.slots.get(usize::from(key.slot)) else { return };
        if key.tag == 0 {
            return;
        }
        for text in &slot.texts {
            let is_it = |word: u64| (tag(word) == key.tag).then_some(0);
            if let Ok(word) = text.fetch_update(Ordering::AcqRel, Ordering::Acquire, is_it) {
                // Repeats counted meanwhile are of an event that nobody saw.
                slot.unread.fetch_add(word & COUNT, Ordering::AcqRel);
                return;
            }
        }
    }

    fn slot(&self, id: u64) -> Option<(u16, &Slot)> {
        let begin = usize::try_from(id >> 48).unwrap_or_default();
        for probe in 0..PROBES {
            let number = (begin + probe) % SLOTS;
            let slot = self.slots.get(number)?;
            let found = match slot.id.load(Ordering::Acquire) {
                0 => {
                    let taken = slot.id.compare_exchange(0, id, Ordering::AcqRel, Ordering::Acquire);
                    taken.map_or_else(|other| other == id, |_| true)
                }
                known => known == id,
            };
            if found {
                return Some((u16::try_from(number).ok()?, slot));
            }
        }
        None
    }
}

/// The lower half of a text's word.
const COUNT: u64 = 0xffff_ffff;

fn tag(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or_default()
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

enum Seen {
    Known,
    New,
    NoRoom,
    TooMany,
}

impl Slot {
    fn takes_token(&self, now: u64, token: u64, bucket: u64) -> bool {
        let mut known = self.full_at.load(Ordering::Acquire);
        loop {
            let next = known.max(now) + token;
            if next > now + bucket {
                return false;
            }
            match self.full_at.compare_exchange_weak(known, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(other) => known = other,
            }
        }
    }

    fn takes_sample(&self, now: u64) -> bool {
        let at = self.sample_at.load(Ordering::Acquire);
        now >= at
            && self
                .sample_at
                .compare_exchange(at, now + micros(SAMPLE), Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }

    /// Counts a text, or notes it as new.
    fn sees(&self, wanted: u32, has_room: &impl Fn() -> bool) -> Seen {
        for text in &self.texts {
            let mut word = text.load(Ordering::Acquire);
            loop {
                let next = match word {
                    // The next of its kind is to pass when there is room.
                    0 if !has_room() => return Seen::NoRoom,
                    0 => u64::from(wanted) << 32,
                    // Collected twice a second: it overflows never, and if it did, it would stand still.
                    known if tag(known) == wanted && known & COUNT < COUNT => known + 1,
                    known if tag(known) == wanted => return Seen::Known,
                    _ => break,
                };
                match text.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(0) => return Seen::New,
                    Ok(_) => return Seen::Known,
                    Err(other) => word = other,
                }
            }
        }
        Seen::TooMany
    }
}

#[cfg(test)]
mod tests;
