//! How many messages may be sent in a span of time.

use std::{fmt, str::FromStr, time::Duration};

use watchfire_core::ConfigError;

/// Bounds how many messages may go out: at most so many in any span of that length, some of them at once.
///
/// Its text form is `30/h`, `30/h burst 10`, `5/15m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    most: u32,
    per: Duration,
    burst: u32,
}

impl Rate {
    /// Allows `most` messages in any span of `per`, a third of them at once.
    #[must_use]
    pub const fn new(most: u32, per: Duration) -> Self {
        let most = if most == 0 { 1 } else { most };
        Self { most, per, burst: most.div_ceil(3) }
    }

    /// Allows `most` messages in any hour.
    #[must_use]
    pub const fn hourly(most: u32) -> Self {
        Self::new(most, Duration::from_secs(3600))
    }

    /// Allows `most` messages in any 24 hours.
    #[must_use]
    pub const fn daily(most: u32) -> Self {
        Self::new(most, Duration::from_secs(86_400))
    }

    /// Sets how many may go at once, between 1 and all.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = if burst == 0 {
            1
        } else if burst > self.most {
            self.most
        } else {
            burst
        };
        self
    }

    /// Returns how many messages may go in any span of [`per`](Self::per).
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.most
    }

    /// Returns how many of them may go at once.
    pub(crate) const fn burst_size(&self) -> u32 {
        self.burst
    }

    /// Returns the length of the span.
    #[must_use]
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// One comes back after this time: a burst, and what comes back within `per`, make `most` together.
    pub(crate) fn interval(&self) -> Duration {
        // In whole milliseconds, as a moment is; rounded up, or the last one would come too early.
        Duration::from_millis(
            u64::try_from(self.per.as_millis())
                .unwrap_or(u64::MAX)
                .div_ceil(u64::from(self.most - self.burst) + 1),
        )
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.most)?;
        match self.per.as_secs() {
            1 => f.write_str("s")?,
            60 => f.write_str("min")?,
            3600 => f.write_str("h")?,
            86_400 => f.write_str("d")?,
            seconds if seconds % 60 == 0 => write!(f, "{}min", seconds / 60)?,
            seconds => write!(f, "{seconds}s")?,
        }
        write!(f, " burst {}", self.burst)
    }
}

impl FromStr for Rate {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::new("budget", "expected a rate such as `30/h` or `30/h burst 10`");
        let (rate, burst) = match text.split_once("burst") {
            Some((rate, burst)) => (rate, Some(burst.trim().parse::<u32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let (most, per) = rate.trim().trim_end_matches(',').split_once('/').ok_or_else(wrong)?;
        let most: u32 = most.trim().parse().map_err(|_| wrong())?;
        let per = per.trim();
        let digits = per.find(|c: char| !c.is_ascii_digit()).unwrap_or(per.len());
        let (number, unit) = per.split_at_checked(digits).ok_or_else(wrong)?;
        let number: u32 = if number.is_empty() { 1 } else { number.parse().map_err(|_| wrong())? };
        let unit = match unit {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        if most == 0 || number == 0 || burst == Some(0) {
            return Err(wrong());
        }
        let rate = Self::new(most, Duration::from_secs(unit) * number);
        Ok(burst.map_or(rate, |burst| rate.burst(burst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rates() {
        for (text, shown) in [
            ("30/h", "30/h burst 10"),
            ("30/h burst 4", "30/h burst 4"),
            ("5/15m, burst 9", "5/15min burst 5"),
            ("1/s", "1/s burst 1"),
            ("20/d", "20/d burst 7"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), shown);
            assert_eq!(shown.parse::<Rate>().unwrap(), rate);
        }
        for wrong in ["", "h", "0/h", "3/0h", "3/x", "-1/h", "3/h burst 0", "3/h burst x", "3"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong:?}");
        }
    }
}
