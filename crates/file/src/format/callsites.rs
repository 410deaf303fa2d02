//! A cache of values per callsite, read without a lock.

use std::sync::OnceLock;

use tracing_core::Metadata;
use watchfire_core::{EventView, Severity};

/// The key of what is kept: the callsite, the settings of the layer, and the severity in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallsiteKey {
    /// The address of the metadata, which live as long as the process.
    callsite: usize,
    settings: u64,
    severity: Severity,
}

impl CallsiteKey {
    #[inline]
    pub(crate) fn of(event: &EventView<'_>) -> Self {
        let callsite: *const Metadata<'static> = event.callsite();
        Self { callsite: callsite.addr(), settings: event.settings_id(), severity: event.severity() }
    }

    fn hash(self) -> usize {
        // Metadata are some hundred bytes apart. A layer's settings are the same at each event: they need no bits.
        (self.callsite >> 4) ^ (self.callsite >> 11) ^ (self.severity as usize)
    }
}

/// A table that only grows: at first small, then followed by one of twice the size, up to a bound.
#[derive(Debug)]
pub(crate) struct Callsites<T> {
    slots: Box<[CacheSlot<T>]>,
    next: OnceLock<Box<Self>>,
}

/// Boxed: most slots are empty.
type CacheSlot<T> = OnceLock<Box<(CallsiteKey, T)>>;

const FIRST_SLOTS: usize = 64;
const MOST_SLOTS: usize = 16_384;
/// How many slots of one table are looked at.
const PROBES: usize = 4;

impl<T> Default for Callsites<T> {
    fn default() -> Self {
        Self::with_slots(FIRST_SLOTS)
    }
}

impl<T> Callsites<T> {
    fn with_slots(slots: usize) -> Self {
        Self { slots: (0..slots).map(|_| OnceLock::new()).collect(), next: OnceLock::new() }
    }

    /// Finds what is kept for `key`, or keeps what `make` makes. Returns nothing when the tables are full.
    #[inline]
    pub(crate) fn get(&self, key: CallsiteKey, make: impl FnOnce() -> T) -> Option<&T> {
        let hash = key.hash();
        match self.slot(hash).and_then(OnceLock::get) {
            Some(found) if found.0 == key => Some(&found.1),
            _ => self.find_or_put(key, make),
        }
    }

    fn slot(&self, hash: usize) -> Option<&CacheSlot<T>> {
        self.slots.get(hash & (self.slots.len() - 1))
    }

    #[cold]
    fn find_or_put(&self, key: CallsiteKey, make: impl FnOnce() -> T) -> Option<&T> {
        let (mut make, mut made) = (Some(make), None);
        let mut table = self;
        loop {
            for probe in 0..PROBES {
                let slot = table.slot(key.hash().wrapping_add(probe))?;
                if slot.get().is_none() {
                    let kept = made.take().or_else(|| make.take().map(|make| Box::new((key, make()))))?;
                    // Another thread may take the slot meanwhile, for the same key or for another one.
                    made = slot.set(kept).err();
                }
                if let Some(kept) = slot.get().filter(|kept| kept.0 == key) {
                    return Some(&kept.1);
                }
            }
            let slots = table.slots.len() * 2;
            if slots > MOST_SLOTS {
                return None;
            }
            table = table.next.get_or_init(|| Box::new(Self::with_slots(slots)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(callsite: usize) -> CallsiteKey {
        CallsiteKey { callsite: callsite * 200, settings: 7, severity: Severity::Info }
    }

    #[test]
    fn each_key_keeps_its_own_value() {
        let table = Callsites::default();
        for callsite in 0..5_000 {
            assert_eq!(table.get(key(callsite), || callsite), Some(&callsite));
        }
        for callsite in 0..5_000 {
            assert_eq!(table.get(key(callsite), || panic!("made twice")), Some(&callsite));
        }
        let other = CallsiteKey { settings: 8, ..key(1) };
        assert_eq!(table.get(other, || 77), Some(&77));
        let other = CallsiteKey { severity: Severity::Error, ..key(1) };
        assert_eq!(table.get(other, || 78), Some(&78));
    }

    #[test]
    fn a_second_table_is_made_only_when_it_is_needed() {
        let table = Callsites::default();
        for callsite in 0..FIRST_SLOTS / 16 {
            table.get(key(callsite), || ());
        }
        assert!(table.next.get().is_none());
    }

    #[test]
    fn the_tables_are_bounded() {
        let table = Callsites::default();
        let kept = (0..100_000).filter(|callsite| table.get(key(*callsite), || ()).is_some()).count();
        assert!((5_000..=2 * MOST_SLOTS).contains(&kept), "{kept}");
    }
}
