//! Everything that a change must pass, in the order that fails soonest.

use anyhow::Result;

use crate::stage::{Skipped, Stage, run_all};
use crate::{Interop, bench, features, instructions, reach, release, shell, simulate, test, tidy, tool};

/// The version that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Runs all stages.
///
/// # Errors
/// When a stage fails.
pub(crate) fn run(interop: Interop, keep_going: bool) -> Result<()> {
    let stages = vec![
        Stage::new("fmt", |_| {
            plain(&["fmt", "--all", "--check"])?;
            plain(&["fmt", "--manifest-path", bench::MANIFEST, "--check"])
        }),
        Stage::new("clippy", |_| {
            plain(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
            plain(&["clippy", "--manifest-path", bench::MANIFEST, "--", "-D", "warnings"])
        }),
        Stage::new("features", |_| features::run()),
        Stage::new("docs", |_| docs()),
        Stage::new("tidy", |_| tidy::run()),
        Stage::new("deny", deny),
        Stage::new("package", |_| release::package()),
        Stage::new("semver", release::semver),
        Stage::new("simulate", |_| {
            simulate::run(simulate::IN_CI, 0, false)?;
            simulate::run(simulate::IN_CI, 0, true)?;
            simulate::weeks(simulate::IN_CI)
        }),
        Stage::new("instructions", |skipped| match instructions::missing() {
            Some(why) => {
                skipped.push(Skipped { what: "instructions per event".into(), why: why.into() });
                Ok(())
            }
            None => instructions::run(&[]),
        }),
        Stage::new("test", |skipped| test::tests_and_interop(interop, test::Effort::CI, None, skipped)),
    ];
    run_all(stages, keep_going)
}

fn plain(args: &[&str]) -> Result<()> {
    shell::run(shell::cargo().args(args))
}

/// Builds the documentation, and looks what the facade leaves out.
///
/// # Errors
/// When there is a warning, or a type that cannot be reached.
pub(crate) fn docs() -> Result<()> {
    let doc = |more: &[&str]| {
        let mut cargo = shell::cargo();
        shell::run(cargo.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps"]).args(more))
    };
    // A type links to its crate only if the pages of that crate are there already: the facade comes last.
    doc(&["--workspace", "--exclude", "watchfire"])?;
    doc(&["--package", "watchfire", "--all-features"])?;
    reach::run()
}

fn deny(skipped: &mut Vec<Skipped>) -> Result<()> {
    skipped.push(Skipped {
        what: "cargo deny check advisories".into(),
        why: "the advisory database is a git repository elsewhere, and these checks run without it".into(),
    });
    let program = tool::ready("cargo-deny", CARGO_DENY)?;
    shell::run(shell::command(&program).args(["check", "bans", "licenses", "sources"]))
}
