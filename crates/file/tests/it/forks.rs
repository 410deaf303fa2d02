//! Children of a fork write their own lines, nobody's twice, and do not hang.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

/// Finds an example of this package, built with the tests.
fn example(name: &str) -> PathBuf {
    let folder = std::env::current_exe().unwrap();
    let program = folder.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "build it first: `cargo build -p watchfire-file --example {name}`");
    program
}

#[test]
fn a_child_writes_its_own_lines_and_nobodys_twice() {
    for (way, children) in [("exit", 0), ("log", 1), ("twice", 1), ("busy", 50)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.log");
        let ended = Command::new(example("log_forks")).arg(&path).arg(way).output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && stderr.is_empty(), "{way}: {stderr}");
        let text = fs::read_to_string(&path).unwrap();
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.split_once('<').map(|(_, rest)| rest)) {
            *seen.entry(line).or_default() += 1;
        }
        assert_eq!(seen.remove("parent>"), Some(1), "{way}");
        assert_eq!(seen.len(), 5 * children, "{way}");
        assert!(seen.values().all(|times| *times == 1), "{way}: {seen:?}");
    }
}
