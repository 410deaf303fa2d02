//! Ends in a chosen way, for the tests of what survives: `ends <way> <file> [spool folder]`.
//!
//! Each delivered notification is a line in the file: `<title>`, with ` (possible duplicate)` and what the outbox
//! remarks behind it. A file that is named `down` takes nothing.

#![expect(
    clippy::panic,
    clippy::mem_forget,
    clippy::print_stdout,
    reason = "this program is there to end badly"
)]

use std::{
    fs::OpenOptions,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Alert, App, Severity, clock};
use watchfire_outbox::{
    Delivering, DeliveryPolicy, MessageContent, Notification, NotificationPolicy, Occasion, OccasionKind,
    Outbox, Outcome, Rate, Sink, SinkExt, panic,
};

struct EndLines(PathBuf);

impl Sink for EndLines {
    fn kind(&self) -> &'static str {
        "lines"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let mut line = occasion.alert().message.clone();
        if occasion.kind() == OccasionKind::Digest {
            line = format!("{line} x{}", occasion.tally().fresh);
        }
        for note in MessageContent::of(occasion).notes.iter().filter(|note| note.contains("died")) {
            line = format!("{line} | {note}");
        }
        vec![occasion.notification("file").plain(line)]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            if self.0.ends_with("down") {
                return Outcome::Transient("the file is down".into());
            }
            let again = if notification.is_possible_duplicate() { " (possible duplicate)" } else { "" };
            let line = format!("{}{again}\n", String::from_utf8_lossy(notification.body()));
            let file = OpenOptions::new().create(true).append(true).open(&self.0);
            match file.and_then(|mut file| file.write_all(line.as_bytes())) {
                Ok(()) => Outcome::Delivered(None),
                Err(error) => Outcome::Transient(error.to_string().into()),
            }
        })
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.backoff_base = Duration::from_millis(1);
        policy.backoff_cap = Duration::from_millis(10);
        // The test is about everything arriving, not about it arriving once.
        policy.notifications = NotificationPolicy::tracker().budget([]);
        policy.notifications.every = Some(Rate::new(1_000_000, Duration::from_secs(60)).burst(1_000_000));
        policy
    }
}

static LOCK: Mutex<()> = Mutex::new(());

/// Panics while it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

/// Panics while it is formatted, inside our own layer.
struct Unprintable;

impl std::fmt::Debug for Unprintable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("in a formatter")
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let way = args.next().unwrap_or_default();
    let file = PathBuf::from(args.next().ok_or("expected a way to end and a file")?);
    let builder = Outbox::builder("ends").exit_deadline(Duration::from_millis(500));
    let builder = if way == "no-hook" { builder.without_panics() } else { builder };
    if way == "panic-hook-logs" {
        // A hook that was there before, and logs.
        std::panic::set_hook(Box::new(|info| tracing::error!("panicked at: {info}")));
    }
    if way == "panic-abort-slow" {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            hook(info);
            // One that prints a long stack: the outbox has time to do what it likes.
            pause(Duration::from_millis(1_500));
        }));
    }
    let outbox = match args.next() {
        Some(folder) => builder.spool(folder),
        None => builder.in_memory(),
    };
    let outbox = outbox.drop_deadline(Duration::from_millis(500)).start()?;
    if way == "panic-chain" {
        return chain(outbox, EndLines(file));
    }
    tracing_subscriber::registry().with(EndLines(file).layer(&outbox)?).init();
    match way.as_str() {
        "return" | "no-hook" => tracing::error!("before the return"),
        "exit" => {
            tracing::error!("before the exit");
            std::process::exit(3);
        }
        "exit-forgotten" => {
            std::mem::forget(outbox);
            tracing::error!("before the exit");
            std::process::exit(3);
        }
        "early-drop" => {
            drop(outbox);
            tracing::error!("after the drop");
        }
        "panic-main" => {
            tracing::error!("before the panic");
            panic!("in main");
        }
        "panic-abort" | "panic-abort-slow" => {
            std::panic::set_hook({
                let ours = std::panic::take_hook();
                Box::new(move |info| {
                    ours(info);
                    // What `panic = "abort"` does next.
                    std::process::abort();
                })
            });
            panic!("before the abort");
        }
        "panic-thread" => {
            std::thread::spawn(|| panic!("in a thread")).join().err().map(drop).into_iter().for_each(drop)
        }
        "panic-task" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let joined = runtime.block_on(async { tokio::spawn(async { panic!("in a task") }).await });
            assert!(joined.is_err(), "it panics");
        }
        "panic-drop" => {
            let caught = std::panic::catch_unwind(|| drop(Bomb));
            assert!(caught.is_err(), "it panics");
        }
        "panic-locked" => {
            let caught = std::panic::catch_unwind(|| {
                let _held = LOCK.lock();
                let _span = tracing::error_span!("holding", order = 4711).entered();
                panic!("with a lock");
            });
            assert!(caught.is_err() && LOCK.is_poisoned(), "as without us");
        }
        "panic-hook-logs" => drop(std::thread::spawn(|| panic!("with a hook that logs")).join()),
        // As `CatchPanicLayer` does, and programs that log what they caught.
        "panic-caught-and-logged" => {
            let Err(payload) = std::panic::catch_unwind(|| panic!("caught and logged"));
            tracing::error!("a request panicked: {:?}", payload.downcast_ref::<&str>());
        }
        "panic-cannot-unwind" => cannot_unwind(),
        "panic-inside" => tracing::error!(what = ?Unprintable, "with a bad formatter"),
        "panic-often" => {
            for i in 0..1_000 {
                let caught = std::panic::catch_unwind(|| panic!("again and again, {i}"));
                assert!(caught.is_err(), "it panics");
            }
            let stats = outbox.stats();
            println!("{} heard, {} counted", stats.panics, stats.panics_counted);
        }
        "flood" => flood(&outbox),
        #[cfg(all(unix, feature = "signals"))]
        "terminate" => {
            outbox.flush_on_termination()?;
            tracing::error!("before the signal");
            println!("ready");
            pause(Duration::from_secs(60));
        }
        // Only delivers what is there.
        "drain" => {
            let until = clock::instant() + Duration::from_secs(20);
            while clock::instant() < until && !outbox.drain(Duration::from_millis(200)).is_complete {}
        }
        other => return Err(format!("unknown way to end: {other}").into()),
    }
    Ok(())
}

/// Panics, and again as it cannot unwind, which aborts the process.
extern "C" fn cannot_unwind() {
    panic!("in extern C")
}

/// Panics twice, the second time after the outbox has ended, and says which hooks hear of it.
fn chain(outbox: Outbox, sink: EndLines) -> Result<(), Box<dyn std::error::Error>> {
    let said = || println!("the first hook");
    std::panic::set_hook(Box::new(move |_| said()));
    let sink = Arc::new(sink);
    let held = Arc::downgrade(&sink);
    let channel = sink.channel().handler(&outbox)?;
    panic::install(&outbox);
    panic::install(&outbox);
    let ours = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        ours(info);
        println!("a later hook");
    }));
    let caught = std::panic::catch_unwind(|| panic!("with an outbox"));
    println!("heard {} of {}", outbox.stats().panics, u8::from(caught.is_err()));
    let done = outbox.flush(Duration::from_secs(20)).is_complete;
    drop((outbox, channel));
    // Its thread ends a moment later.
    let until = clock::instant() + Duration::from_secs(20);
    while held.strong_count() > 0 && clock::instant() < until {
        pause(Duration::from_millis(1));
    }
    let caught = std::panic::catch_unwind(|| panic!("without one"));
    println!("flushed: {done}, panicked: {}", caught.is_err());
    Ok(())
}

/// Waits for as long as this.
fn pause(time: Duration) {
    let (_never, pause) = std::sync::mpsc::channel::<()>();
    pause.recv_timeout(time).unwrap_or_default();
}

/// Alerts for ever, and prints how many are in the spool.
fn flood(outbox: &Outbox) {
    let began: Instant = clock::instant();
    for i in 0..u64::MAX {
        outbox.alert(
            Alert::new(App::new("ends"), Severity::Error, format!("alert {i}.")).place("src/flood.rs", 1),
        );
        while outbox.stats().channels.iter().any(|channel| channel.spooled + 50 < i) {
            std::thread::yield_now();
        }
        let spooled = outbox.stats().channels.iter().map(|channel| channel.spooled).sum::<u64>();
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{spooled}").and_then(|()| out.flush()).is_err() || began.elapsed().as_secs() > 60 {
            println!();
            return;
        }
    }
}
