//! Read the environment and files. The one file here that does; everything else takes them as arguments.

use std::{fs, io, path::Path};

/// Reads a variable.
#[expect(clippy::disallowed_methods, reason = "configuration comes from the environment, by this file")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads a file.
pub(crate) fn file(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Returns the name of the program's file.
pub(crate) fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_stem().map_or_else(|| "program".to_owned(), |name| name.to_string_lossy().into_owned())
}
