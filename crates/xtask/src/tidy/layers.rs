//! The layers inside a crate: which folder may use which, also through re-exports.

use std::collections::BTreeMap;

use super::Finding;
use super::source::{Tree, code, without_tests};
use super::tables::{BARRED, LAYERS, Layer, MOST_EXPORTS};

/// Finds uses of a folder that the table does not allow, and folders that export too much.
pub(super) fn folders(tree: &Tree) -> Vec<Finding> {
    LAYERS.iter().flat_map(|(name, layers)| check(tree, name, layers)).collect()
}

fn check(tree: &Tree, name: &str, layers: &[Layer]) -> Vec<Finding> {
    let root = format!("crates/{name}/src/");
    let lib = tree.file(&format!("{root}lib.rs")).map(code).unwrap_or_default();
    let exported = exports(&lib);
    let mut findings = Vec::new();
    for (path, text) in tree.sources(&root) {
        let inside = path.strip_prefix(&root).unwrap_or(path);
        // A file beside `lib.rs` may use every folder.
        let Some((folder, file)) = inside.split_once('/') else { continue };
        let Some((_, allowed)) = layers.iter().find(|(of, _)| *of == folder) else { continue };
        let code = without_tests(&code(text));
        let depth = 1 + file.matches('/').count() + usize::from(!file.ends_with("mod.rs"));
        for used in uses(&code, depth) {
            let Some(first) = used.split("::").next() else { continue };
            let to = exported.get(first).map_or(first, String::as_str);
            if BARRED.iter().any(|(end, folders)| file.ends_with(end) && folders.contains(&to)) {
                findings.push(Finding::new(
                    path,
                    format!("uses `{used}` of `{to}`, which it judges"),
                    "write the expectation from the guide, or have another file of the folder ask",
                ));
            } else if to != folder && !allowed.contains(&to) {
                findings.push(Finding::new(
                    path,
                    format!("uses `{used}` of `{to}`, and `{folder}` is below it or beside it"),
                    format!(
                        "move what both need to a lower folder; `{folder}` may use: {}",
                        allowed.join(", ")
                    ),
                ));
            }
        }
        if file == "mod.rs" {
            let count = exports(&code).len();
            if count > MOST_EXPORTS {
                findings.push(Finding::new(
                    path,
                    format!("exports {count} names, {MOST_EXPORTS} is the limit"),
                    "keep to itself what only this folder uses, or split the folder",
                ));
            }
        }
    }
    findings
}

/// Returns the names that `pub use` exports, each with the module that it comes from.
fn exports(code: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for statement in statements(code, |head| head.starts_with("pub")) {
        for path in expand(&statement) {
            let mut parts = path.split("::").filter(|part| !matches!(*part, "crate" | "self"));
            if let (Some(from), Some(name)) = (parts.next(), path.rsplit("::").next()) {
                found.insert(name.to_owned(), from.to_owned());
            }
        }
    }
    found
}

/// Returns the paths from the crate's root that the code of a module at this depth uses.
fn uses(code: &str, depth: usize) -> Vec<String> {
    let mut paths: Vec<String> = statements(code, |_| true).iter().flat_map(|text| expand(text)).collect();
    for (at, _) in code.match_indices("crate::") {
        let path = code.get(at..).unwrap_or_default();
        let end = path.find(|char: char| !(char.is_alphanumeric() || matches!(char, '_' | ':')));
        paths.push(path.get(..end.unwrap_or(path.len())).unwrap_or_default().to_owned());
    }
    let from_root = |path: &String| {
        if let Some(path) = path.strip_prefix("crate::") {
            return Some(path.to_owned());
        }
        let climbs = path.split("::").take_while(|part| *part == "super").count();
        (climbs > 0 && climbs == depth).then(|| path.replace("super::", ""))
    };
    let mut found: Vec<String> = paths.iter().filter_map(from_root).filter(|path| !path.is_empty()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns the trees of the `use` statements whose visibility is wanted.
fn statements(code: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("use ") {
        let head = before.rsplit([';', '}', '\n']).next().unwrap_or_default().trim();
        let (tree, next) = after.split_once(';').unwrap_or((after, ""));
        if (head.is_empty() || head.starts_with("pub")) && wanted(head) {
            found.push(tree.split_whitespace().collect());
        }
        rest = if head.is_empty() || head.starts_with("pub") { next } else { after };
    }
    found
}

/// Returns the paths of a `use` tree without white space.
fn expand(tree: &str) -> Vec<String> {
    let Some((before, inside)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (at, char) in inside.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(inside.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(inside.get(begin..));
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{before}{part}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "mod low;\nmod high;\npub use high::{Pump, valve::Valve};\npub use low::Pipe;\n";
    const TABLE: &[Layer] = &[("low", &[]), ("high", &["low"])];

    fn what(path: &str, text: &str) -> Vec<String> {
        let path = format!("crates/x/src/{path}");
        let tree = Tree::of([("crates/x/src/lib.rs", LIB), (path.as_str(), text)]);
        check(&tree, "x", TABLE).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn an_oracle_uses_nothing_of_what_it_judges() {
        let layers: &[Layer] = &[("aggregate", &[]), ("sim", &["aggregate"])];
        let found = |path: &str, text: &str| {
            let path = format!("crates/x/src/{path}");
            let lib = "mod aggregate;\nmod sim;\npub use aggregate::Group;\n";
            let tree = Tree::of([("crates/x/src/lib.rs", lib), (path.as_str(), text)]);
            check(&tree, "x", layers).len()
        };
        assert_eq!(found("sim/world/count_oracle.rs", "use crate::aggregate::Group;"), 1);
        assert_eq!(found("sim/world/count_oracle.rs", "use crate::Group;"), 1);
        assert_eq!(found("sim/world/aggregation.rs", "use crate::aggregate::Group;"), 0);
    }

    #[test]
    fn upward_uses_are_found_through_re_exports_too() {
        let cases = [
            ("low/a.rs", "use crate::high::Pump;", 1),
            ("low/a.rs", "use crate::{Pipe, high::{Pump, valve}};", 2),
            ("low/a.rs", "use crate::Valve;", 1),
            ("low/a.rs", "fn f() -> crate::Pump {}", 1),
            ("low/a.rs", "use super::super::high::Pump;", 1),
            ("low/mod.rs", "use super::high::Pump;", 1),
            ("low/mod.rs", "pub(crate) use crate::high::Pump;", 1),
            ("low/a.rs", "use super::b::C;", 0),
            ("low/a.rs", "use crate::Pipe;", 0),
            ("low/a.rs", "/// [`crate::Pump`]\n#[cfg(test)]\nmod tests { use crate::high::Pump; }", 0),
            ("high/a.rs", "use crate::{Pipe, Pump, low::b};", 0),
            ("top.rs", "use crate::{high, low};", 0),
        ];
        for (path, text, expected) in cases {
            assert_eq!(what(path, text).len(), expected, "{path}: {text}: {:?}", what(path, text));
        }
    }

    #[test]
    fn a_folder_that_exports_too_much_is_found() {
        for (count, expected) in [(MOST_EXPORTS, 0), (MOST_EXPORTS + 1, 1)] {
            let names: Vec<String> = (0..count).map(|i| format!("N{i}")).collect();
            let text = format!("pub(crate) use a::{{{}}};", names.join(", "));
            assert_eq!(what("low/mod.rs", &text).len(), expected);
        }
    }
}
