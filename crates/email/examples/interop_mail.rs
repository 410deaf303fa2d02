//! Sends one alert by mail and says how it went, as one line of JSON: `interop_mail URL CA_FILE [FROM [TO]]`.
//!
//! `cargo xtask test` lets it send to servers that are not ours. It ends with an error if the mail was not taken.
#![expect(clippy::print_stdout, reason = "a program")]

use std::{env, error::Error, process::ExitCode, time::Duration};

use tracing_subscriber::prelude::*;
use watchfire_email::Email;
use watchfire_outbox::{Outbox, SinkExt};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(url), Some(ca)) = (arguments.next(), arguments.next()) else {
        return Err("expected: interop_mail URL CA_FILE [FROM [TO]]".into());
    };
    let from = arguments.next().unwrap_or_else(|| "errors@example.com".to_owned());
    let to = arguments.next().unwrap_or_else(|| "ada@example.com".to_owned());

    let outbox = Outbox::start("interop")?;
    let email = Email::to([to]).from(from).server(url).ca_file(ca).subject_prefix("[shop] ");
    tracing_subscriber::registry().with(email.layer(&outbox)?).init();
    // A letter, a sign and an ideograph outside ASCII; what HTML must escape; what a header or SMTP must not see.
    let hostile = "first\r\nBcc: eve@example.com\r\n.\r\n\0\u{1b}[31m \u{202e}desrever 😀";
    tracing::error!(order = "A-1017", hostile, "payment refused für Zoë: 5 € <short> & 漢字");

    let report = outbox.flush(Duration::from_secs(30));
    let said = serde_json::json!({
        "delivered": report.delivered,
        "pending": report.pending,
        "dropped": report.dropped,
    });
    println!("{said}");
    Ok(if report.delivered == 1 && report.pending == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
