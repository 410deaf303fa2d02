//! Which rotated files have to go: pure.

use std::time::{Duration, SystemTime};

use crate::rotation::RotationKey;

/// The limits of what is kept of rotated files. The active file never counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) count: Option<usize>,
    pub(crate) age: Option<Duration>,
    pub(crate) bytes: Option<u64>,
}

/// A rotated file, in whatever forms it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    pub(crate) key: RotationKey,
    pub(crate) bytes: u64,
    /// When its last line was written.
    pub(crate) modified: SystemTime,
    /// Its place in the noted order of rotations.
    pub(crate) sequence: Option<usize>,
}

/// Files last written to within this are copies of one restored machine, or rotated by size: their names tell the order.
const SAME_TIME: Duration = Duration::from_secs(2);

impl Keep {
    /// Tells whether everything is kept.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the keys of the files that have to go, the oldest first. The newest file always stays.
    pub(crate) fn doomed(&self, mut archives: Vec<Archive>, now: SystemTime) -> Vec<RotationKey> {
        sort(&mut archives);
        let ages = written(&archives, now);
        let mut total = 0_u64;
        let mut doomed = Vec::new();
        for (place, (archive, written)) in archives.into_iter().zip(ages).rev().enumerate() {
            total = total.saturating_add(archive.bytes);
            let too_many = self.count.is_some_and(|count| place >= count);
            let too_much = self.bytes.is_some_and(|bytes| total > bytes);
            let too_old = self.age.is_some_and(|age| now.duration_since(written).is_ok_and(|old| old > age));
            // Once one has to go for its size, all older ones have to: no hole in the history.
            if place > 0 && (too_many || too_much || too_old) {
                doomed.push(archive.key);
            }
        }
        doomed.reverse();
        doomed
    }
}

/// Sorts rotated files, the oldest first: by number, else by the noted order, else by the time of the last line.
///
/// Files that the note does not have were rotated before it was begun.
pub(crate) fn sort(archives: &mut [Archive]) {
    archives.sort_by(|a, b| match (&a.key, &b.key) {
        (RotationKey::Number(a), RotationKey::Number(b)) => b.cmp(a),
        _ => (a.sequence, a.modified).cmp(&(b.sequence, b.modified)),
    });
    let mut start = 0;
    for end in 1..=archives.len() {
        let goes_on = match (archives.get(end - 1), archives.get(end)) {
            (Some(a), Some(b)) => {
                a.sequence.is_none()
                    && b.sequence.is_none()
                    && b.modified.duration_since(a.modified).is_ok_and(|gap| gap <= SAME_TIME)
            }
            _ => false,
        };
        if !goes_on {
            if let Some(group) = archives.get_mut(start..end) {
                group.sort_by(|a, b| match (a.key.is_newer_than(&b.key), b.key.is_newer_than(&a.key)) {
                    (true, _) => std::cmp::Ordering::Greater,
                    (_, true) => std::cmp::Ordering::Less,
                    _ => std::cmp::Ordering::Equal,
                });
            }
            start = end;
        }
    }
}

/// Returns when the last line of each of the sorted files was written.
///
/// A file was not written before an older one, whatever its time says, and not in the future.
fn written(archives: &[Archive], now: SystemTime) -> Vec<SystemTime> {
    let mut latest: Option<SystemTime> = None;
    let mut times = Vec::with_capacity(archives.len());
    for archive in archives {
        if archive.modified <= now {
            latest = Some(latest.map_or(archive.modified, |latest| latest.max(archive.modified)));
        }
        times.push(latest.unwrap_or(now));
    }
    times
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn archives() -> Vec<Archive> {
        (1..=5)
            .map(|day| Archive {
                key: RotationKey::Date(format!("2026-11-{day:02}"), 0),
                bytes: 100,
                modified: UNIX_EPOCH + Duration::from_secs(day * 86_400),
                sequence: None,
            })
            .collect()
    }

    fn kept(keep: Keep) -> Vec<usize> {
        let now = UNIX_EPOCH + Duration::from_secs(6 * 86_400);
        let doomed = keep.doomed(archives(), now);
        (1..=5).filter(|day| !doomed.contains(&RotationKey::Date(format!("2026-11-{day:02}"), 0))).collect()
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
            // The newest data is never what goes.
            (Keep { bytes: Some(99), ..Keep::default() }, vec![5]),
            (Keep { age: Some(day / 2), ..Keep::default() }, vec![5]),
            (Keep { count: Some(4), age: Some(4 * day), bytes: Some(300) }, vec![3, 4, 5]),
        ];
        for (keep, expected) in cases {
            assert_eq!(kept(keep), expected, "{keep:?}");
        }
    }

    #[test]
    fn a_higher_number_is_older() {
        let archives = (1..=4)
            .map(|number| Archive {
                key: RotationKey::Number(number),
                bytes: 1,
                modified: UNIX_EPOCH,
                sequence: None,
            })
            .collect();
        let keep = Keep { count: Some(2), ..Keep::default() };
        assert_eq!(keep.doomed(archives, UNIX_EPOCH), [RotationKey::Number(4), RotationKey::Number(3)]);
    }

    /// A rotated file by its date, the day of its last line, and its place in the note.
    fn archive(date: &str, day: u64, sequence: Option<usize>) -> Archive {
        let modified = UNIX_EPOCH + Duration::from_secs(day * 86_400);
        Archive { key: RotationKey::Date(date.to_owned(), 0), bytes: 1, modified, sequence }
    }

    #[test]
    fn the_order_of_rotation_counts_and_not_a_date() {
        let now = 20_785;
        let cases = [
            (
                "dates in the future, by their times",
                vec![
                    archive("2099-01-01", now - 9, None),
                    archive("2026-11-26", now - 2, None),
                    archive("2026-11-27", now - 1, None),
                ],
                "2099-01-01",
            ),
            (
                "rotated now, under wrong times",
                vec![
                    archive("2099-01-02", now + 9_000, Some(1)),
                    archive("2099-01-01", now + 8_000, Some(0)),
                    archive("2026-11-27", now - 1, Some(2)),
                ],
                "2099-01-01",
            ),
            (
                "a clock that stepped back",
                vec![
                    archive("2026-11-27", now - 1, None),
                    archive("1970-01-01", 0, Some(0)),
                    archive("2026-11-26", now - 2, None),
                ],
                "2026-11-26",
            ),
            (
                "a restored machine: all times are one",
                vec![
                    archive("2026-11-27", now, None),
                    archive("2026-11-25", now, None),
                    archive("2026-11-26", now, None),
                ],
                "2026-11-25",
            ),
        ];
        for (what, archives, oldest) in cases {
            let keep = Keep { count: Some(2), ..Keep::default() };
            let doomed = keep.doomed(archives, UNIX_EPOCH + Duration::from_secs(now * 86_400));
            assert_eq!(doomed, [RotationKey::Date(oldest.to_owned(), 0)], "{what}");
        }
    }

    #[test]
    fn age_is_not_taken_from_a_time_that_cannot_be() {
        let now = 20_785;
        let archives = vec![
            archive("2026-11-20", now - 8, Some(0)),
            archive("2099-01-01", now + 9_000, Some(1)),
            archive("2026-11-26", now - 2, Some(2)),
            archive("1970-01-01", 0, Some(3)),
            archive("2026-11-27", now - 1, Some(4)),
        ];
        let keep = Keep { age: Some(Duration::from_secs(5 * 86_400)), ..Keep::default() };
        let doomed = keep.doomed(archives, UNIX_EPOCH + Duration::from_secs(now * 86_400));
        let date = |date: &str| RotationKey::Date(date.to_owned(), 0);
        assert_eq!(doomed, [date("2026-11-20"), date("2099-01-01")]);
    }
}
