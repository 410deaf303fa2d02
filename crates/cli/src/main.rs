//! The `watchfire` program.

mod demo;
mod inbox;
mod output;

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
    /// Run a small shop that fails, and show where each failure arrived
    Demo(demo::Args),
    /// Stand in for every provider on this machine, with a web page of what arrived
    Inbox(inbox::Args),
}

const EXAMPLES: &str = "Examples:
  watchfire demo            run the shop, keep the page open until Ctrl-C
  watchfire demo --once     run, print, and fail if anything is missing or too much
  watchfire inbox           receive mail, Slack, Telegram, SMS and Sentry events on loopback ports";

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Inbox(args) => inbox::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::problem(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
