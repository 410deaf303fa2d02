//! Forks while lines wait and threads log, for the tests: `log_forks <file> <way>`.
//!
//! Ways: `exit` (the child ends at once), `log` (it logs five lines), `busy` (four threads of the parent log while it
//! forks fifty times), `twice` (a child of a child logs, as a daemon does). Exits with 0 if no child hung.

#![cfg_attr(unix, expect(unsafe_code, reason = "this program is there to fork, for which std has nothing"))]

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_file::LogFile;

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(way)) = (arguments.next(), arguments.next()) else { return ExitCode::FAILURE };
    let Ok(layer) = LogFile::new(path).flush_every(Duration::from_millis(20)).layer() else {
        return ExitCode::FAILURE;
    };
    tracing_subscriber::registry().with(layer).init();
    tracing::info!("<parent>");
    let log = || {
        for line in 0..5 {
            tracing::info!("<child {} {line}>", std::process::id());
        }
    };
    let is_well = match way.as_str() {
        "exit" => in_child(|| {}),
        "log" => in_child(log),
        "twice" => in_child(|| assert!(in_child(log))),
        _ => {
            let is_over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            tracing::info!("noise");
                        }
                    });
                }
                let is_well = (0..50).all(|_| in_child(log));
                is_over.store(true, Ordering::Relaxed);
                is_well
            })
        }
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs `work` in a child that then ends as a program does; returns whether it ended well, and in time.
#[cfg(unix)]
#[expect(clippy::exit, reason = "the child ends here")]
fn in_child(work: impl FnOnce()) -> bool {
    // SAFETY: the child calls what any program calls that logs after a fork, which is what is tested; a child that
    // hangs is ended by its alarm.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: sets a timer of this process.
        unsafe { libc::alarm(20) };
        work();
        std::process::exit(0);
    }
    let mut status = 0;
    // SAFETY: the pointer is that of `status`, which outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    waited == child && status == 0
}
