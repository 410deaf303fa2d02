//! `watchfire check`: all diagnostics of a configuration, before anything starts.

mod lock;

use std::{io::Read, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use serde_json::json;
use watchfire_config::{Components, Config, Diagnostics};
use watchfire_core::counted;

use crate::output::{Colour, line, paint};

/// The arguments of `watchfire check`.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong (warnings may be), 1 something is wrong, 2 the file cannot be read.

Examples:
  watchfire check watchfire.toml
  watchfire check --no-environment --own real_tenants watchfire.toml
  watchfire check --lock ../Cargo.lock --own-target audit watchfire.toml
  watchfire check --json watchfire.toml | jq '.diagnostics[].line'"
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

    /// Reads the configuration; diagnostics are printed, and answered with exit code 1.
    pub(crate) fn config(&self, as_json: bool) -> anyhow::Result<Result<Config, ExitCode>> {
        let read = match self.is_stdin() {
            true => Config::named(self.name(), &self.stdin()?),
            false if !self.path.exists() => bail!(self.unreadable()),
            false => Config::read(&self.path),
        };
        Ok(read.map_err(|diagnostics| report(&diagnostics, as_json, false)))
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
    let diagnostics = if args.file.is_stdin() {
        Config::examine(&args.file.name(), &args.file.stdin()?, &components)
    } else {
        Config::examine_file(&args.file.path, &components).with_context(|| args.file.unreadable())?
    };
    Ok(report(&diagnostics, args.json, args.strict))
}

/// Prints diagnostics and returns the exit code that they mean.
pub(crate) fn report(diagnostics: &Diagnostics, as_json: bool, is_strict: bool) -> ExitCode {
    let is_bad = diagnostics.has_errors() || (is_strict && !diagnostics.list().is_empty());
    if as_json {
        let list: Vec<_> = diagnostics
            .list()
            .iter()
            .map(|diagnostic| {
                let place = diagnostic.position();
                json!({
                    "path": diagnostic.path(),
                    "line": place.map(|place| place.0),
                    "column": place.map(|place| place.1),
                    "severity": if diagnostic.is_warning() { "warning" } else { "error" },
                    "reason": diagnostic.reason(),
                    "hint": diagnostic.hint(),
                })
            })
            .collect();
        line(&json!({ "file": diagnostics.source_name(), "ok": !is_bad, "diagnostics": list, "further": diagnostics.further() }).to_string());
    } else if diagnostics.list().is_empty() {
        line(&format!("{}: {}", diagnostics.source_name(), paint("no errors, no warnings", Colour::Good)));
    } else {
        line(&diagnostics.to_string());
        let warnings = diagnostics.list().iter().filter(|diagnostic| diagnostic.is_warning()).count();
        let errors = diagnostics.list().len() - warnings + diagnostics.further();
        let colour = if is_bad { Colour::Bad } else { Colour::Good };
        line(&format!(
            "\n{}",
            paint(
                &format!("{}, {}", counted(errors as u64, "error"), counted(warnings as u64, "warning")),
                colour
            )
        ));
    }
    if is_bad { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
