//! Sentry events, against Sentry's JSON Schema, and through a real server: Bugsink on SQLite.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Peer, python};
use crate::shell;

/// The peer: the schema.
pub(super) const SCHEMA: Peer =
    Peer { name: "interop::sentry_schema", prepare: prepare_schema, meet: schema };
/// The peer: Bugsink.
pub(super) const BUGSINK: Peer =
    Peer { name: "interop::sentry_bugsink", prepare: || python::BUGSINK.prepare(), meet: bugsink };

const LIMIT: Duration = Duration::from_secs(60);

/// Returns the path of the schema, which Bugsink carries unaltered (from `sentry-data-schemas`, MIT).
fn description() -> Result<PathBuf> {
    python::BUGSINK.file("api", "event.schema.json")
}

fn prepare_schema() -> Result<()> {
    python::BUGSINK.prepare()?;
    python::prepare()
}

fn schema() -> Result<()> {
    let events = super::printed("watchfire-sentry", "print_event", &[])?;
    let mut script = python::script("sentry_schema.py");
    let said = shell::read(script.arg(description()?).stdin(File::open(&events)?))
        .context("the schema does not allow our events")?;
    let summary: Value = serde_json::from_str(&said).with_context(|| format!("not a summary: {said}"))?;
    ensure!(summary["read"].as_u64() >= Some(500), "too few events were read: {summary}");
    Ok(())
}

fn bugsink() -> Result<()> {
    let build = ["build", "--quiet", "--package", "watchfire-sentry", "--example", SENDER];
    shell::run(shell::cargo().args(build))?;
    let server = SentryServer::start()?;
    let run = ["run", "--quiet", "--package", "watchfire-sentry", "--example", SENDER, "--"];
    shell::read_within(shell::cargo().args(run).arg(&server.dsn), LIMIT).context("the sender failed")?;
    judge(&server.stored()?)
}

const SENDER: &str = "interop_events";

/// Checks that everything is read back; returns all faults at once.
fn judge(stored: &Value) -> Result<()> {
    let exceptions = stored["data"]["exception"]["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let outermost = exceptions.last().map(|error| &error["value"]);
    let frames = exceptions.iter().filter_map(|error| error["stacktrace"]["frames"].as_array()).next_back();
    let crash = frames.and_then(|frames| frames.last());
    let checks = [
        ("one event is stored", stored["count"] == 1),
        ("the level", stored["level"] == "error"),
        ("the logger is the target", stored["logger"] == "storefront::payments"),
        ("the server's name", stored["server_name"] == "web-1.example.com"),
        ("the release", stored["release"] == "storefront@1.4.2"),
        ("the environment", stored["environment"] == "production"),
        ("the tag of the configuration", stored["tags"]["region"] == "eu"),
        ("the tag of a field named tags.x", stored["tags"]["tenant"] == "acme"),
        ("the tag of a chosen field", stored["tags"]["order"] == "4711"),
        ("three exceptions, the root cause first", exceptions.len() == 3),
        ("the outermost error", outermost.is_some_and(|value| value == "the bank did not answer")),
        ("frames", frames.is_some_and(|frames| frames.len() > 1)),
        ("the crash site is last, with its line", crash.is_some_and(|frame| frame["lineno"].is_number())),
        ("the message", stored["data"].to_string().contains("the payment of order 4711 failed")),
    ];
    let missing: Vec<&str> = checks.iter().filter(|(_, met)| !met).map(|(what, _)| *what).collect();
    ensure!(missing.is_empty(), "not met: {}\nstored: {stored:#}", missing.join("; "));
    Ok(())
}

/// A running server; it is ended when this is dropped.
struct SentryServer {
    child: Child,
    folder: PathBuf,
    dsn: String,
}

impl SentryServer {
    fn start() -> Result<Self> {
        let folder = shell::tools().join(format!("bugsink-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
        let child = python::BUGSINK
            .script("bugsink_server.py")
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start the server")?;
        let mut server = Self { child, folder, dsn: String::new() };
        let mut line = String::new();
        let stdout = server.child.stdout.as_mut().context("stdout was not piped")?;
        // One byte at a time, so that nothing of the later answer is taken into a buffer that is dropped.
        BufReader::with_capacity(1, stdout).read_line(&mut line).context("could not read from the server")?;
        let hello: Value =
            serde_json::from_str(&line).with_context(|| format!("the server ended with {line:?}"))?;
        server.dsn = hello["dsn"].as_str().with_context(|| format!("no dsn in {hello}"))?.to_owned();
        Ok(server)
    }

    /// Asks for what is stored, which ends the server.
    fn stored(mut self) -> Result<Value> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        let stdout = self.child.stdout.as_mut().context("stdout was not piped")?;
        stdout.read_to_string(&mut text).context("could not read from the server")?;
        let stored: Value =
            serde_json::from_str(&text).with_context(|| format!("the server ended with {text:?}"))?;
        ensure!(stored["error"].is_null(), "the server: {}", stored["error"]);
        Ok(stored)
    }
}

impl Drop for SentryServer {
    fn drop(&mut self) {
        shell::end(&mut self.child);
        drop(fs::remove_dir_all(&self.folder));
    }
}
