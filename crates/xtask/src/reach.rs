//! Whether a user of the facade can name every type that its signatures name: read from the documentation, in which a
//! type that the facade does not show links to the crate that it comes from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

/// Reads the pages of the facade, which `cargo doc` has just written.
///
/// # Errors
/// When a type cannot be reached, or there are no pages.
pub(crate) fn run() -> Result<()> {
    let metadata = shell::read(shell::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).context("cargo wrote no JSON")?;
    let target = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    let root = Path::new(target.context("cargo names no target directory")?).join("doc").join("watchfire");
    let mut foreign: BTreeMap<String, String> = BTreeMap::new();
    let pages = pages(&root)?;
    ensure!(pages.len() > 50, "{} has {} pages; has `cargo doc` changed?", root.display(), pages.len());
    for path in pages {
        let page = fs::read_to_string(&path)?;
        for link in signatures(&page).flat_map(links).filter(|link| is_foreign(link)) {
            let shown = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
            foreign.insert(link.trim_start_matches("../").to_owned(), shown);
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = foreign.iter().map(|(link, page)| format!("{link} (on {page})")).collect();
    bail!("the facade names what it does not show; re-export it:\n{}", list.join("\n"))
}

fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no documentation in {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(pages(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The declaration of an item, and the headers of its methods and traits.
fn signatures(page: &str) -> impl Iterator<Item = &str> {
    let between = |open: &'static str, close: &'static str| {
        page.split(open).skip(1).filter_map(move |rest| Some(rest.split_once(close)?.0))
    };
    between("<pre class=\"rust item-decl\">", "</pre>")
        .chain(between("<h3 class=\"code-header\">", "</h3>"))
        .chain(between("<h4 class=\"code-header\">", "</h4>"))
}

fn links(signature: &str) -> impl Iterator<Item = &str> {
    signature.split("href=\"").skip(1).filter_map(|rest| Some(rest.split_once(['"', '#'])?.0))
}

/// A type of a crate behind the facade; the facade's own pages are named without its crate. The crate of the filters is
/// a module of the facade as a whole.
fn is_foreign(link: &str) -> bool {
    let is_type =
        ["/struct.", "/enum.", "/trait.", "/type.", "/union."].iter().any(|kind| link.contains(kind));
    is_type && link.contains("../watchfire_") && !link.contains("../watchfire_filter/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_types_that_only_another_crate_shows() {
        let page = r#"<p><a href="../watchfire_core/struct.A.html">in prose</a></p>
            <pre class="rust item-decl"><code>pub struct X(<a href="struct.Y.html">Y</a>)</code></pre>
            <h4 class="code-header">pub fn f(&amp;self) -> <a class="struct" href="../watchfire_outbox/folder/struct.Entry.html#x" title="">Entry</a></h4>"#;
        let found: Vec<_> = signatures(page).flat_map(links).filter(|link| is_foreign(link)).collect();
        assert_eq!(found, ["../watchfire_outbox/folder/struct.Entry.html"]);
    }
}
