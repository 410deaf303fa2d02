//! The ends of a program and who is told: builds the program that is tried, runs it, and compares the guide.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::shell;

const GUIDE: &str = "docs/guide/exits.md";

/// The use of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guide {
    /// They are written into the guide.
    Write,
    /// The guide must have them, times aside.
    Compare,
}

/// Builds the program in debug, with `panic = "abort"`, in release and without symbols, runs every kind of end, and
/// prints the tables.
///
/// # Errors
/// When something does not build or run, or the guide says something else.
pub(crate) fn run(guide: Guide) -> Result<()> {
    let target = target()?;
    let build = |profile: &str, folder: &str, what: &str| -> Result<PathBuf> {
        let mut cargo = shell::cargo();
        cargo.args(["build", "--quiet", "--package", "watchfire-tests", "--profile", profile]);
        shell::run(cargo.args(what.split(' ')))?;
        Ok(target.join(folder).join("shop"))
    };
    let debug = build("dev", "debug", "--bins")?;
    let (abort, release) =
        (build("abort", "abort", "--bin shop")?, build("release", "release", "--bin shop")?);
    let stripped = strip(&debug)?;
    let mut exits = shell::command(target.join("debug").join("exits"));
    exits.arg(GUIDE).arg(if guide == Guide::Write { "write" } else { "compare" });
    shell::run(exits.args([&debug, &abort, &release, &stripped]))
}

/// Returns the folder that cargo builds into.
fn target() -> Result<PathBuf> {
    let metadata = shell::read(shell::cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    Ok(metadata["target_directory"].as_str().context("cargo names no target directory")?.into())
}

/// Copies a program and takes its symbols out, as `strip = true` in a profile does without a build of its own.
fn strip(program: &Path) -> Result<PathBuf> {
    let stripped = program.with_file_name("shop-stripped");
    fs::copy(program, &stripped).with_context(|| format!("could not copy {}", program.display()))?;
    shell::run(shell::command("strip").arg(&stripped))?;
    Ok(stripped)
}
