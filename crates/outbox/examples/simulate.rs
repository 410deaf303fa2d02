//! Runs seeds of the simulator: `simulate [--seeds N] [--from SEED] [--groups]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its streams")]

use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use watchfire_outbox::sim::{RunReport, run, run_groups};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str, otherwise: u64| {
        let at = args.iter().position(|arg| arg == name);
        at.and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(otherwise)
    };
    let (seeds, from) = (value("--seeds", 1_000), value("--from", 0));
    let groups = args.iter().any(|arg| arg == "--groups");
    let (run, flag): (fn(u64) -> _, _) = if groups { (run_groups, " --groups") } else { (run, "") };
    let began = watchfire_core::clock::instant();
    let (next, failed) = (AtomicU64::new(from), AtomicBool::new(false));
    let total = Mutex::new(RunReport::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    match run(seed) {
                        Ok(summary) => {
                            add(&mut total.lock().unwrap_or_else(PoisonError::into_inner), &summary)
                        }
                        Err(broken) => {
                            failed.store(true, Ordering::Relaxed);
                            eprintln!("seed {seed}: {broken}");
                            eprintln!("replay it with: cargo xtask simulate --seeds 1 --from {seed}{flag}");
                        }
                    }
                }
            });
        }
    });
    if failed.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    let total = total.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{seeds} seeds from {from} hold, in {:.1} s: {total:?}", began.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn add(total: &mut RunReport, one: &RunReport) {
    total.steps += one.steps;
    total.accepted += one.accepted;
    total.attempts += one.attempts;
    total.kills += one.kills;
    total.power_losses += one.power_losses;
    total.marked_duplicates += one.marked_duplicates;
    total.merged += one.merged;
    total.failed_over += one.failed_over;
    total.captured += one.captured;
    total.reported += one.reported;
    total.suppressed += one.suppressed;
    total.lost += one.lost;
    total.reported_again += one.reported_again;
}
