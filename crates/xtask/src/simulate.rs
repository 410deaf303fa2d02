//! The simulator of the outbox's spool and delivery, optimised.

use anyhow::Result;

use crate::shell;

/// How many seeds `ci` runs.
pub(crate) const IN_CI: u64 = 10_000;

/// Runs `seeds` seeds, the first of which is `from`; a seed that fails is printed with the call that runs it again.
///
/// # Errors
/// When it does not build, or a property does not hold.
pub(crate) fn run(seeds: u64, from: u64) -> Result<()> {
    let program = ["--package", "watchfire-outbox", "--features", "sim", "--example", "simulate"];
    shell::run(shell::cargo().args(["run", "--quiet", "--profile", "simulate"]).args(program).args([
        "--",
        "--seeds",
        &seeds.to_string(),
        "--from",
        &from.to_string(),
    ]))
}
