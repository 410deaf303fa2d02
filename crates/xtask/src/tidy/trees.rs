//! The packages of a build, as `cargo tree` sees them.

use anyhow::Result;
use serde_json::Value;

use super::tables::LEAN;
use super::{Finding, edges};
use crate::shell;

/// Finds packages that must stay out of the builds of those who do not need them.
pub(super) fn lean(metadata: &Value) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, feature, unwanted, why) in LEAN {
        let package = edges::packages(metadata).iter().find(|package| package["name"] == *name);
        if package.is_none_or(|package| feature.is_some_and(|feature| package["features"][feature].is_null()))
        {
            continue;
        }
        let mut cargo = shell::cargo();
        cargo.args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", name]);
        if let Some(feature) = feature {
            cargo.args(["--no-default-features", "--features", feature]);
        }
        let what =
            feature.map_or_else(|| (*name).to_owned(), |feature| format!("{name} with only `{feature}`"));
        findings.extend(judge(&what, &shell::read(&mut cargo)?, unwanted, why));
    }
    Ok(findings)
}

/// Finds the unwanted packages in the lines of `cargo tree --prefix none --format {p}`.
fn judge(what: &str, tree: &str, unwanted: &[&str], why: &str) -> Vec<Finding> {
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| unwanted.contains(name))
        .collect();
    found.sort_unstable();
    found.dedup();
    let finding = |name: &str| {
        Finding::new(
            what,
            format!("builds `{name}`: {why}"),
            format!(
                "`cargo tree --invert {name} --edges normal` with the same package and features shows who asks for it"
            ),
        )
    };
    found.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_unwanted_package_once_and_by_its_whole_name() {
        let tree = "watchfire-core v0.1.0 (/x)\nserde_json v1.0.0\ntokio-util v0.7.0\ntokio v1.40.0\ntokio v1.40.0 (*)\n";
        let findings = judge("core", tree, &["tokio", "serde"], "nobody asked");
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].what, "builds `tokio`: nobody asked");
        assert!(judge("core", tree, &["reqwest"], "").is_empty());
    }
}
