//! Events over loopback.

use std::time::Duration;

use tracing_subscriber::prelude::*;
use watchfire_core::App;
use watchfire_inbox::{Fault, FaultPlan, Inbox, Provider, Received};
use watchfire_outbox::{ChannelStats, Outbox, Sink, SinkExt};
use watchfire_sentry::Sentry;

const LONG: Duration = Duration::from_secs(20);

/// Logs through a layer of its own, waits until all is settled, and returns the counts and what arrived.
fn log_to(inbox: &Inbox, dsn: &str, log: impl FnOnce()) -> (ChannelStats, Vec<Received>) {
    let app = App::new("storefront").environment("production").release("storefront@1.4.2");
    let outbox = Outbox::builder(app).in_memory().start().unwrap();
    let sentry = Sentry::dsn(dsn).tag_fields(["order"]).build().unwrap();
    let mut policy = sentry.policy();
    policy.backoff_base = Duration::from_millis(10);
    let layer = sentry.channel().policy(policy).layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    assert_eq!(outbox.flush(LONG).pending, 0, "{:?}", outbox.stats());
    (outbox.stats().channels.remove(0), inbox.received(Provider::Sentry))
}

/// Sends one alert past a fault.
fn past(fault: Option<FaultPlan>) -> (ChannelStats, Vec<Received>) {
    let inbox = Inbox::start().unwrap();
    if let Some(fault) = fault {
        inbox.fail(Provider::Sentry, fault).unwrap();
    }
    log_to(&inbox, &inbox.sentry_dsn(), || tracing::error!(order = 4711, "the payment failed"))
}

/// An outbox whose end does not wait for what waits.
fn impatient() -> Outbox {
    Outbox::builder(App::new("shop")).in_memory().drop_deadline(Duration::ZERO).start().unwrap()
}

fn status(status: u16) -> Fault {
    Fault::Status { status, body: None, headers: Vec::new() }
}

fn ids(received: &[Received]) -> Vec<&str> {
    let mut ids: Vec<_> = received.iter().filter_map(|one| one.fact("Event id")).collect();
    ids.dedup();
    ids
}

#[test]
fn an_error_is_an_event_that_sentry_keeps_whole() {
    let inbox = Inbox::start().unwrap();
    let (stats, received) = log_to(&inbox, &inbox.sentry_dsn(), || {
        let _request = tracing::info_span!("request", user = "ada").entered();
        tracing::warn!("this stays out");
        let cause = std::io::Error::other("declined");
        tracing::error!(order = 4711, error = &cause as &dyn std::error::Error, "the payment failed");
    });
    assert_eq!((stats.delivered, stats.attempts, received.len()), (1, 1, 1));
    let event = &received[0];
    assert!(event.verdict.is_accepted());
    assert_eq!(event.notes, Vec::<String>::new(), "nothing of it is cut or dropped");
    for (name, value) in
        [("Release", "storefront@1.4.2"), ("Environment", "production"), ("Platform", "native")]
    {
        assert_eq!(event.fact(name), Some(value));
    }
    for part in ["the payment failed", "order: 4711", "Error: declined", "\"user\":\"ada\""] {
        assert!(event.text().contains(part), "{part}: {}", event.text());
    }
    assert!(!event.text().contains("this stays out"));
}

#[test]
fn a_prefix_of_the_path_is_kept() {
    let inbox = Inbox::start().unwrap();
    let dsn = inbox.sentry_dsn().replace("/42", "/errors/v2/42");
    let (stats, received) = log_to(&inbox, &dsn, || tracing::error!("the payment failed"));
    assert_eq!((stats.delivered, received.len()), (1, 1));
}

#[test]
fn server_trouble_delays_the_event_and_loses_nothing() {
    let faults = [
        status(500),
        status(503),
        Fault::RateLimit { retry_after: Some(1) },
        Fault::Reset { at: None },
        Fault::ResetAfterAccept,
    ];
    for fault in faults {
        let (stats, received) = past(Some(fault.clone().times(1)));
        assert_eq!((stats.delivered, stats.attempts), (1, 2), "{fault:?}");
        assert!(received.last().unwrap().verdict.is_accepted(), "{fault:?}");
        assert_eq!(ids(&received).len(), 1, "{fault:?}");
    }
}

#[test]
fn an_event_that_is_refused_goes_out_lighter_under_the_same_id() {
    for (times, light, absent) in
        [(1, "tags", "contexts"), (2, "release", "contexts"), (3, "logentry", "tags")]
    {
        let (stats, received) = past(Some(status(413).times(times)));
        assert_eq!((stats.delivered, stats.attempts), (1, u64::from(times) + 1));
        assert_eq!(ids(&received).len(), 1);
        let body = received.last().unwrap().body();
        assert!(body.contains(&format!("\"{light}\"")) && !body.contains(&format!("\"{absent}\"")), "{body}");
        assert!(body.contains("the payment failed"));
    }
    let (stats, _) = past(Some(status(413).always()));
    assert_eq!((stats.delivered, stats.dead, stats.attempts), (0, 1, 8));
}

#[test]
fn a_limit_that_comes_with_success_pauses_the_channel() {
    let inbox = Inbox::start().unwrap();
    let name = "X-Sentry-Rate-Limits".to_owned();
    let limit = |value: &str| Fault::Header { name: name.clone(), value: value.to_owned() }.times(1);
    for (value, waits) in [("60:transaction:key", false), ("60:error:key", true)] {
        inbox.fail(Provider::Sentry, limit(value)).unwrap();
        let outbox = impatient();
        let layer = Sentry::dsn(inbox.sentry_dsn()).layer(&outbox).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::error!("the first");
            tracing::error!("the second");
        });
        let report = outbox.flush(if waits { Duration::from_millis(300) } else { LONG });
        assert_eq!(
            (report.pending, inbox.accepted(Provider::Sentry).len()),
            (u64::from(waits), if waits { 3 } else { 2 })
        );
    }
}

#[test]
fn a_wrong_key_holds_the_event() {
    let inbox = Inbox::start().unwrap();
    let outbox = impatient();
    let dsn = inbox.sentry_dsn().replace("0123456789", "9876543210");
    let layer = Sentry::dsn(dsn).layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::error!("x"));
    inbox.wait_for_attempts(Provider::Sentry, 1, LONG).unwrap();
    assert_eq!(outbox.flush(Duration::from_millis(200)).pending, 1);
    assert_eq!(inbox.refused(Provider::Sentry).len(), 1);
}
