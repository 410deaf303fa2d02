//! How a program ends, in processes of their own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Returns the example program beside this test binary; `cargo test` builds both.
pub(crate) fn program(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.set_file_name("examples");
    path.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

fn run(way: &str, file: &Path) -> Output {
    Command::new(program("ends")).arg(way).arg(file).output().unwrap()
}

#[test]
fn every_end_but_abort_drains_what_waits() {
    // (way, lines, exit status)
    let cases = [
        ("return", "before the return\n", 0),
        ("exit", "before the exit\n", 3),
        ("exit-forgotten", "before the exit\n", 3),
        ("early-drop", "after the drop\n", 0),
        ("panic-main", "before the panic\n", 101),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (way, lines, status) in cases {
        let file = folder.path().join(way);
        let output = run(way, &file);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{way}: {errors}");
        assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), lines, "{way}: {errors}");
    }
}
