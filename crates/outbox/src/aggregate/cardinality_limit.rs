//! The limit on groups of one call site.

use std::{collections::BTreeMap, time::Duration};

use super::Fingerprint;
use crate::{GroupId, model::Timestamp};

/// More kinds than these from one place, with no pause of [`PAUSE`], are one kind.
pub(super) const VARIANTS: usize = 20;
pub(super) const PAUSE: Duration = Duration::from_secs(600);
/// How many places are watched.
const PLACES: usize = 512;

/// Watches how many kinds come from one place in the source: a message whose variable parts the scanner does not know
/// must not make a group of each.
#[derive(Debug, Default)]
pub(super) struct CardinalityLimit(BTreeMap<u64, Seen>);

#[derive(Debug)]
struct Seen {
    groups: Vec<GroupId>,
    last: Timestamp,
}

impl CardinalityLimit {
    /// Returns the group of a fingerprint, and whether it stands for all kinds of its place.
    pub(super) fn group_of(&mut self, print: Fingerprint, now: Timestamp) -> (GroupId, bool) {
        let Some(place) = print.place else { return (print.group, false) };
        if !self.0.contains_key(&place.key) && self.0.len() >= PLACES {
            self.forget();
        }
        let seen = self.0.entry(place.key).or_insert(Seen { groups: Vec::new(), last: now });
        if now.since(seen.last) > PAUSE {
            seen.groups.clear();
        }
        seen.last = now;
        if seen.groups.contains(&print.group) {
            return (print.group, false);
        }
        if seen.groups.len() >= VARIANTS {
            return (place.folded, true);
        }
        seen.groups.push(print.group);
        (print.group, false)
    }

    fn forget(&mut self) {
        let mut times: Vec<Timestamp> = self.0.values().map(|seen| seen.last).collect();
        let half = times.len() / 2;
        let median = *times.select_nth_unstable(half).1;
        self.0.retain(|_, seen| seen.last > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::fingerprint::SourcePlace;

    fn print(place: u64, group: u64) -> Fingerprint {
        let folded = GroupId::from_u64(1_000_000 + place);
        Fingerprint { group: GroupId::from_u64(group), place: Some(SourcePlace { key: place, folded }) }
    }

    #[test]
    fn folds_a_place_with_too_many_kinds_until_it_is_quiet() {
        let mut places = CardinalityLimit::default();
        let mut now = Timestamp::from_millis(0);
        for group in 0..20 {
            assert_eq!(places.group_of(print(1, group), now), (GroupId::from_u64(group), false));
        }
        assert_eq!(places.group_of(print(1, 99), now), (GroupId::from_u64(1_000_001), true));
        assert_eq!(places.group_of(print(1, 7), now), (GroupId::from_u64(7), false), "known before");
        assert_eq!(places.group_of(print(2, 99), now), (GroupId::from_u64(99), false), "another place");
        now = now + PAUSE;
        assert!(places.group_of(print(1, 99), now).1, "not quiet for long enough");
        now = now + PAUSE + Duration::from_millis(1);
        assert_eq!(places.group_of(print(1, 99), now), (GroupId::from_u64(99), false));
    }

    #[test]
    fn watches_a_bounded_number_of_places() {
        let mut places = CardinalityLimit::default();
        for place in 0..100_000 {
            places.group_of(print(place, place), Timestamp::from_millis(place / 3));
        }
        assert!(places.0.len() <= PLACES);
    }
}
