//! Checks on manifests: inherited keys, and one Rust version in all documents.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Finding;
use super::source::Tree;
use super::tables::OWN_LINTS;

const INHERITED: &[&str] = &["version", "edition", "rust-version", "license"];

/// Finds manifests that say for themselves what the workspace says for all.
///
/// # Errors
/// When a manifest is not TOML.
pub(super) fn inherited(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let ours = |path: &str| {
        (path.starts_with("crates/") && path.ends_with("/Cargo.toml") && path.matches('/').count() == 2)
            || matches!(path, "examples/Cargo.toml" | "tests/Cargo.toml")
    };
    for (path, text) in tree.files().filter(|(path, _)| ours(path)) {
        let manifest: Table = toml::from_str(text).with_context(|| format!("{path} is not TOML"))?;
        if !OWN_LINTS.contains(&path) && !from_workspace(manifest.get("lints")) {
            findings.push(Finding::new(path, "has no lints", "add `[lints]` with `workspace = true`"));
        }
        let package = manifest.get("package");
        for key in
            INHERITED.iter().filter(|key| !from_workspace(package.and_then(|package| package.get(key))))
        {
            findings.push(Finding::new(
                path,
                format!("does not inherit `{key}`"),
                format!("write `{key}.workspace = true`"),
            ));
        }
    }
    Ok(findings)
}

/// Finds files that name another oldest Rust version than the root manifest.
///
/// # Errors
/// When the root manifest is not TOML.
pub(super) fn rust_version(tree: &Tree) -> Result<Vec<Finding>> {
    let root: Table =
        toml::from_str(tree.file("Cargo.toml").unwrap_or_default()).context("Cargo.toml is not TOML")?;
    let version = root
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("rust-version")?.as_str())
        .unwrap_or_default();
    let mut findings = Vec::new();
    for (path, line) in
        [(".clippy.toml", format!("msrv = \"{version}\"")), ("README.md", format!("Rust {version}"))]
    {
        if tree.file(path).is_some_and(|text| !text.contains(&line)) {
            findings.push(Finding::new(
                path,
                format!("does not name the oldest Rust version, {version}"),
                format!("write `{line}`, as the root Cargo.toml has it"),
            ));
        }
    }
    Ok(findings)
}

fn from_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// Finds paths in the root manifest at which there is no crate.
///
/// # Errors
/// When the manifest is not TOML.
pub(super) fn paths(tree: &Tree) -> Result<Vec<Finding>> {
    let manifest: Table =
        toml::from_str(tree.file("Cargo.toml").unwrap_or_default()).context("Cargo.toml is not TOML")?;
    let dependencies =
        manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let missing = dependencies.into_iter().flatten().filter_map(|(name, dependency)| {
        let path = dependency.get("path")?.as_str()?;
        tree.file(&format!("{path}/Cargo.toml")).is_none().then(|| {
            Finding::new(
                "Cargo.toml",
                format!("names `{name}` in `{path}`, where there is no crate"),
                "remove the entry, or add the crate in the same change",
            )
        })
    });
    Ok(missing.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n";

    #[test]
    fn a_manifest_inherits_what_all_share() {
        let cases: [(&str, &[&str]); 4] = [
            (GOOD, &[]),
            (&GOOD.replace("[lints]\nworkspace = true\n", ""), &["has no lints"]),
            (
                &GOOD.replace("version.workspace = true\nedition", "version = \"0.2.0\"\nedition"),
                &["does not inherit `version`"],
            ),
            (
                &GOOD.replace("workspace = true", "workspace = false"),
                &[
                    "has no lints",
                    "does not inherit `version`",
                    "does not inherit `edition`",
                    "does not inherit `rust-version`",
                    "does not inherit `license`",
                ],
            ),
        ];
        for (text, expected) in cases {
            let tree = Tree::of([("crates/a/Cargo.toml", text), ("tests/bench/Cargo.toml", "")]);
            let findings: Vec<String> =
                inherited(&tree).unwrap().into_iter().map(|finding| finding.what).collect();
            assert_eq!(findings, expected, "{text}");
        }
    }

    #[test]
    fn all_name_one_rust_version() {
        let root = ("Cargo.toml", "[workspace.package]\nrust-version = \"1.89\"\n");
        let clippy = (".clippy.toml", "msrv = \"1.89\"\n");
        assert_eq!(rust_version(&Tree::of([root, clippy, ("README.md", "Needs Rust 1.89.")])).unwrap(), []);
        let findings = rust_version(&Tree::of([root, clippy, ("README.md", "Needs Rust 1.85.")])).unwrap();
        assert_eq!(findings[0].place, "README.md");
        let findings = rust_version(&Tree::of([root, (".clippy.toml", "msrv = \"1.74\"")])).unwrap();
        assert_eq!(findings[0].place, ".clippy.toml");
    }

    #[test]
    fn a_crate_that_does_not_exist_is_found() {
        let root =
            "[workspace.dependencies]\na = { path = \"crates/a\" }\nb = { path = \"crates/b\" }\nc = \"1\"\n";
        let tree = Tree::of([("Cargo.toml", root), ("crates/a/Cargo.toml", "")]);
        let found: Vec<String> = paths(&tree).unwrap().into_iter().map(|finding| finding.what).collect();
        assert_eq!(found, ["names `b` in `crates/b`, where there is no crate"]);
    }
}
