//! The configuration of a log file.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tracing_core::LevelFilter;
use watchfire_core::{ConfigError, HandlerLayer, HandlerLimits, Limits, SelfLog, Severity};

use crate::{
    Compression, Durability, FileHandler, FileLayer, Format, RotationInterval, WhenFull,
    by_field::OpenLimits,
    durability::Pace,
    format::{Json, Logfmt, Renderer, Template, Text},
    fs::RealDisk,
    retention::Keep,
    shared::OnRotation,
    time::ZoneName,
};

mod build;

/// The configuration of a log file; [`layer`](Self::layer) opens it.
///
/// Without a filter the layer receives INFO and up. Times are in UTC, RFC 3339 with microseconds; the format is
/// [`Text`]. The active file always has the name that was given; see `docs/guide/files.md` for those of the rotated ones.
///
/// ```
/// use tracing_subscriber::prelude::*;
/// use watchfire_file::LogFile;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("shop.log");
/// # let path = path.to_str().ok_or("path")?;
/// let layer = LogFile::daily(path).keep(7).layer()?;
/// let _guard = tracing_subscriber::registry().with(layer).set_default();
/// tracing::info!(order = 4711, "paid");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is written before layer() is called"]
pub struct LogFile {
    path: PathBuf,
    every: Option<RotationInterval>,
    at: (u8, u8),
    zone: ZoneName,
    max_size: Option<u64>,
    at_start: bool,
    rotated_name: Option<String>,
    on_rotation: Option<Arc<OnRotation>>,
    keep: Keep,
    mode: Option<u32>,
    link: Option<PathBuf>,
    compression: Option<Compression>,
    reopen_on_hangup: bool,
    format: Renderer,
    level: LevelFilter,
    flush_on: Severity,
    stacks: Option<Severity>,
    pace: Pace,
    self_log: SelfLog,
    /// Bytes of the texts of one event.
    max_text: usize,
    open_limits: OpenLimits,
    /// The first of the mistakes that a setter cannot return.
    mistake: Option<ConfigError>,
}

impl LogFile {
    /// Writes to `path` without ever rotating it; another program may, see the guide.
    ///
    /// The name of a field in braces gives each value of the field a file: `tenants/{tenant}.log`. Values are made safe as
    /// file names; events without the field go to `tenants/none.log`. Two braces stand for one.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            // A program that changes its folder later still means this file.
            path: std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned()),
            every: None,
            at: (0, 0),
            zone: ZoneName::Utc,
            max_size: None,
            at_start: false,
            rotated_name: None,
            on_rotation: None,
            keep: Keep::default(),
            mode: None,
            link: None,
            compression: None,
            reopen_on_hangup: false,
            format: Renderer::new(Text::new()),
            level: LevelFilter::INFO,
            flush_on: Severity::Error,
            stacks: None,
            pace: Pace {
                durability: Durability::Buffered,
                flush_every: Duration::from_millis(100),
                capacity: 1 << 20,
                when_full: WhenFull::Block,
                block_at_most: Duration::from_secs(2),
                has_thread: true,
            },
            self_log: SelfLog::default(),
            max_text: 1 << 20,
            open_limits: OpenLimits { most: 32, idle: Duration::from_secs(300) },
            mistake: None,
        }
    }

    /// Rotates at midnight; the file of a day becomes `shop.log.2026-11-20`.
    pub fn daily(path: impl AsRef<Path>) -> Self {
        Self::new(path).every(RotationInterval::Day)
    }

    /// Rotates at each full hour; the file of an hour becomes `shop.log.2026-11-20_13`.
    pub fn hourly(path: impl AsRef<Path>) -> Self {
        Self::new(path).every(RotationInterval::Hour)
    }

    /// Rotates at each full minute; the file of a minute becomes `shop.log.2026-11-20_13-05`.
    pub fn minutely(path: impl AsRef<Path>) -> Self {
        Self::new(path).every(RotationInterval::Minute)
    }

    /// Rotates on Monday at midnight; the file of a week becomes `shop.log.2026-11-16`, after its Monday.
    pub fn weekly(path: impl AsRef<Path>) -> Self {
        Self::new(path).every(RotationInterval::Week(0))
    }

    /// Rotates by time. Default: not.
    pub fn every(mut self, every: RotationInterval) -> Self {
        self.every = Some(every);
        self
    }

    /// Sets the hour and minute at which a day or a week begins. Default: midnight.
    pub fn at(mut self, hour: u8, minute: u8) -> Self {
        self.at = (hour, minute);
        self
    }

    /// Rotates before a record would make the file larger than this, in bytes. Default: no limit.
    ///
    /// A record larger than that has a file of its own. Without rotation by time the rotated files are called
    /// `shop.log.1` (the newest), `shop.log.2`, and so on.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// Rotates when the program starts, if the file holds something. Default: no.
    pub fn rotate_at_start(mut self) -> Self {
        self.at_start = true;
        self
    }

    /// Names rotated files by a pattern, such as `shop.{date}.log`. Default: `shop.log.{date}`, or `shop.log.{number}`
    /// without rotation by time.
    ///
    /// `{stem}` and `{extension}` are those of the log: `{stem}.{date}{extension}` puts the date before the extension.
    /// The pattern has to begin with the stem. Files that are named by another pattern are not touched.
    pub fn rotated_name(mut self, pattern: impl Into<String>) -> Self {
        self.rotated_name = Some(pattern.into());
        self
    }

    /// Calls `then` after each rotation with the path of the rotated file, compressed if that was asked for.
    ///
    /// It is called on a thread of the file, one call after the other; a call that blocks or panics delays only the next
    /// one. At most 256 calls wait. Files that retention has removed by then are left out. A number in a name changes
    /// with the next rotation, a date does not. Without a thread the call that rotates calls it.
    pub fn on_rotation(mut self, then: impl Fn(&Path) + Send + Sync + 'static) -> Self {
        self.on_rotation = Some(Arc::new(then));
        self
    }

    /// Keeps at most so many rotated files, at least one. Default: all of them.
    pub fn keep(mut self, files: usize) -> Self {
        self.keep.count = Some(files);
        self
    }

    /// Removes rotated files whose last line is older than this. Default: never.
    pub fn keep_for(mut self, age: Duration) -> Self {
        self.keep.age = Some(age);
        self
    }

    /// Removes the oldest rotated files while all of them together are larger than this. Default: never.
    pub fn keep_bytes(mut self, bytes: u64) -> Self {
        self.keep.bytes = Some(bytes);
        self
    }

    /// Sets the permissions of new files, whatever the process masks. Default: those that the process gives.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Keeps a symbolic link of this name, in the file's folder, that points to the active file. Default: none.
    pub fn link_current(mut self, name: impl AsRef<Path>) -> Self {
        self.link = Some(name.as_ref().to_owned());
        self
    }

    /// Compresses rotated files in the background; `.gz` or `.zst` is added to their names. Default: not.
    ///
    /// Without a thread the call that rotates does it, which takes a while.
    pub fn compress(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Opens the file anew after a SIGHUP, as `logrotate` and operators expect of a daemon. Default: no.
    ///
    /// A file that was moved or removed is noticed in any case, at the next write. The signal no longer ends the
    /// process; other listeners receive it too. Needs the thread, and a Unix system.
    #[cfg(unix)]
    pub fn reopen_on_hangup(mut self) -> Self {
        self.reopen_on_hangup = true;
        self
    }

    /// Sets the format. Default: [`Text`].
    pub fn format(mut self, format: impl Format) -> Self {
        self.format = Renderer::new(format);
        self
    }

    /// Writes JSON lines; `.format(Json::new()..)` for other than the defaults.
    pub fn json(self) -> Self {
        self.format(Json::new())
    }

    /// Writes lines after a template in braces, such as `{time} {level:<8} {message} {user}`; see [`Template`].
    ///
    /// Errors in it come back when the layer is made.
    pub fn template(self, text: &str) -> Self {
        match Template::new(text) {
            Ok(template) => self.format(template),
            Err(mistake) => self.with_mistake(mistake),
        }
    }

    pub(crate) fn with_mistake(mut self, mistake: ConfigError) -> Self {
        self.mistake.get_or_insert(mistake);
        self
    }

    /// Writes logfmt.
    pub fn logfmt(self) -> Self {
        self.format(Logfmt::new())
    }

    /// Shows times, and rotates, in UTC. The default.
    pub fn utc(mut self) -> Self {
        self.zone = ZoneName::Utc;
        self
    }

    /// Shows times, and rotates, in the zone of the machine.
    pub fn local(mut self) -> Self {
        self.zone = ZoneName::Local;
        self
    }

    /// Shows times, and rotates, in a named zone such as `Europe/Vienna`.
    pub fn zone(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.zone = ZoneName::Named(name.into());
        self
    }

    /// Sets the level that the layer receives when it is given no filter. Default: INFO.
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.level = level;
        self
    }

    /// Sets how long a line may wait in the program. Default: 100 ms.
    pub fn flush_every(mut self, pause: Duration) -> Self {
        self.pace.flush_every = pause;
        self
    }

    /// Sets from which severity on a line is written at once. Default: ERROR.
    pub fn flush_on(mut self, severity: Severity) -> Self {
        self.flush_on = severity;
        self
    }

    /// Sets when lines leave the program, and when they are made durable. Default: [`Durability::Buffered`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.pace.durability = durability;
        self
    }

    /// Sets how many bytes may wait. Default: 1 MiB.
    ///
    /// A caller that finds the buffer full waits for room, see [`when_full`](Self::when_full). Lines from `flush_on` on
    /// have a quarter more, so that others are dropped first. The file says how many are missing as soon as it can.
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.pace.capacity = bytes;
        self
    }

    /// Sets what a caller does that finds the buffer full. Default: [`WhenFull::Block`].
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.pace.when_full = when_full;
        self
    }

    /// Sets how long a caller waits at most for room in the buffer. Default: 2 s.
    pub fn block_at_most(mut self, patience: Duration) -> Self {
        self.pace.block_at_most = patience;
        self
    }

    /// Starts no thread: lines are written, and files rotated, by the calls that emit events.
    ///
    /// Lines that wait are then written by the next line, by `flush`, or at the end of the process.
    pub fn threadless(mut self) -> Self {
        self.pace.has_thread = false;
        self
    }

    /// Sets how many bytes the message and the fields of one event may have, each and together. Default: 1 MiB.
    ///
    /// A longer text is cut, and says how much is missing: `… [12,345 bytes more]`. [`HandlerLayer::limits`] sets more
    /// limits; a handler within another layer keeps this one.
    pub fn max_text(mut self, bytes: usize) -> Self {
        self.max_text = bytes;
        self
    }

    /// Sets how many files are open at a time, where the path has the name of a field. Default: 32.
    ///
    /// Beyond that the file that was not used for the longest time is closed. Each has a thread and a buffer.
    pub fn open_files(mut self, most: usize) -> Self {
        self.open_limits.most = most;
        self
    }

    /// Sets after which time without a line a file is closed, where the path has the name of a field. Default: 5 min.
    pub fn close_idle_after(mut self, idle: Duration) -> Self {
        self.open_limits.idle = idle;
        self
    }

    /// Writes the call stack below events of this severity and up. Costs milliseconds each. Default: none.
    pub fn stacks_from(mut self, severity: Severity) -> Self {
        self.stacks = Some(severity);
        self
    }

    /// Says troubles here instead of on stderr.
    pub fn self_log(mut self, self_log: SelfLog) -> Self {
        self.self_log = self_log;
        self
    }

    /// Opens the file, makes its folder if that is missing, and returns the layer.
    ///
    /// # Errors
    /// When an option makes no sense, or the file cannot be opened; nothing is started then.
    pub fn layer(self) -> Result<FileLayer, ConfigError> {
        let limits = self.limits();
        let handler = self.open(Arc::new(RealDisk), None)?;
        Ok(HandlerLayer::new(handler).limits(limits))
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        (limits.value, limits.message, limits.total) = (self.max_text, self.max_text, self.max_text);
        limits
    }

    /// As [`layer`](Self::layer), for those who put handlers together themselves.
    ///
    /// # Errors
    /// As [`layer`](Self::layer).
    pub fn handler(self) -> Result<FileHandler, ConfigError> {
        let limits = HandlerLimits::new(self.limits());
        self.open(Arc::new(RealDisk), Some(limits))
    }
}

impl std::fmt::Debug for LogFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogFile")
            .field("path", &self.path)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
