//! The outbox in memory, through a real registry.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use tracing_subscriber::prelude::*;
use watchfire_core::SelfLog;
use watchfire_outbox::{
    Delivering, Form, Notification, Occasion, Outbox, Outcome, Reason, Receipt, Scope, Sink, SinkExt,
};

use crate::sinks::{HangingSink, PanickingSink, Told};

const LONG: Duration = Duration::from_secs(20);

fn quiet(name: &'static str) -> watchfire_outbox::OutboxBuilder {
    Outbox::builder(name).in_memory().self_log(SelfLog::to(|_| ()))
}

fn why() -> Reason {
    Reason::new("as told")
}

fn emit_and_flush(told: &Told) -> Outbox {
    let outbox = quiet("shop").start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!("card declined");
    });
    let report = outbox.flush(LONG);
    assert_eq!(report.pending, 0, "{:?}", outbox.stats());
    outbox
}

#[test]
fn hears_error_and_up_without_a_filter() {
    let told = Told::new();
    let outbox = quiet("shop").start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::warn!("slow");
        tracing::error!("broken");
        watchfire_core::critical!("on fire");
    });
    assert_eq!(outbox.flush(LONG).pending, 0);
    let mut titles = told.titles();
    // The severe have a head start where both wait.
    titles.sort_unstable();
    assert_eq!(titles, ["broken", "on fire"]);
}

#[test]
fn each_outcome_leads_where_it_should() {
    let limited = |scope| Outcome::RateLimited { wait: Duration::ZERO, scope, reason: why() };
    let moved = |to: &str| Outcome::Moved { to: to.to_owned(), reason: why() };
    // (answers, attempts, delivered, refused, dead)
    let cases = [
        (vec![], 1, 1, 0, 0),
        (vec![Outcome::Transient(why()); 3], 4, 1, 0, 0),
        (vec![limited(Scope::Recipient)], 2, 1, 0, 0),
        (vec![limited(Scope::Channel)], 2, 1, 0, 0),
        (vec![Outcome::Degrade(why()); 2], 3, 1, 0, 0),
        (vec![Outcome::Degrade(why()); 3], 4, 1, 0, 0),
        (vec![Outcome::Degrade(why()); 7], 7, 0, 0, 1),
        (vec![Outcome::RecipientRefused(why())], 1, 0, 1, 0),
        (vec![Outcome::Rejected(why())], 1, 0, 0, 1),
        (vec![Outcome::Ambiguous(why())], 2, 1, 0, 0),
        (vec![moved("-100")], 2, 1, 0, 0),
        (vec![moved("all")], 1, 0, 0, 1),
        (vec![Outcome::Unknown(why()); 2], 3, 1, 0, 0),
    ];
    for (answers, attempts, delivered, refused, dead) in cases {
        let told = Told::new().answers(answers.clone());
        let outbox = emit_and_flush(&told);
        let stats = &outbox.stats().channels[0];
        let found = (stats.attempts, stats.delivered, stats.refused, stats.dead);
        assert_eq!(found, (attempts, delivered, refused, dead), "{answers:?}");
        assert_eq!(stats.notifications, stats.delivered + stats.refused + stats.dead + stats.pending);
    }
}

#[test]
fn a_refused_rendering_is_retried_one_step_plainer() {
    let told = Told::new().answers([Outcome::Degrade(why()), Outcome::Degrade(why())]);
    let _outbox = emit_and_flush(&told);
    let forms: Vec<Form> = told.attempts().iter().map(Notification::form).collect();
    assert_eq!(forms, [Form::Rich, Form::Plain, Form::Ascii]);
}

#[test]
fn an_attempt_that_may_have_arrived_is_repeated_with_a_mark() {
    let told = Told::new().answers([Outcome::Ambiguous(why())]);
    let _outbox = emit_and_flush(&told);
    let marks: Vec<bool> = told.attempts().iter().map(Notification::is_possible_duplicate).collect();
    assert_eq!(marks, [false, true]);
}

#[test]
fn what_may_have_arrived_is_not_repeated_where_a_repeat_costs() {
    let told =
        Told::new().answers([Outcome::Ambiguous(why())]).policy(|policy| policy.retry_ambiguous = false);
    let outbox = emit_and_flush(&told);
    assert_eq!(outbox.stats().channels[0].dead, 1);
    assert_eq!(told.attempts().len(), 1);
}

#[test]
fn a_moved_recipient_is_sent_to_at_the_new_address() {
    let told = Told::new().answers([Outcome::Moved { to: "-100123".to_owned(), reason: why() }]);
    let _outbox = emit_and_flush(&told);
    assert_eq!(told.delivered()[0].recipient(), "-100123");
}

/// Leaves a receipt at each delivery, and notes which it is given back for the recipient that it renders for.
struct Threads {
    told: Told,
    given: Arc<Mutex<Vec<Option<String>>>>,
}

impl Sink for Threads {
    fn kind(&self) -> &'static str {
        "threads"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let given = occasion.receipt_for("all").map(|receipt| receipt.reference().to_owned());
        self.given.lock().unwrap().push(given);
        self.told.render(occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            match self.told.deliver(notification).await {
                Outcome::Delivered(_) => {
                    let to = notification.recipient();
                    Outcome::Delivered(Some(Receipt::new(to, format!("sent to {to}"))))
                }
                other => other,
            }
        })
    }
}

#[test]
fn receipts_of_a_moved_recipient_are_found_by_its_new_name() {
    let folder = tempfile::tempdir().unwrap();
    let given = Arc::new(Mutex::new(Vec::new()));
    let told = Told::new().answers([Outcome::Moved { to: "-100123".to_owned(), reason: why() }]);
    // The second life knows the move and the receipt from the folder.
    for life in 0..2 {
        let threads = Threads { told: told.clone(), given: Arc::clone(&given) };
        let outbox =
            Outbox::builder("shop").spool(folder.path()).self_log(SelfLog::to(|_| ())).start().unwrap();
        let layer = threads.channel().digests([Duration::from_millis(1)]).layer(&outbox).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let until = watchfire_core::clock::instant() + LONG;
            while told.delivered().len() < 2 * (life + 1) && watchfire_core::clock::instant() < until {
                tracing::error!("card declined");
                assert!(outbox.flush(LONG).is_complete);
            }
        });
        drop(outbox);
        told.wait_for_the_end();
    }
    let recipients: Vec<String> = told.delivered().iter().map(|one| one.recipient().to_owned()).collect();
    assert!(recipients.iter().all(|to| to == "-100123"), "{recipients:?}");
    let given = given.lock().unwrap();
    assert_eq!(given[0], None);
    assert!(given[1..].iter().flatten().all(|reference| reference == "sent to -100123"), "{given:?}");
    assert!(given.iter().flatten().count() >= 2, "in both lives: {given:?}");
}

#[test]
fn a_refused_recipient_costs_the_others_nothing() {
    let told = Told::new().to(&["ada", "bob", "eve"]).answers([Outcome::RecipientRefused(why())]);
    let outbox = emit_and_flush(&told);
    let stats = &outbox.stats().channels[0];
    assert_eq!((stats.delivered, stats.refused), (2, 1));
}

#[test]
fn a_full_queue_is_counted_and_told_in_the_next_message() {
    let (go, wait) = mpsc::channel::<()>();
    let blocks = Blocks { told: Told::new(), wait: Mutex::new(Some(wait)), inside: Arc::default() };
    let (told, inside) = (blocks.told.clone(), Arc::clone(&blocks.inside));
    let outbox = quiet("shop").capacity(2).start().unwrap();
    let layer = blocks.layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!("the one that the worker is stuck with");
        while !*inside.lock().unwrap() {
            std::thread::yield_now();
        }
        for i in 0..5 {
            tracing::error!(i, "while it is stuck");
        }
        assert_eq!(outbox.stats().channels[0].dropped_full, 3);
        go.send(()).unwrap();
        assert_eq!(outbox.flush(LONG).pending, 0);
        tracing::error!("afterwards");
        assert_eq!(outbox.flush(LONG).pending, 0);
    });
    let stats = &outbox.stats().channels[0];
    assert_eq!(
        (stats.captured, stats.rendered, stats.unreported, stats.dropped_full),
        (7, 3, 1, 3),
        "two were equal"
    );
    let tells: Vec<bool> = told
        .pages()
        .iter()
        .map(|page| page.contains("Dropped on this channel before this message: 3 alerts."))
        .collect();
    assert_eq!(tells.iter().filter(|told| **told).count(), 1, "once, and only once: {tells:?}");
}

/// Holds up the worker inside `render`, once.
struct Blocks {
    told: Told,
    wait: Mutex<Option<mpsc::Receiver<()>>>,
    inside: Arc<Mutex<bool>>,
}

impl Sink for Blocks {
    fn kind(&self) -> &'static str {
        "blocks"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        if let Some(wait) = self.wait.lock().unwrap().take() {
            *self.inside.lock().unwrap() = true;
            wait.recv().unwrap();
        }
        self.told.render(occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.told.deliver(notification)
    }
}

#[test]
fn a_flush_keeps_its_deadline_and_says_what_is_left() {
    let outbox = quiet("shop").drop_deadline(Duration::ZERO).start().unwrap();
    let layer = HangingSink.layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!("into the void");
    });
    let began = watchfire_core::clock::instant();
    let report = outbox.flush(Duration::from_millis(200));
    let took = began.elapsed();
    assert_eq!((report.delivered, report.pending, report.is_complete), (0, 1, false));
    assert!(took >= Duration::from_millis(200), "gave up early: {took:?}");
    assert!(took < LONG, "the sink's own timeout is 15 s: {took:?}");
}

#[test]
fn a_hanging_destination_delays_no_other() {
    let told = Told::new();
    let outbox = quiet("shop").drop_deadline(Duration::ZERO).start().unwrap();
    let registry = tracing_subscriber::registry()
        .with(HangingSink.layer(&outbox).unwrap())
        .with(told.clone().layer(&outbox).unwrap());
    tracing::subscriber::with_default(registry, || tracing::error!("to both"));
    let until = watchfire_core::clock::instant() + LONG;
    while told.delivered().is_empty() && watchfire_core::clock::instant() < until {
        std::thread::yield_now();
    }
    assert_eq!(told.titles(), ["to both"]);
}

#[test]
fn a_handle_dropped_early_loses_nothing() {
    let told = Told::new();
    let outbox = quiet("shop").start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    drop(outbox);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!("after the drop");
    });
    // The last layer is gone with the subscriber; the worker ends when it has nothing left to do.
    let until = watchfire_core::clock::instant() + LONG;
    while told.delivered().is_empty() && watchfire_core::clock::instant() < until {
        std::thread::yield_now();
    }
    assert_eq!(told.titles(), ["after the drop"]);
}

/// The worker learns of channels in each round; one that is set up in the middle of a round, with an event at once, is
/// met in the same round.
#[test]
fn the_first_event_of_a_channel_added_late_is_not_lost() {
    let (go, wait) = mpsc::channel::<()>();
    let (reached, stuck) = mpsc::channel::<()>();
    let both = Mutex::new(Some((reached, wait)));
    // A failed attempt is told of in the middle of a round: the worker stops there.
    let log = SelfLog::to(move |_| {
        if let Some((reached, wait)) = both.lock().unwrap().take() {
            reached.send(()).unwrap();
            wait.recv().unwrap();
        }
    });
    let outbox = Outbox::builder("shop").in_memory().self_log(log).start().unwrap();
    let fails = Told::new().answers([Outcome::Transient(why())]).layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(fails), || tracing::error!("1"));
    stuck.recv().unwrap();
    let late = Told::new();
    let layer = late.clone().named("late").layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::error!("2"));
    go.send(()).unwrap();
    assert_eq!(outbox.flush(LONG).pending, 0);
    assert_eq!(late.titles(), ["2"], "{:?}", outbox.stats());
}

#[test]
fn a_second_channel_of_the_same_name_is_an_error_that_names_it() {
    let outbox = quiet("shop").start().unwrap();
    let _first = Told::new().layer(&outbox).unwrap();
    let error = Told::new().layer(&outbox).unwrap_err();
    assert_eq!(error.field(), "channel.name");
    assert!(error.reason().contains("`told`"), "{error}");
    let _second = Told::new().named("other").layer(&outbox).unwrap();
    for name in ["", " ", "a\nb"] {
        assert!(Told::new().named(name).layer(&outbox).is_err(), "{name:?}");
    }
    assert!(Outbox::builder("shop").capacity(0).start().is_err());
}

#[test]
fn a_sink_that_panics_costs_a_rendering_and_never_the_worker() {
    for (in_render, in_deliver) in [(true, false), (false, true)] {
        let told = Told::new();
        let panics =
            PanickingSink { told: told.clone(), in_render: in_render.into(), in_deliver: in_deliver.into() };
        let outbox = quiet("shop").start().unwrap();
        let layer = panics.layer(&outbox).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::error!("one");
            tracing::error!("two");
        });
        assert_eq!(outbox.flush(LONG).pending, 0);
        let stats = &outbox.stats().channels[0];
        let mut titles = told.titles();
        titles.sort_unstable();
        assert_eq!(titles, ["one", "two"], "the plainer rendering got through");
        assert_eq!(stats.captured, stats.rendered + stats.dropped_full + stats.dropped_render);
        assert_eq!(stats.render_panics, u64::from(in_render));
    }
}

#[test]
fn works_inside_of_async_runtimes() {
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for runtime in [current, many] {
        let told = Told::new();
        runtime.block_on(async {
            let outbox = quiet("shop").start().unwrap();
            let layer = told.clone().layer(&outbox).unwrap();
            let _guard = tracing_subscriber::registry().with(layer).set_default();
            tracing::error!("from a task");
            assert_eq!(outbox.flush(LONG).pending, 0);
            drop(outbox);
        });
        assert_eq!(told.titles(), ["from a task"]);
    }
}

#[test]
fn failures_are_said_once_a_minute_without_a_secret() {
    let secret = watchfire_core::Secret::new("xoxb-planted-4711-secret");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let log = SelfLog::to(move |line| kept.lock().unwrap().push(line.to_owned()));
    let outbox = Outbox::builder("shop").in_memory().self_log(log).start().unwrap();
    let reason = Reason::new(format!("cannot reach https://example.com/{}", secret.expose()));
    let told = Told::new().answers(vec![Outcome::Transient(reason); 4]);
    let layer = told.clone().layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::error!("x"));
    assert_eq!(outbox.flush(LONG).pending, 0);
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("told: `x` for `all` not delivered yet"), "{lines:?}");
    assert!(!lines[0].contains(secret.expose()), "{lines:?}");
}

#[test]
fn the_handle_is_send_sync_and_shows_no_sink() {
    fn check<T: Send + Sync + std::fmt::Debug>(_: &T) {}
    let outbox = quiet("shop").start().unwrap();
    check(&outbox);
    let began: Instant = watchfire_core::clock::instant();
    drop(outbox);
    assert!(began.elapsed() < LONG, "an empty outbox has nothing to wait for");
}
