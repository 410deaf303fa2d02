//! Checks on the shape of the tree: what a reader trusts without looking, and what rots unseen.
//!
//! Each check is a pure function from the tree's texts, or from what cargo says, to findings. What is allowed, and
//! each exception with its reason, stands in `tables.rs`. A check of what is not in the tree finds nothing.

mod documents;
mod edges;
mod language;
mod layers;
mod manifests;
mod shape;
mod source;
mod tables;
mod trees;

use std::fmt;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{self, Paint, paint};
use source::Tree;

/// One thing that is not as agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// The file, or the package.
    place: String,
    what: String,
    /// How to mend it.
    mend: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.what, self.mend)
    }
}

/// Runs all checks and prints the findings.
///
/// # Errors
/// When there is a finding, or the tree or cargo cannot be read.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::load(&shell::root())?;
    let metadata = shell::read(shell::cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;

    let mut findings = Vec::new();
    findings.extend(edges::arrows(&metadata));
    findings.extend(edges::names(&metadata));
    findings.extend(manifests::inherited(&tree)?);
    findings.extend(manifests::paths(&tree)?);
    findings.extend(manifests::rust_version(&tree)?);
    findings.extend(shape::siblings(&tree));
    findings.extend(shape::conformance(&tree));
    findings.extend(shape::sizes(&tree));
    findings.extend(shape::lib_files(&tree));
    findings.extend(shape::one_layer(&tree));
    findings.extend(shape::facade(&tree));
    findings.extend(layers::folders(&tree));
    findings.extend(documents::architecture(&tree));
    findings.extend(documents::dependencies(&tree, &metadata)?);
    findings.extend(documents::machine_paths(&tree));
    findings.extend(documents::type_docs(&tree));
    findings.extend(documents::examples(&tree));
    findings.extend(language::module_docs(&tree));
    findings.extend(language::test_names(&tree));
    findings.extend(language::openers(&tree));
    findings.extend(language::subjects(&subjects()));
    findings.extend(trees::lean(&metadata)?);

    for finding in &findings {
        println!("{}", finding.to_string().replacen(&finding.place, &paint(Paint::Bad, &finding.place), 1));
    }
    match findings.len() {
        0 => Ok(()),
        some => bail!("tidy has {some} finding(s)"),
    }
}

/// Returns the commits since the last tag, a line each; nothing where there is no history, as in a package.
fn subjects() -> String {
    let git = |args: &[&str]| shell::read(shell::command("git").args(args)).ok();
    let tag = git(&["describe", "--tags", "--abbrev=0"]).map(|tag| tag.trim().to_owned());
    let range = format!("{}..HEAD", tag.as_deref().unwrap_or(tables::SUBJECTS_SINCE));
    git(&["log", "--no-merges", "--format=%h %s", &range]).unwrap_or_default()
}
