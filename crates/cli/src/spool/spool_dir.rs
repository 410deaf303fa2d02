//! Find the spool's folder, and write times and spans.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, anyhow, bail};
use watchfire_config::Config;
use watchfire_outbox::folder::SpoolFolder;

/// Names the spool's folder.
#[derive(clap::Args)]
pub(crate) struct SpoolDir {
    /// The spool's folder [default: the configuration's, else $STATE_DIRECTORY/watchfire]
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Take the folder from `spool` in this configuration's `[outbox]` [default: $WATCHFIRE_CONFIG, else ./watchfire.toml, if it names one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl SpoolDir {
    pub(crate) fn open(&self) -> anyhow::Result<SpoolFolder> {
        open(&self.path()?)
    }

    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        if let Some(file) = &self.config {
            let config = Config::read(file).map_err(|diagnostics| anyhow!("{diagnostics}"))?;
            let spool = config.get(["outbox", "spool"]).and_then(|spool| spool.as_text().map(str::to_owned));
            match spool {
                Some(spool) if spool.contains("${") => {
                    bail!(
                        "{}: outbox.spool is `{spool}`, which is only known to the program; give --folder",
                        file.display()
                    )
                }
                Some(spool) => return Ok(beside(file, &spool)),
                None => {}
            }
        } else if let Some(spool) = implied() {
            return Ok(spool);
        }
        SpoolFolder::default_path().ok_or_else(|| {
            anyhow!(
                "which folder? give --folder DIR, or --config FILE with `spool` in its [outbox], \
                 or set STATE_DIRECTORY as systemd does"
            )
        })
    }
}

/// Returns the folder that the configuration of a program started here names, if it can be read.
#[expect(clippy::disallowed_methods, reason = "programs find their configuration by the same variable")]
fn implied() -> Option<PathBuf> {
    let named = std::env::var_os("WATCHFIRE_CONFIG").filter(|path| !path.is_empty());
    let file = named.map_or_else(|| PathBuf::from("watchfire.toml"), PathBuf::from);
    let config = Config::read(&file).ok()?;
    let spool = config.get(["outbox", "spool"])?.as_text()?.to_owned();
    (!spool.contains("${")).then(|| beside(&file, &spool))
}

/// Returns a spool's folder. A program resolves a relative one from where it was started, which is often where its
/// configuration is.
fn beside(file: &Path, spool: &str) -> PathBuf {
    let here = PathBuf::from(spool);
    let there = file.parent().map(|folder| folder.join(spool));
    match there {
        Some(there) if here.is_relative() && !here.exists() => there,
        _ => here,
    }
}

fn open(path: &Path) -> anyhow::Result<SpoolFolder> {
    let opened = SpoolFolder::open(path);
    if let Err(error) = &opened
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return opened.with_context(|| format!("{} cannot be used", path.display()));
    }
    opened.with_context(|| {
        let below = path.join("watchfire");
        let hint = if SpoolFolder::open(&below).is_ok() {
            format!("is {} meant?", below.display())
        } else {
            "a program makes it when it starts with .spool(..) or `spool` in its [outbox]".to_owned()
        };
        format!("{} is not the folder of a spool; {hint}", path.display())
    })
}

/// Returns a time as people and programs read it.
pub(crate) fn format_timestamp(at: SystemTime) -> String {
    watchfire_outbox::format_timestamp(at)
}

/// Returns a span in its two largest units at most.
pub(crate) fn format_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => match (seconds / 3_600, seconds % 3_600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Reads `90s`, `30m`, `2h`, `1h30m`, `3d` or `1w`.
pub(crate) fn read_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a span such as `30m`, `2h`, `1h30m` or `3d`, found `{text}`");
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at_checked(end).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end).ok_or_else(wrong)?;
        let seconds = match unit {
            "s" | "sec" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(seconds).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_secs(part)).ok_or_else(wrong)?;
        rest = next.trim_start();
    }
    if total.is_zero() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        let cases = [
            ("90s", 90, "1 min"),
            ("2h", 7_200, "2 h"),
            ("1h30m", 5_400, "1 h 30 min"),
            ("3d", 259_200, "3 d"),
            ("1 min 5 s", 65, "1 min"),
        ];
        for (text, seconds, written) in cases {
            let span = read_duration(text).unwrap();
            assert_eq!((span.as_secs(), format_duration(span).as_str()), (seconds, written), "{text}");
        }
        for wrong in ["", "2", "h", "0s", "-2h", "2x", "99999999999999999999h", "30000000000000000w", "2h!"] {
            assert!(read_duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
