//! The program comes first: whatever hangs, an event of it returns.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Alert, SelfLog, clock};
use watchfire_outbox::{ChannelStats, Delivering, Notification, Occasion, Outbox, Sink, SinkExt};

use crate::sinks::Told;

const LONG: Duration = Duration::from_secs(20);
const THREADS: u64 = 4;
const EVENTS: u64 = 2_000;

/// Hangs where it is told to, until it is let go.
struct HangsWhereTold {
    told: Told,
    in_render: Mutex<Option<mpsc::Receiver<()>>>,
    in_deliver: Mutex<Option<mpsc::Receiver<()>>>,
    hangs: Arc<Mutex<bool>>,
}

impl HangsWhereTold {
    fn hang(&self, until: &Mutex<Option<mpsc::Receiver<()>>>) {
        if let Some(until) = until.lock().unwrap().take() {
            *self.hangs.lock().unwrap() = true;
            // An error means that it is let go.
            until.recv().unwrap_or_default();
        }
    }
}

impl Sink for HangsWhereTold {
    fn kind(&self) -> &'static str {
        "hangs"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        self.hang(&self.in_render);
        self.told.render(occasion)
    }

    /// Blocks the thread, which no sink may do.
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.hang(&self.in_deliver);
        self.told.deliver(notification)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Rendering,
    Provider,
    Worker,
    FullQueue,
}

/// Has four threads emit, and returns when all their events have returned.
fn emit(dispatch: &tracing::Dispatch) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    for i in 0..EVENTS {
                        tracing::error!(i, thread, "payment failed");
                    }
                });
            });
        }
    });
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let until = clock::instant() + LONG;
    while !done() {
        assert!(clock::instant() < until, "{what}");
        std::thread::yield_now();
    }
}

/// Makes the worker wait, as for a disk that hangs, for as long as what is returned is kept.
fn hang_worker(outbox: &Outbox) -> (mpsc::Sender<()>, tracing::Dispatch) {
    let ((let_go, until), (began, begun)) = (mpsc::channel(), mpsc::channel());
    let hang = Mutex::new(Some((began, until)));
    let name_group = move |_: &Alert| {
        if let Some((began, until)) = hang.lock().unwrap().take() {
            began.send(()).unwrap();
            until.recv().unwrap_or_default();
        }
        None
    };
    let late = Told::new().channel().named("late").group_by(name_group).layer(outbox).unwrap();
    let late = tracing::Dispatch::new(tracing_subscriber::registry().with(late));
    tracing::dispatcher::with_default(&late, || tracing::error!("the one that hangs"));
    begun.recv().unwrap();
    (let_go, late)
}

#[test]
fn an_event_returns_whatever_hangs_and_is_counted() {
    use What::{FullQueue, Provider, Rendering, Worker};
    for what in [Rendering, Provider, Worker, FullQueue] {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::builder("shop")
            .capacity(if what == FullQueue { 1 } else { 100_000 })
            .spool(folder.path())
            .self_log(SelfLog::to(|_| ()))
            .start()
            .unwrap();
        let (let_go, until) = mpsc::channel::<()>();
        let mut until = Some(until);
        let mut hangs_if = |hangs: bool| Mutex::new(if hangs { until.take() } else { None });
        let (told, hangs) = (Told::new(), Arc::new(Mutex::new(false)));
        let sink = HangsWhereTold {
            told: told.clone(),
            in_render: hangs_if(matches!(what, Rendering | FullQueue)),
            in_deliver: hangs_if(what == Provider),
            hangs: Arc::clone(&hangs),
        };
        let dispatch =
            tracing::Dispatch::new(tracing_subscriber::registry().with(sink.layer(&outbox).unwrap()));
        let held = match what {
            Worker => Some(hang_worker(&outbox)),
            _ => {
                tracing::dispatcher::with_default(&dispatch, || tracing::error!("the one that hangs"));
                wait_until("it hangs", || *hangs.lock().unwrap());
                None
            }
        };
        let first = u64::from(held.is_none());

        emit(&dispatch);
        // Here all have returned, and what hangs still does.
        assert!(told.attempts().is_empty(), "{what:?}");
        let all = THREADS * EVENTS + first;
        assert_eq!(outbox.stats().channels[0].captured, all, "{what:?}");

        drop((let_go, held));
        let told_of = |stats: &ChannelStats| {
            // Its renderings that hung are given up.
            stats.rendered
                + stats.grouped
                + stats.unreported
                + stats.suppressed
                + stats.dropped_full
                + stats.dropped_render
        };
        wait_until("every event is accounted for", || {
            outbox.flush(LONG).is_complete && told_of(&outbox.stats().channels[0]) == all
        });
        let stats = &outbox.stats().channels[0];
        assert_eq!(stats.captured, all, "{what:?}: {stats:?}");
        assert_eq!(stats.dropped_full > 0, what == FullQueue, "{what:?}: {stats:?}");
        assert!(!told.delivered().is_empty(), "{what:?}");
    }
}
