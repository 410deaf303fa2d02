use std::path::PathBuf;

/// Returns where a spool is when nothing is said: in the folder that systemd made for the service.
///
/// systemd.exec(5), `StateDirectory=`: `$STATE_DIRECTORY` holds the paths, joined by colons; the first is used.
#[expect(clippy::disallowed_methods, reason = "the one variable that the outbox knows; read at the start")]
pub(crate) fn default() -> Option<PathBuf> {
    let folders = std::env::var("STATE_DIRECTORY").ok()?;
    let first = folders.split(':').next().map(str::trim).filter(|folder| !folder.is_empty())?;
    Some(PathBuf::from(first).join("watchfire"))
}
