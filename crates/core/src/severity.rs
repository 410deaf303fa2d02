//! The severity of an event: the five levels of tracing, and critical.

use std::{fmt, str::FromStr};

use tracing_core::Level;

/// Orders events by how bad they are: tracing's five levels and `Critical` above them.
///
/// `tracing` has no level above ERROR, the seed systems have one.
/// An ERROR event with the field `severity = "critical"` is critical; [`critical!`](crate::critical) writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The finest detail.
    Trace,
    /// For developers.
    Debug,
    /// The normal course of things.
    Info,
    /// Something to look at some day.
    Warn,
    /// Something failed.
    Error,
    /// Somebody has to get up.
    Critical,
}

impl Severity {
    /// Returns the upper-case name: `TRACE` to `CRITICAL`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// Returns tracing's level; `Critical` is ERROR there.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Trace => Level::TRACE,
            Self::Debug => Level::DEBUG,
            Self::Info => Level::INFO,
            Self::Warn => Level::WARN,
            Self::Error | Self::Critical => Level::ERROR,
        }
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::TRACE => Self::Trace,
            Level::DEBUG => Self::Debug,
            Level::INFO => Self::Info,
            Level::WARN => Self::Warn,
            _ => Self::Error,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Parses a name in any case, with `warning` and `fatal` as in Python.
impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        const NAMES: [(&str, Severity); 8] = [
            ("trace", Severity::Trace),
            ("debug", Severity::Debug),
            ("info", Severity::Info),
            ("warn", Severity::Warn),
            ("warning", Severity::Warn),
            ("error", Severity::Error),
            ("critical", Severity::Critical),
            ("fatal", Severity::Critical),
        ];
        let name = text.trim();
        NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, s)| *s).ok_or(UnknownSeverity)
    }
}

/// Says that a text names no severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownSeverity;

impl fmt::Display for UnknownSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected trace, debug, info, warn, error or critical")
    }
}

impl std::error::Error for UnknownSeverity {}

/// Emits an ERROR event that every handler treats as [`Severity::Critical`].
///
/// Takes what `tracing::error!` takes; the calling crate needs `tracing` among its dependencies.
///
/// ```
/// watchfire_core::critical!(order = 4711, "the ledger does not balance");
/// watchfire_core::critical!(target: "shop::ledger", "{} cents are missing", 12);
/// ```
#[macro_export]
macro_rules! critical {
    (target: $target:expr, parent: $parent:expr, $($rest:tt)+) => {
        ::tracing::error!(target: $target, parent: $parent, severity = "critical", $($rest)+)
    };
    (target: $target:expr, $($rest:tt)+) => {
        ::tracing::error!(target: $target, severity = "critical", $($rest)+)
    };
    (parent: $parent:expr, $($rest:tt)+) => {
        ::tracing::error!(parent: $parent, severity = "critical", $($rest)+)
    };
    ($($rest:tt)+) => {
        ::tracing::error!(severity = "critical", $($rest)+)
    };
}
