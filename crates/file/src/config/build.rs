//! Make the log file that a configuration describes, or return its errors.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use watchfire_core::{
    ConfigError, HandlerLimits,
    process::{self, AtExit},
};

use super::LogFile;
use crate::{
    Durability, FileHandler, RotationInterval,
    by_field::{ByField, PathPattern},
    current::Current,
    fs::Filesystem,
    gap::gap_line,
    handler::{HandlerOwner, LogWriter},
    plan::{FilePlan, reason},
    rotation::{FileNames, NamePattern, Schedule},
    shared::WriterParts,
    time::Zone,
};

/// How long the file system may take to open the file.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);

impl LogFile {
    /// Opens the file. A handler for which no limits are set has those of the layer around it.
    pub(crate) fn open(
        self,
        fs: Arc<dyn Filesystem>,
        limits: Option<HandlerLimits>,
    ) -> Result<FileHandler, ConfigError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let zone = self.zone.find()?;
        let pattern = self.pattern()?;
        let plan = Arc::new(self.plan(&zone, &pattern)?);
        let (format, gap_zone) = (self.format.clone(), zone.clone());
        let gap = move |missing: u64, now| gap_line(&format, &gap_zone, missing, now);
        let hangup = if self.reopen_on_hangup { Some(listen_for_hangup()?) } else { None };
        let parts = WriterParts {
            fs,
            plan: Arc::clone(&plan),
            pace: self.pace.clone(),
            self_log: self.self_log,
            gap: Arc::new(gap),
            hangup,
            on_rotation: self.on_rotation,
        };
        let writer = if pattern.has_fields() {
            LogWriter::Each(ByField::new(pattern, parts, self.open_limits))
        } else {
            LogWriter::One(one(parts)?)
        };
        Ok(FileHandler::new(HandlerOwner {
            writer,
            format: self.format,
            zone,
            level: self.level,
            flush_on: self.flush_on,
            stacks: self.stacks,
            limits,
        }))
    }

    fn pattern(&self) -> Result<PathPattern, ConfigError> {
        // A path that is not Unicode has no places for fields.
        match self.path.to_str() {
            Some(path) => PathPattern::new(path),
            None => Ok(PathPattern::default()),
        }
    }

    /// Checks the settings. Opens and starts nothing.
    ///
    /// # Errors
    /// When an option makes no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        self.plan(&self.zone.find()?, &self.pattern()?).map(drop)
    }

    /// Makes the plan, of a path with fields that of the file for events without them.
    pub(super) fn plan(&self, zone: &Zone, pattern: &PathPattern) -> Result<FilePlan, ConfigError> {
        let path = pattern.without_fields().map_or_else(|| self.path.clone(), PathBuf::from);
        if pattern.has_fields() {
            if self.open_limits.most == 0 {
                return Err(ConfigError::new("file.open_files", "is 0; expected at least 1"));
            }
            if self.link.is_some() {
                let reason = "points to one file, but the path has a field; expected one of the two";
                return Err(ConfigError::new("file.link", reason));
            }
        }
        let Some(base) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(ConfigError::new("file.path", "names no file; expected a path such as shop.log"));
        };
        if self.keep.count == Some(0) {
            return Err(ConfigError::new(
                "file.keep",
                "is 0; expected at least 1, or nothing to keep all files",
            ));
        }
        if self.max_size == Some(0) {
            return Err(ConfigError::new("file.max_size", "is 0; expected a number of bytes"));
        }
        let (Ok(hour), Ok(minute)) = (i8::try_from(self.at.0), i8::try_from(self.at.1)) else {
            return Err(at_error());
        };
        if hour > 23 || minute > 59 {
            return Err(at_error());
        }
        if let Some(RotationInterval::Week(day @ 7..)) = self.every {
            return Err(ConfigError::new(
                "file.every",
                format!("weekday {day} is unknown; expected 0 (Monday) to 6"),
            ));
        }
        let schedule = self.every.map(|every| Schedule { every, hour, minute, zone: zone.clone() });
        let name_pattern = self.rotated_name.as_deref();
        let name_pattern =
            name_pattern.map(|text| NamePattern::new(text, base, schedule.is_some())).transpose()?;
        Ok(FilePlan {
            path: path.clone(),
            names: FileNames::new(base.to_owned(), schedule),
            name_pattern,
            max_size: self.max_size,
            at_start: self.at_start,
            keep: self.keep,
            compression: self.compression,
            mode: self.mode,
            link: self.link.as_ref().map(|link| path.with_file_name(link)),
            sync_renames: matches!(self.pace.durability, Durability::SyncEvery(_) | Durability::SyncOnError),
        })
    }
}

/// Opens a file and starts its thread.
fn one(parts: WriterParts) -> Result<Arc<Current>, ConfigError> {
    let path = parts.plan.path.clone();
    let writer = Current::new(parts, OPEN_PATIENCE).map_err(|trouble| {
        ConfigError::new("file.path", format!("{}: {}", path.display(), reason(&trouble)))
    })?;
    writer
        .start_thread()
        .map_err(|error| ConfigError::new("file", format!("its thread could not be started: {error}")))?;
    let writer = Arc::new(writer);
    let for_exit: Arc<dyn AtExit> = Arc::<Current>::clone(&writer);
    process::at_exit(Arc::downgrade(&for_exit));
    Ok(writer)
}

/// Has a flag set at each SIGHUP.
fn listen_for_hangup() -> Result<Arc<AtomicBool>, ConfigError> {
    let flag = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&flag)).map_err(|error| {
        ConfigError::new("file.reopen_on_hangup", format!("the signal cannot be listened for: {error}"))
    })?;
    Ok(flag)
}

fn at_error() -> ConfigError {
    ConfigError::new("file.at", "is not a time of day; expected an hour up to 23 and a minute up to 59")
}
