//! One mail through aiosmtpd with STARTTLS and AUTH, parsed back by Python's `email`.
//!
//! The sender is the example `interop_mail` of the email crate, called with the server's URL and the file of its
//! CA. It sends one alert that says [`MESSAGE`] with the field [`FIELD`] from [`FROM`] to [`TO`], and ends with
//! success once the mail is accepted. Another field of it holds line breaks and what would be a `Bcc` header.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Peer, python};
use crate::shell;

/// The peer: aiosmtpd.
pub(super) const PEER: Peer = Peer { name: "interop::smtp_aiosmtpd", prepare: python::prepare, meet };

const FROM: &str = "errors@example.com";
const TO: &str = "ada@example.com";
/// Has a letter, a sign and an ideograph outside ASCII, and what HTML must escape.
const MESSAGE: &str = "payment refused für Zoë: 5 € <short> & 漢字";
const FIELD: (&str, &str) = ("order", "A-1017");

const USER: &str = "watchfire";
/// Has what a URL must escape.
const PASSWORD: &str = "pass/word:with@signs";
const PASSWORD_IN_URL: &str = "pass%2Fword%3Awith%40signs";
const LIMIT: Duration = Duration::from_secs(60);

fn meet() -> Result<()> {
    control()?;
    shell::run(shell::cargo().args([
        "build",
        "--quiet",
        "--package",
        "watchfire-email",
        "--example",
        SENDER,
    ]))?;
    let mut server = SmtpServer::start()?;
    let url = format!("smtp://{USER}:{PASSWORD_IN_URL}@localhost:{}", server.port);
    let sent = shell::read_within(
        shell::cargo()
            .args(["run", "--quiet", "--package", "watchfire-email", "--example", SENDER, "--", &url])
            .arg(&server.ca),
        LIMIT,
    );
    if let Err(error) = sent {
        return Err(error.context(format!("the sender failed; the server's side: {:?}", server.said())));
    }
    judge(&server.mail()?)
}

const SENDER: &str = "interop_mail";

/// Proves the server with Python's own client first, so that what fails after it is ours.
fn control() -> Result<()> {
    let server = SmtpServer::start()?;
    shell::read_within(
        python::script("smtplib_client.py")
            .args(["--user", USER, "--password", PASSWORD, "--port", &server.port.to_string()])
            .arg("--ca")
            .arg(&server.ca),
        LIMIT,
    )
    .context("Python's own client failed")?;
    let mail = server.mail()?;
    ensure!(mail["headers"]["subject"] == "Zahlung für 5 €", "the control mail came back as {mail}");
    Ok(())
}

/// Checks what a mail reader finds; returns all faults at once.
fn judge(mail: &Value) -> Result<()> {
    let header = |name: &str| mail["headers"][name].as_str().unwrap_or_default();
    let body = |kind: &str| mail[kind].as_str().unwrap_or_default();
    let once = |name: &str| mail["header_counts"][name] == 1;
    let (field, value) = FIELD;
    let message_id = header("message-id");
    let checks = [
        ("TLS is on", mail["tls"] == true),
        ("the user is authenticated", mail["user"] == USER),
        ("the envelope's sender", mail["envelope_from"] == FROM),
        ("the envelope's one recipient", mail["envelope_to"] == serde_json::json!([TO])),
        ("From, once", once("from") && header("from").contains(FROM)),
        ("To, once", once("to") && header("to").contains(TO)),
        ("Date, once, readable", once("date") && mail["date"].is_string()),
        (
            "Message-ID, once, <left@right>",
            once("message-id")
                && message_id.starts_with('<')
                && message_id.ends_with('>')
                && message_id.matches('@').count() == 1,
        ),
        ("Auto-Submitted: auto-generated", header("auto-submitted") == "auto-generated"),
        ("MIME-Version: 1.0", header("mime-version") == "1.0"),
        (
            "Subject, once, one line, with the message",
            once("subject") && header("subject").contains("für Zoë: 5 €"),
        ),
        ("the text part has the message", body("text").contains(MESSAGE)),
        ("the text part has the field", body("text").contains(field) && body("text").contains(value)),
        ("the HTML part has the message, escaped", body("html").contains("5 € &lt;short&gt; &amp; 漢字")),
        ("the HTML part has the field", body("html").contains(field) && body("html").contains(value)),
        ("text and HTML are alternatives", body_kinds(mail).contains("multipart/alternative text/plain")),
        ("no header from the hostile field", mail["headers"]["bcc"].is_null()),
        ("no defect in the eyes of the parser", mail["defects"] == serde_json::json!([])),
        ("no line over 998 bytes", mail["longest_line"].as_u64().is_some_and(|longest| longest <= 998)),
        ("no lone CR or LF", mail["bare_cr_or_lf"] == false),
        ("the password is nowhere in it", !mail.to_string().contains(PASSWORD)),
    ];
    let missing: Vec<&str> = checks.iter().filter(|(_, met)| !met).map(|(what, _)| *what).collect();
    ensure!(missing.is_empty(), "not met: {}\nthe mail: {mail:#}", missing.join("; "));
    Ok(())
}

fn body_kinds(mail: &Value) -> String {
    let kinds = mail["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// A running server; it is ended when this is dropped.
struct SmtpServer {
    child: Child,
    lines: BufReader<ChildStdout>,
    errors: Option<JoinHandle<String>>,
    /// Holds the CA of this run only.
    folder: PathBuf,
    port: u64,
    ca: PathBuf,
}

impl SmtpServer {
    fn start() -> Result<Self> {
        let folder = shell::tools().join(format!("smtp-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
        let mut child = python::script("aiosmtpd_server.py")
            .args(["--user", USER, "--password", PASSWORD, "--seconds", &LIMIT.as_secs().to_string()])
            .arg("--folder")
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start the server")?;
        let errors = shell::drain(child.stderr.take());
        let stdout = child.stdout.take().context("stdout was not piped")?;
        let lines = BufReader::new(stdout);
        let mut server = Self { child, lines, errors: Some(errors), folder, port: 0, ca: PathBuf::new() };
        let hello = server.line()?;
        server.port = hello["port"].as_u64().with_context(|| format!("no port in {hello}"))?;
        server.ca = Path::new(hello["ca"].as_str().with_context(|| format!("no ca in {hello}"))?).to_owned();
        Ok(server)
    }

    /// Waits for the mail; the server itself gives up after [`LIMIT`].
    fn mail(mut self) -> Result<Value> {
        let mail = self.line()?;
        if let Some(error) = mail["error"].as_str() {
            bail!("the server: {error}\n{}", self.said());
        }
        Ok(mail)
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line).context("could not read from the server")?;
        serde_json::from_str(&line)
            .with_context(|| format!("the server ended with {line:?}\n{}", self.said()))
    }

    fn said(&mut self) -> String {
        shell::end(&mut self.child);
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        shell::end(&mut self.child);
        drop(fs::remove_dir_all(&self.folder));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "tls": true, "user": USER, "envelope_from": FROM, "envelope_to": [TO],
            "headers": {
                "from": FROM, "to": TO, "message-id": "<a@b>", "auto-submitted": "auto-generated",
                "mime-version": "1.0", "subject": format!("[shop] ERROR: {MESSAGE}"),
            },
            "header_counts": {"from": 1, "to": 1, "date": 1, "message-id": 1, "subject": 1},
            "date": "2030-01-01T00:00:00+00:00",
            "parts": ["multipart/alternative", "text/plain", "text/html"],
            "text": format!("{MESSAGE}\norder: A-1017"),
            "html": "<p>payment refused für Zoë: 5 € &lt;short&gt; &amp; 漢字<td>order<td>A-1017",
            "attachments": [], "defects": [], "longest_line": 76, "bare_cr_or_lf": false,
        })
    }

    #[test]
    fn a_good_mail_passes() {
        judge(&good()).unwrap();
    }

    #[test]
    fn each_fault_is_named() {
        let faults = [
            ("/tls", json!(false), "TLS is on"),
            ("/envelope_to", json!([TO, "eve@example.com"]), "one recipient"),
            ("/header_counts/from", json!(2), "From, once"),
            ("/headers/message-id", json!("a@b"), "Message-ID"),
            ("/text", json!("payment refused fÃ¼r"), "the text part has the message"),
            ("/html", json!(MESSAGE), "escaped"),
            ("/parts", json!(["multipart/mixed", "text/plain"]), "alternatives"),
            ("/headers", json!({"bcc": "eve@example.com"}), "hostile"),
            ("/defects", json!(["text/plain: CloseBoundaryNotFoundDefect()"]), "no defect"),
            ("/longest_line", json!(999), "998"),
            ("/bare_cr_or_lf", json!(true), "no lone CR or LF"),
            ("/headers/from", json!(format!("{FROM} {PASSWORD}")), "the password is nowhere"),
        ];
        for (place, value, expected) in faults {
            let mut mail = good();
            *mail.pointer_mut(place).unwrap() = value;
            let error = judge(&mail).unwrap_err().to_string();
            let told = error.lines().next().unwrap_or_default();
            assert!(told.contains(expected), "{place}: {told}");
        }
    }
}
