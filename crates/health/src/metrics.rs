//! The counts in the text format of Prometheus.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::Write;

use watchfire_outbox::{ChannelStats, Health, HealthStatus, Stats};

type Read = fn(&ChannelStats) -> u64;

/// Name, help, value.
const COUNTERS: [(&str, &str, Read); 11] = [
    ("captured", "Alerts that reached the channel.", |channel| channel.captured),
    ("rendered", "Alerts that a message has shown.", |channel| channel.rendered),
    ("grouped", "Alerts that a message has reported by their number.", |channel| channel.grouped),
    ("delivered", "Messages that the provider took.", |channel| channel.delivered),
    ("refused", "Messages refused for their recipient.", |channel| channel.refused),
    ("dead", "Messages given up for another reason.", |channel| channel.dead),
    ("failed_over", "Messages that another channel took over.", |channel| channel.failed_over),
    ("attempts", "Attempts to deliver a message.", |channel| channel.attempts),
    ("transient", "Attempts that failed and may succeed later.", |channel| channel.transient),
    ("rate_limited", "Attempts that the provider asked to repeat later.", |channel| channel.rate_limited),
    ("dropped", "Alerts and messages that were dropped, for any reason.", |channel| {
        channel.dropped_full
            + channel.dropped_render
            + channel.dropped_shutdown
            + channel.dropped_spool
            + channel.dropped_secret
    }),
];

const GAUGES: [(&str, &str, Read); 4] = [
    ("pending", "Messages that wait.", |channel| channel.pending),
    ("pending_bytes", "Their size in bytes.", |channel| channel.pending_bytes),
    ("groups", "Groups that are open.", |channel| channel.groups),
    ("held", "1 while the channel waits for somebody to change something.", |channel| channel.is_held.into()),
];

/// Writes all metrics.
pub(crate) fn text(stats: &Stats, health: &Health) -> String {
    let mut out = String::new();
    for (name, help, read) in COUNTERS {
        family(&mut out, &format!("watchfire_{name}_total"), "counter", help, &stats.channels, read);
    }
    for (name, help, read) in GAUGES {
        family(&mut out, &format!("watchfire_{name}"), "gauge", help, &stats.channels, read);
    }
    let status = match health.status {
        HealthStatus::Ok => 0,
        HealthStatus::Degraded => 1,
        _ => 2,
    };
    let process = [
        ("watchfire_queue_length", "gauge", "Alerts that wait for the worker.", stats.queue_length),
        ("watchfire_panics_total", "counter", "Panics that were reported.", stats.panics),
        (
            "watchfire_unsynced_total",
            "counter",
            "Alerts that were not in the spool within sync_within.",
            stats.unsynced,
        ),
        ("watchfire_health", "gauge", "0 ok, 1 degraded, 2 failing.", status),
    ];
    for (name, kind, help, value) in process {
        head(&mut out, name, kind, help);
        line(&mut out, format_args!("{name} {value}"));
    }
    out
}

fn family(out: &mut String, name: &str, kind: &str, help: &str, channels: &[ChannelStats], read: Read) {
    head(out, name, kind, help);
    for channel in channels {
        line(out, format_args!("{name}{{channel=\"{}\"}} {}", label(&channel.name), read(channel)));
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").unwrap_or_default();
}

/// Escapes the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_the_format() {
        for (name, escaped) in [("ops", "ops"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb")] {
            assert_eq!(label(name), escaped);
        }
    }
}
