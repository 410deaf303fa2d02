//! A small table from addresses to values: filled once per callsite, read for every event, without a lock.

use std::sync::OnceLock;

/// Holds values by address; what no longer fits is worked out each time.
pub(crate) struct Cache<V> {
    slots: Box<[OnceLock<(usize, V)>]>,
}

/// How many slots are looked at before one gives up.
const PROBES: usize = 16;

impl<V: Copy> Cache<V> {
    /// Makes a cache of so many slots, rounded up to a power of two.
    pub(crate) fn new(slots: usize) -> Self {
        Self { slots: (0..slots.next_power_of_two()).map(|_| OnceLock::new()).collect() }
    }

    #[inline]
    pub(crate) fn get(&self, key: usize) -> Option<V> {
        // Nearly always the first.
        match self.slots.get(self.start(key)).and_then(OnceLock::get) {
            Some((known, value)) if *known == key => Some(*value),
            Some(_) => self.search(key),
            None => None,
        }
    }

    #[cold]
    fn search(&self, key: usize) -> Option<V> {
        for slot in self.slots_of(key) {
            match slot.get() {
                Some((known, value)) if *known == key => return Some(*value),
                Some(_) => {}
                None => return None,
            }
        }
        None
    }

    pub(crate) fn put(&self, key: usize, value: V) {
        for slot in self.slots_of(key) {
            if slot.get_or_init(|| (key, value)).0 == key {
                return;
            }
        }
    }

    fn slots_of(&self, key: usize) -> impl Iterator<Item = &OnceLock<(usize, V)>> {
        let (start, mask) = (self.start(key), self.slots.len() - 1);
        (0..PROBES).filter_map(move |step| self.slots.get((start + step) & mask))
    }

    #[inline]
    fn start(&self, key: usize) -> usize {
        hash(key) & (self.slots.len() - 1)
    }
}

/// Spreads addresses, which differ in their middle bits: Fibonacci hashing.
#[inline]
pub(crate) fn hash(key: usize) -> usize {
    usize::try_from((key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_fits_and_forgets_nothing_of_it() {
        let cache = Cache::new(64);
        for key in 1..=1000_usize {
            cache.put(key * 64, key);
        }
        let kept: Vec<_> = (1..=1000).filter(|key| cache.get(key * 64) == Some(*key)).collect();
        assert!(kept.len() >= 60 && kept.len() <= 64, "{}", kept.len());
        assert!((1..=1000).all(|key| cache.get(key * 64).is_none_or(|value| value == key)));
        assert_eq!(cache.get(7), None);
    }
}
