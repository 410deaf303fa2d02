//! All tests of the workspace, then the checks against other programs.

use anyhow::{Result, bail};

use crate::shell::{Paint, paint};
use crate::stage::Skipped;
use crate::{Interop, interop, shell};

/// Where the tests think they are: not in UTC, not on a whole hour, and with daylight saving, so that a test which
/// takes local time for UTC fails everywhere. Spelt out, so that the machine needs no zone files.
const ZONE: &str = "NST3:30NDT,M3.2.0,M11.1.0";

/// How long the tests go on that try at random: how many kills, and how many seconds of random input for each reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    kills: u32,
    seconds: u32,
}

impl Effort {
    /// For somebody who waits for it.
    pub(crate) const SHORT: Self = Self { kills: 20, seconds: 1 };
    /// For every change.
    pub(crate) const CI: Self = Self { kills: 20, seconds: 10 };
    /// For a release, or a night.
    pub(crate) const SOAK: Self = Self { kills: 200, seconds: 60 };
}

/// How the names of the interop checks begin.
const PEERS: &str = "interop::";

/// Runs the tests and says last what was skipped.
///
/// # Errors
/// When a test or a check fails, or one is skipped although interop is required.
pub(crate) fn run(interop: Interop, effort: Effort, filter: Option<&str>) -> Result<()> {
    let mut skipped = Vec::new();
    let done = tests_and_interop(interop, effort, filter, &mut skipped);
    for Skipped { what, why } in skipped {
        println!("{} {what}: {why}", paint(Paint::Note, "skipped:"));
    }
    done
}

/// Tries the hand-off between threads under all interleavings.
///
/// # Errors
/// When one of them breaks a property.
pub(crate) fn loom() -> Result<()> {
    // The flag rebuilds every crate: a folder apart keeps what the other stages have built.
    let folder = shell::root().join("target").join("loom");
    let mut cargo = shell::cargo();
    cargo.env("RUSTFLAGS", "--cfg watchfire_loom").env("CARGO_TARGET_DIR", folder);
    shell::run(cargo.args([
        "test",
        "--quiet",
        "--release",
        "--package",
        "watchfire-outbox",
        "--lib",
        "handoff",
    ]))
}

/// Prints the table of the faults, as their own test does that nobody sees.
///
/// # Errors
/// When an alert is late, comes too often, or costs too much memory.
pub(crate) fn faults() -> Result<()> {
    let test = ["--package", "watchfire-tests", "--test", "it", "faults::"];
    shell::run(shell::cargo().args(["test", "--quiet"]).args(test).args(["--", "--nocapture"]))
}

/// Runs the tests, then interop, and notes what was skipped.
///
/// # Errors
/// As [`run`]. Interop runs even when a test has failed, so that one run shows both.
pub(crate) fn tests_and_interop(
    interop: Interop,
    effort: Effort,
    filter: Option<&str>,
    skipped: &mut Vec<Skipped>,
) -> Result<()> {
    if filter.is_some_and(|filter| filter.starts_with(PEERS)) {
        // No test of ours has such a name: nothing need be built to find that out.
        return interop::run(interop, filter, skipped);
    }
    let mut cargo = shell::cargo();
    // Without --no-fail-fast the first failing binary would hide all others.
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(filter).env("TZ", ZONE);
    let Effort { kills, seconds } = effort;
    cargo.env("TEST_KILLS", kills.to_string()).env("TEST_RANDOM_SECONDS", seconds.to_string());
    let tests = shell::run(&mut cargo);
    match (tests, interop::run(interop, filter, skipped)) {
        (Err(tests), Err(checks)) => bail!("{tests:#}; {checks:#}"),
        (tests, checks) => tests.and(checks),
    }
}
