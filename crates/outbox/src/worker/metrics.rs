//! Hand the counts to the `metrics` facade: under the names of the guide, with the channel as the only label of most.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{ChannelStats, OccasionKind, Stats};

pub(crate) fn publish(stats: &Stats) {
    metrics::gauge!("watchfire_queue_length").set(number(stats.queue_length));
    metrics::gauge!("watchfire_queue_capacity").set(number(stats.queue_capacity));
    metrics::counter!("watchfire_panics_total").absolute(stats.panics);
    metrics::gauge!("watchfire_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    stats.channels.iter().for_each(of_channel);
}

fn of_channel(stats: &ChannelStats) {
    let channel = || stats.name.clone();
    metrics::counter!("watchfire_events_total", "channel" => channel()).absolute(stats.captured);
    let dropped = [
        ("queue_full", stats.dropped_full),
        ("render_panic", stats.dropped_render),
        ("shutdown", stats.dropped_shutdown),
        ("spool_full", stats.dropped_spool),
        ("secret", stats.dropped_secret),
    ];
    for (reason, count) in dropped {
        metrics::counter!("watchfire_events_dropped_total", "channel" => channel(), "reason" => reason)
            .absolute(count);
    }
    for (reason, count) in [("repeat", stats.grouped), ("min_count", stats.suppressed)] {
        metrics::counter!("watchfire_events_suppressed_total", "channel" => channel(), "reason" => reason)
            .absolute(count);
    }
    metrics::gauge!("watchfire_groups", "channel" => channel()).set(number(stats.groups));
    metrics::gauge!("watchfire_events_unreported", "channel" => channel()).set(number(stats.unreported));
    for kind in OccasionKind::ALL {
        metrics::counter!("watchfire_notifications_total", "channel" => channel(), "kind" => kind.as_str())
            .absolute(stats.of_kind(kind));
    }
    metrics::counter!("watchfire_notifications_recovered_total", "channel" => channel())
        .absolute(stats.recovered);
    metrics::counter!("watchfire_notifications_deferred_total", "channel" => channel())
        .absolute(stats.deferred);
    let failed = [
        ("recipient", stats.refused),
        ("dead", stats.dead),
        ("merged", stats.merged),
        ("failed_over", stats.failed_over),
        ("damaged", stats.damaged),
    ];
    for (reason, count) in failed {
        metrics::counter!("watchfire_notifications_failed_total", "channel" => channel(), "reason" => reason)
            .absolute(count);
    }
    metrics::counter!("watchfire_notifications_degraded_total", "channel" => channel())
        .absolute(stats.degraded);
    let attempts = [
        ("ok", stats.delivered),
        ("transient", stats.transient),
        ("rate_limited", stats.rate_limited),
        ("config", stats.held),
        ("recipient", stats.refused),
        ("ambiguous", stats.ambiguous),
    ];
    for (outcome, count) in attempts {
        metrics::counter!("watchfire_delivery_attempts_total", "channel" => channel(), "outcome" => outcome)
            .absolute(count);
    }
    metrics::gauge!("watchfire_delivery_delay_seconds_max", "channel" => channel())
        .set(stats.delay_max.as_secs_f64());
    metrics::gauge!("watchfire_delivery_delay_seconds_sum", "channel" => channel())
        .set(stats.delay_sum.as_secs_f64());
    metrics::gauge!("watchfire_spool_messages", "channel" => channel()).set(number(stats.pending));
    metrics::gauge!("watchfire_spool_bytes", "channel" => channel()).set(number(stats.pending_bytes));
    metrics::gauge!("watchfire_spool_oldest_timestamp_seconds", "channel" => channel())
        .set(seconds(stats.oldest_pending));
    metrics::gauge!("watchfire_breaker_open", "channel" => channel())
        .set(number(stats.breakers_open + u64::from(stats.is_held)));
    metrics::gauge!("watchfire_rate_limited_until_timestamp_seconds", "channel" => channel())
        .set(seconds(stats.rate_limited_until));
    metrics::gauge!("watchfire_channel_last_success_timestamp_seconds", "channel" => channel())
        .set(seconds(stats.last_success));
}

#[expect(clippy::cast_precision_loss, reason = "the facade's gauges are floats; beyond 2^53 nobody counts")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Returns Unix seconds; 0 for never.
fn seconds(at: Option<SystemTime>) -> f64 {
    at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0.0, |since| since.as_secs_f64())
}
