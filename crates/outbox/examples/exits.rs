//! Ends in a chosen way with a provider in a chosen state, for the tests of how long it takes:
//! `exits <way> <provider> <spool folder, or nothing>`.

#![cfg_attr(not(unix), expect(unused, reason = "its ways to end are signals"))]
#![expect(clippy::print_stdout, reason = "the test reads what it says")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{
    Delivering, DeliveryPolicy, Notification, NotificationPolicy, Occasion, Outbox, Outcome, Sink, SinkExt,
};

/// A provider in one state.
struct StatefulSink(String);

impl Sink for StatefulSink {
    fn kind(&self) -> &'static str {
        "provider"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("ada").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            match self.0.as_str() {
                "healthy" => Outcome::Delivered(None),
                "down" => Outcome::Transient("refused".into()),
                "held" => Outcome::Held("the credentials are wrong".into()),
                "blocking" => {
                    pause(Duration::from_secs(60));
                    Outcome::Delivered(None)
                }
                _ => std::future::pending().await,
            }
        })
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.notifications = NotificationPolicy::tracker().budget([]);
        policy
    }
}

fn pause(time: Duration) {
    let (_never, pause) = std::sync::mpsc::channel::<()>();
    pause.recv_timeout(time).unwrap_or_default();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let way = args.next().unwrap_or_default();
    // Two outboxes more, whose provider hangs.
    let (way, has_others) = match way.strip_suffix("-others") {
        Some(way) => (way.to_owned(), true),
        None => (way, false),
    };
    let state = args.next().unwrap_or_default();
    let provider = StatefulSink(state.clone());
    let mut builder = Outbox::builder("exits").in_memory();
    if let Some(folder) = args.next() {
        builder = Outbox::builder("exits").spool(folder);
    }
    builder = match way.as_str() {
        "forever" => builder.drop_deadline(Duration::MAX).exit_deadline(Duration::MAX),
        "at-once" => builder.drop_deadline(Duration::ZERO).exit_deadline(Duration::ZERO),
        _ => builder.drop_deadline(Duration::from_millis(1_500)).exit_deadline(Duration::from_secs(1)),
    };
    let outbox = builder.start()?;
    let own = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    let listen = || signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&own));
    #[cfg(unix)]
    match way.as_str() {
        "own-before" => {
            listen()?;
            outbox.flush_on_termination()?;
        }
        "own-after" => {
            outbox.flush_on_termination()?;
            listen()?;
        }
        _ => outbox.flush_on_termination()?,
    }
    let mut others = Vec::new();
    for _ in 0..if has_others { 2 } else { 0 } {
        let other = Outbox::builder("exits").in_memory();
        let other = other
            .drop_deadline(Duration::from_millis(1_500))
            .exit_deadline(Duration::from_secs(1))
            .start()?;
        let channel = StatefulSink("hanging".to_owned()).channel().handler(&other)?;
        other.alert(Alert::new(App::new("exits"), Severity::Error, "out of time"));
        others.push((other, channel));
    }
    let layer = provider.layer(&outbox)?;
    tracing_subscriber::registry().with(layer).init();
    for kind in ["ledger", "stock", "mail"] {
        tracing::error!(kind, "out of {kind}");
    }
    // What fails is known to have failed.
    while matches!(state.as_str(), "healthy" | "down" | "held")
        && way != "at-once"
        && outbox
            .stats()
            .channels
            .iter()
            .all(|channel| channel.delivered + channel.transient + channel.held == 0)
    {
        pause(Duration::from_millis(1));
    }
    println!("ready");
    match way.as_str() {
        "return" | "forever" | "at-once" => {
            drop(others);
            drop(outbox);
        }
        "exit" => std::process::exit(3),
        "signal" => pause(Duration::from_secs(60)),
        _ => {
            while !own.load(Ordering::Acquire) {
                pause(Duration::from_millis(1));
            }
            // What the program does at its end, longer than ours takes.
            pause(Duration::from_secs(3));
            println!("ended by itself");
        }
    }
    Ok(())
}
