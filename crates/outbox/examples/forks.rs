//! Forks with messages under way, for the tests: `forks <file> <spool folder> [panic]`. With `panic` the child only panics.
//!
//! Each delivered notification is a line in the file: the process that delivered it, and the title. Exits with the
//! status of the child.

#![cfg_attr(unix, expect(clippy::panic, clippy::exit, reason = "this program is there to end badly"))]
#![cfg_attr(unix, expect(unsafe_code, reason = "this program is there to fork, for which std has nothing"))]

use std::{
    fs::OpenOptions,
    io::Write,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Alert, App, Severity, clock};
use watchfire_outbox::{Delivering, Notification, Occasion, Outbox, Outcome, Sink, SinkExt};

/// Takes nothing before this is set.
static UP: AtomicBool = AtomicBool::new(false);

struct ForkLines(PathBuf);

impl Sink for ForkLines {
    fn kind(&self) -> &'static str {
        "lines"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("file").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            if !UP.load(Ordering::Acquire) {
                return Outcome::Transient("not yet".into());
            }
            let line = format!("{}: {}\n", std::process::id(), notification.title());
            let file = OpenOptions::new().create(true).append(true).open(&self.0);
            match file.and_then(|mut file| file.write_all(line.as_bytes())) {
                Ok(()) => Outcome::Delivered(None),
                Err(error) => Outcome::Transient(error.to_string().into()),
            }
        })
    }
}

fn start(file: &str, spool: &str) -> Result<(Outbox, impl Sized), watchfire_core::ConfigError> {
    let outbox = Outbox::builder("forks").spool(spool).start()?;
    let channel = ForkLines(file.into()).channel().handler(&outbox)?;
    Ok((outbox, channel))
}

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(file), Some(spool)) = (args.next(), args.next()) else {
        return Err("expected a file and a folder".into());
    };
    let outbox = Outbox::builder("forks").spool(&spool).start()?;
    tracing_subscriber::registry().with(ForkLines(PathBuf::from(&file)).layer(&outbox)?).init();
    if args.next().is_some() {
        return in_child(panic_in_threads);
    }
    tracing::error!("the parent's, in the spool");
    while outbox.stats().channels.iter().all(|channel| channel.transient == 0) {
        std::thread::yield_now();
    }
    tracing::error!("the parent's, in the queue");
    // SAFETY: the child uses the parent's outbox, which is what is tried, and else only what it makes itself.
    let child = unsafe { libc::fork() };
    if child == 0 {
        UP.store(true, Ordering::Release);
        std::process::exit(play_the_child(outbox, &file, &spool));
    }
    let mut status = 0;
    // SAFETY: the pointer is that of a number which outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    UP.store(true, Ordering::Release);
    let report = outbox.drain(Duration::from_secs(20));
    if waited != child || status != 0 || !report.is_complete {
        return Err(format!("child {child}, waited for {waited}, status {status}, {report:?}").into());
    }
    Ok(())
}

#[cfg(not(unix))]
fn main() {}

/// Forks while the worker sleeps, and plays the child.
#[cfg(unix)]
fn in_child(play: impl FnOnce() -> i32) -> Result<(), Box<dyn std::error::Error>> {
    let (_never, pause) = std::sync::mpsc::channel::<()>();
    pause.recv_timeout(Duration::from_millis(100)).unwrap_or_default();
    // SAFETY: what a child may do is what is tried.
    let child = unsafe { libc::fork() };
    if child == 0 {
        std::process::exit(play());
    }
    let mut status = 0;
    // SAFETY: the pointer is that of a number which outlives the call.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    if status == 0 { Ok(()) } else { Err(format!("the child ended with {status}").into()) }
}

/// Panics in threads, to which the C library gives the stacks of the parent's threads; returns 0 if all survive.
#[cfg(unix)]
fn panic_in_threads() -> i32 {
    let work = || {
        std::hint::black_box([0x55_u8; 1 << 16]);
        panic!("the child's");
    };
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(work)).collect();
    let ended = threads.into_iter().filter_map(|thread| thread.join().err()).count();
    i32::from(ended != 8)
}

/// Uses what it has of its parent, then an outbox of its own; returns 0 if all went well.
#[cfg(unix)]
fn play_the_child(parents: Outbox, file: &str, spool: &str) -> i32 {
    let began = clock::instant();
    tracing::error!("the child's, to nowhere");
    tracing::error!(severity = "critical", "the child's last word");
    let before = parents.flush(Duration::from_secs(30));
    let stats = parents.stats();
    let is_dead = !parents.health().reasons.is_empty();
    drop(parents);
    if before.delivered > 0 || stats.channels.iter().all(|channel| channel.dropped_shutdown == 0) || !is_dead
    {
        return 2;
    }
    if began.elapsed() > Duration::from_secs(10) {
        return 3;
    }
    let Ok((own, _channel)) = start(file, spool) else { return 4 };
    own.alert(Alert::new(App::new("forks"), Severity::Error, "the child's own"));
    if own.flush(Duration::from_secs(20)).is_complete { 0 } else { 5 }
}
