//! Slack payloads, read by the models of Slack's own Python library.

use std::fs::File;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Peer, python};
use crate::shell;

/// The peer: `slack_sdk`.
pub(super) const PEER: Peer = Peer { name: "interop::slack_sdk_models", prepare: python::prepare, meet };

fn meet() -> Result<()> {
    let payloads = super::printed("watchfire-slack", "interop_payloads", &[])?;
    let said = shell::read(python::script("slack_models.py").stdin(File::open(&payloads)?))
        .context("Slack's models do not take our payloads")?;
    let summary: Value = serde_json::from_str(&said).with_context(|| format!("not a summary: {said}"))?;
    ensure!(summary["read"].as_u64() >= Some(500), "too few payloads were read: {summary}");
    Ok(())
}
