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

/// Fetches the pinned package alone, without its dependencies, and returns its folder.
///
/// # Errors
/// When npm cannot have the package, or `tar` cannot unpack it.
pub(super) fn unpacked(package: &str, version: &str) -> Result<PathBuf> {
    let name = package.trim_start_matches('@').replace('/', "-");
    let target = folder().join(format!("{name}-{version}"));
    if target.join("package/package.json").is_file() {
        return Ok(target.join("package"));
    }
    fs::create_dir_all(&target).with_context(|| format!("could not make {}", target.display()))?;
    shell::read(
        shell::command("npm")
            .args(["pack", "--silent", "--pack-destination"])
            .arg(&target)
            .arg(format!("{package}@{version}")),
    )
    .with_context(|| format!("npm could not fetch {package}"))?;
    shell::read(
        shell::command("tar")
            .arg("-xzf")
            .arg(target.join(format!("{name}-{version}.tgz")))
            .arg("-C")
            .arg(&target),
    )
    .with_context(|| format!("tar could not unpack {package}"))?;
    Ok(target.join("package"))
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
