//! A silence: a group that is counted and not reported for a while, as a file that people can write.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use super::{
    GroupId,
    text::{format_timestamp, one_line},
};

/// Says that a group is not to be spoken of for a while. What comes in is counted, and told when the silence ends.
///
/// It is a small text file in the folder `silences` of the spool, named as its group: a person may read, write or
/// remove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Which group.
    pub group: GroupId,
    /// From when.
    pub from: SystemTime,
    /// Until when.
    pub until: SystemTime,
    /// Who asked for it; may be empty.
    pub by: String,
    /// Why; may be empty.
    pub why: String,
}

impl Silence {
    /// Silences `group` from `from` on, for as long as `span`.
    #[must_use]
    pub fn new(group: GroupId, from: SystemTime, span: Duration) -> Self {
        let until = from.checked_add(span).unwrap_or(from);
        Self { group, from, until, by: String::new(), why: String::new() }
    }

    /// Sets who asked for it.
    #[must_use]
    pub fn by(mut self, by: impl Into<String>) -> Self {
        self.by = by.into();
        self
    }

    /// Sets why.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Tells whether it holds at `now`.
    #[must_use]
    pub fn holds(&self, now: SystemTime) -> bool {
        self.from <= now && now < self.until
    }
}

/// Writes the file's text.
impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| one_line(text, 500);
        writeln!(f, "group = {}", self.group)?;
        writeln!(f, "from = {}", format_timestamp(self.from))?;
        writeln!(f, "until = {}", format_timestamp(self.until))?;
        writeln!(f, "by = {}", line(&self.by))?;
        writeln!(f, "why = {}", line(&self.why))
    }
}

/// Reads the file's text: `key = value` per line, unknown keys and `#` lines skipped.
impl FromStr for Silence {
    type Err = watchfire_core::ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let find = |key: &str| {
            text.lines().find_map(|line| {
                let (known, value) = line.split_once('=')?;
                (known.trim() == key).then(|| value.trim())
            })
        };
        let wrong = |reason: &str| watchfire_core::ConfigError::new("silence", reason.to_owned());
        let time =
            |key: &str| -> Option<SystemTime> { Some(find(key)?.parse::<jiff::Timestamp>().ok()?.into()) };
        let group = find("group").and_then(|text| text.parse().ok());
        let until = time("until").ok_or_else(|| wrong("expected a line `until = 2026-11-20T18:00:00Z`"))?;
        Ok(Self {
            group: group.ok_or_else(|| wrong("expected a line `group = ` with 16 hexadecimal digits"))?,
            from: time("from").unwrap_or(SystemTime::UNIX_EPOCH),
            until,
            by: find("by").unwrap_or_default().to_owned(),
            why: find("why").unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn is_a_file_that_a_person_can_read_and_write() {
        let silence = Silence::new(GroupId::from_u64(0xabc), at(1_795_000_000), Duration::from_secs(7200))
            .by("ada")
            .why("the provider\nis down");
        let text = silence.to_string();
        assert_eq!(
            text,
            "group = 0000000000000abc\nfrom = 2026-11-18T11:06:40Z\nuntil = 2026-11-18T13:06:40Z\n\
             by = ada\nwhy = the provider is down\n"
        );
        let again: Silence = text.parse().unwrap();
        assert_eq!(again.to_string(), text);
        let by_hand: Silence = "# by hand\nuntil=2026-11-18T13:06:40Z\ngroup =abc".parse().unwrap();
        assert_eq!((by_hand.group, by_hand.until), (silence.group, silence.until));
        for wrong in
            ["", "group = x\nuntil = 2026-11-18T13:06:40Z", "group = abc", "group = abc\nuntil = soon"]
        {
            assert!(wrong.parse::<Silence>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_any_text(text in "\\PC*|(group|until|from)( ?= ?[0-9a-fTZ:-]{0,24}\n)*") {
            text.parse::<Silence>().ok();
        }
    }
}
