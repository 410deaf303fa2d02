//! The benchmarks: a package of its own, so that the peers it measures never enter the workspace.

use anyhow::Result;

use crate::{instructions, redact, shell};

/// The package's manifest, from the root.
pub(crate) const MANIFEST: &str = "tests/bench/Cargo.toml";

/// Runs one benchmark; without a name the package prints its list.
///
/// # Errors
/// When it does not build, or there is none of that name.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if let [name, rest @ ..] = args
        && name == "instructions"
    {
        return instructions::run(rest);
    }
    if let [name, rest @ ..] = args
        && name == "redact"
    {
        return redact::run(rest);
    }
    shell::run(
        shell::cargo().args(["run", "--quiet", "--release", "--manifest-path", MANIFEST, "--"]).args(args),
    )
}
