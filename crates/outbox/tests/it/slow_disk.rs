//! The disk takes its time: that is the worker's matter, and nobody else's.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use tokio::sync::oneshot;
use tracing_subscriber::prelude::*;
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

#[test]
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

    // The worker waits in a function of the program as it does for a disk that hangs.
    let ((held, until), (began, begun)) = (mpsc::channel::<()>(), mpsc::channel());
    let hang = Mutex::new(Some((began, until)));
    let name_group = move |_: &Alert| {
        if let Some((began, until)) = hang.lock().unwrap().take() {
            began.send(()).unwrap();
            until.recv().unwrap_or_default();
        }
        None
    };
    let late = Told::new().channel().named("late").group_by(name_group).layer(&outbox).unwrap();
    let late = tracing::Dispatch::new(tracing_subscriber::registry().with(late));
    tracing::dispatcher::with_default(&late, || tracing::error!("the one that hangs"));
    begun.recv().unwrap();
    go.send(()).unwrap();
    wait_until("the message arrives while the worker waits", || told.titles() == ["card declined"]);
    drop(held);
    assert!(outbox.flush(LONG).is_complete);
    assert_eq!(outbox.stats().channels[0].delivered, 1);
}

/// A critical alert is in the folder before it is forced to the disk: neither the time that this takes nor the number of
/// channels decides whether it survives its process.
#[cfg(feature = "sim")]
#[test]
fn a_last_word_is_in_the_spool_before_the_disk_has_it() {
    let (sync, within) = ("15000", "14000");
    let folder = tempfile::tempdir().unwrap();
    let mut last_words = std::process::Command::new(crate::ends::program("last_words"));
    let output = last_words.arg(folder.path()).args(["critical", sync, within, "0"]).output().unwrap();
    assert!(!output.status.success(), "it aborts");
    let took: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!(took < 14_000, "{took} ms");
    let hosts = std::fs::read_dir(folder.path().join("hosts")).unwrap().map(|host| host.unwrap().path());
    let files: usize = hosts.map(|host| std::fs::read_dir(host.join("cur")).unwrap().count()).sum();
    assert_eq!(files, 2, "one for each channel");
}
