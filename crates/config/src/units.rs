//! Durations, sizes and times of day as people write them.

use std::time::Duration;

use crate::{level::Wrong, setting::Setting};

const DURATIONS: [(&[&str], f64); 6] = [
    (&["ms", "millisecond", "milliseconds"], 0.001),
    (&["s", "sec", "second", "seconds"], 1.0),
    (&["m", "min", "minute", "minutes"], 60.0),
    (&["h", "hour", "hours"], 3600.0),
    (&["d", "day", "days"], 86_400.0),
    (&["w", "week", "weeks"], 604_800.0),
];

const SIZES: [(&[&str], f64); 7] = [
    (&["b", "byte", "bytes"], 1.0),
    (&["kb"], 1e3),
    (&["mb"], 1e6),
    (&["gb"], 1e9),
    (&["kib", "k"], 1024.0),
    (&["mib", "m"], 1_048_576.0),
    (&["gib", "g"], 1_073_741_824.0),
];

/// The longest duration: nothing waits for longer, and no clock overflows by it.
const LONGEST: Duration = Duration::from_secs(36_525 * 86_400);

/// Reads `90s`, `10 min`, `7 days`, or a number of seconds; a hundred years at most.
pub(crate) fn duration(value: &Setting) -> Result<Duration, Wrong> {
    let wrong = || Wrong::new("expected a duration such as `90s`, `10 min` or `7 days`");
    let seconds = amount(value, &DURATIONS).ok_or_else(wrong)?;
    let too_long = || Wrong::new("is longer than 36525 days, a hundred years");
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| too_long())?;
    if duration > LONGEST { Err(too_long()) } else { Ok(duration) }
}

/// Reads a duration of at least 1 ms.
pub(crate) fn some_duration(value: &Setting) -> Result<Duration, Wrong> {
    match duration(value)? {
        short if short < Duration::from_millis(1) => Err(Wrong::new("expected at least 1 ms")),
        duration => Ok(duration),
    }
}

/// Reads `10 MiB`, `64 kB`, or a number of bytes.
pub(crate) fn size(value: &Setting) -> Result<u64, Wrong> {
    let bytes = amount(value, &SIZES).filter(|bytes| *bytes >= 1.0 && *bytes < 9e15);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within")]
    bytes.map(|bytes| bytes as u64).ok_or_else(|| Wrong::new("expected a size such as `10 MiB` or `64 kB`"))
}

/// Reads `03:30`.
pub(crate) fn clock(value: &Setting) -> Result<(u8, u8), Wrong> {
    let parse = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let digits = |part: &str| (part.len() == 2).then(|| part.parse::<u8>().ok()).flatten();
        Some((digits(hour)?, digits(minute)?)).filter(|(hour, minute)| *hour < 24 && *minute < 60)
    };
    value.as_text().and_then(parse).ok_or_else(|| Wrong::new("expected a time of day such as `03:30`"))
}

fn amount(value: &Setting, units: &[(&[&str], f64)]) -> Option<f64> {
    let amount = match value {
        #[expect(clippy::cast_precision_loss, reason = "nobody's duration or size has 53 bits")]
        Setting::Integer(number) => *number as f64,
        Setting::Float(number) => *number,
        Setting::Text(text) => {
            let text = text.trim();
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            let (number, unit) = text.split_at_checked(end)?;
            let number: f64 = number.parse().ok()?;
            let unit = unit.trim().to_ascii_lowercase();
            if unit.is_empty() {
                number
            } else {
                number * units.iter().find(|(names, _)| names.contains(&unit.as_str()))?.1
            }
        }
        _ => return None,
    };
    (amount.is_finite() && amount >= 0.0).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("10 min", 600.0),
            ("7 days", 604_800.0),
            ("250ms", 0.25),
            ("1.5h", 5400.0),
            ("30", 30.0),
        ] {
            assert_eq!(duration(&text.into()).unwrap().as_secs_f64(), seconds, "{text}");
        }
        for (text, bytes) in [("10 MiB", 10_485_760), ("64kB", 64_000), ("1 GB", 1_000_000_000), ("512", 512)]
        {
            assert_eq!(size(&text.into()).unwrap(), bytes, "{text}");
        }
        for text in ["", "s", "10 parsecs", "-1s", "1e400h", "0 MiB", "500000000000 days", "36526 days"] {
            assert!(duration(&text.into()).is_err() || size(&text.into()).is_err(), "{text}");
        }
        for (text, is_some) in
            [("0", false), ("0s", false), ("0.0001s", false), ("1ms", true), ("36525 days", true)]
        {
            assert_eq!(some_duration(&text.into()).is_ok(), is_some, "{text}");
        }
        assert_eq!(clock(&"03:30".into()), Ok((3, 30)));
        for text in ["24:00", "3:30", "03-30", "03:60"] {
            assert!(clock(&text.into()).is_err(), "{text}");
        }
    }
}
