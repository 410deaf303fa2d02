//! What is made once per callsite, found again at each event without a lock.

use std::sync::OnceLock;

use tracing_core::Metadata;
use watchfire_core::{EventView, Severity};

/// The key of what is kept: the callsite, the settings of the layer, and the severity in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The address of the metadata, which live as long as the process.
    callsite: usize,
    settings: u64,
    severity: Severity,
}

impl Key {
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
    slots: Box<[Slot<T>]>,
    next: OnceLock<Box<Self>>,
}

/// Boxed: most slots are empty.
type Slot<T> = OnceLock<Box<(Key, T)>>;

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
    pub(crate) fn get(&self, key: Key, make: impl FnOnce() -> T) -> Option<&T> {
        let hash = key.hash();
        match self.slot(hash).and_then(OnceLock::get) {
            Some(found) if found.0 == key => Some(&found.1),
            _ => self.find_or_put(key, make),
        }
    }

    fn slot(&self, hash: usize) -> Option<&Slot<T>> {
        self.slots.get(hash & (self.slots.len() - 1))
    }

    #[cold]
    fn find_or_put(&self, key: Key, make: impl FnOnce() -> T) -> Option<&T> {
        let slots =
            || self.tables().flat_map(|table| (0..PROBES).filter_map(move |probe| table.probe(key, probe)));
        let known = |slot: &'_ Slot<T>| slot.get().is_some_and(|kept| kept.0 == key);
        if !slots().any(known) {
            let mut made = Box::new((key, make()));
            // Into the first free slot, unless another thread takes it, or makes the same, meanwhile.
            for slot in slots() {
                match slot.set(made) {
                    Ok(()) => break,
                    Err(_) if known(slot) => break,
                    Err(again) => made = again,
                }
            }
        }
        slots().filter_map(OnceLock::get).find(|kept| kept.0 == key).map(|kept| &kept.1)
    }

    fn probe(&self, key: Key, probe: usize) -> Option<&Slot<T>> {
        self.slot(key.hash().wrapping_add(probe))
    }

    /// Walks the tables, and makes the next one when it is reached.
    fn tables(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |table| {
            let slots = table.slots.len() * 2;
            (slots <= MOST_SLOTS).then(|| &**table.next.get_or_init(|| Box::new(Self::with_slots(slots))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(callsite: usize) -> Key {
        Key { callsite: callsite * 200, settings: 7, severity: Severity::Info }
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
        let other = Key { settings: 8, ..key(1) };
        assert_eq!(table.get(other, || 77), Some(&77));
        let other = Key { severity: Severity::Error, ..key(1) };
        assert_eq!(table.get(other, || 78), Some(&78));
    }

    #[test]
    fn the_tables_are_bounded() {
        let table = Callsites::default();
        let kept = (0..100_000).filter(|callsite| table.get(key(*callsite), || ()).is_some()).count();
        assert!((5_000..=2 * MOST_SLOTS).contains(&kept), "{kept}");
    }
}
