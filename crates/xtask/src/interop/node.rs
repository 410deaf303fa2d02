//! The private Node packages, in `.tools/npm`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

const PACKAGES: [&str; 2] = ["sms-segments-calculator@1.3.0", "grapheme-splitter@1.0.4"];

/// Installs the packages, unless just these are there.
///
/// # Errors
/// When there is no npm, or a package cannot be had.
pub(super) fn prepare() -> Result<()> {
    let stamp = folder().join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == PACKAGES.join("\n")) {
        return Ok(());
    }
    fs::create_dir_all(folder()).with_context(|| format!("could not make {}", folder().display()))?;
    let flags = ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
    shell::read(shell::command("npm").args(flags).arg(folder()).args(PACKAGES))
        .context("npm could not install the pinned packages")?;
    fs::write(&stamp, PACKAGES.join("\n")).with_context(|| format!("could not write {}", stamp.display()))
}

/// Returns a command that runs one of our scripts.
pub(super) fn script(name: &str) -> Command {
    let mut command = shell::command("node");
    command.env("NODE_PATH", folder().join("node_modules")).arg(super::scripts().join(name));
    command
}

fn folder() -> PathBuf {
    shell::tools().join("npm")
}
