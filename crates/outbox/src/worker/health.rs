//! The health of an outbox, read from its stats.

use std::time::{Duration, SystemTime};

use crate::{Stats, model::text::format_duration};

/// Says whether alerts get through, and why not.
///
/// Not for a liveness probe: a provider that is down is no reason to restart the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The state, which is that of the worst of the reasons.
    pub status: HealthStatus,
    /// One line for each thing that is wrong; empty if nothing is.
    pub reasons: Vec<String>,
}

/// Names how healthy an outbox is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HealthStatus {
    /// Alerts get through.
    #[default]
    Ok,
    /// Some are late, or one channel does not work.
    Degraded,
    /// Nobody is told of what matters.
    Failing,
}

impl HealthStatus {
    /// Returns the lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// Beyond this what waits is late.
const LATE: Duration = Duration::from_secs(5 * 60);
/// Beyond this nobody has heard of a critical alert.
const UNHEARD: Duration = Duration::from_secs(10 * 60);

/// The inputs of health besides the counters.
#[derive(Debug, Default)]
pub(crate) struct HealthInputs<'a> {
    pub(crate) worker_dead: bool,
    pub(crate) trouble: Option<&'a str>,
    pub(crate) oldest_critical: Option<SystemTime>,
}

impl Health {
    pub(crate) fn of(stats: &Stats, signs: &HealthInputs<'_>, now: SystemTime) -> Self {
        use HealthStatus::{Degraded, Failing};
        let mut found: Vec<(HealthStatus, String)> = Vec::new();
        let age = |at: SystemTime| now.duration_since(at).unwrap_or_default();
        if signs.worker_dead {
            found.push((Failing, "the worker is not running, nothing is delivered".to_owned()));
        }
        if let Some(waited) = signs.oldest_critical.map(age).filter(|waited| *waited > UNHEARD) {
            found.push((
                Failing,
                format!("a critical alert has not been delivered for {}", format_duration(waited)),
            ));
        }
        if let Some(trouble) = signs.trouble {
            found.push((Degraded, trouble.to_owned()));
        }
        if stats.queue_length >= stats.queue_capacity.max(1) {
            found.push((Degraded, "the queue is full, alerts are being dropped".to_owned()));
        }
        for channel in &stats.channels {
            let name = &channel.name;
            if channel.is_held {
                found.push((
                    Degraded,
                    format!("{name}: cannot deliver until its settings or credentials are changed"),
                ));
            }
            if channel.breakers_open > 0 {
                let line =
                    format!("{name}: {} of its destinations fail again and again", channel.breakers_open);
                found.push((Degraded, line));
            }
            if let Some(waited) = channel.oldest_pending.map(age).filter(|waited| *waited > LATE) {
                found.push((
                    Degraded,
                    format!("{name}: a notification waits for {}", format_duration(waited)),
                ));
            }
        }
        let down = |channel: &crate::ChannelStats| channel.is_held || channel.breakers_open > 0;
        if !stats.channels.is_empty() && stats.channels.iter().all(down) {
            found.push((Failing, "no channel works".to_owned()));
        }
        let status = found.iter().map(|(status, _)| *status).max().unwrap_or(HealthStatus::Ok);
        Self { status, reasons: found.into_iter().map(|(_, reason)| reason).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChannelStats;

    #[test]
    fn is_as_bad_as_the_worst_of_its_reasons() {
        use HealthStatus::{Degraded, Failing, Ok};
        let now = SystemTime::from(crate::model::Timestamp::from_millis(1_700_000_000_000));
        let ago = |minutes: u64| Some(now - Duration::from_secs(minutes * 60));
        let channel = |change: fn(&mut ChannelStats)| {
            let mut stats = ChannelStats { name: "ops".to_owned(), ..ChannelStats::default() };
            change(&mut stats);
            stats
        };
        let good = || channel(|_| ());
        let held = || channel(|stats| stats.is_held = true);
        let broken = || channel(|stats| stats.breakers_open = 1);
        // (channels, signs, status, a word of a reason)
        let cases = [
            (vec![good()], HealthInputs::default(), Ok, ""),
            (vec![good(), held()], HealthInputs::default(), Degraded, "credentials"),
            (vec![good(), broken()], HealthInputs::default(), Degraded, "again and again"),
            (vec![held(), broken()], HealthInputs::default(), Failing, "no channel works"),
            (
                vec![good()],
                HealthInputs { trouble: Some("disk full"), ..HealthInputs::default() },
                Degraded,
                "disk full",
            ),
            (vec![good()], HealthInputs { worker_dead: true, ..HealthInputs::default() }, Failing, "worker"),
            (
                vec![good()],
                HealthInputs { oldest_critical: ago(11), ..HealthInputs::default() },
                Failing,
                "critical",
            ),
            (vec![good()], HealthInputs { oldest_critical: ago(9), ..HealthInputs::default() }, Ok, ""),
            (
                vec![ChannelStats { oldest_pending: ago(6), ..good() }],
                HealthInputs::default(),
                Degraded,
                "waits for 6 min",
            ),
        ];
        for (channels, signs, status, word) in cases {
            let stats = Stats { channels, queue_capacity: 10, ..Stats::default() };
            let health = Health::of(&stats, &signs, now);
            assert_eq!(health.status, status, "{health:?}");
            assert!(health.reasons.join("\n").contains(word), "{health:?}");
            assert_eq!(health.reasons.is_empty(), status == Ok);
        }
    }
}
