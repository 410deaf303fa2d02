//! Cargo's subcommands by others: installed once into `.tools`, at the version that is asked for.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;

/// Installs the program of the package at this version, unless it is there, and returns its path.
///
/// It is built without optimisation: such a tool runs for seconds, and would build for minutes.
///
/// # Errors
/// When it cannot be installed, which needs the network once.
pub(crate) fn ready(package: &str, version: &str) -> Result<PathBuf> {
    let program = shell::tools().join("bin").join(format!("{package}{}", std::env::consts::EXE_SUFFIX));
    let stamp = shell::tools().join(format!("{package}.version"));
    if program.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == version) {
        return Ok(program);
    }
    let target = shell::tools().join("target");
    shell::run(
        shell::cargo()
            .args(["install", "--locked", "--force", "--version", version, "--root"])
            .arg(shell::tools())
            .arg(package)
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    )
    .with_context(|| format!("{package} {version} could not be installed; it needs the network once"))?;
    // Half a gigabyte that nobody needs again.
    drop(std::fs::remove_dir_all(target));
    std::fs::write(&stamp, version).with_context(|| format!("could not write {}", stamp.display()))?;
    Ok(program)
}
