//! Log lines, against Python's own `logging`: the formats that we take from it.

use anyhow::{Context, Result};

use super::{Peer, python};
use crate::shell;

/// The peer: `logging` of the Python that is installed.
pub(super) const FORMATS: Peer =
    Peer { name: "interop::python_logging_formats", prepare: python::prepare, meet: formats };

fn formats() -> Result<()> {
    let folder = shell::root().join("crates/file/tests");
    let mut script = python::at(&folder.join("python/formats.py"));
    shell::read(script.arg("check").arg(folder.join("data/python_formats.json")))
        .map(drop)
        .context("Python formats otherwise than the data that our tests compare with")
}
