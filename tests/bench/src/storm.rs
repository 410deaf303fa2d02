//! The cost of a storm: events that the limiter rejects, a full queue, and captured alerts.
//!
//! Every contestant gets the same event with four fields in the same three spans. The base is a layer that only visits
//! the fields and formats each, as anything that logs has to.

#![expect(clippy::disallowed_methods, reason = "measuring is reading the clock")]

use std::fmt::{self, Write};
use std::hint::black_box;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Subscriber, dispatcher, error, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;
use watchfire_core::SelfLog;
use watchfire_outbox::{
    Delivering, Notification, NotificationPolicy, Occasion, Outbox, Outcome, Sink, SinkExt,
};

use crate::measure::{Contestant, Measure, compare};

const BASE: &str = "a layer that only visits the fields";
/// How far apart the paced events are.
pub const PACE: Duration = Duration::from_micros(20);

pub fn run(rounds: usize) {
    // None: for a profiler, which wants the paced part alone.
    if rounds == 0 {
        paced();
        std::process::exit(0);
    }
    let repeat = outbox(Takes, NotificationPolicy::default(), 1024);
    let crowded = outbox(Takes, NotificationPolicy::default(), 1024);
    let full = outbox(Stuck, NotificationPolicy::default(), 1);
    dispatcher::with_default(&full, || pay("the one that the worker is stuck with"));
    let contestants = [
        contestant(BASE, Dispatch::new(registry().with(VisitOnly)), false),
        contestant("watchfire, a repeat known by its text", repeat, false),
        contestant("watchfire, a callsite with too many texts", crowded, true),
        contestant("watchfire, the queue full", full, false),
    ];
    compare(&contestants, rounds, BASE);
    println!("\nMeant: by callsite at most 0.4, by text at most 1.3 of the mean.\n");
    paced();
    // The worker of the full queue never comes back.
    std::process::exit(0);
}

/// Captures alerts at a pace, so that the worker is awake and no push has to wake it.
fn paced() {
    let ours = outbox(Takes, NotificationPolicy::default(), 100_000);
    let base = Dispatch::new(registry().with(VisitOnly));
    println!(
        "one event per {} µs, ns at the caller{:>12}{:>10}{:>10}{:>10}",
        PACE.as_micros(),
        "p50",
        "p99",
        "p99.9",
        "max"
    );
    let mut contestants =
        [(BASE, &base, Vec::new()), ("watchfire, alert captured and queued", &ours, Vec::new())];
    for round in 0..BURST {
        // In turn, so that both meet the same machine.
        for (_, dispatch, took) in &mut contestants {
            let times = times(dispatch);
            // The first are cold, and wake the worker.
            if round > 0 {
                took.extend(times);
            }
        }
    }
    let p50 = contestants.map(|(name, _, mut took)| {
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        println!("{name:<44}{:>10}{:>10}{:>10}{:>10}", at(0.5), at(0.99), at(0.999), at(1.0));
        at(0.5)
    });
    println!(
        "p50 is {:.2} times the base's (meant: 3); p99 is meant to stay below 5000",
        p50[1] as f64 / p50[0] as f64
    );
}

/// Returns what each callsite took. Of ours the gate lets a burst of each through, so that every event is captured.
fn times(dispatch: &Dispatch) -> Vec<u128> {
    let mut took = Vec::with_capacity(SITES.len() * 8);
    in_spans(dispatch, || pass_sites(&mut took));
    took
}

/// Passes each callsite once, at the pace.
pub fn pass_sites(took: &mut Vec<u128>) {
    for site in SITES.iter().flatten() {
        let begin = Instant::now();
        site();
        took.push(begin.elapsed().as_nanos());
        while begin.elapsed() < PACE {
            std::hint::spin_loop();
        }
    }
}

/// The events of one callsite that the limiter passes.
pub const BURST: usize = 20;

macro_rules! site {
    () => {
        || {
            error!(
                amount = black_box(1299_u64),
                currency = "EUR",
                attempt = 3_u32,
                refused = true,
                "payment refused"
            )
        }
    };
}

macro_rules! eight {
    () => {
        [site!(), site!(), site!(), site!(), site!(), site!(), site!(), site!()]
    };
}

pub static SITES: [[fn(); 8]; 20] = [
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
    eight!(),
];

/// The one callsite.
fn pay(message: &str) {
    error!(amount = black_box(1299_u64), currency = "EUR", attempt = 3_u32, refused = true, "{message}");
}

fn in_spans(dispatch: &Dispatch, work: impl FnOnce()) {
    dispatcher::with_default(dispatch, || {
        let _request = info_span!("request", method = "POST", path = "/orders", id = "7f3a").entered();
        let _order = info_span!("order", order = 1017_u64, customer = "ada").entered();
        let _payment = info_span!("payment", provider = "acme").entered();
        work();
    });
}

fn contestant(name: &'static str, dispatch: Dispatch, crowd: bool) -> Contestant {
    let scene = move |measure: Measure<'_>| {
        in_spans(&dispatch, || {
            for i in 0..if crowd { 200_u32 } else { 0 } {
                pay(&"x".repeat(i as usize));
            }
            measure(&|| pay("payment refused"));
        });
    };
    Contestant { name, scene: Box::new(scene) }
}

fn outbox(sink: impl Sink, noise: NotificationPolicy, capacity: usize) -> Dispatch {
    let outbox = Outbox::builder("shop")
        .in_memory()
        .capacity(capacity)
        .drop_deadline(Duration::ZERO)
        .exit_deadline(Duration::ZERO)
        .self_log(SelfLog::to(|_| ()))
        .start()
        .expect("an outbox starts");
    Dispatch::new(
        registry().with(sink.channel().notifications(noise).layer(&outbox).expect("a name of its own")),
    )
}

struct VisitOnly;

impl<S: Subscriber> Layer<S> for VisitOnly {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut ToNowhere);
    }
}

struct ToNowhere;

impl Visit for ToNowhere {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        write!(self, "{value:?}").expect("nowhere takes everything");
    }
}

impl Write for ToNowhere {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        black_box(text);
        Ok(())
    }
}

/// Renders one line and delivers it at once.
struct Takes;

impl Sink for Takes {
    fn kind(&self) -> &'static str {
        "takes"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("all").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::ready(Outcome::Delivered(None)))
    }
}

/// Holds the worker for ever, so that the queue stays full.
struct Stuck;

impl Sink for Stuck {
    fn kind(&self) -> &'static str {
        "stuck"
    }

    fn render(&self, _: &Occasion<'_>) -> Vec<Notification> {
        loop {
            std::thread::park();
        }
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::pending())
    }
}
