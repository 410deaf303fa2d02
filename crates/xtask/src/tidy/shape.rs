//! Checks on files: which there are, how long they are, and what they may contain.

use super::Finding;
use super::source::{Tree, code, without_macros, without_tests, words};
use super::tables::{LONG_FILES, MOST_LINES, SINK_FILES, SINKS};

const TABLES: &str = "crates/xtask/src/tidy/tables.rs";
const MOST_LIB_LINES: usize = 60;

/// Finds sinks whose files differ from their siblings'.
pub(super) fn siblings(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for sink in SINKS {
        let folder = format!("crates/{sink}/src/");
        let files: Vec<&str> =
            tree.sources(&folder).filter_map(|(path, _)| path.strip_prefix(&folder)).collect();
        if files.is_empty() {
            continue;
        }
        for name in ["lib.rs", "config.rs", "render.rs", "sink.rs", "verify.rs"]
            .iter()
            .filter(|name| !files.contains(name))
        {
            findings.push(Finding::new(
                format!("{folder}{name}"),
                "is missing, and every sink has it",
                "see CONTRIBUTING.md, \"Add a sink\", for what belongs there",
            ));
        }
        let carriers = files.iter().filter(|name| matches!(**name, "api.rs" | "transport.rs")).count();
        if carriers != 1 {
            findings.push(Finding::new(
                folder.clone(),
                format!("has {carriers} of api.rs and transport.rs"),
                "keep the exchange with the provider in api.rs when it is HTTP, else in transport.rs",
            ));
        }
        let listed = |name: &str| SINK_FILES.iter().any(|(of, file, _)| of == sink && *file == name);
        let usual = ["lib.rs", "config.rs", "render.rs", "api.rs", "transport.rs", "sink.rs", "verify.rs"];
        for name in files.iter().filter(|name| !usual.contains(name) && !listed(name)) {
            findings.push(Finding::new(
                format!("{folder}{name}"),
                "no sibling has this file",
                format!("move it into config, render, api, transport, sink or verify; or add it with its reason to SINK_FILES in {TABLES}"),
            ));
        }
    }
    for (sink, file, _) in SINK_FILES {
        if tree.file(&format!("crates/{sink}/src/{file}")).is_none() {
            findings.push(stale("SINK_FILES", &format!("{sink}/{file}")));
        }
    }
    findings
}

/// Finds sinks that do not run the suite that all sinks must pass.
pub(super) fn conformance(tree: &Tree) -> Vec<Finding> {
    if tree.sources("crates/testing/src/conformance").next().is_none() {
        return Vec::new();
    }
    let there = |sink: &&&str| tree.file(&format!("crates/{sink}/src/lib.rs")).is_some();
    let runs_it = |sink: &str| {
        let folder = format!("crates/{sink}/");
        let mut code = tree.files().filter(|(path, _)| path.starts_with(&folder)).map(|(_, text)| code(text));
        code.any(|code| words(&code).any(|word| word == "conformance"))
    };
    let finding = |sink: &&str| {
        Finding::new(
            format!("crates/{sink}/tests/it/main.rs"),
            "does not run the conformance suite",
            "call `watchfire_testing::conformance` with this sink, as its siblings do",
        )
    };
    SINKS.iter().filter(there).filter(|sink| !runs_it(sink)).map(finding).collect()
}

/// Finds files that are too long, their tests aside.
pub(super) fn sizes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources("") {
        let lines = without_tests(&code(text)).lines().count();
        let listed = LONG_FILES.iter().any(|(long, _)| *long == path);
        if lines > MOST_LINES && !listed {
            findings.push(Finding::new(
                path,
                format!("has {lines} lines besides its tests, {MOST_LINES} is the limit"),
                format!("give a part of it a file with a name of its own; or add it with its reason to LONG_FILES in {TABLES}"),
            ));
        }
        if lines <= MOST_LINES && listed {
            findings.push(stale("LONG_FILES", path));
        }
    }
    let gone = LONG_FILES.iter().filter(|(path, _)| tree.file(path).is_none());
    findings.extend(gone.map(|(path, _)| stale("LONG_FILES", path)));
    findings
}

/// Finds `lib.rs` files that are more than documentation, modules and exports.
pub(super) fn lib_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources("crates/").filter(|(path, _)| path.ends_with("/src/lib.rs")) {
        let lines = text.lines().count();
        if lines > MOST_LIB_LINES {
            findings.push(Finding::new(
                path,
                format!("has {lines} lines, {MOST_LIB_LINES} is the limit"),
                "move long documentation to the crate's README.md and include it",
            ));
        }
        if words(&without_macros(&code(text))).any(|word| word == "fn") {
            findings.push(Finding::new(
                path,
                "has a function",
                "move it to a module; lib.rs holds docs, mods and exports",
            ));
        }
    }
    findings
}

/// Finds every `impl Layer` but the one of core.
///
/// Only what is shipped counts: examples and tests are users. A tower `Layer` is another trait of the same name.
pub(super) fn one_layer(tree: &Tree) -> Vec<Finding> {
    let homes: Vec<&str> = tree
        .sources("crates/")
        .filter(|(path, text)| {
            path.contains("/src/")
                && (!path.starts_with("crates/tower/") || text.contains("tracing_subscriber"))
        })
        .flat_map(|(path, text)| vec![path; layer_impls(&without_tests(&code(text)))])
        .collect();
    let in_core = homes.iter().filter(|path| path.starts_with("crates/core/")).count();
    let mend = "implement core's `Handler` and make the layer from it with `HandlerLayer`";
    let mut findings: Vec<Finding> = homes
        .iter()
        .filter(|path| !path.starts_with("crates/core/"))
        .map(|path| Finding::new(*path, "implements `Layer` a second time", mend))
        .collect();
    if in_core != 1 && tree.file("crates/core/src/lib.rs").is_some() {
        findings.push(Finding::new("crates/core/src", format!("implements `Layer` {in_core} times"), mend));
    }
    findings
}

/// Finds functions in the facade.
pub(super) fn facade(tree: &Tree) -> Vec<Finding> {
    tree.sources("crates/watchfire/src/")
        .filter(|(_, text)| words(&without_macros(&without_tests(&code(text)))).any(|word| word == "fn"))
        .map(|(path, _)| {
            Finding::new(
                path,
                "has a function",
                "the facade only re-exports: move it to the crate it belongs to",
            )
        })
        .collect()
}

/// Counts the impls of a trait whose last name is `Layer`.
fn layer_impls(code: &str) -> usize {
    let mut rest = code;
    let mut count = 0;
    while let Some((before, after)) = rest.split_once("impl") {
        rest = after;
        let part = |char: char| char.is_alphanumeric() || char == '_';
        if before.ends_with(part) || after.starts_with(part) {
            continue;
        }
        let head = without_generics(after.split('{').next().unwrap_or_default());
        let Some((of, _)) = head.split_once(" for ") else { continue };
        if of.trim().rsplit("::").next() == Some("Layer") {
            count += 1;
        }
    }
    count
}

/// Drops everything between `<` and `>`; the arrow of a function type is none of them.
fn without_generics(head: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for char in head.replace("->", "").replace('\n', " ").chars() {
        match char {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(char),
            _ => {}
        }
    }
    out
}

fn stale(table: &str, entry: &str) -> Finding {
    Finding::new(TABLES, format!("the exception `{entry}` in {table} is not needed any more"), "remove it")
}

#[cfg(test)]
mod tests;
