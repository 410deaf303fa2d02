//! Runs every example as its users do, against the inbox.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use watchfire_inbox::{Demo, Inbox, Provider};

const PATIENCE: Duration = Duration::from_secs(20);

fn example(name: &str, folder: &Path) -> Command {
    let path = match name {
        "minimal" => env!("CARGO_BIN_EXE_minimal"),
        "no_runtime" => env!("CARGO_BIN_EXE_no_runtime"),
        "axum_service" => env!("CARGO_BIN_EXE_axum_service"),
        _ => env!("CARGO_BIN_EXE_custom_sink"),
    };
    let mut command = Command::new(path);
    command.current_dir(folder).env_remove("RUST_LOG").env_remove("HTTPS_PROXY").env_remove("HTTP_PROXY");
    command
}

#[test]
fn minimal_reaches_the_file_and_slack() {
    let inbox = Inbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let status =
        example("minimal", folder.path()).env("SLACK_WEBHOOK", inbox.slack_webhook_url()).status().unwrap();
    assert!(status.success());

    let messages = inbox.wait_for(Provider::SlackWebhook, 1, PATIENCE).unwrap();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].body().contains("the bank did not take the payment"));
    assert!(messages[0].body().contains("4711"), "the span's field is missing: {}", messages[0].body());
    let log = std::fs::read_to_string(folder.path().join("shop.log")).unwrap();
    assert!(log.contains("the shop is open") && log.contains("the bank did not take the payment"), "{log}");
}

#[test]
fn minimal_says_which_setting_is_wrong_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        example("minimal", folder.path()).env("SLACK_WEBHOOK", "hooks.slack.com/x").output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("slack.webhook"), "{error}");
    assert!(!error.contains("hooks.slack.com/x"), "the address may be a secret: {error}");
}

#[test]
fn no_runtime_filters_per_layer() {
    let inbox = Inbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, inbox.ca_pem()).unwrap();
    let smtp =
        format!("smtp://{}:{}@localhost:{}", Demo::SMTP_USER, Demo::SMTP_PASSWORD, inbox.smtp_addr().port());
    let output = example("no_runtime", folder.path())
        .env("SMTP_URL", smtp)
        .env("SMTP_CA_FILE", &ca)
        .env("SLACK_WEBHOOK", inbox.slack_webhook_url())
        .env("WATCHFIRE_DEBUG", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // How many were delivered while the flush waited depends on when it began.
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.trim().ends_with(", pending 0, dropped 0"), "{report}");

    let slack: Vec<String> =
        inbox.accepted(Provider::SlackWebhook).iter().map(|message| message.body()).collect();
    assert_eq!(slack.len(), 2, "{slack:?}");
    assert!(slack.iter().any(|body| body.contains("the bank is slow")));
    assert!(slack.iter().any(|body| body.contains("the database is read-only")));
    let mail = inbox.accepted(Provider::Smtp);
    assert_eq!(mail.len(), 1);
    assert!(mail[0].text().contains("the database is read-only"));
    let log = std::fs::read_to_string(folder.path().join("storefront.log")).unwrap();
    assert_eq!(log.lines().count(), 3, "{log}");
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}

#[test]
fn no_runtime_in_debug_mode_mails_nothing_and_says_so() {
    let inbox = Inbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = example("no_runtime", folder.path())
        .env("SMTP_URL", format!("smtp://localhost:{}", inbox.smtp_addr().port()))
        .env("SLACK_WEBHOOK", inbox.slack_webhook_url())
        .env("WATCHFIRE_DEBUG", "1")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(inbox.all().iter().all(|message| message.provider != Provider::Smtp));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("WATCHFIRE_DEBUG"), "{error}");
}

#[test]
fn axum_service_carries_the_request_into_slack() {
    let inbox = Inbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut child = example("axum_service", folder.path())
        .env("SLACK_WEBHOOK", inbox.slack_webhook_url())
        .env("LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let address = first.trim().strip_prefix("listening on http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /orders/4711/pay HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");

    let messages = inbox.wait_for(Provider::SlackWebhook, 1, PATIENCE);
    child.kill().unwrap();
    child.wait().unwrap();
    let messages = messages.unwrap();
    assert_eq!(messages.len(), 1, "the report of the response must not be a second alert");
    let body = messages[0].body();
    assert!(
        body.contains("the bank did not take the payment") && body.contains("/orders/4711/pay"),
        "{body}"
    );
}

#[test]
fn custom_sink_writes_its_line() {
    let pager = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut child = example("custom_sink", folder.path())
        .env("PAGER", pager.local_addr().unwrap().to_string())
        .spawn()
        .unwrap();
    let (stream, _) = pager.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(line.starts_with("[shop] ERROR: the freezer is warm ["), "{line}");
}

#[test]
fn custom_sink_stays_under_eighty_lines() {
    let lines = include_str!("../../src/bin/custom_sink.rs").lines().count();
    assert!(lines < 80, "{lines} lines");
}
