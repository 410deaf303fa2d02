//! The private Python: a virtual environment in `.tools/venv` with pinned packages.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// The packages, and their versions.
const REQUIREMENTS: &str = include_str!("../../interop/requirements.txt");

/// Makes the environment, unless it is there with just these packages.
///
/// # Errors
/// When there is no Python 3 with `venv`, or a package cannot be had.
pub(super) fn prepare() -> Result<()> {
    let stamp = venv().join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(());
    }
    shell::read(shell::command("python3").args(["-m", "venv", "--clear"]).arg(venv()))
        .context("python3 with its venv module is needed (Debian: python3-venv)")?;
    shell::read(
        python()
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(scripts().join("requirements.txt")),
    )
    .context("pip could not install the pinned packages")?;
    fs::write(&stamp, REQUIREMENTS).with_context(|| format!("could not write {}", stamp.display()))
}

/// Returns a command that runs one of our scripts.
pub(super) fn script(name: &str) -> Command {
    let mut command = python();
    // Unbuffered, so that a line is here as soon as it is written.
    command.arg("-u").arg(scripts().join(name));
    command
}

fn python() -> Command {
    shell::command(venv().join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }))
}

fn venv() -> PathBuf {
    shell::tools().join("venv")
}

fn scripts() -> PathBuf {
    shell::root().join("crates/xtask/interop")
}
