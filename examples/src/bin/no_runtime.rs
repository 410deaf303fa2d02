//! A plain `fn main()` without an async runtime, with everything chosen: file, mail and Slack, each with its filter.
//!
//! ```text
//! SMTP_URL=smtp://user:password@mail.example.com:587 SLACK_WEBHOOK=https://hooks.slack.com/services/... \
//!     cargo run -p watchfire-examples --bin no_runtime
//! ```

use std::{env, time::Duration};

use watchfire::{App, Email, LogFile, Outbox, Slack, filter, prelude::*};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outbox = Outbox::start(App::new("storefront").environment("production"))?;
    let mut mail =
        Email::to(["Ada <ada@example.com>"]).from("errors@example.com").server(env::var("SMTP_URL")?);
    if let Ok(file) = env::var("SMTP_CA_FILE") {
        mail = mail.ca_file(file);
    }

    tracing_subscriber::registry()
        .with(
            LogFile::daily("storefront.log")
                .keep(7)
                .json()
                .layer()?
                .with_filter(filter::directives("info,sqlx=warn")?),
        )
        .with(
            mail.layer(&outbox)?.with_filter(filter::directives("error")?.and(filter::require_debug_false())),
        )
        .with(
            Slack::webhook(env::var("SLACK_WEBHOOK")?).named("ops").layer(&outbox)?.with_filter(
                filter::directives("error,storefront::payments=warn")?
                    .and(filter::callback(|event| event.field("tenant") != Some("load-test"))),
            ),
        )
        .init();

    tracing::warn!(target: "storefront::payments", tenant = "load-test", "a test order was declined");
    tracing::warn!(target: "storefront::payments", tenant = "acme", "the bank is slow");
    tracing::error!(table = "orders", "the database is read-only");

    let report = outbox.flush(Duration::from_secs(5));
    println!("delivered {}, pending {}, dropped {}", report.delivered, report.pending, report.dropped);
    Ok(())
}
