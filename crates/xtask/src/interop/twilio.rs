//! Requests to Twilio against its OpenAPI description, and their segments against Twilio's calculator.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Peer, node, python};
use crate::shell;

/// The peer: the OpenAPI description.
pub(super) const REQUESTS: Peer =
    Peer { name: "interop::twilio_openapi", prepare: prepare_requests, meet: requests };
/// The peer: `sms-segments-calculator`.
pub(super) const SEGMENTS: Peer =
    Peer { name: "interop::twilio_segments", prepare: node::prepare, meet: segments };

/// The package of Twilio's own command line, which carries its OpenAPI descriptions (MIT).
const PACKAGE: (&str, &str) = ("@twilio/cli-core", "9.0.0");

fn description() -> Result<PathBuf> {
    Ok(node::unpacked(PACKAGE.0, PACKAGE.1)?.join("src/services/twilio-api/twilio_api_v2010.json"))
}

fn prepare_requests() -> Result<()> {
    description()?;
    python::prepare()
}

fn requests() -> Result<()> {
    let sent = super::printed("watchfire-sms", "interop_requests", &[])?;
    let mut script = python::script("twilio_requests.py");
    let said = shell::read(script.arg(description()?).stdin(File::open(&sent)?))
        .context("the description does not allow our requests")?;
    at_least(&said, 100)
}

fn segments() -> Result<()> {
    let counted = super::printed("watchfire-sms", "interop_segments", &[])?;
    let said = shell::read(node::script("segments.js").stdin(File::open(&counted)?))
        .context("Twilio's calculator counts otherwise")?;
    at_least(&said, 2_000)
}

fn at_least(said: &str, cases: u64) -> Result<()> {
    let summary: Value = serde_json::from_str(said).with_context(|| format!("not a summary: {said}"))?;
    ensure!(summary["read"].as_u64() >= Some(cases), "fewer than {cases} cases were read: {summary}");
    Ok(())
}
