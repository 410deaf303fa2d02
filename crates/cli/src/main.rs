//! The `watchfire` program.

mod check;
mod demo;
mod explain;
mod inbox;
mod output;
mod silence;
mod spool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Logging and alerting layers for tracing: try them, see what they send, run them.
#[derive(Parser)]
#[command(name = "watchfire", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find all mistakes of a configuration, before anything starts
    Check(check::Args),
    /// Say who hears an event, and which rule decides
    Explain(explain::Args),
    /// Run a small shop that fails, and show where each failure arrived
    Demo(demo::Args),
    /// Stand in for every provider on this machine, with a web page of what arrived
    Inbox(inbox::Args),
    /// Look into a spool's folder, and retry, redirect, drop or deliver what waits there
    Spool(spool::Args),
    /// Have a group of alerts not spoken of for a while
    Silence(silence::Args),
}

const EXAMPLES: &str = "Examples:
  watchfire demo            run the shop, keep the page open until Ctrl-C
  watchfire demo --once     run, print, and fail if anything is missing or too much
  watchfire check           find all mistakes of ./watchfire.toml
  watchfire explain --target shop::payments --level warn
  watchfire inbox           receive mail, Slack, Telegram, SMS and Sentry events on loopback ports
  watchfire spool ls        what waits, what was given up, what is damaged
  watchfire silence ls      what is not spoken of for a while";

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Inbox(args) => inbox::run(&args),
        Command::Spool(args) => spool::run(&args),
        Command::Silence(args) => silence::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::problem(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
