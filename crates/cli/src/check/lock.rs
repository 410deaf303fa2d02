//! Find the `Cargo.lock` that belongs to a configuration.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use watchfire_config::Lock;

/// Says which lock file is looked into.
#[derive(clap::Args)]
pub(crate) struct LockFile {
    /// Look for targets among the packages of this Cargo.lock; without it, of the one beside FILE, or above it up to the
    /// workspace's root
    #[arg(long, value_name = "PATH", conflicts_with = "no_lock")]
    lock: Option<PathBuf>,
    /// Look into no Cargo.lock
    #[arg(long)]
    no_lock: bool,
    /// Accept TARGET though no package has its name (repeatable)
    #[arg(long, value_name = "TARGET")]
    own_target: Vec<String>,
}

impl LockFile {
    /// Reads the packages. A file named on the command line must exist; one found beside the configuration may be unreadable.
    pub(super) fn read(&self, configuration: &Path) -> anyhow::Result<Option<Lock>> {
        let lock = match &self.lock {
            _ if self.no_lock => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Some(Lock::parse(&text).map_err(|error| anyhow!("{}: {}", path.display(), error.reason()))?)
            }
            None => above(configuration)
                .and_then(|path| std::fs::read_to_string(path).ok())
                .and_then(|text| Lock::parse(&text).ok()),
        };
        Ok(lock.map(|lock| self.own_target.iter().fold(lock, Lock::and)))
    }
}

/// Goes up from a file's folder to the first that has a `Cargo.lock`, and no higher than a workspace or a repository.
fn above(file: &Path) -> Option<PathBuf> {
    if file.as_os_str() == "-" {
        return None;
    }
    let file = std::path::absolute(file).ok()?;
    for folder in file.ancestors().skip(1) {
        let lock = folder.join("Cargo.lock");
        if lock.is_file() {
            return Some(lock);
        }
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        let is_root = manifest.lines().any(|line| line.trim() == "[workspace]");
        if is_root || folder.join(".git").exists() {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_lock_up_to_the_workspaces_root_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let deep = root.join("outer/inner/conf");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.join("Cargo.lock"), "").unwrap();
        let found = || above(&deep.join("watchfire.toml"));
        assert_eq!(found(), Some(root.join("Cargo.lock")));
        fs::write(root.join("outer/Cargo.toml"), "[package]\nname = \"x\"\n").unwrap();
        assert_eq!(found(), Some(root.join("Cargo.lock")));
        fs::write(root.join("outer/Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        assert_eq!(found(), None, "what is above a workspace is none of its");
        fs::write(root.join("outer/Cargo.lock"), "").unwrap();
        assert_eq!(found(), Some(root.join("outer/Cargo.lock")));
        assert_eq!(above(Path::new("-")), None);
    }
}
