//! The five lines of the README: a log file, and Slack for errors.
//!
//! ```text
//! SLACK_WEBHOOK=https://hooks.slack.com/services/... cargo run -p watchfire-examples --bin minimal
//! ```

use watchfire::{LogFile, Outbox, Slack, prelude::*};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outbox = Outbox::start("shop")?;
    tracing_subscriber::registry()
        .with(LogFile::daily("shop.log").layer()?)
        .with(Slack::webhook(std::env::var("SLACK_WEBHOOK")?).layer(&outbox)?)
        .init();

    tracing::info!("the shop is open");
    let _request = tracing::info_span!("request", order = 4711).entered();
    tracing::error!("the bank did not take the payment");
    Ok(())
}
