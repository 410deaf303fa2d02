//! Which rotated files have to go: pure.

use std::time::{Duration, SystemTime};

use crate::rotation::Key;

/// Says how much is kept of what was rotated. The active file never counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) count: Option<usize>,
    pub(crate) age: Option<Duration>,
    pub(crate) bytes: Option<u64>,
}

/// Is one rotated file, in whatever forms it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    pub(crate) key: Key,
    pub(crate) bytes: u64,
    /// When its last line was written.
    pub(crate) modified: SystemTime,
}

impl Keep {
    /// Tells whether everything is kept.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the keys of the files that have to go, the oldest first.
    pub(crate) fn doomed(&self, mut archives: Vec<Archive>, now: SystemTime) -> Vec<Key> {
        archives.sort_by(|a, b| {
            if a.key.is_newer_than(&b.key) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
        });
        let mut total = 0_u64;
        let mut doomed = Vec::new();
        for (place, archive) in archives.into_iter().enumerate() {
            total = total.saturating_add(archive.bytes);
            let too_many = self.count.is_some_and(|count| place >= count);
            let too_much = self.bytes.is_some_and(|bytes| total > bytes);
            let too_old =
                self.age.is_some_and(|age| now.duration_since(archive.modified).is_ok_and(|old| old > age));
            // Once one has to go for its size, all older ones have to: no hole in the history.
            if too_many || too_much || too_old {
                doomed.push(archive.key);
            }
        }
        doomed.reverse();
        doomed
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn archives() -> Vec<Archive> {
        (1..=5)
            .map(|day| Archive {
                key: Key::Date(format!("2026-11-{day:02}"), 0),
                bytes: 100,
                modified: UNIX_EPOCH + Duration::from_secs(day * 86_400),
            })
            .collect()
    }

    fn kept(keep: Keep) -> Vec<usize> {
        let now = UNIX_EPOCH + Duration::from_secs(6 * 86_400);
        let doomed = keep.doomed(archives(), now);
        (1..=5).filter(|day| !doomed.contains(&Key::Date(format!("2026-11-{day:02}"), 0))).collect()
    }

    #[test]
    fn each_rule_keeps_the_newest_and_the_strictest_wins() {
        let day = Duration::from_secs(86_400);
        let cases = [
            (Keep::default(), vec![1, 2, 3, 4, 5]),
            (Keep { count: Some(2), ..Keep::default() }, vec![4, 5]),
            (Keep { count: Some(9), ..Keep::default() }, vec![1, 2, 3, 4, 5]),
            (Keep { age: Some(3 * day), ..Keep::default() }, vec![3, 4, 5]),
            (Keep { bytes: Some(299), ..Keep::default() }, vec![4, 5]),
            (Keep { bytes: Some(99), ..Keep::default() }, vec![]),
            (Keep { count: Some(4), age: Some(4 * day), bytes: Some(300) }, vec![3, 4, 5]),
        ];
        for (keep, expected) in cases {
            assert_eq!(kept(keep), expected, "{keep:?}");
        }
    }

    #[test]
    fn a_higher_number_is_older() {
        let archives = (1..=4)
            .map(|number| Archive { key: Key::Number(number), bytes: 1, modified: UNIX_EPOCH })
            .collect();
        let keep = Keep { count: Some(2), ..Keep::default() };
        assert_eq!(keep.doomed(archives, UNIX_EPOCH), [Key::Number(4), Key::Number(3)]);
    }
}
