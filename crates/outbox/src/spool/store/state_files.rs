//! Keep small things over restarts.

use std::io;

use super::{LARGEST, Spool};
use crate::spool::{Files, frame};

/// Names the drawers in which small things are kept over restarts, each under a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateKind {
    /// What delivered messages left behind at the provider, by channel and group.
    Receipts,
    /// Recipients with a new address, by channel and old address.
    Moved,
    /// Why nothing gets through to recipients.
    Failures,
    /// What each process has counted and not told of, by channel and process.
    Groups,
}

impl StateKind {
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Receipts => "state/receipts",
            Self::Moved => "state/moved",
            Self::Failures => "state/failures",
            Self::Groups => "state/groups",
        }
    }
}

impl<F: Files> Spool<F> {
    /// Keeps a text under a key that is a file's name, instead of what was there.
    pub(crate) fn keep(&mut self, drawer: StateKind, key: &str, text: &str) -> io::Result<()> {
        if watchfire_core::process::holds_own_secret(text.as_bytes()) {
            return Err(io::Error::other("it holds a credential of our own"));
        }
        let bytes = frame::wrap(&text, &[]).ok_or_else(|| io::Error::other("not a text"))?;
        let tmp = self.tmp();
        self.files.write(&tmp, &bytes)?;
        self.rename(&tmp, &format!("{}/{key}", drawer.folder()))?;
        self.files.sync(drawer.folder())
    }

    /// Returns all that is kept in a drawer; what is damaged is removed.
    pub(crate) fn kept(&self, drawer: StateKind) -> Vec<(String, String)> {
        self.texts(drawer.folder())
    }

    /// Returns all texts that are kept in a folder, by their names; what is damaged is removed.
    pub(crate) fn texts(&self, folder: &str) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        for key in self.files.list(folder).unwrap_or_default() {
            let path = format!("{folder}/{key}");
            let Ok(bytes) = self.files.read(&path, LARGEST) else { continue };
            match frame::unwrap::<String>(&bytes) {
                Ok((text, _)) => kept.push((key, text)),
                Err(_) => {
                    self.unlink(&path).ok();
                }
            }
        }
        kept.sort_unstable();
        kept
    }

    /// Forces to the disk what was forgotten in a drawer.
    pub(crate) fn sync(&self, drawer: StateKind) -> io::Result<()> {
        self.files.sync(drawer.folder())
    }

    /// Keeps nothing under a key any more; `false` if nothing was kept there.
    pub(crate) fn forget(&self, drawer: StateKind, key: &str) -> bool {
        self.unlink(&format!("{}/{key}", drawer.folder())).is_ok()
    }
}
