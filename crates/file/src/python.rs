//! Python's file handlers, under their names and with their options.

use std::path::Path;

use watchfire_core::ConfigError;

use crate::{LogFile, RotationInterval};

impl LogFile {
    /// As Python's `RotatingFileHandler(filename, maxBytes, backupCount)`: `.1` is the newest rotated file.
    ///
    /// With a `backup_count` of 0 Python never rotates; here that is an error when the layer is made, since it is
    /// hardly ever meant.
    pub fn rotating(filename: impl AsRef<Path>, max_bytes: u64, backup_count: usize) -> Self {
        Self::new(filename).max_size(max_bytes).keep(backup_count)
    }

    /// As Python's `TimedRotatingFileHandler(filename, when, backupCount)`, with the same names of rotated files.
    ///
    /// `when` is `M`, `H`, `D`, `midnight`, or `W0` (Monday) to `W6`, in any case; anything else is an error when the
    /// layer is made. Files begin at full minutes, hours and days, and are rotated by a timer too. A `backup_count` of
    /// 0 keeps all. `.utc()`, `.local()` and `.at(..)` are Python's `utc` and `atTime`; the default is UTC.
    pub fn timed_rotating(filename: impl AsRef<Path>, when: &str, backup_count: usize) -> Self {
        let file = Self::new(filename);
        let file = if backup_count == 0 { file } else { file.keep(backup_count) };
        let every = match when.to_ascii_uppercase().as_str() {
            "M" => RotationInterval::Minute,
            "H" => RotationInterval::Hour,
            "D" | "MIDNIGHT" => RotationInterval::Day,
            "W0" => RotationInterval::Week(0),
            "W1" => RotationInterval::Week(1),
            "W2" => RotationInterval::Week(2),
            "W3" => RotationInterval::Week(3),
            "W4" => RotationInterval::Week(4),
            "W5" => RotationInterval::Week(5),
            "W6" => RotationInterval::Week(6),
            _ => {
                let reason = format!("{when:?} is unknown; expected M, H, D, midnight, or W0 to W6");
                return file.with_mistake(ConfigError::new("file.when", reason));
            }
        };
        file.every(every)
    }

    /// As Python's `WatchedFileHandler(filename)`: opens the file anew when it was moved or removed.
    ///
    /// Every log file here does so; this is [`LogFile::new`] under the name that is looked for.
    pub fn watched(filename: impl AsRef<Path>) -> Self {
        Self::new(filename)
    }
}
