//! Benchmarks of what a user feels, each beside a peer in one process. Run by `cargo xtask bench <name>`.

mod capture;
mod ends;
mod file;
mod latency;
mod measure;
mod routing;
mod storm;

use clap::{Parser, Subcommand};

/// Benchmarks of watchfire beside its peers.
#[derive(Parser)]
#[command(name = "cargo xtask bench", arg_required_else_help = true)]
struct BenchCli {
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
    /// Repeats of one error that the gate turns away, a full queue, and alerts captured at a pace.
    Storm {
        /// How often each contestant runs; the order within a round is random. With 0 only the alerts at a pace.
        #[arg(long, default_value_t = 60)]
        rounds: usize,
    },
    /// The cost of an alert for its caller while the provider is down or hangs, the queue full, the disk slow; and how soon
    /// it is in the spool.
    Latency {
        /// How often each scene is played; the order within a round is random.
        #[arg(long, default_value_t = 12)]
        rounds: usize,
    },
    /// Events and spans that one of 1, 6, 20 and 50 handlers wants: the router beside as many `EnvFilter` layers.
    Routing {
        /// How often each contestant runs; the order within a round is random.
        #[arg(long, default_value_t = 40)]
        rounds: usize,
    },
    /// Lines written to a file: lines per second, and what one call takes.
    File {
        /// How often each contestant runs; the order within a round is random.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Instructions per line, under callgrind; run by `cargo xtask`, which builds the program that is counted.
    Instructions,
    /// Lines found in a file after each way in which a process may end.
    FileEnds {
        /// The file that this process, being the program, writes to.
        #[arg(long, hide = true, num_args = 3, value_names = ["SUBJECT", "END", "PATH"])]
        program: Option<Vec<String>>,
    },
}

fn main() {
    match BenchCli::parse().bench {
        Bench::Capture { rounds } => capture::run(rounds),
        Bench::Latency { rounds } => latency::run(rounds),
        Bench::Routing { rounds } => routing::run(rounds),
        Bench::Storm { rounds } => storm::run(rounds),
        Bench::File { rounds } => file::run(rounds),
        Bench::Instructions => eprintln!("run `cargo xtask bench instructions`"),
        Bench::FileEnds { program: None } => ends::run(),
        Bench::FileEnds { program: Some(told) } => ends::play(&told[0], &told[1], &told[2]),
    }
}
