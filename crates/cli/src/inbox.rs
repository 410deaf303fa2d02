//! `watchfire inbox`: the local stand-ins for every provider.

use std::process::ExitCode;

use anyhow::Context;
use watchfire_inbox::{Demo, Inbox};

use crate::output::line;

/// The arguments of `watchfire inbox`.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 2 it could not begin; else it goes on until it is ended, as by Ctrl-C.

Examples:
  watchfire inbox
  watchfire inbox --http-port 8025 --smtp-port 1025
  curl -s http://127.0.0.1:8025/messages.json
  curl -s -X POST http://127.0.0.1:8025/faults/slack-webhook -d '{\"fault\": \"status\", \"status\": 500, \"times\": 3}'")]
pub(crate) struct InboxArgs {
    /// Port of the web page and of every HTTP provider
    #[arg(long, default_value_t = 8025)]
    http_port: u16,
    /// Port of SMTP with STARTTLS
    #[arg(long, default_value_t = 1025)]
    smtp_port: u16,
    /// Port of SMTP inside TLS; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    smtps_port: u16,
    /// Write the certificate of the SMTP side here, to be given to the program under test as its CA file
    #[arg(long, value_name = "FILE")]
    ca_file: Option<std::path::PathBuf>,
}

pub(crate) fn run(args: &InboxArgs) -> anyhow::Result<ExitCode> {
    let inbox = Inbox::builder()
        .http_port(args.http_port)
        .smtp_port(args.smtp_port)
        .smtps_port(args.smtps_port)
        .start()
        .context(
            "cannot open the inbox's ports; choose others with --http-port, --smtp-port and --smtps-port",
        )?;
    if let Some(path) = &args.ca_file {
        std::fs::write(path, inbox.ca_pem()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for (what, address) in addresses(&inbox) {
        line(&format!("{what:<16}{address}"));
    }
    if args.ca_file.is_none() {
        line(
            "Mail needs the certificate of this run: --ca-file FILE, and the same file as the channel's ca_file.",
        );
    }
    line("It takes these credentials and no others. Ctrl-C ends it.");
    inbox.wait();
    Ok(ExitCode::SUCCESS)
}

fn addresses(inbox: &Inbox) -> Vec<(&'static str, String)> {
    vec![
        ("page", inbox.page_url()),
        ("SMTP", inbox.smtp_url()),
        ("SMTP in TLS", inbox.smtps_url()),
        ("Slack webhook", inbox.slack_webhook_url()),
        (
            "Slack API",
            format!(
                "{}  token {}, channel {}",
                inbox.slack_api_base(),
                Demo::SLACK_TOKEN,
                Demo::SLACK_CHANNEL
            ),
        ),
        (
            "Telegram",
            format!(
                "{}  token {}, chat {}",
                inbox.telegram_base(),
                Demo::TELEGRAM_TOKEN,
                Demo::TELEGRAM_CHAT
            ),
        ),
        (
            "Twilio",
            format!(
                "{}  account {}, token {}, from {}",
                inbox.twilio_base(),
                Demo::TWILIO_ACCOUNT,
                Demo::TWILIO_TOKEN,
                Demo::TWILIO_FROM
            ),
        ),
        (
            "Exotel",
            format!(
                "{}  account {}, key {}, token {}, from {}",
                inbox.exotel_base(),
                Demo::EXOTEL_ACCOUNT,
                Demo::EXOTEL_KEY,
                Demo::EXOTEL_TOKEN,
                Demo::EXOTEL_FROM
            ),
        ),
        ("Sentry DSN", inbox.sentry_dsn()),
    ]
}
