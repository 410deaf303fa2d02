//! The arrows between crates, as cargo sees them.

use serde_json::Value;

use super::Finding;
use super::tables::{ARROWS, TEST_ARROWS};

/// Finds dependencies between our crates that the table does not allow.
pub(super) fn arrows(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages(metadata) {
        let name = folder(package);
        let place = manifest(package);
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            findings.push(Finding::new(
                place,
                format!("the crate `{name}` has no row in the table of arrows"),
                "add what it may depend on to ARROWS in crates/xtask/src/tidy/tables.rs, and to docs/ARCHITECTURE.md",
            ));
            continue;
        };
        for (to, kind) in ours(package) {
            let good = match kind {
                "dev" => allowed.contains(&to) || TEST_ARROWS.contains(&to) || to == name,
                _ => allowed.contains(&to),
            };
            if !good {
                findings.push(Finding::new(
                    place.clone(),
                    format!("{kind} dependency `{name}` → `{to}` is not an allowed arrow"),
                    format!(
                        "move what is shared to a crate that both may know; `{name}` may know: {}",
                        allowed.join(", ")
                    ),
                ));
            }
        }
    }
    findings
}

/// Finds packages whose name is not `watchfire-<folder>`.
pub(super) fn names(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages(metadata) {
        let place = manifest(package);
        let stem = place.rsplit('/').nth(1).unwrap_or_default().to_owned();
        let name = package["name"].as_str().unwrap_or_default();
        let expected = if stem == "watchfire" { stem } else { format!("watchfire-{stem}") };
        if name != expected {
            findings.push(Finding::new(
                place,
                format!("the package is called `{name}`"),
                format!("call it `{expected}`"),
            ));
        }
    }
    findings
}

/// Returns the packages of the workspace.
pub(super) fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns a package's manifest, from the root.
pub(super) fn manifest(package: &Value) -> String {
    let path = package["manifest_path"].as_str().unwrap_or_default().replace('\\', "/");
    let mut parts: Vec<&str> = path.rsplit('/').take(3).collect();
    parts.reverse();
    if parts.first() != Some(&"crates") {
        parts = parts.split_off(1.min(parts.len()));
    }
    parts.join("/")
}

/// Returns the crate's short name: that of its package without `watchfire-`.
fn folder(package: &Value) -> &str {
    short(package["name"].as_str().unwrap_or_default())
}

fn short(name: &str) -> &str {
    name.strip_prefix("watchfire-").unwrap_or(name)
}

/// Returns the package's dependencies on packages of ours, with their kind.
fn ours(package: &Value) -> impl Iterator<Item = (&str, &str)> {
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    dependencies.iter().filter_map(|dependency| {
        let name = dependency["name"].as_str()?;
        let inside = dependency["path"].is_string() && name.starts_with("watchfire");
        inside.then(|| (short(name), dependency["kind"].as_str().unwrap_or("normal")))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(name: &str, to: &str, kind: Option<&str>) -> Value {
        json!({"packages": [{
            "name": name,
            "manifest_path": format!("/somewhere/crates/{}/Cargo.toml", short(name)),
            "dependencies": [
                {"name": to, "kind": kind, "path": "/somewhere"},
                {"name": "libc", "kind": null},
            ],
        }]})
    }

    #[test]
    fn only_the_allowed_arrows_pass() {
        let cases = [
            ("watchfire-slack", "watchfire-http", None, 0),
            ("watchfire-slack", "watchfire-email", None, 1),
            ("watchfire-core", "watchfire-outbox", None, 1),
            ("watchfire-core", "watchfire-testing", Some("dev"), 0),
            ("watchfire-slack", "watchfire-testing", None, 1),
            ("watchfire-slack", "watchfire-inbox", Some("dev"), 0),
            ("watchfire-slack", "watchfire-config", Some("dev"), 1),
            ("watchfire-slack", "watchfire-inbox", Some("build"), 1),
            ("watchfire-inbox", "watchfire-core", None, 1),
            ("watchfire-email", "watchfire-http", None, 1),
            ("watchfire", "watchfire-inbox", None, 1),
            ("watchfire", "watchfire-file", None, 0),
            ("watchfire-unknown", "watchfire-core", None, 1),
        ];
        for (name, to, kind, expected) in cases {
            let findings = arrows(&metadata(name, to, kind));
            assert_eq!(findings.len(), expected, "{name} → {to} ({kind:?}): {findings:?}");
        }
    }

    #[test]
    fn a_finding_names_file_arrow_and_remedy() {
        let findings = arrows(&metadata("watchfire-email", "watchfire-http", None));
        assert_eq!(
            findings[0].to_string(),
            "crates/email/Cargo.toml: normal dependency `email` → `http` is not an allowed arrow\n    \
             move what is shared to a crate that both may know; `email` may know: core, outbox"
        );
    }

    #[test]
    fn a_package_is_called_after_its_folder() {
        assert!(names(&metadata("watchfire-slack", "libc", None)).is_empty());
        let odd = json!({"packages": [{"name": "slack", "manifest_path": "/x/crates/slack/Cargo.toml"}]});
        assert_eq!(names(&odd)[0].mend, "call it `watchfire-slack`");
        let top = json!({"packages": [{"name": "watchfire-tests", "manifest_path": "/x/tests/Cargo.toml"}]});
        assert!(names(&top).is_empty());
    }

    #[test]
    fn the_table_itself_has_no_circle() {
        fn reaches(from: &str, to: &str) -> bool {
            let next =
                ARROWS.iter().find(|(name, _)| *name == from).map(|(_, next)| *next).unwrap_or_default();
            next.iter().any(|name| *name == to || reaches(name, to))
        }
        for (name, _) in ARROWS {
            assert!(!reaches(name, name), "{name} reaches itself");
        }
    }
}
