//! `watchfire init`: a commented configuration to start from.

use std::{fs::OpenOptions, io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;
use serde_json::json;

use crate::output::line;

/// The arguments of `watchfire init`.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 the file is written, 2 it is there already or cannot be written.

Examples:
  watchfire init
  watchfire init conf/watchfire.toml && watchfire check --no-environment conf/watchfire.toml")]
pub(crate) struct InitArgs {
    /// Where to write; `-` is standard output
    #[arg(default_value = "watchfire.toml", value_name = "FILE")]
    path: PathBuf,
    /// Print one JSON object about what was done
    #[arg(long)]
    json: bool,
}

/// The file; `watchfire check` finds nothing wrong with it.
pub(crate) const STARTER: &str = include_str!("starter.toml");

pub(crate) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    if args.path.as_os_str() == "-" {
        line(STARTER.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let name = args.path.display();
    // Never over a file that is there.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&args.path).with_context(|| {
        match args.path.exists() {
            true => format!("{name} is there already; name another file, or `-` to print it"),
            false => format!("cannot make {name}"),
        }
    })?;
    file.write_all(STARTER.as_bytes()).with_context(|| format!("cannot write {name}"))?;
    if args.json {
        line(&json!({ "file": name.to_string(), "written": true }).to_string());
    } else {
        line(&format!("{name} is written; next: watchfire check --no-environment {name}"));
    }
    Ok(ExitCode::SUCCESS)
}
