//! `watchfire send`: an alert by hand, with the provider's answer. For tests, cron and shell scripts.

use std::{
    io::{IsTerminal, Read},
    process::ExitCode,
};

use anyhow::{Context, anyhow, bail};
use serde_json::json;
use watchfire::Severity;
use watchfire_config::{ManualAlert, Sent};

use crate::{
    check::{File, report},
    output::{Colour, line, paint},
    target_args::TargetArgs,
};

/// The arguments of `watchfire send`.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 every provider took it, 1 one did not, 2 the file cannot be read or is wrong.

Examples:
  watchfire send watchfire.toml --handler ops
  ./backup.sh 2>&1 | tail -20 | watchfire send watchfire.toml --level critical --field host=db1
  watchfire send watchfire.toml --handler mail --message 'disk is full' --dry-run"
)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    handlers: TargetArgs,
    /// trace, debug, info, warn, error or critical
    #[arg(long, default_value = "error")]
    level: String,
    /// The text; without it standard input, if that is no terminal
    #[arg(long)]
    message: Option<String>,
    /// The target that it is said to be of
    #[arg(long, default_value = "watchfire::send")]
    target: String,
    /// A field of the alert (repeatable)
    #[arg(long = "field", value_name = "NAME=VALUE")]
    fields: Vec<String>,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SendArgs) -> anyhow::Result<ExitCode> {
    let severity: Severity =
        args.level.parse().map_err(|error| anyhow!("--level {}: {error}", args.level))?;
    let mut letter = ManualAlert::new(message(args)?).severity(severity).target(&args.target);
    for field in &args.fields {
        let Some((name, value)) = field.split_once('=') else {
            bail!("--field {field}: expected NAME=VALUE")
        };
        letter = letter.field(name, value);
    }
    let Ok(config) = args.file.config(args.json)? else { return Ok(ExitCode::from(2)) };
    let (handler, service) = (args.handlers.handler.as_deref(), args.handlers.service.as_deref());
    let sent = if args.dry_run {
        config.preview(&letter, handler, service)
    } else {
        config.send(&letter, handler, service, args.handlers.within)
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(diagnostics) => {
            report(&diagnostics, args.json, false);
            return Ok(ExitCode::from(2));
        }
    };
    let is_good = args.dry_run || (!sent.is_empty() && sent.iter().all(|one| one.is_delivered));
    if args.json {
        let list: Vec<_> = sent
            .iter()
            .map(|one| {
                json!({ "handler": one.handler, "recipient": one.recipient, "delivered": one.is_delivered, "answer": one.answer })
            })
            .collect();
        line(&json!({ "ok": is_good, "dry_run": args.dry_run, "sent": list }).to_string());
    } else {
        sent.iter().for_each(|one| show(one, args.dry_run));
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn show(one: &Sent, is_dry: bool) {
    let to = if one.recipient.is_empty() {
        one.handler.clone()
    } else {
        format!("{} to {}", one.handler, one.recipient)
    };
    if is_dry {
        line(&format!("{}\n{}\n", paint(&format!("--- {to}"), Colour::Dim), one.answer));
    } else {
        let colour = if one.is_delivered { Colour::Good } else { Colour::Bad };
        line(&format!("{to}: {}", paint(&one.answer, colour)));
    }
}

fn message(args: &SendArgs) -> anyhow::Result<String> {
    if let Some(message) = &args.message {
        return Ok(message.clone());
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() || args.file.path.as_os_str() == "-" {
        return Ok("This is a test of watchfire: nothing has failed.".to_owned());
    }
    let mut text = Vec::new();
    // A megabyte is more than any provider takes.
    stdin.take(1 << 20).read_to_end(&mut text).context("cannot read standard input")?;
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    Ok(if text.is_empty() { "This is a test of watchfire: nothing has failed.".to_owned() } else { text })
}
