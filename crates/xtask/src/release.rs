//! Whether the crates can be published, and whether a release keeps its promises.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::stage::Skipped;
use crate::{shell, tool};

const CARGO_SEMVER_CHECKS: &str = "0.45.0";

/// The members of the workspace that are never published.
const PRIVATE: [&str; 3] = ["watchfire-examples", "watchfire-tests", "watchfire-xtask"];

/// Packs every crate that is published, in their order, each against the others as they were packed.
///
/// # Errors
/// When a manifest lacks what the registry wants, or a file that a crate needs lies outside of it.
pub(crate) fn package() -> Result<()> {
    let mut cargo = shell::cargo();
    // The stages before compile the same sources; what only a package can lack is found by packing.
    cargo.args(["package", "--quiet", "--workspace", "--no-verify", "--allow-dirty"]);
    for name in PRIVATE {
        cargo.args(["--exclude", name]);
    }
    shell::run(&mut cargo)
}

/// Compiles the facade and the program with the oldest version of each direct dependency that the manifests allow.
///
/// # Errors
/// When one is too old for what we use of it.
pub(crate) fn minimal_versions() -> Result<()> {
    let copy = shell::tools().join("minimal");
    for part in ["crates", "examples", "tests"] {
        drop(fs::remove_dir_all(copy.join(part)));
        copy_sources(&shell::root().join(part), &copy.join(part))?;
    }
    fs::copy(shell::root().join("Cargo.toml"), copy.join("Cargo.toml"))
        .context("could not copy Cargo.toml")?;
    let cargo = || {
        let mut cargo = shell::cargo();
        // The option is a nightly one; the stable cargo has it behind this variable.
        cargo.current_dir(&copy).env("RUSTC_BOOTSTRAP", "1").env_remove("CARGO_TARGET_DIR");
        cargo
    };
    shell::run(cargo().args(["generate-lockfile", "--quiet", "-Z", "direct-minimal-versions"]))?;
    shell::run(cargo().args([
        "check",
        "--quiet",
        "--all-features",
        "--package",
        "watchfire",
        "--package",
        "watchfire-cli",
    ]))
}

/// Compares the public interface with that of the last release.
///
/// # Errors
/// When it breaks somebody's program without a new version that says so.
pub(crate) fn semver(skipped: &mut Vec<Skipped>) -> Result<()> {
    let tags = shell::read(shell::command("git").args(["tag", "--list", "v*", "--sort=-version:refname"]))?;
    let Some(last) = tags.lines().next() else {
        skipped.push(Skipped {
            what: "cargo semver-checks".into(),
            why: "nothing is released yet: no tag begins with `v`".into(),
        });
        return Ok(());
    };
    let program = tool::ready("cargo-semver-checks", CARGO_SEMVER_CHECKS)?;
    shell::run(shell::command(program).args([
        "semver-checks",
        "--package",
        "watchfire",
        "--baseline-rev",
        last,
    ]))
}

/// Copies a folder without what cargo has built in it.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("could not make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("could not list {}", from.display()))? {
        let entry = entry.with_context(|| format!("could not list {}", from.display()))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if !path.is_dir() {
            fs::copy(&path, &target).with_context(|| format!("could not copy {}", path.display()))?;
        } else if entry.file_name() != "target" {
            copy_sources(&path, &target)?;
        }
    }
    Ok(())
}
