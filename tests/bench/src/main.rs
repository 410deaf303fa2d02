//! Benchmarks of what a user feels, each beside a peer in one process. Run by `cargo xtask bench <name>`.

mod capture;
mod measure;

use clap::{Parser, Subcommand};

/// Benchmarks of watchfire beside its peers.
#[derive(Parser)]
#[command(name = "cargo xtask bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// One error event with four fields inside three spans, until it is captured.
    Capture {
        /// How often each contestant runs; the order within a round is random.
        #[arg(long, default_value_t = 60)]
        rounds: usize,
    },
}

fn main() {
    match Cli::parse().bench {
        Bench::Capture { rounds } => capture::run(rounds),
    }
}
