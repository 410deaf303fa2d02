//! Levels as Python names and numbers them.

use std::fmt;

use tracing_core::{Level, LevelFilter, Metadata};
use watchfire_core::Severity;
use watchfire_filter::Verdict;

use crate::{quote::quoted, setting::Setting, suggest::nearest};

/// Says from which severity on events pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threshold {
    /// Everything: Python's NOTSET on a handler or on the root.
    All,
    /// This severity and the worse ones.
    From(Severity),
    /// Nothing.
    Off,
}

/// The names that a level may have, the usual ones first.
pub(crate) const NAMES: [&str; 10] =
    ["trace", "debug", "info", "warn", "warning", "error", "critical", "fatal", "notset", "off"];

impl Threshold {
    /// Reads a name in any case, or one of Python's numbers.
    pub(crate) fn parse(setting: &Setting) -> Result<Self, Wrong> {
        match setting {
            Setting::Text(text) => Self::named(text),
            Setting::Integer(number) => Self::numbered(*number),
            other => Err(Wrong::new(format!("expected a level such as `error`, and not {}", other.kind()))),
        }
    }

    pub(crate) fn named(text: &str) -> Result<Self, Wrong> {
        let name = text.trim();
        if let Ok(severity) = name.parse() {
            return Ok(Self::From(severity));
        }
        match name.to_ascii_lowercase().as_str() {
            "notset" => Ok(Self::All),
            "off" => Ok(Self::Off),
            digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::numbered(digits.parse().unwrap_or(i64::MAX))
            }
            _ => Err(Wrong {
                reason: format!(
                    "{} is not a level; expected trace, debug, info, warn, error, critical, notset or off",
                    quoted(name)
                ),
                meant: nearest(name, NAMES).map(str::to_owned),
            }),
        }
    }

    fn numbered(number: i64) -> Result<Self, Wrong> {
        let from = |severity| Ok(Self::From(severity));
        match number {
            0 => Ok(Self::All),
            // `RUST_LOG` counts the other way: 1 is ERROR there. Too easily mixed up to be guessed.
            1..=4 => Err(Wrong::new(format!(
                "{number} may be Python's or `RUST_LOG`'s, which mean the opposite; expected a name, or 10 to 50 as in Python"
            ))),
            5..=9 => from(Severity::Trace),
            10 => from(Severity::Debug),
            11..=20 => from(Severity::Info),
            21..=30 => from(Severity::Warn),
            31..=40 => from(Severity::Error),
            41..=50 => from(Severity::Critical),
            51.. => Ok(Self::Off),
            _ => Err(Wrong::new("is not a level; expected a name, or 10 to 50 as in Python")),
        }
    }

    pub(crate) fn admits(self, severity: Severity) -> bool {
        match self {
            Self::All => true,
            Self::From(least) => severity >= least,
            Self::Off => false,
        }
    }

    /// Judges a callsite: whether an ERROR is critical may only be known of the event.
    pub(crate) fn verdict(self, metadata: &Metadata<'_>) -> Verdict {
        let severity = Severity::from(*metadata.level());
        if self.admits(severity) {
            return Verdict::Always;
        }
        let may_be_critical = self == Self::From(Severity::Critical)
            && *metadata.level() == Level::ERROR
            && metadata.fields().field("severity").is_some();
        if may_be_critical { Verdict::PerEvent } else { Verdict::Never }
    }

    pub(crate) fn most_verbose(self) -> LevelFilter {
        match self {
            Self::All => LevelFilter::TRACE,
            Self::From(severity) => LevelFilter::from_level(severity.level()),
            Self::Off => LevelFilter::OFF,
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("NOTSET"),
            Self::From(severity) => severity.fmt(f),
            Self::Off => f.write_str("OFF"),
        }
    }
}

/// Says why a text is not what it should be, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) reason: String,
    pub(crate) meant: Option<String>,
}

impl Wrong {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), meant: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pythons_names_and_numbers_in_any_case() {
        use Severity::{Critical, Debug, Error, Info, Trace, Warn};
        let from = |severity| Ok(Threshold::From(severity));
        let text = |name: &str| Threshold::parse(&name.into()).map_err(|wrong| wrong.meant);
        for (name, expected) in [
            ("TRACE", from(Trace)),
            ("Warning", from(Warn)),
            ("warn", from(Warn)),
            ("FATAL", from(Critical)),
            ("critical", from(Critical)),
            ("notset", Ok(Threshold::All)),
            ("Off", Ok(Threshold::Off)),
            ("40", from(Error)),
            ("eror", Err(Some("error".to_owned()))),
            ("banana", Err(None)),
            ("", Err(None)),
        ] {
            assert_eq!(text(name), expected, "{name}");
        }
        let number = |number: i64| Threshold::parse(&number.into()).ok();
        for (given, expected) in [
            (0, Some(Threshold::All)),
            (1, None),
            (4, None),
            (5, Some(Threshold::From(Trace))),
            (10, Some(Threshold::From(Debug))),
            (20, Some(Threshold::From(Info))),
            (30, Some(Threshold::From(Warn))),
            (35, Some(Threshold::From(Error))),
            (50, Some(Threshold::From(Critical))),
            (51, Some(Threshold::Off)),
            (-1, None),
        ] {
            assert_eq!(number(given), expected, "{given}");
        }
    }
}
