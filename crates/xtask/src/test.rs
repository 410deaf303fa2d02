//! All tests of the workspace, then the checks against other programs.

use anyhow::{Result, bail};

use crate::shell::{Paint, paint};
use crate::stage::Skipped;
use crate::{Interop, interop, shell};

/// Runs the tests and says last what was skipped.
///
/// # Errors
/// When a test or a check fails, or one is skipped although interop is required.
pub(crate) fn run(interop: Interop, filter: Option<&str>) -> Result<()> {
    let mut skipped = Vec::new();
    let done = tests_and_interop(interop, filter, &mut skipped);
    for Skipped { what, why } in skipped {
        println!("{} {what}: {why}", paint(Paint::Note, "skipped:"));
    }
    done
}

/// Runs the tests, then interop, and notes what was skipped.
///
/// # Errors
/// As [`run`]. Interop runs even when a test has failed, so that one run shows both.
pub(crate) fn tests_and_interop(
    interop: Interop,
    filter: Option<&str>,
    skipped: &mut Vec<Skipped>,
) -> Result<()> {
    // Without --no-fail-fast the first failing binary would hide all others.
    let tests = shell::run(shell::cargo().args(["test", "--workspace", "--no-fail-fast"]).args(filter));
    match (tests, interop::run(interop, filter, skipped)) {
        (Err(tests), Err(checks)) => bail!("{tests:#}; {checks:#}"),
        (tests, checks) => tests.and(checks),
    }
}
