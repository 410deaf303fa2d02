//! `watchfire demo`: a small shop that fails, and where each failure arrived.

mod places;
mod shop;

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Context;
use watchfire::{
    App, Email, LogFile, NotificationPolicy, Outbox, Sentry, Severity, Slack, Sms, Telegram, Twilio, filter,
    prelude::*,
};
use watchfire_inbox::{Demo, Inbox};

use self::shop::DemoShop;
use crate::output::{Colour, line, paint};

/// The arguments of `watchfire demo`.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 it went as it should, 1 with --once something is missing or too much, 2 it could not run.

Examples:
  watchfire demo
  watchfire demo --once
  watchfire demo --once --json | jq .rows"
)]
pub(crate) struct DemoArgs {
    /// Run, print, and end: with 0 if every failure arrived everywhere and nothing else did, with 1 otherwise
    #[arg(long)]
    once: bool,
    /// Print the result as JSON
    #[arg(long, requires = "once")]
    json: bool,
}

/// The requests to the shop, with the alert that each must cause.
const REQUESTS: [(&str, &str, Audience); 5] = [
    ("GET", "/", Audience::Nowhere),
    ("GET", "/health", Audience::Nowhere),
    ("POST", "/orders/4711/pay", Audience::Everywhere("payment failed")),
    ("POST", "/thumbnails", Audience::Everywhere("cannot decode image 17")),
    ("POST", "/ledger/close", Audience::Everywhere("the ledger does not balance")),
];

/// The warning of `/health`, which no filter lets through.
const WARNING: &str = "the connection pool is nearly empty";

/// How long the demo waits for what it expects.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
enum Audience {
    Everywhere(&'static str),
    Nowhere,
}

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let inbox = Inbox::start().context("cannot open the inbox's loopback ports")?;
    let folder = std::env::temp_dir().join(format!("watchfire-demo-{}", std::process::id()));
    let log = folder.join("shop.log");
    let outbox = install(&inbox, &log)?;
    let shop = DemoShop::open().context("cannot open the shop's loopback port")?;

    let mut statuses = Vec::new();
    for (method, path, _) in REQUESTS {
        let status =
            shop.ask(method, path).with_context(|| format!("the shop did not answer {method} {path}"))?;
        statuses.push((method, path, status));
    }
    let report = outbox.flush(PATIENCE);
    tracing::info!(target: "shop", delivered = report.delivered, "the demo has asked everything");

    let wanted: Vec<&str> = REQUESTS
        .iter()
        .filter_map(|(.., heard)| match heard {
            Audience::Everywhere(text) => Some(*text),
            Audience::Nowhere => None,
        })
        .collect();
    let places = places::collect(&inbox, &log, wanted.len(), PATIENCE)?;
    let verdict = places::judge(&places, &wanted, WARNING, &shop::SECRETS);
    if args.json {
        line(&serde_json::to_string_pretty(&verdict).context("cannot write the result")?);
    } else {
        print(&shop, &statuses, &verdict, &log);
    }
    if !args.once {
        line(&format!("\nWhat arrived, as it looks: {}\nCtrl-C ends the demo.", inbox.page_url()));
        inbox.wait();
    }
    Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the layers as a service would.
fn install(inbox: &Inbox, log: &Path) -> anyhow::Result<Outbox> {
    let ca = log.with_file_name("inbox-ca.pem");
    std::fs::create_dir_all(log.parent().unwrap_or(log)).context("cannot make the demo's folder")?;
    std::fs::write(&ca, inbox.ca_pem()).context("cannot write the inbox's certificate")?;
    let server =
        format!("smtp://{}:{}@localhost:{}", Demo::SMTP_USER, Demo::SMTP_PASSWORD, inbox.smtp_addr().port());

    let twilio = Twilio::new(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN)
        .from(Demo::TWILIO_FROM)
        .api_url(inbox.twilio_base());

    // As it comes an SMS wakes people for what is critical only; the demo shows all three failures everywhere.
    let noise = NotificationPolicy::sms().first_from(Severity::Error);
    let sms = Sms::to(["+436601234567"]).twilio(twilio).build()?.channel().notifications(noise);

    let outbox = Outbox::builder(App::new("shop").environment("demo").release("shop@1.4.2"))
        .spool(log.with_file_name("spool"))
        .start()?;
    tracing_subscriber::registry()
        .with(LogFile::daily(log).layer()?.with_filter(filter::directives("info,shop::health=off")?))
        .with(
            Email::to(["Ada <ada@example.com>", "Grace <grace@example.com>"])
                .from("Shop <errors@shop.example>")
                .server(&server)
                .ca_file(&ca)
                .layer(&outbox)?,
        )
        .with(Slack::webhook(inbox.slack_webhook_url()).layer(&outbox)?)
        .with(
            Telegram::bot(Demo::TELEGRAM_TOKEN, Demo::TELEGRAM_CHAT)
                .api_url(inbox.telegram_base())
                .layer(&outbox)?,
        )
        .with(sms.layer(&outbox)?)
        .with(Sentry::dsn(inbox.sentry_dsn()).layer(&outbox)?)
        .init();
    Ok(outbox)
}

fn print(shop: &DemoShop, statuses: &[(&str, &str, u16)], verdict: &places::DemoFindings, log: &Path) {
    line(&format!("A shop served on {}:", shop.url()));
    for (method, path, status) in statuses {
        line(&format!("  {method:<5}{path:<20}{status}"));
    }
    line("\nWhat failed, and where it arrived; the last is a warning that every filter turns away:");
    let names: Vec<String> = verdict.places.iter().map(|name| format!("{name:<10}")).collect();
    line(&format!("  {:<40}{}", "", names.concat()));
    for row in &verdict.rows {
        let cells: Vec<String> = row
            .counts
            .iter()
            .zip(&row.expected)
            .map(|(count, due)| {
                let good = count == due;
                let text = if *count == 0 { "-".to_owned() } else { format!("{count}") };
                paint(&format!("{text:<10}"), if good { Colour::Good } else { Colour::Bad })
            })
            .collect();
        line(&format!("  {:<40}{}", row.text, cells.concat()));
    }
    let secrets = match verdict.leaks.as_slice() {
        [] => paint("no planted secret is in any of them", Colour::Good),
        leaks => paint(&format!("planted secrets leaked: {}", leaks.join(", ")), Colour::Bad),
    };
    line(&format!("\n{} messages were looked at: {secrets}.", verdict.looked_at));
    line(&paint(&format!("The log file: {}", log.display()), Colour::Dim));
}
