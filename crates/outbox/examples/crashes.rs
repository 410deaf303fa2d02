//! Ends without running any code, for the tests of how that is reported:
//! `crashes <way> <file> <spool folder> [off | warn | critical]`.
//!
//! Each delivered notification is a line in the file: its severity and its title. A file that is named `down` takes
//! nothing.

#![cfg_attr(unix, expect(unsafe_code, reason = "this program is there to crash, and to fork"))]
#![expect(clippy::print_stdout, reason = "the test waits for what it says")]

use std::{
    fs::OpenOptions,
    io::{Read, Write},
    path::PathBuf,
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_outbox::{
    Delivering, DeliveryPolicy, Notification, NotificationPolicy, Occasion, Outbox, Outcome, Sink, SinkExt,
    UncleanEnd,
};

struct CrashLines(PathBuf);

impl Sink for CrashLines {
    fn kind(&self) -> &'static str {
        "lines"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let line = format!("{} {}\n", occasion.alert().severity, occasion.title());
        vec![occasion.notification("file").plain(line)]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            if self.0.ends_with("down") {
                return Outcome::Transient("the file is down".into());
            }
            let file = OpenOptions::new().create(true).append(true).open(&self.0);
            match file.and_then(|mut file| file.write_all(notification.body())) {
                Ok(()) => Outcome::Delivered(None),
                Err(error) => Outcome::Transient(error.to_string().into()),
            }
        })
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.notifications = NotificationPolicy::tracker().budget([]);
        policy
    }
}

/// Takes more of the stack at each call.
#[expect(unconditional_recursion, reason = "it is to overflow the stack")]
fn overflow(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    overflow(depth.wrapping_add(1)).wrapping_add(page.iter().fold(0, |sum, one| sum ^ one))
}

fn wait_for_the_end_of_stdin() {
    std::io::stdin().read_to_end(&mut Vec::new()).map(drop).unwrap_or_default();
}

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [way, file, spool, report @ ..] = args.as_slice() else {
        return Err("expected a way to end, a file and a folder".into());
    };
    let report = match report.first().map(String::as_str) {
        Some("off") => UncleanEnd::Off,
        Some("critical") => UncleanEnd::Critical,
        _ => UncleanEnd::Warn,
    };
    let outbox = Outbox::builder("crashes").spool(spool).unclean_end(report);
    // A machine under load may take longer for a write than a program wants to wait.
    let outbox =
        if way.starts_with("patient-") { outbox.sync_within(Duration::from_secs(20)) } else { outbox };
    let outbox = outbox.exit_deadline(Duration::from_secs(10)).start()?;
    tracing_subscriber::registry().with(CrashLines(file.into()).layer(&outbox)?).init();
    if way == "drain" {
        let is_done = outbox.flush(Duration::from_secs(20)).is_complete;
        return if is_done { Ok(()) } else { Err("not all was delivered".into()) };
    }
    if let Some((severity, micros)) = way.split_once("last-words-").and_then(|(_, way)| way.split_once('-')) {
        match severity {
            "critical" => tracing::error!(severity = "critical", "the last words"),
            _ => tracing::error!("the last words"),
        }
        std::thread::park_timeout(Duration::from_micros(micros.parse()?));
        std::process::abort();
    }
    tracing::error!("out of stock");
    while outbox.stats().channels.iter().all(|channel| channel.attempts == 0) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    match way.as_str() {
        "abort" => std::process::abort(),
        // SAFETY: it is not: this is the crash.
        "segv" => unsafe { std::ptr::null_mut::<u8>().write_volatile(1) },
        "overflow" => println!("{}", overflow(0)),
        "forked" => {
            // SAFETY: the child only waits, and ends without running what is registered for its exit.
            if unsafe { libc::fork() } == 0 {
                wait_for_the_end_of_stdin();
                // SAFETY: as above.
                unsafe { libc::_exit(0) }
            }
            println!("ready");
            std::thread::park_timeout(Duration::from_secs(60));
        }
        "flushed-signal" => {
            outbox.flush_on_termination()?;
            println!("ready");
            wait_for_the_end_of_stdin();
        }
        "exit" => std::process::exit(3),
        "return" => {}
        _ => {
            println!("ready");
            wait_for_the_end_of_stdin();
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn main() {}
