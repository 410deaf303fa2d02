//! The chores of the workspace, run as `cargo xtask <chore>`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its streams")]
#![expect(clippy::indexing_slicing, reason = "the index of a JSON value gives null for what is missing")]

mod bench;
mod ci;
mod exits;
mod features;
mod fuzz;
mod instructions;
mod interop;
mod reach;
mod redact;
mod release;
mod shell;
mod simulate;
mod stage;
mod test;
mod tidy;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// The chores of the watchfire workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true, after_help = EXAMPLES)]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask ci                        everything that a change must pass
  cargo xtask ci --keep-going           the same, past the first failure
  cargo xtask test                      all tests, and interop with what can be installed
  cargo xtask test --interop off retry  only tests whose name contains `retry`
  cargo xtask test --soak kill          200 programs killed at random moments instead of 20
  cargo xtask bench capture             an alert being captured, beside its peers
  cargo xtask bench instructions        instructions per line written to a file, under callgrind
  cargo xtask bench redact              instructions per byte of redaction, under callgrind, and nanoseconds
  cargo xtask simulate --seeds 100000   the spool and the delivery under crashes, from many seeds
  cargo xtask exits                     every kind of exit of a program, and who is told of it
  cargo xtask tidy                      the shape of the tree: arrows, sibling files, sizes";

#[derive(Subcommand)]
enum Chore {
    /// Runs every stage that a change must pass, and prints the seconds of each.
    ///
    /// The stages: fmt, clippy, features, docs, tidy, deny, package, semver, simulate, instructions, test. The first
    /// failure stops the run.
    #[command(after_help = "Examples:\n  cargo xtask ci\n  cargo xtask ci --interop required --keep-going")]
    Ci {
        /// Whether to run the checks against other programs.
        #[arg(long, value_enum, default_value_t)]
        interop: Interop,
        /// Runs the later stages too after one has failed.
        #[arg(long)]
        keep_going: bool,
    },
    /// Runs all tests and doc-tests of the workspace, then the checks against other programs.
    #[command(
        after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --interop required smtp\n  cargo xtask test --soak --interop off kill"
    )]
    Test {
        /// Whether to run the checks against other programs.
        #[arg(long, value_enum, default_value_t)]
        interop: Interop,
        /// Goes on for long: 200 kills instead of 20, a minute of random input for each reader.
        #[arg(long)]
        soak: bool,
        /// Runs only the tests and interop checks whose name contains this.
        filter: Option<String>,
    },
    /// Runs a benchmark of tests/bench, optimised; without a name it lists them.
    #[command(
        after_help = "Examples:\n  cargo xtask bench capture\n  cargo xtask bench capture --rounds 200"
    )]
    Bench {
        /// The benchmark's name, and its own options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Tries the spool and the delivery under random schedules, outcomes and crashes; the same seed runs the same.
    #[command(
        after_help = "Examples:\n  cargo xtask simulate --seeds 10000\n  cargo xtask simulate --seeds 1 --from 4711"
    )]
    Simulate {
        /// How many seeds.
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// The first of them.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// With groups, budgets, checkpoints and silences before the spool.
        #[arg(long)]
        groups: bool,
    },
    /// Ends a program in every way, prints what arrives where, and compares docs/guide/exits.md with that.
    #[command(after_help = "Examples:\n  cargo xtask exits\n  cargo xtask exits --write")]
    Exits {
        /// Writes the tables into the guide.
        #[arg(long)]
        write: bool,
    },
    /// Has servers on raw sockets misbehave, and prints what each fault costs: time, copies, memory, and what health said.
    Faults,
    /// Runs every fuzz target with feedback by coverage.
    #[command(after_help = "Examples:\n  cargo xtask fuzz\n  cargo xtask fuzz --seconds 3600")]
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Tries the hand-off between threads under all interleavings.
    Loom,
    /// Packs every crate that is published, as a release would.
    Package,
    /// Compiles with the oldest version of each direct dependency that the manifests allow.
    Minimal,
    /// Builds the documentation, and checks that the facade shows every type that its signatures name.
    Docs,
    /// Lints the facade and the configuration without features, and with each of them alone.
    Features,
    /// Checks the shape of the tree: arrows between crates, sibling files, sizes, documents.
    Tidy,
}

/// The handling of a check whose other program cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Interop {
    /// A skipped check is an error.
    Required,
    /// A check whose program cannot be installed is skipped with a note.
    #[default]
    Auto,
    /// No check is run.
    Off,
}

fn main() -> ExitCode {
    let done = match Xtask::parse().chore {
        Chore::Ci { interop, keep_going } => ci::run(interop, keep_going),
        Chore::Test { interop, soak, filter } => {
            let effort = if soak { test::Effort::SOAK } else { test::Effort::SHORT };
            test::run(interop, effort, filter.as_deref())
        }
        Chore::Bench { args } => bench::run(&args),
        Chore::Simulate { seeds, from, groups } => simulate::run(seeds, from, groups),
        Chore::Exits { write } => exits::run(if write { exits::Guide::Write } else { exits::Guide::Compare }),
        Chore::Faults => test::faults(),
        Chore::Fuzz { seconds } => fuzz::run(seconds),
        Chore::Loom => test::loom(),
        Chore::Package => release::package(),
        Chore::Minimal => release::minimal_versions(),
        Chore::Docs => ci::docs(),
        Chore::Features => features::run(),
        Chore::Tidy => tidy::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", shell::paint(shell::Paint::Bad, "error:"));
            ExitCode::FAILURE
        }
    }
}
