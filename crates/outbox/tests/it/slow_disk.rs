//! The disk takes its time: that is the worker's matter, and nobody else's.

use std::{
    fs::OpenOptions,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::oneshot;
use watchfire_core::{Alert, App, SelfLog, Severity, clock};
use watchfire_outbox::{Delivering, Notification, Occasion, Outbox, Sink, SinkExt};

use crate::sinks::Told;

const LONG: Duration = Duration::from_secs(20);

/// Says when an attempt is under way, and ends it when it is told to.
struct Waits {
    told: Told,
    under_way: Arc<Mutex<bool>>,
    go: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Sink for Waits {
    fn kind(&self) -> &'static str {
        "waits"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        self.told.render(occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let go = self.go.lock().unwrap().take();
            *self.under_way.lock().unwrap() = true;
            if let Some(go) = go {
                go.await.unwrap();
            }
            self.told.deliver(notification).await
        })
    }
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let until = clock::instant() + LONG;
    while !done() {
        assert!(clock::instant() < until, "{what}");
        std::thread::yield_now();
    }
}

/// Makes a file in the spool's folder whose reader waits for as long as somebody has it open: a disk that hangs.
fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
#[cfg(unix)]
fn attempts_under_way_finish_while_the_disk_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::builder("shop").spool(folder.path()).self_log(SelfLog::to(|_| ())).start().unwrap();
    let (go, wait) = oneshot::channel();
    let told = Told::new();
    let under_way = Arc::new(Mutex::new(false));
    let waits = Waits { told: told.clone(), under_way: Arc::clone(&under_way), go: Mutex::new(Some(wait)) };
    let _layer = waits.layer(&outbox).unwrap();
    outbox.alert(Alert::new(App::new("shop"), Severity::Error, "card declined"));
    wait_until("the attempt is made", || *under_way.lock().unwrap());

    // For a new channel the worker reads the silences, of which this one cannot be read to its end.
    let pipe = folder.path().join("silences/pipe");
    make_pipe(&pipe);
    let _late = Told::new().named("late").layer(&outbox).unwrap();
    let held = OpenOptions::new().write(true).open(&pipe).unwrap();
    // Opened for writing: the worker has opened it for reading, and waits.
    go.send(()).unwrap();
    wait_until("the message arrives while the worker waits", || told.titles() == ["card declined"]);
    drop(held);
    std::fs::remove_file(&pipe).unwrap();
    assert!(outbox.flush(LONG).is_complete);
    assert_eq!(outbox.stats().channels[0].delivered, 1);
}
