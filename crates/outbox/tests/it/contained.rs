//! One failure harms only itself: sinks that block, budgets that are spent, clocks that were wrong.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use watchfire_core::{Alert, App, SelfLog, Severity, clock};
use watchfire_outbox::{
    Delivering, Notification, Occasion, Outbox, OutboxBuilder, Outcome, Rate, Reason, Sink, SinkExt,
};

use crate::sinks::Told;

const LONG: Duration = Duration::from_secs(20);

fn quiet() -> OutboxBuilder {
    Outbox::builder("shop").self_log(SelfLog::to(|_| ()))
}

fn alert(severity: Severity, text: &str) -> Alert {
    Alert::new(App::new("shop"), severity, text)
}

/// Alerts of as many groups.
const ERRORS: [&str; 4] = ["card declined", "stock negative", "mail lost", "ledger out of balance"];

pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let until = clock::instant() + LONG;
    while !done() {
        assert!(clock::instant() < until, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// Blocks its thread once, until it is let go.
struct Blocks {
    in_render: Mutex<Option<mpsc::Receiver<()>>>,
    in_deliver: Mutex<Option<mpsc::Receiver<()>>>,
}

fn block(until: &Mutex<Option<mpsc::Receiver<()>>>) {
    let until = until.lock().unwrap().take();
    until.into_iter().for_each(|until| until.recv().unwrap_or_default());
}

impl Sink for Blocks {
    fn kind(&self) -> &'static str {
        "blocks"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        block(&self.in_render);
        vec![occasion.notification("all").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        block(&self.in_deliver);
        Box::pin(std::future::ready(Outcome::Delivered(None)))
    }
}

#[test]
fn a_sink_that_blocks_delays_its_own_channel_only() {
    for blocks_render in [true, false] {
        let (let_go, until) = mpsc::channel();
        let (in_render, in_deliver) = if blocks_render { (Some(until), None) } else { (None, Some(until)) };
        let blocks = Blocks { in_render: Mutex::new(in_render), in_deliver: Mutex::new(in_deliver) };
        let told = Told::new();
        let outbox = quiet().in_memory().start().unwrap();
        let _blocked = blocks.layer(&outbox).unwrap();
        let _beside = told.clone().layer(&outbox).unwrap();
        outbox.alert(alert(Severity::Error, "refused"));
        wait_until("the other channel delivers", || told.delivered().len() == 1);
        if !blocks_render {
            let is_named =
                |outbox: &Outbox| outbox.health().reasons.join(" ").contains("blocks: its sink blocks");
            wait_until("health names it", || is_named(&outbox));
            drop(let_go);
            wait_until("the thread is back", || !is_named(&outbox));
        }
        wait_until("its own alert is delivered", || outbox.stats().channels[0].delivered == 1);
    }
}

/// Has very many recipients, of whom each takes a message at once.
struct Crowd(usize);

/// Returns how many: 200,000 when `TEST_RECIPIENTS` says so, as many as an unoptimized program renders in time otherwise.
#[expect(clippy::disallowed_methods, reason = "a setting of this test")]
fn recipients() -> usize {
    std::env::var("TEST_RECIPIENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(12_000)
}

impl Sink for Crowd {
    fn kind(&self) -> &'static str {
        "crowd"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        (0..self.0).map(|number| occasion.notification(number.to_string()).plain("text")).collect()
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::ready(Outcome::Delivered(None)))
    }
}

#[test]
fn a_sink_with_very_many_recipients_delays_its_own_channel_only() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::new();
    let outbox = quiet().spool(folder.path()).start().unwrap();
    let _crowd = Crowd(recipients()).layer(&outbox).unwrap();
    let _beside = told.clone().layer(&outbox).unwrap();
    outbox.alert(alert(Severity::Error, ERRORS[0]));
    wait_until("some of the crowd have theirs", || outbox.stats().channels[0].delivered > 200);
    let began = clock::instant();
    outbox.alert(alert(Severity::Error, ERRORS[1]));
    wait_until("the other channel delivers", || told.delivered().len() == 2);
    let took = began.elapsed();
    let stats = &outbox.stats().channels[0];
    assert!(took < Duration::from_secs(5), "{took:?}");
    let beyond = recipients() as u64 - 10_000;
    assert!(stats.dropped_spool > beyond / 2, "as many as a channel may have on its way are kept: {stats:?}");
    println!("the other channel took {took:?} beside {} recipients", recipients());
}

#[test]
fn what_is_critical_waits_for_no_budget() {
    let told = Told::new().policy(|policy| policy.notifications.budget = vec![Rate::hourly(3)]);
    let outbox = quiet().in_memory().start().unwrap();
    let _layer = told.clone().layer(&outbox).unwrap();
    ERRORS.iter().for_each(|text| outbox.alert(alert(Severity::Error, text)));
    outbox.alert(alert(Severity::Critical, "on fire"));
    wait_until("what is critical is delivered", || {
        told.titles().iter().any(|title| title.contains("on fire"))
    });
    assert!(!outbox.flush(LONG).is_complete);
    assert_eq!(told.delivered().len(), 2, "{:?}", told.titles());
}

#[test]
fn what_a_budget_holds_back_is_pending() {
    let told = Told::new().policy(|policy| policy.notifications.budget = vec![Rate::hourly(3)]);
    let outbox = quiet().in_memory().start().unwrap();
    let _layer = told.clone().layer(&outbox).unwrap();
    ERRORS[..3].iter().for_each(|text| outbox.alert(alert(Severity::Error, text)));
    let began = clock::instant();
    let report = outbox.flush(LONG);
    assert!(began.elapsed() < LONG / 2, "a flush does not wait for a budget");
    assert_eq!((report.delivered, report.pending, report.is_complete), (1, 2, false));
    assert_eq!(outbox.stats().channels[0].held_back, 2);
}

#[test]
fn a_message_of_1970_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let down = Told::new().answers([Outcome::Held(Reason::new("no such key"))]);
    let outbox = quiet().spool(folder.path()).start().unwrap();
    let layer = down.clone().layer(&outbox).unwrap();
    outbox.alert(alert(Severity::Error, "refused"));
    wait_until("the attempt has failed", || outbox.stats().channels[0].held == 1);
    drop((layer, outbox));
    down.wait_for_the_end();
    let new = folder.path().join("new");
    let file = std::fs::read_dir(&new).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let (_, rest) = file.split_once('.').unwrap();
    std::fs::rename(new.join(&file), new.join(format!("0000000100000000.{rest}"))).unwrap();

    let told = Told::new();
    let outbox = quiet().spool(folder.path()).start().unwrap();
    let _layer = told.clone().layer(&outbox).unwrap();
    assert_eq!(outbox.drain(LONG).pending, 0, "{:?}", outbox.stats());
    assert_eq!(told.delivered().len(), 1, "{:?}", outbox.stats());
    assert!(told.titles()[0].contains("refused"));
}
