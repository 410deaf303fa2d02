//! The vendors' own descriptions of their protocols. They are not part of the repository: they are looked for in the
//! folder that `WATCHFIRE_SPECS` names, else in `../shared/specs`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::shell;

/// Returns the path of a description.
///
/// # Errors
/// When it is not there; the text says where it was looked for.
pub(super) fn path(name: &str) -> Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the one setting of the interop checks")]
    let folder = std::env::var_os("WATCHFIRE_SPECS")
        .map_or_else(|| shell::root().join("../shared/specs"), PathBuf::from);
    let path = folder.join(name);
    ensure!(
        path.is_file(),
        "{} is not there; name the folder of the descriptions in WATCHFIRE_SPECS",
        path.display()
    );
    Ok(path)
}
