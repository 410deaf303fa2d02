//! `watchfire check`: all mistakes of a configuration, before anything starts.

mod lock;

use std::{io::Read, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use serde_json::json;
use watchfire_config::{Components, Config, Mistakes};

use crate::output::{Colour, line, paint};

/// What `watchfire check` takes.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong (warnings may be), 1 something is wrong, 2 the file cannot be read.

Examples:
  watchfire check watchfire.toml
  watchfire check --no-environment --own real_tenants watchfire.toml
  watchfire check --lock ../Cargo.lock --own-target audit watchfire.toml
  watchfire check --json watchfire.toml | jq '.mistakes[].line'"
)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) file: File,
    /// Take every reference to the environment and to files as good: for a machine that has no secrets
    #[arg(long)]
    no_environment: bool,
    #[command(flatten)]
    lock: lock::LockFile,
    /// Fail for warnings as well
    #[arg(long)]
    strict: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Names the file that a command is about, and the components that only its program knows.
#[derive(clap::Args)]
pub(crate) struct File {
    /// The configuration; `-` is standard input
    #[arg(default_value = "watchfire.toml", value_name = "FILE")]
    pub(crate) path: PathBuf,
    /// Accept NAME as a part that the program registers (repeatable)
    #[arg(long, value_name = "NAME")]
    own: Vec<String>,
}

impl File {
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    fn stdin(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        Ok(text)
    }

    /// Says why the file cannot be read, and what to do.
    fn unreadable(&self) -> String {
        match self.path.exists() {
            true => format!("cannot read {}", self.name()),
            false => format!(
                "there is no {}; name the configuration, or write one with `watchfire init`",
                self.name()
            ),
        }
    }

    pub(crate) fn components(&self) -> Components {
        self.own.iter().fold(Components::new(), |components, name| components.assume(name))
    }

    /// Reads the configuration; mistakes are printed, and answered with exit code 1.
    pub(crate) fn config(&self, as_json: bool) -> anyhow::Result<Result<Config, ExitCode>> {
        let read = match self.is_stdin() {
            true => Config::named(self.name(), &self.stdin()?),
            false if !self.path.exists() => bail!(self.unreadable()),
            false => Config::read(&self.path),
        };
        Ok(read.map_err(|mistakes| report(&mistakes, as_json, false)))
    }
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut components = args.file.components();
    if let Some(lock) = args.lock.read(&args.file.path)? {
        components = components.lock(lock);
    }
    if args.no_environment {
        components = components.assume_environment();
    }
    let mistakes = if args.file.is_stdin() {
        Config::examine(&args.file.name(), &args.file.stdin()?, &components)
    } else {
        Config::examine_file(&args.file.path, &components).with_context(|| args.file.unreadable())?
    };
    Ok(report(&mistakes, args.json, args.strict))
}

fn counted(errors: usize, warnings: usize) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!("{errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))
}

/// Prints mistakes and returns the exit code that they mean.
pub(crate) fn report(mistakes: &Mistakes, as_json: bool, is_strict: bool) -> ExitCode {
    let is_bad = mistakes.has_errors() || (is_strict && !mistakes.list().is_empty());
    if as_json {
        let list: Vec<_> = mistakes
            .list()
            .iter()
            .map(|mistake| {
                let place = mistakes.line_and_column(mistake);
                json!({
                    "path": mistake.path,
                    "line": place.map(|place| place.0),
                    "column": place.map(|place| place.1),
                    "severity": if mistake.is_warning { "warning" } else { "error" },
                    "reason": mistake.reason,
                    "hint": mistake.hint,
                })
            })
            .collect();
        line(&json!({ "file": mistakes.source_name(), "ok": !is_bad, "mistakes": list, "further": mistakes.further() }).to_string());
    } else if mistakes.list().is_empty() {
        line(&format!("{}: {}", mistakes.source_name(), paint("no errors, no warnings", Colour::Good)));
    } else {
        line(&mistakes.to_string());
        let warnings = mistakes.list().iter().filter(|mistake| mistake.is_warning).count();
        let errors = mistakes.list().len() - warnings + mistakes.further();
        let colour = if is_bad { Colour::Bad } else { Colour::Good };
        line(&format!("\n{}", paint(&counted(errors, warnings), colour)));
    }
    if is_bad { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
