//! Says a last word on a slow disk and aborts: `last_words FOLDER critical|error SYNC WITHIN AFTER`, for the tests of what
//! survives. All in milliseconds: how much longer each sync takes, `sync_within`, and the time until the abort. Prints how
//! many the call took.

#![expect(clippy::print_stdout, reason = "the test reads it")]

use std::time::Duration;

use tracing_subscriber::prelude::*;
use watchfire_core::clock;
use watchfire_outbox::{Delivering, Notification, Occasion, Outbox, Sink, SinkExt};

/// A provider that never answers.
struct NeverAnswers;

impl Sink for NeverAnswers {
    fn kind(&self) -> &'static str {
        "never"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("ada").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::pending())
    }
}

fn pause(time: Duration) {
    let (_never, pause) = std::sync::mpsc::channel::<()>();
    pause.recv_timeout(time).unwrap_or_default();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, severity, sync, within, after] = words.as_slice() else {
        return Err("see the first lines".into());
    };
    let millis = |word: &str| word.parse().map(Duration::from_millis);
    let (sync, within, after) = (millis(sync)?, millis(within)?, millis(after)?);
    let outbox = Outbox::builder("last-words").spool(folder).slow_disk(sync).sync_within(within).start()?;
    tracing_subscriber::registry()
        .with(NeverAnswers.named("first").layer(&outbox)?)
        .with(NeverAnswers.named("second").layer(&outbox)?)
        .init();
    // The worker is up, and asleep.
    assert!(outbox.flush(Duration::from_secs(20)).is_complete);
    pause(Duration::from_millis(20));
    let began = clock::instant();
    if severity == "critical" {
        tracing::error!(severity = "critical", "the last word");
    } else {
        tracing::error!("the last word");
    }
    println!("{}", began.elapsed().as_millis());
    pause(after);
    std::process::abort()
}
