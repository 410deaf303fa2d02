//! The simulator of the outbox, optimised: the spool and the delivery, and both with groups before them.

use anyhow::Result;

use crate::shell;

/// How many seeds `ci` runs.
pub(crate) const IN_CI: u64 = 10_000;

/// Runs `seeds` seeds, the first of which is `from`, with `groups` before the spool or without; a seed that
/// fails is printed with the call that runs it again.
///
/// # Errors
/// When it does not build, or a property does not hold.
pub(crate) fn run(seeds: u64, from: u64, groups: bool) -> Result<()> {
    let program = ["--package", "watchfire-outbox", "--features", "sim", "--example", "simulate"];
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--profile", "simulate"]).args(program);
    cargo.args(["--", "--seeds", &seeds.to_string(), "--from", &from.to_string()]);
    shell::run(cargo.args(groups.then_some("--groups")))
}

/// Runs `seeds` random weeks of the groups alone, as their own test does for fewer.
///
/// # Errors
/// When it does not build, or a property does not hold.
pub(crate) fn weeks(seeds: u64) -> Result<()> {
    let test = ["--package", "watchfire-outbox", "--lib", "aggregate::tests::simulation"];
    let mut cargo = shell::cargo();
    cargo.env("TEST_SEEDS", seeds.to_string());
    shell::run(cargo.args(["test", "--quiet", "--profile", "simulate"]).args(test))
}
