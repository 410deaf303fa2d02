//! What a recorder of the `metrics` facade gets is what the outbox counts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use watchfire_core::{Alert, App, SelfLog, Severity, clock};
use watchfire_outbox::{ChannelStats, OccasionKind, Outbox, Outcome, Reason, SinkExt};

use crate::sinks::Told;

const LONG: Duration = Duration::from_secs(20);

/// Keeps what is recorded, as an exporter does. Gauges are kept as the bits of their number.
#[derive(Clone, Default)]
struct KeptMetrics(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl KeptMetrics {
    fn cell(&self, key: &Key) -> Arc<AtomicU64> {
        let labels: Vec<String> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        Arc::clone(self.0.lock().unwrap().entry(name.trim().to_owned()).or_default())
    }

    /// Returns what is known of one channel, without the channel's label.
    fn of(&self, channel: &str) -> BTreeMap<String, u64> {
        let label = format!(" channel={channel}");
        let kept = self.0.lock().unwrap();
        let mine = kept.iter().filter(|(name, _)| name.contains(&label));
        mine.map(|(name, cell)| (name.replace(&label, ""), cell.load(Ordering::Acquire))).collect()
    }
}

impl Recorder for KeptMetrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Returns under which names the counts of a channel are to be found.
fn expected(stats: &ChannelStats) -> BTreeMap<String, u64> {
    let bits = |number: f64| number.to_bits();
    let seconds = |at: Option<std::time::SystemTime>| {
        let since = at.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        bits(since.map_or(0.0, |since| since.as_secs_f64()))
    };
    let pairs = [
        ("events_total", stats.captured),
        ("events_dropped_total reason=queue_full", stats.dropped_full),
        ("events_dropped_total reason=render_panic", stats.dropped_render),
        ("events_dropped_total reason=shutdown", stats.dropped_shutdown),
        ("events_dropped_total reason=spool_full", stats.dropped_spool),
        ("events_dropped_total reason=secret", stats.dropped_secret),
        ("events_suppressed_total reason=repeat", stats.grouped),
        ("events_suppressed_total reason=min_count", stats.suppressed),
        ("groups", bits(stats.groups as f64)),
        ("events_unreported", bits(stats.unreported as f64)),
        ("notifications_total kind=first", stats.of_kind(OccasionKind::First)),
        ("notifications_total kind=digest", stats.of_kind(OccasionKind::Digest)),
        ("notifications_total kind=edit", stats.of_kind(OccasionKind::Edit)),
        ("notifications_total kind=storm", stats.of_kind(OccasionKind::Storm)),
        ("notifications_total kind=quiet", stats.of_kind(OccasionKind::Quiet)),
        ("notifications_total kind=catch-up", stats.of_kind(OccasionKind::CatchUp)),
        ("notifications_recovered_total", stats.recovered),
        ("notifications_deferred_total", stats.deferred),
        ("notifications_failed_total reason=recipient", stats.refused),
        ("notifications_failed_total reason=dead", stats.dead),
        ("notifications_failed_total reason=merged", stats.merged),
        ("notifications_failed_total reason=failed_over", stats.failed_over),
        ("notifications_failed_total reason=damaged", stats.damaged),
        ("notifications_degraded_total", stats.degraded),
        ("delivery_attempts_total outcome=ok", stats.delivered),
        ("delivery_attempts_total outcome=transient", stats.transient),
        ("delivery_attempts_total outcome=rate_limited", stats.rate_limited),
        ("delivery_attempts_total outcome=config", stats.held),
        ("delivery_attempts_total outcome=recipient", stats.refused),
        ("delivery_attempts_total outcome=ambiguous", stats.ambiguous),
        ("delivery_delay_seconds_max", bits(stats.delay_max.as_secs_f64())),
        ("delivery_delay_seconds_sum", bits(stats.delay_sum.as_secs_f64())),
        ("spool_messages", bits(stats.pending as f64)),
        ("spool_bytes", bits(stats.pending_bytes as f64)),
        ("spool_oldest_timestamp_seconds", seconds(stats.oldest_pending)),
        ("breaker_open", bits((stats.breakers_open + u64::from(stats.is_held)) as f64)),
        ("rate_limited_until_timestamp_seconds", seconds(stats.rate_limited_until)),
        ("channel_last_success_timestamp_seconds", seconds(stats.last_success)),
    ];
    pairs.into_iter().map(|(name, count)| (format!("watchfire_{name}"), count)).collect()
}

#[test]
fn a_recorder_gets_every_count_that_the_stats_have() {
    let kept = KeptMetrics::default();
    metrics::set_global_recorder(kept.clone()).unwrap();
    let why = || Reason::new("as told");
    let answers = [
        Outcome::Transient(why()),
        Outcome::Degrade(why()),
        Outcome::Ambiguous(why()),
        Outcome::RecipientRefused(why()),
        Outcome::Rejected(why()),
    ];
    let told = Told::new().to(&["ada", "bob", "eve"]).answers(answers);
    let outbox = Outbox::builder("shop").in_memory().self_log(SelfLog::to(|_| ())).start().unwrap();
    // A name of its own: other tests of this process are recorded too.
    let _layer = told.named("metered").layer(&outbox).unwrap();
    for line in 0..3 {
        for _ in 0..=line {
            outbox.alert(Alert::new(App::new("shop"), Severity::Error, "refused").place("a.rs", line));
        }
    }
    assert!(outbox.flush(LONG).is_complete);
    let stats = || outbox.stats().channels[0].clone();
    assert_eq!(stats().of_kind(OccasionKind::First), stats().notifications);
    assert!(stats().delivered > 0 && stats().refused > 0 && stats().dead > 0 && stats().unreported > 0);
    // They are handed over at the end of the worker's turn, of which the flush is told a moment before.
    let until = clock::instant() + LONG;
    while kept.of("metered") != expected(&stats()) && clock::instant() < until {
        std::thread::yield_now();
    }
    assert_eq!(kept.of("metered"), expected(&stats()));
}
