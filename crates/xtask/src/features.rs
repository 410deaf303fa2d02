//! Each feature alone: what a user who wants one channel builds, and the workspace as a whole never does.

use anyhow::{Context, Result};

use crate::shell;

/// The packages whose features a user chooses, the facade first.
const PACKAGES: [&str; 2] = ["watchfire", "config"];

/// Lints each package without features, and with each of them alone; nothing is linked or run.
///
/// # Errors
/// When one does not compile, or has a warning.
pub(crate) fn run() -> Result<()> {
    for folder in PACKAGES {
        let path = shell::root().join("crates").join(folder).join("Cargo.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("{folder} has no manifest"))?;
        let manifest: toml::Table = toml::from_str(&text).context("the manifest is not TOML")?;
        let name = manifest.get("package").and_then(|package| package.get("name")?.as_str());
        let features = manifest.get("features").and_then(toml::Value::as_table);
        let features = features.into_iter().flat_map(toml::Table::keys).map(String::as_str);
        // The rest of the stages build with all of them.
        let alone = features.filter(|feature| !matches!(*feature, "default" | "all" | "full"));
        for feature in std::iter::once("").chain(alone) {
            shell::run(shell::cargo().args([
                "clippy",
                "--quiet",
                "--package",
                name.context("the package has no name")?,
                "--no-default-features",
                "--features",
                feature,
                "--",
                "-D",
                "warnings",
            ]))
            .with_context(|| format!("{folder} with the features `{feature}`"))?;
        }
    }
    Ok(())
}
