//! Write the time of a record, with the text of a second computed once.

use std::{
    borrow::Cow,
    cell::RefCell,
    fmt::{self, Write},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::{Timestamp, Zoned, tz::TimeZone};
use watchfire_core::ConfigError;

use crate::numbers::three_digits;

/// The zone that times are shown and files are rotated in.
#[derive(Clone)]
pub(crate) struct Zone {
    zone: TimeZone,
    /// Tells zones apart in the per-thread cache.
    id: u64,
    is_utc: bool,
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self { zone: TimeZone::UTC, id: 0, is_utc: true }
    }

    fn new(zone: TimeZone) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { zone, id: NEXT.fetch_add(1, Ordering::Relaxed), is_utc: false }
    }

    /// Finds the zone of the machine.
    pub(crate) fn local() -> Result<Self, ConfigError> {
        let zone = TimeZone::try_system().map_err(|error| {
            ConfigError::new(
                "file.zone",
                format!("the machine's time zone is not to be found ({error}); name one"),
            )
        })?;
        Ok(Self::new(zone))
    }

    /// Finds a zone by its IANA name, or reads a POSIX rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
    pub(crate) fn named(name: &str) -> Result<Self, ConfigError> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        TimeZone::get(name).or_else(|_| TimeZone::posix(name)).map(Self::new).map_err(|_| {
            ConfigError::new(
                "file.zone",
                format!(
                    "{name:?} is not a time zone that this machine knows; expected a name such as Europe/Vienna"
                ),
            )
        })
    }

    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(crate) fn zoned(&self, at: SystemTime) -> Zoned {
        timestamp(at).to_zoned(self.zone.clone())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.zone.iana_name().unwrap_or("unnamed"))
    }
}

/// A zone as it was configured.
#[derive(Clone, Debug)]
pub(crate) enum ZoneName {
    Utc,
    Local,
    Named(Cow<'static, str>),
}

impl ZoneName {
    pub(crate) fn find(&self) -> Result<Zone, ConfigError> {
        match self {
            Self::Utc => Ok(Zone::utc()),
            Self::Local => Zone::local(),
            Self::Named(name) => Zone::named(name),
        }
    }
}

/// Converts; a time that jiff cannot hold becomes the epoch.
pub(crate) fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Returns whole seconds since the epoch, negative before it, and the nanoseconds on top.
pub(crate) fn seconds(at: SystemTime) -> (i64, u32) {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => (-seconds, 0),
                nanos => (-seconds - 1, 1_000_000_000 - nanos),
            }
        }
    }
}

/// Writes a time in RFC 3339 with microseconds: `2026-11-20T21:48:12.123456Z`.
pub(crate) fn write_rfc3339(zone: &Zone, at: SystemTime, out: &mut String) {
    let (second, nanos) = seconds(at);
    let written = SECOND.try_with(|cached| {
        let Ok(mut cached) = cached.try_borrow_mut() else { return false };
        if cached.zone != zone.id || cached.second != second || cached.head.is_empty() {
            cached.fill(zone, second);
        }
        push(&cached.head, nanos, &cached.tail, out);
        true
    });
    if !matches!(written, Ok(true)) {
        let mut fresh = Second::default();
        fresh.fill(zone, second);
        push(&fresh.head, nanos, &fresh.tail, out);
    }
}

fn push(head: &str, nanos: u32, tail: &str, out: &mut String) {
    let micros = nanos / 1000;
    out.push_str(head);
    out.push_str(three_digits(micros / 1000));
    out.push_str(three_digits(micros % 1000));
    out.push_str(tail);
}

/// Appends milliseconds with leading zeros.
pub(crate) fn push_millis(millis: u32, out: &mut String) {
    out.push_str(three_digits(millis));
}

#[derive(Default)]
struct Second {
    zone: u64,
    second: i64,
    /// Up to the point before the fraction.
    head: String,
    tail: String,
}

thread_local! {
    static SECOND: RefCell<Second> = RefCell::default();
}

impl Second {
    fn fill(&mut self, zone: &Zone, second: i64) {
        self.zone = zone.id;
        self.second = second;
        self.head.clear();
        self.tail.clear();
        let zoned =
            Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.zone.clone());
        // Writing into a String cannot fail.
        write!(
            self.head,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
            zoned.year(),
            zoned.month(),
            zoned.day(),
            zoned.hour(),
            zoned.minute(),
            zoned.second()
        )
        .ok();
        if zone.is_utc {
            self.tail.push('Z');
        } else {
            let offset = zoned.offset().seconds();
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.unsigned_abs() / 60;
            write!(self.tail, "{sign}{:02}:{:02}", minutes / 60, minutes % 60).ok();
        }
    }
}

/// A zone that changes at known instants, the same on every machine.
#[cfg(test)]
pub(crate) fn vienna() -> Zone {
    Zone::named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64, micros: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros)
    }

    #[test]
    fn writes_rfc_3339_in_each_zone() {
        // 2026-10-25 is when summer time ends in central Europe, at 01:00 UTC.
        let cases = [
            (Zone::utc(), at(0, 0), "1970-01-01T00:00:00.000000Z"),
            (Zone::utc(), at(1_793_144_892, 123_456), "2026-10-27T23:48:12.123456Z"),
            (vienna(), at(1_792_889_999, 999_999), "2026-10-25T02:59:59.999999+02:00"),
            (vienna(), at(1_792_890_000, 1), "2026-10-25T02:00:00.000001+01:00"),
            (Zone::named("NST3:30NDT,M3.2.0,M11.1.0").unwrap(), at(0, 0), "1969-12-31T20:30:00.000000-03:30"),
            (Zone::utc(), UNIX_EPOCH - Duration::from_micros(1), "1969-12-31T23:59:59.999999Z"),
        ];
        for (zone, at, expected) in cases {
            let mut out = String::new();
            write_rfc3339(&zone, at, &mut out);
            write_rfc3339(&zone, at, &mut out);
            assert_eq!(out, format!("{expected}{expected}"));
        }
    }

    #[test]
    fn an_unknown_zone_is_an_error_that_names_it() {
        let error = Zone::named("Europe/Wien").unwrap_err().to_string();
        assert!(error.contains("Europe/Wien") && error.contains("Europe/Vienna"), "{error}");
    }
}
