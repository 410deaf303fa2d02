//! The hours in which a channel sends little.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use watchfire_core::ConfigError;

/// Are hours of the week in which a channel says only what is critical; the rest is said when they end.
///
/// Its text form is `22:00-07:00`, with days before it `mon-fri 22:00-07:00` or `sat,sun 00:00-24:00`, several after a
/// semicolon. A span over midnight belongs to the day on which it begins. The time is local, or that of the zone set by
/// [`in_zone`](Self::in_zone).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    spans: Vec<Span>,
    zone: Option<String>,
}

/// A span of minutes, on some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// Bit 0 is Monday.
    days: u8,
    begin: u16,
    /// Beyond 1,440 if it ends on the next day.
    end: u16,
}

const DAY: u16 = 24 * 60;
const WEEK: u16 = 7 * DAY;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: u8 = 0b111_1111;

impl QuietHours {
    /// Counts the hours in this zone of the tz database, such as `Europe/Berlin`. Default: the system's.
    ///
    /// # Errors
    ///
    /// If this machine does not know the zone.
    pub fn in_zone(mut self, zone: &str) -> Result<Self, ConfigError> {
        named(zone).map_err(|_| {
            ConfigError::new("quiet_hours.zone", format!("no time zone `{zone}` on this machine"))
        })?;
        self.zone = Some(zone.to_owned());
        Ok(self)
    }

    /// Returns for how long the quiet still lasts at a minute of the week, counted from Monday 00:00.
    pub(crate) fn lasts(&self, minute: u16) -> Option<u16> {
        let minute = minute % WEEK;
        let mut at = minute;
        // Spans may follow one another: `sat 22:00-24:00; sun 00:00-24:00` is one quiet. At most a week long.
        for _ in 0..64 {
            let Some(end) = self.ends(at) else { break };
            at = at.saturating_add(end);
            if at - minute >= WEEK {
                return Some(WEEK);
            }
        }
        (at > minute).then(|| at - minute)
    }

    /// Returns for how long the longest single span lasts from `at` on.
    fn ends(&self, at: u16) -> Option<u16> {
        let at = at % WEEK;
        let over = |span: &Span, day: u16| {
            let begin = day * DAY + span.begin;
            let end = day * DAY + span.end;
            // A span of Sunday may reach into Monday.
            [at, at + WEEK].into_iter().find(|at| (begin..end).contains(at)).map(|at| end - at)
        };
        let spans = self.spans.iter();
        spans
            .flat_map(|span| {
                (0..7_u16).filter(|day| span.days & (1 << day) != 0).filter_map(move |day| over(span, day))
            })
            .max()
    }

    /// Returns when the quiet of `now` ends, if it is quiet. The one look at a time zone.
    pub(crate) fn until(&self, now: SystemTime) -> Option<SystemTime> {
        let at = jiff::Timestamp::try_from(now).ok()?;
        let zone = match &self.zone {
            Some(name) => named(name).ok()?,
            None => jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC),
        };
        let local = at.to_zoned(zone);
        let day = u16::try_from(local.weekday().to_monday_zero_offset()).ok()?;
        let minute =
            day * DAY + u16::try_from(local.hour()).ok()? * 60 + u16::try_from(local.minute()).ok()?;
        let lasts = self.lasts(minute)?;
        let second = u64::try_from(local.second()).unwrap_or_default();
        let into = Duration::new(second, u32::try_from(local.subsec_nanosecond()).unwrap_or_default());
        now.checked_add(Duration::from_secs(u64::from(lasts) * 60).saturating_sub(into))
    }
}

/// UTC needs no database, which a small container may not have.
fn named(zone: &str) -> Result<jiff::tz::TimeZone, jiff::Error> {
    if zone == "UTC" { Ok(jiff::tz::TimeZone::UTC) } else { jiff::tz::TimeZone::get(zone) }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Span { days, begin, end }) in self.spans.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            if *days != EVERY_DAY {
                let names =
                    DAYS.iter().enumerate().filter(|(day, _)| days & (1 << day) != 0).map(|(_, name)| *name);
                write!(f, "{} ", names.collect::<Vec<_>>().join(","))?;
            }
            let end = if *end > DAY { end - DAY } else { *end };
            write!(f, "{:02}:{:02}-{:02}:{:02}", begin / 60, begin % 60, end / 60, end % 60)?;
        }
        Ok(())
    }
}

impl FromStr for QuietHours {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || {
            ConfigError::new("quiet_hours", "expected hours such as `22:00-07:00` or `mon-fri 22:00-07:00`")
        };
        let spans: Option<Vec<Span>> = text.split(';').map(span).collect();
        Ok(Self { spans: spans.ok_or_else(wrong)?, zone: None })
    }
}

fn span(text: &str) -> Option<Span> {
    let text = text.trim();
    let (days, hours) = match text.rsplit_once(char::is_whitespace) {
        Some((names, hours)) => (days(names)?, hours),
        None => (EVERY_DAY, text),
    };
    let (begin, end) = hours.split_once('-')?;
    let (begin, end) = (minute(begin)?, minute(end)?);
    if begin >= DAY || begin == end {
        return None;
    }
    Some(Span { days, begin, end: if end <= begin { end + DAY } else { end } })
}

fn days(text: &str) -> Option<u8> {
    let number = |name: &str| DAYS.iter().position(|known| known.eq_ignore_ascii_case(name.trim()));
    let mut days = 0_u8;
    for part in text.split(',') {
        let (from, to) = match part.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None => (number(part)?, number(part)?),
        };
        let length = (to + 7 - from) % 7;
        days |= (0..=length).map(|day| 1_u8 << ((from + day) % 7)).sum::<u8>();
    }
    Some(days)
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours(text: &str) -> QuietHours {
        text.parse().unwrap()
    }

    fn at(day: &str, hour: u16, minute: u16) -> u16 {
        u16::try_from(DAYS.iter().position(|known| *known == day).unwrap()).unwrap() * DAY
            + hour * 60
            + minute
    }

    #[test]
    fn lasts_until_its_end_also_over_midnight_and_the_week() {
        let nights = hours("22:00-07:00");
        let work = hours("mon-fri 22:00-07:00; sat,sun 00:00-24:00");
        let cases = [
            (&nights, "wed", 21, 59, None),
            (&nights, "wed", 22, 0, Some(9 * 60)),
            (&nights, "sun", 23, 0, Some(8 * 60)),
            (&nights, "mon", 6, 59, Some(1)),
            (&nights, "mon", 7, 0, None),
            // Friday night runs into the weekend; Monday 00:00 ends it, as Sunday has no night of its own.
            (&work, "fri", 22, 0, Some(2 * 60 + 2 * 24 * 60)),
            (&work, "mon", 0, 0, None),
            (&work, "tue", 1, 0, Some(6 * 60)),
            (&hours("fri-mon 10:00-11:00"), "sun", 10, 30, Some(30)),
            (&hours("fri-mon 10:00-11:00"), "thu", 10, 30, None),
            (&hours("00:00-24:00"), "thu", 10, 30, Some(WEEK)),
        ];
        for (hours, day, hour, minute, expected) in cases {
            assert_eq!(hours.lasts(at(day, hour, minute)), expected, "{hours} {day} {hour}:{minute}");
        }
    }

    #[test]
    fn ends_at_the_full_minute_whenever_it_is_asked() {
        let nights = hours("22:00-07:00").in_zone("UTC").unwrap();
        let seven = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_118_000);
        for before in [1, 258, 999, 1_000, 59_742, 3_600_001] {
            let now = seven - Duration::from_millis(before);
            assert_eq!(nights.until(now), Some(seven), "{before} ms before");
        }
        assert_eq!(nights.until(seven), None);
    }

    #[test]
    fn is_read_and_written() {
        for text in ["22:00-07:00", "mon,tue 08:30-24:00", "sat,sun 00:00-24:00; 22:00-06:00"] {
            assert_eq!(hours(text).to_string(), text);
        }
        assert_eq!(hours("Mon-Wed 22:00-07:00").to_string(), "mon,tue,wed 22:00-07:00");
        for wrong in [
            "",
            "22-7",
            "25:00-07:00",
            "22:00",
            "22:00-22:00",
            "24:00-25:00",
            "xxx 22:00-07:00",
            "22:00-07:61",
        ] {
            assert!(wrong.parse::<QuietHours>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn ends_on_the_wall_clock_of_its_zone() {
        let quiet = hours("22:00-07:00").in_zone("UTC").unwrap();
        // 2026-11-20 was a Friday.
        let time = |text: &str| SystemTime::from(text.parse::<jiff::Timestamp>().unwrap());
        assert_eq!(quiet.until(time("2026-11-20T22:28:55Z")), Some(time("2026-11-21T07:00:00Z")));
        assert_eq!(quiet.until(time("2026-11-20T21:59:59Z")), None);
        assert!(hours("22:00-07:00").in_zone("Mars/Olympus").is_err());
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "[a-z0-9:;, -]{0,40}") {
            if let Ok(hours) = text.parse::<QuietHours>() {
                for minute in (0..WEEK).step_by(61) {
                    prop_assert!(hours.lasts(minute).is_none_or(|lasts| lasts > 0 && lasts <= WEEK));
                }
            }
        }
    }
}
