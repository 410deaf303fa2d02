//! `watchfire explain`: who hears an event, and why.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use serde_json::json;
use watchfire::Severity;
use watchfire_config::{Config, Explanation, Question, Setting};

use crate::{
    check::{File, report},
    output::line,
};

/// The arguments of `watchfire explain`.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 somebody hears it, 1 nobody does, 2 the file cannot be read or is wrong.

Examples:
  watchfire explain watchfire.toml --target storefront::payments --level warn
  watchfire explain watchfire.toml --service checkout --target sqlx::query --level debug --rust-log sqlx=debug
  watchfire explain watchfire.toml --target shop --level error --field tenant=load-test --json"
)]
pub(crate) struct ExplainArgs {
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
    /// The value to assume for RUST_LOG
    #[arg(long, value_name = "DIRECTIVES")]
    rust_log: Option<String>,
    /// Whether the program is in debug mode; without it what WATCHFIRE_DEBUG or the file's `debug` says, else false
    #[arg(long, value_name = "BOOL")]
    debug: Option<bool>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
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
    let debug = args.debug.unwrap_or_else(|| is_debug(&config, args.service.as_deref()));
    watchfire::set_debug(debug);
    match config.explain(&question, &args.file.components()) {
        Ok(explained) => {
            let is_heard = explained.answers.iter().any(|answer| answer.hears);
            if args.json {
                line(&as_json(&explained, debug));
            } else {
                line(explained.to_string().trim_end());
                if ["filters", "handlers", "loggers", "root"]
                    .iter()
                    .any(|key| config.get([*key]).is_some_and(looks_at_debug))
                {
                    let mode = if debug { "in" } else { "not in" };
                    line(&format!(
                        "\nThe program is taken to be {mode} debug mode; --debug {} asks otherwise.",
                        !debug
                    ));
                }
            }
            Ok(if is_heard { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Err(diagnostics) => {
            report(&diagnostics, args.json, false);
            Ok(ExitCode::from(2))
        }
    }
}

/// Returns the debug mode of a program with this file: not that of this program, which may be built otherwise.
fn is_debug(config: &Config, service: Option<&str>) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the mode that it tells is core's to read")]
    if std::env::var_os("WATCHFIRE_DEBUG").is_some() {
        return watchfire::is_debug();
    }
    let of_service = service.and_then(|name| config.get(["services", name, "app", "debug"]));
    of_service.or_else(|| config.get(["app", "debug"])).and_then(Setting::as_bool).unwrap_or(false)
}

/// Tells whether a filter that looks at the debug mode is named.
fn looks_at_debug(setting: &Setting) -> bool {
    match setting {
        Setting::Text(text) => text.starts_with("require_debug_"),
        Setting::List(list) => list.iter().any(looks_at_debug),
        Setting::Table(table) => table.iter().any(|(_, value)| looks_at_debug(value)),
        _ => false,
    }
}

fn as_json(explained: &Explanation, debug: bool) -> String {
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
        "logger_hears": explained.level, "debug": debug, "answers": answers, "tree": tree,
    })
    .to_string()
}
