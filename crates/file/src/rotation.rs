//! When a file is rotated and what the rotated ones are called: pure.

use std::time::SystemTime;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
};

use crate::time::{Zone, seconds};

mod pattern;

pub(crate) use pattern::NamePattern;

/// The interval at which a file is rotated by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationInterval {
    /// At each full minute.
    Minute,
    /// At each full hour.
    Hour,
    /// Once a day, at midnight unless another hour is set.
    Day,
    /// Once a week on this day, 0 being Monday as in Python's `W0`, at midnight unless another hour is set.
    Week(u8),
}

/// A stretch of time whose lines share a file, in seconds since the epoch: from `start`, before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) start: i64,
    pub(crate) until: i64,
}

impl Period {
    /// The period without a schedule: one for ever.
    pub(crate) const ALWAYS: Self = Self { start: i64::MIN, until: i64::MAX };

    /// Tells whether a line of the period `later` may not stand in a file of this one.
    ///
    /// Earlier lines may: another process was late, or its clock was a little behind. A clock that was set back by
    /// more than a whole period starts a new file.
    pub(crate) fn ends_before(self, later: Self) -> bool {
        later.start >= self.until || self.is_undone_by(later.start)
    }

    fn is_undone_by(self, second: i64) -> bool {
        second < self.start.saturating_sub(self.until.saturating_sub(self.start))
    }

    /// Tells whether a line of this second still belongs to the period.
    pub(crate) fn holds(self, second: i64) -> bool {
        second < self.until && !self.is_undone_by(second)
    }
}

/// The rule for when the periods of a file begin.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) every: RotationInterval,
    pub(crate) hour: i8,
    pub(crate) minute: i8,
    pub(crate) zone: Zone,
}

impl Schedule {
    /// Returns the period that `at` lies in.
    pub(crate) fn period(&self, at: SystemTime) -> Period {
        match self.every {
            RotationInterval::Minute => self.floor(at, 60),
            RotationInterval::Hour => self.floor(at, 3600),
            RotationInterval::Day => self.civil(at, 1, |date| date),
            RotationInterval::Week(day) => self.civil(at, 7, |date| last(date, day)),
        }
    }

    /// Full minutes and hours of the zone's own clock; a change of the clock makes one of them longer or shorter.
    fn floor(&self, at: SystemTime, length: i64) -> Period {
        let (second, _) = seconds(at);
        let offset = i64::from(self.zone.zoned(at).offset().seconds());
        let start = second - (second + offset).rem_euclid(length);
        Period { start, until: start + length }
    }

    fn civil(&self, at: SystemTime, days: i32, first: impl Fn(Date) -> Date) -> Period {
        let (second, _) = seconds(at);
        let date = first(self.zone.zoned(at).date());
        let start = self.boundary(date);
        let (date, start) = if start > second {
            let date = shifted(date, -days);
            (date, self.boundary(date))
        } else {
            (date, start)
        };
        // A boundary that falls into the hour that a clock change skips is moved behind it.
        Period { start, until: self.boundary(shifted(date, days)).max(start + 1) }
    }

    fn boundary(&self, date: Date) -> i64 {
        date.at(self.hour, self.minute, 0, 0)
            .to_zoned(self.zone.time_zone().clone())
            .map_or(i64::MAX, |zoned| zoned.timestamp().as_second())
    }

    /// Returns the suffix of a file that holds the lines of a period: its beginning, in the zone's time.
    pub(crate) fn suffix(&self, period: Period) -> String {
        let zoned = Timestamp::from_second(period.start)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .to_zoned(self.zone.time_zone().clone());
        let pattern = match self.every {
            RotationInterval::Minute => "%Y-%m-%d_%H-%M",
            RotationInterval::Hour => "%Y-%m-%d_%H",
            RotationInterval::Day | RotationInterval::Week(_) => "%Y-%m-%d",
        };
        zoned.strftime(pattern).to_string()
    }

    /// Returns how long the date in a suffix is.
    fn suffix_len(&self) -> usize {
        match self.every {
            RotationInterval::Minute => "2026-11-20_13-05".len(),
            RotationInterval::Hour => "2026-11-20_13".len(),
            RotationInterval::Day | RotationInterval::Week(_) => "2026-11-20".len(),
        }
    }
}

fn shifted(date: Date, days: i32) -> Date {
    date.checked_add(days.days()).unwrap_or(date)
}

/// Returns the last such weekday up to `date`.
fn last(date: Date, day: u8) -> Date {
    let wanted = i8::try_from(day % 7).unwrap_or(0);
    let wanted = Weekday::from_monday_zero_offset(wanted).unwrap_or(Weekday::Monday);
    shifted(date, -i32::from(date.weekday().since(wanted)))
}

/// The names of the files: the active one always `shop.log`.
#[derive(Clone, Debug)]
pub(crate) struct FileNames {
    /// The name of the active file, without its folder.
    pub(crate) base: String,
    /// `None`: numbered, the lowest number being the newest.
    pub(crate) schedule: Option<Schedule>,
    /// The text before the date or the number of a rotated file, and the one behind it.
    around: (String, String),
}

/// The identity of a rotated file, whether it is compressed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RotationKey {
    /// The date and, from the second file of that date on, a count that grows.
    Date(String, u32),
    /// A number that grows as the file gets older.
    Number(u32),
}

/// The state of a rotated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl RotationKey {
    /// Orders by name: the later date, the newer.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Date(a, n), Self::Date(b, m)) => (a, n) > (b, m),
            (Self::Number(n), Self::Number(m)) => n < m,
            (Self::Date(..), Self::Number(_)) => true,
            (Self::Number(_), Self::Date(..)) => false,
        }
    }
}

impl Packing {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

impl FileNames {
    /// Names rotated files `shop.log.2026-11-20`, or `shop.log.1` without a schedule.
    pub(crate) fn new(base: String, schedule: Option<Schedule>) -> Self {
        let around = (format!("{base}."), String::new());
        Self { base, schedule, around }
    }

    /// Names rotated files by a pattern, where there is one.
    pub(crate) fn with_pattern(self, pattern: Option<&NamePattern>) -> Self {
        match pattern {
            Some(pattern) => Self { around: pattern.around(&self.base), ..self },
            None => self,
        }
    }

    /// Returns the name of a rotated file.
    pub(crate) fn of(&self, key: &RotationKey, packing: Packing) -> String {
        let (before, behind) = &self.around;
        let extension = packing.extension();
        match key {
            RotationKey::Date(date, 0) => format!("{before}{date}{behind}{extension}"),
            RotationKey::Date(date, count) => format!("{before}{date}.{count}{behind}{extension}"),
            RotationKey::Number(number) => format!("{before}{number}{behind}{extension}"),
        }
    }

    /// Returns the name of a file that is being compressed, by the number of the file that it is made of.
    ///
    /// The latter's name may change in the meantime, so it is not used.
    pub(crate) fn unfinished(&self, id: u64) -> String {
        format!("{}.packing.{id}", self.base)
    }

    /// Reads a name that [`FileNames::unfinished`] makes.
    pub(crate) fn parse_unfinished(&self, name: &str) -> Option<u64> {
        let id = name.strip_prefix(&self.base)?.strip_prefix(".packing.")?.parse().ok()?;
        (self.unfinished(id) == name).then_some(id)
    }

    /// Returns the name of the file that several processes lock while they write or rotate.
    pub(crate) fn lock(&self) -> String {
        format!(".{}.lock", self.base)
    }

    /// Returns the name of the note of the order in which files were rotated.
    pub(crate) fn order(&self) -> String {
        format!(".{}.order", self.base)
    }

    /// Reads a name; `None` if it is not exactly one that [`FileNames::of`] makes.
    pub(crate) fn parse(&self, name: &str) -> Option<(RotationKey, Packing)> {
        let (before, behind) = &self.around;
        let rest = name.strip_prefix(before.as_str())?;
        let (rest, packing) =
            [Packing::Gzip, Packing::Zstd, Packing::Plain].into_iter().find_map(|packing| {
                let rest = rest.strip_suffix(packing.extension())?.strip_suffix(behind.as_str())?;
                Some((rest, packing))
            })?;
        let key = match &self.schedule {
            None => RotationKey::Number(number(rest)?),
            Some(schedule) => {
                let (date, count) = rest.split_at_checked(schedule.suffix_len())?;
                let count = match count.strip_prefix('.') {
                    Some(count) => number(count)?,
                    None if count.is_empty() => 0,
                    None => return None,
                };
                is_date(date).then(|| RotationKey::Date(date.to_owned(), count))?
            }
        };
        // Only what we would have written ourselves: `.01` and `.2026-02-31` are somebody else's.
        (self.of(&key, packing) == name).then_some((key, packing))
    }

    /// Returns the key under which the active file is put away, given those that are there.
    ///
    /// `foreign` are names of ours that something else has, such as a folder: they are passed over.
    pub(crate) fn next(&self, period: Period, taken: &[RotationKey], foreign: &[RotationKey]) -> RotationKey {
        let Some(schedule) = &self.schedule else { return RotationKey::Number(shifts(taken, foreign).0) };
        let date = schedule.suffix(period);
        let last = taken
            .iter()
            .chain(foreign)
            .filter_map(|key| match key {
                RotationKey::Date(known, count) if *known == date => Some(*count),
                _ => None,
            })
            .max();
        RotationKey::Date(date, last.map_or(0, |last| last.saturating_add(1)))
    }
}

/// Returns the number of the newest file, and which numbered files move where to free it, the first to move first.
pub(crate) fn shifts(taken: &[RotationKey], foreign: &[RotationKey]) -> (u32, Vec<(u32, u32)>) {
    let mut free = (1..u32::MAX).filter(|number| !foreign.contains(&RotationKey::Number(*number)));
    let first = free.next().unwrap_or(u32::MAX);
    let mut moves = Vec::new();
    let mut from = first;
    while taken.contains(&RotationKey::Number(from))
        && let Some(to) = free.next()
    {
        moves.push((from, to));
        from = to;
    }
    moves.reverse();
    (first, moves)
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0)
}

/// Tells whether the text is a date, and an hour and minute where it is longer.
fn is_date(text: &str) -> bool {
    let digits = text.chars().enumerate().all(|(place, char)| match place {
        4 | 7 | 13 => char == '-',
        10 => char == '_',
        _ => char.is_ascii_digit(),
    });
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<i16>().ok());
    let within = |part: Option<i16>, most: i16| part.is_none_or(|part| part <= most);
    let (Some(year), Some(month), Some(day)) = (part(0, 4), part(5, 7), part(8, 10)) else { return false };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else { return false };
    digits && Date::new(year, month, day).is_ok() && within(part(11, 13), 23) && within(part(14, 16), 59)
}

#[cfg(test)]
mod tests;
