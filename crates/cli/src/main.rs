//! The `watchfire` program.

mod check;
mod demo;
mod explain;
mod inbox;
mod init;
mod output;
mod schema;
mod send;
mod silence;
mod spool;
mod target_args;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Logging and alerting layers for tracing: try them, see what they send, run them.
#[derive(Parser)]
#[command(name = "watchfire", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find all errors of a configuration, before anything starts
    Check(check::CheckArgs),
    /// Say who hears an event, and which rule decides
    Explain(explain::ExplainArgs),
    /// Send an alert by hand, and show the provider's answer
    Send(send::SendArgs),
    /// Ask the providers whether they know the credentials, without a message
    Verify(verify::VerifyArgs),
    /// Print the JSON Schema of a configuration
    Schema(schema::SchemaArgs),
    /// Write a commented configuration to start from
    Init(init::InitArgs),
    /// Print the completions of a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// Run a small shop that fails, and show where each failure arrived
    Demo(demo::DemoArgs),
    /// Stand in for every provider on this machine, with a web page of what arrived
    Inbox(inbox::InboxArgs),
    /// Look into a spool's folder, and retry, redirect, drop or deliver what waits there
    Spool(spool::SpoolArgs),
    /// Have a group of alerts not spoken of for a while
    Silence(silence::SilenceArgs),
}

const COMPLETIONS: &str = "Exit codes: 0.

Examples:
  watchfire completions bash > ~/.local/share/bash-completion/completions/watchfire
  watchfire completions zsh > ~/.zfunc/_watchfire     # with fpath+=~/.zfunc before compinit
  watchfire completions fish > ~/.config/fish/completions/watchfire.fish";

const EXAMPLES: &str = "Examples:
  watchfire init            write a commented ./watchfire.toml to start from
  watchfire demo            run the shop, keep the page open until Ctrl-C
  watchfire demo --once     run, print, and fail if anything is missing or too much
  watchfire check           find all errors of ./watchfire.toml
  watchfire explain --target shop::payments --level warn
  watchfire verify          ask each provider of ./watchfire.toml for its opinion of the credentials
  watchfire send --dry-run  show what an alert would look like, without sending it
  watchfire inbox           receive mail, Slack, Telegram, SMS and Sentry events on loopback ports
  watchfire spool ls        what waits, what was given up, what is damaged
  watchfire silence ls      what is not spoken of for a while";

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Send(args) => send::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Schema(args) => Ok(schema::run(&args)),
        Command::Init(args) => init::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "watchfire", &mut script);
            output::line(String::from_utf8_lossy(&script).trim_end());
            Ok(ExitCode::SUCCESS)
        }
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
