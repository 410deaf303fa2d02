//! The private Pythons: virtual environments in `.tools` with pinned packages.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// A virtual environment.
pub(super) struct Environment {
    /// Its folder in `.tools`.
    folder: &'static str,
    /// The file of its packages, beside our scripts.
    file: &'static str,
    /// The packages, and their versions.
    packages: &'static str,
}

/// The package that most peers need.
pub(super) const COMMON: Environment = Environment {
    folder: "venv",
    file: "requirements.txt",
    packages: include_str!("../../interop/requirements.txt"),
};

/// Bugsink, which brings a web framework of its own.
pub(super) const BUGSINK: Environment = Environment {
    folder: "venv-bugsink",
    file: "requirements-bugsink.txt",
    packages: include_str!("../../interop/requirements-bugsink.txt"),
};

impl Environment {
    /// Makes the environment, unless it is there with just these packages.
    ///
    /// # Errors
    /// When there is no Python 3 with `venv`, or a package cannot be had.
    pub(super) fn prepare(&self) -> Result<()> {
        let stamp = self.path().join("requirements.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.packages) {
            return Ok(());
        }
        shell::read(shell::command("python3").args(["-m", "venv", "--clear"]).arg(self.path()))
            .context("python3 with its venv module is needed (Debian: python3-venv)")?;
        shell::read(
            self.python()
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(super::scripts().join(self.file)),
        )
        .context("pip could not install the pinned packages")?;
        fs::write(&stamp, self.packages).with_context(|| format!("could not write {}", stamp.display()))
    }

    /// Returns a command that runs one of our scripts.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = self.python();
        // Unbuffered, so that a line is here as soon as it is written.
        command.arg("-u").arg(super::scripts().join(name));
        command
    }

    /// Returns the path of a file that an installed module brings.
    ///
    /// # Errors
    /// When the module or the file is not there.
    pub(super) fn file(&self, module: &str, name: &str) -> Result<PathBuf> {
        let find = format!(
            "import importlib.util as u; print(u.find_spec({module:?}).submodule_search_locations[0])"
        );
        let folder = shell::read(self.python().args(["-c", &find]))
            .with_context(|| format!("the Python module {module} is not installed"))?;
        let path = PathBuf::from(folder.trim_end()).join(name);
        ensure!(path.is_file(), "{} is not there", path.display());
        Ok(path)
    }

    fn python(&self) -> Command {
        shell::command(self.path().join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }))
    }

    fn path(&self) -> PathBuf {
        shell::tools().join(self.folder)
    }
}

/// Makes the common environment.
///
/// # Errors
/// As [`Environment::prepare`].
pub(super) fn prepare() -> Result<()> {
    COMMON.prepare()
}

/// Returns a command that runs a script that lies elsewhere, in the common environment.
pub(super) fn at(script: &std::path::Path) -> Command {
    let mut command = COMMON.python();
    command.arg(script);
    command
}

/// Returns a command that runs one of our scripts in the common environment.
pub(super) fn script(name: &str) -> Command {
    COMMON.script(name)
}
