//! `watchfire explain`: who hears an event, and why.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use serde_json::json;
use watchfire::Severity;
use watchfire_config::{Explanation, Question};

use crate::{
    check::{File, report},
    output::line,
};

/// What `watchfire explain` takes.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 somebody hears it, 1 nobody does, 2 the file cannot be read or is wrong.

Examples:
  watchfire explain watchfire.toml --target storefront::payments --level warn
  watchfire explain watchfire.toml --service checkout --target sqlx::query --level debug --rust-log sqlx=debug
  watchfire explain watchfire.toml --target shop --level error --field tenant=load-test --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
    /// The event's target, such as a module's path
    #[arg(long)]
    target: String,
    /// The event's level: trace, debug, info, warn, error or critical
    #[arg(long)]
    level: String,
    /// A field of the event (repeatable)
    #[arg(long = "field", value_name = "NAME=VALUE")]
    fields: Vec<String>,
    /// The service whose stack is asked about
    #[arg(long)]
    service: Option<String>,
    /// What RUST_LOG is taken to be
    #[arg(long, value_name = "DIRECTIVES")]
    rust_log: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let severity: Severity =
        args.level.parse().map_err(|error| anyhow!("--level {}: {error}", args.level))?;
    let mut question = Question::new(&args.target, severity);
    for field in &args.fields {
        let Some((name, value)) = field.split_once('=') else {
            bail!("--field {field}: expected NAME=VALUE");
        };
        question = question.field(name, value);
    }
    if let Some(service) = &args.service {
        question = question.service(service);
    }
    if let Some(directives) = &args.rust_log {
        question = question.rust_log(directives);
    }
    let config = match args.file.config(args.json)? {
        Ok(config) => config,
        Err(_) => return Ok(ExitCode::from(2)),
    };
    match config.explain(&question, &args.file.parts()) {
        Ok(explained) => {
            let is_heard = explained.answers.iter().any(|answer| answer.hears);
            line(&if args.json { as_json(&explained) } else { explained.to_string().trim_end().to_owned() });
            Ok(if is_heard { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Err(mistakes) => {
            report(&mistakes, args.json, false);
            Ok(ExitCode::from(2))
        }
    }
}

fn as_json(explained: &Explanation) -> String {
    let answers: Vec<_> = explained
        .answers
        .iter()
        .map(|answer| {
            json!({ "handler": answer.handler, "type": answer.kind, "hears": answer.hears, "because": answer.because })
        })
        .collect();
    let tree: Vec<_> = explained
        .tree
        .iter()
        .map(|branch| {
            json!({
                "target": branch.target, "level": branch.level, "effective": branch.effective,
                "propagate": branch.propagate, "handlers": branch.handlers, "filters": branch.filters,
            })
        })
        .collect();
    json!({
        "target": explained.target, "level": explained.severity.as_str().to_lowercase(), "logger": explained.logger,
        "logger_hears": explained.level, "answers": answers, "tree": tree,
    })
    .to_string()
}
