//! Documents against what they speak of.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::source::Tree;
use super::tables::PATH_FILES;
use super::{Finding, edges};

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const MOST_ARCHITECTURE_LINES: usize = 200;
const DEPENDENCIES: &str = "docs/dependencies.md";

/// Finds an overview that is too long to be one.
pub(super) fn architecture(tree: &Tree) -> Vec<Finding> {
    let lines = tree.file(ARCHITECTURE).map_or(0, |text| text.lines().count());
    if lines <= MOST_ARCHITECTURE_LINES {
        return Vec::new();
    }
    let what = format!("has {lines} lines, {MOST_ARCHITECTURE_LINES} is the limit");
    vec![Finding::new(ARCHITECTURE, what, "move detail to the module it speaks of, or to docs/decisions/")]
}

/// Finds dependencies without a reason, reasons without a dependency, and versions that are not inherited.
///
/// # Errors
/// When the root manifest is not TOML.
pub(super) fn dependencies(tree: &Tree, metadata: &Value) -> Result<Vec<Finding>> {
    let manifest = tree.file("Cargo.toml").unwrap_or_default();
    let manifest: toml::Table = toml::from_str(manifest).context("Cargo.toml is not TOML")?;
    let declared: BTreeSet<&str> = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies")?.as_table())
        .into_iter()
        .flat_map(|table| table.keys())
        .map(String::as_str)
        .filter(|name| !is_ours(name))
        .collect();
    let lines: Vec<&str> = tree.file(DEPENDENCIES).unwrap_or_default().lines().filter_map(named).collect();

    let mut findings = Vec::new();
    for name in declared.iter().filter(|name| !lines.contains(name)) {
        findings.push(Finding::new(
            DEPENDENCIES,
            format!("has no line for `{name}`"),
            format!("add \"- `{name}`: why it is worth its price\", or remove the dependency"),
        ));
    }
    for name in lines.iter().filter(|name| !declared.contains(**name)) {
        findings.push(Finding::new(
            DEPENDENCIES,
            format!("speaks of `{name}`, which is no workspace dependency"),
            "remove the line",
        ));
    }
    for pair in lines.windows(2) {
        if let [first, second] = pair
            && first >= second
        {
            findings.push(Finding::new(
                DEPENDENCIES,
                format!("`{second}` stands after `{first}`"),
                "sort the lines, one each",
            ));
        }
    }
    for package in edges::packages(metadata) {
        let theirs = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        let outside = |name: &&str| !is_ours(name) && !declared.contains(name);
        for name in theirs.iter().filter_map(|dependency| dependency["name"].as_str()).filter(outside) {
            findings.push(Finding::new(
                edges::manifest(package),
                format!("names its own version of `{name}`"),
                format!("declare it once in the root Cargo.toml and write `{name}.workspace = true`"),
            ));
        }
    }
    Ok(findings)
}

/// Finds paths of somebody's machine.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| !PATH_FILES.iter().any(|(file, _)| file == path)) {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(found) = machine_path(line) {
                findings.push(Finding::new(
                    format!("{path}:{number}"),
                    format!("names a path of one machine: `{found}…`"),
                    "use a path relative to the repository, or an invented one such as /srv/shop",
                ));
            }
        }
    }
    findings
}

/// Finds docs of types that begin with "Is": a type is a thing, and its doc a noun phrase.
pub(super) fn type_docs(tree: &Tree) -> Vec<Finding> {
    let docs = tree.files().filter(|(path, _)| path.ends_with(".rs"));
    let lines =
        docs.flat_map(|(path, text)| (1..).zip(text.lines()).map(move |(number, line)| (path, number, line)));
    let found = lines.filter(|(_, _, line)| line.trim_start().starts_with(concat!("/// ", "Is ")));
    let finding = |(path, number, _)| {
        let what = "has a doc that begins with `Is`";
        Finding::new(
            format!("{path}:{number}"),
            what,
            "write a noun phrase: \"The rate limit of a channel.\"",
        )
    };
    found.map(finding).collect()
}

/// Finds examples of the README and the guides that compile through another crate than the facade.
pub(super) fn examples(tree: &Tree) -> Vec<Finding> {
    let guides = tree.files().filter(|(path, _)| *path == "README.md" || path.starts_with("docs/guide/"));
    let lines = guides
        .flat_map(|(path, text)| (1..).zip(text.lines()).map(move |(number, line)| (path, number, line)));
    let found = lines.filter(|(_, _, line)| {
        let line = line.trim_start().trim_start_matches("# ");
        line.starts_with("use watchfire_") || line.starts_with("pub use watchfire_")
    });
    let finding = |(path, number, _)| {
        let what = "has an example that names an internal crate";
        Finding::new(format!("{path}:{number}"), what, "use the name that the facade `watchfire` exports")
    };
    found.map(finding).collect()
}

/// Returns the start of a path that only one machine has.
fn machine_path(line: &str) -> Option<&'static str> {
    let starts = ["/work/", "/root/", "/home/", "/Users/", "C:\\Users\\"];
    starts.into_iter().find(|start| {
        line.match_indices(start).any(|(at, _)| {
            // In `framework/` and in a URL's path it is a part of something else.
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            before.is_none_or(|char| !(char.is_alphanumeric() || "._-~}/".contains(char)))
        })
    })
}

/// Returns the name that a line "- `name`: reason" is about; a line without a reason is about nothing.
fn named(line: &str) -> Option<&str> {
    let (name, reason) = line.strip_prefix("- `")?.split_once("`: ")?;
    (!reason.trim().is_empty()).then_some(name)
}

fn is_ours(name: &str) -> bool {
    name == "watchfire" || name.starts_with("watchfire-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROOT: &str = "[workspace.dependencies]\nlibc = \"1\"\nlog = \"1\"\nwatchfire-core = \"0.1\"\n";

    fn check(lines: &str, dependency: &str) -> Vec<String> {
        let tree = Tree::of([("Cargo.toml", ROOT), (DEPENDENCIES, lines)]);
        let metadata = json!({"packages": [{
            "name": "watchfire-core", "manifest_path": "/x/crates/core/Cargo.toml",
            "dependencies": [{"name": dependency}, {"name": "watchfire-core"}],
        }]});
        dependencies(&tree, &metadata).unwrap().into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn each_dependency_has_its_line_and_each_line_its_dependency() {
        let good = "# Why\n\n- `libc`: atexit\n- `log`: records\n";
        let cases: [(&str, &str, &[&str]); 6] = [
            (good, "libc", &[]),
            ("- `log`: records\n", "libc", &["has no line for `libc`"]),
            ("- `libc`: \n- `log`: records\n", "libc", &["has no line for `libc`"]),
            (
                "- `libc`: a\n- `log`: b\n- `zip`: c\n",
                "libc",
                &["speaks of `zip`, which is no workspace dependency"],
            ),
            ("- `log`: b\n- `libc`: a\n", "libc", &["`libc` stands after `log`"]),
            (good, "tokio", &["names its own version of `tokio`"]),
        ];
        for (lines, dependency, expected) in cases {
            assert_eq!(check(lines, dependency), expected, "{lines}{dependency}");
        }
    }

    #[test]
    fn an_overview_of_201_lines_is_none() {
        for (lines, expected) in [(200, 0), (201, 1)] {
            let text = "x\n".repeat(lines);
            assert_eq!(architecture(&Tree::of([(ARCHITECTURE, &text)])).len(), expected);
        }
        assert_eq!(architecture(&Tree::of([])), []);
    }

    #[test]
    fn a_type_doc_that_begins_with_is_is_found() {
        let bad = concat!("    /// ", "Is the queue.\n");
        let tree =
            Tree::of([("crates/x/src/a.rs", bad), ("crates/x/src/b.rs", "/// The queue. Is full at 10.\n")]);
        let places: Vec<_> = type_docs(&tree).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["crates/x/src/a.rs:1"]);
    }

    #[test]
    fn an_example_through_an_internal_crate_is_found() {
        let tree = Tree::of([
            ("docs/guide/a.md", "fine\n# use watchfire_config as watchfire;\n"),
            ("README.md", "use watchfire_core::Memory;\nuse watchfire::Slack;\n"),
            ("docs/decisions/1.md", "use watchfire_core::Memory;\n"),
        ]);
        let places: Vec<_> = examples(&tree).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["README.md:1", "docs/guide/a.md:2"]);
    }

    #[test]
    fn paths_of_a_machine_are_found_with_their_line() {
        let tree = Tree::of([("docs/a.md", "fine\nsee /home/ada/x\n")]);
        assert_eq!(machine_paths(&tree)[0].place, "docs/a.md:2");
        let bad = ["/work/shop", "\"/root/shop\"", "(/Users/ada)", "C:\\Users\\ada"];
        let good = [
            "/srv/shop",
            "framework/work/x",
            "https://example.com/home/x",
            "target/root/x",
            "${HOME}/work/x",
        ];
        for line in bad {
            assert!(machine_path(line).is_some(), "{line}");
        }
        for line in good {
            assert!(machine_path(line).is_none(), "{line}");
        }
    }
}
