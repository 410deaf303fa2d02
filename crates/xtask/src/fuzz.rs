//! The fuzz targets of tests/fuzz, with feedback by coverage.

use std::process::Child;

use anyhow::{Context, Result, bail};

use crate::{shell, tool};

const CARGO_FUZZ: &str = "0.13.2";
const FOLDER: &str = "tests/fuzz";

/// Runs every target for `seconds`, two at a time.
///
/// # Errors
/// When the targets do not build, or an input breaks one; the input is then in `tests/fuzz/artifacts`.
pub(crate) fn run(seconds: u32) -> Result<()> {
    let program = tool::ready("cargo-fuzz", CARGO_FUZZ)?;
    let fuzz = |verb: &str| {
        let mut command = shell::command(&program);
        // The coverage instrumentation is a flag of a nightly compiler; the stable one has it behind this variable.
        command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", verb, "--fuzz-dir", FOLDER, "--sanitizer", "none"]);
        command
    };
    shell::run(&mut fuzz("build"))?;
    let mut broken = Vec::new();
    for pair in targets()?.chunks(2) {
        let started = pair.iter().map(|target| {
            let time = format!("-max_total_time={seconds}");
            let mut command = fuzz("run");
            command.args([target, "--", &time, "-verbosity=0", "-print_final_stats=1"]);
            let child = command.spawn().with_context(|| format!("could not start the target {target}"))?;
            Ok((target, child))
        });
        let running: Vec<(&String, Child)> = started.collect::<Result<_>>()?;
        for (target, mut child) in running {
            if !child.wait().with_context(|| format!("could not wait for the target {target}"))?.success() {
                broken.push(target.clone());
            }
        }
    }
    if !broken.is_empty() {
        bail!("an input breaks {}; see {FOLDER}/artifacts", broken.join(", "));
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let folder = shell::root().join(FOLDER).join("fuzz_targets");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("could not list {}", folder.display()))?.path();
        names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_manifest_is_found() {
        let manifest = std::fs::read_to_string(shell::root().join(FOLDER).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        let bins = manifest["bin"].as_array().unwrap().iter();
        let mut named: Vec<String> = bins.map(|bin| bin["name"].as_str().unwrap().to_owned()).collect();
        named.sort();
        assert_eq!(targets().unwrap(), named);
    }
}
