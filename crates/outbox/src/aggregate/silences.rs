//! The silences in force, by group.

use std::collections::BTreeMap;

use crate::{GroupId, Silence, model::Timestamp};

/// Holds the silences that the worker knows of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Silences(BTreeMap<GroupId, Silence>);

impl Silences {
    /// Takes the present list, at most 1,024 of them; of two for one group the longer counts.
    pub(crate) fn new(list: impl IntoIterator<Item = Silence>) -> Self {
        let mut all = BTreeMap::<GroupId, Silence>::new();
        for silence in list.into_iter().take(1024) {
            match all.get(&silence.group) {
                Some(known) if known.until >= silence.until => {}
                _ => {
                    all.insert(silence.group, silence);
                }
            }
        }
        Self(all)
    }

    pub(crate) fn of(&self, group: GroupId, now: Timestamp) -> Option<&Silence> {
        self.0.get(&group).filter(|silence| silence.holds(now.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn holds_from_its_beginning_to_its_end() {
        let silence = Silence::new(GroupId::from_u64(1), at(10), Duration::from_secs(5));
        let shorter = Silence::new(GroupId::from_u64(1), at(10), Duration::from_secs(2));
        let all = Silences::new([silence, shorter]);
        for (second, holds) in [(9, false), (10, true), (14, true), (15, false)] {
            assert_eq!(
                all.of(GroupId::from_u64(1), Timestamp::from(at(second))).is_some(),
                holds,
                "{second}"
            );
            assert!(all.of(GroupId::from_u64(2), Timestamp::from(at(second))).is_none());
        }
    }
}
