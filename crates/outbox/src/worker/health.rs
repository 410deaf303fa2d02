//! The health of an outbox, read from its stats.

use std::time::{Duration, SystemTime};

use watchfire_core::counted;

use super::recipients::RecipientsView;
use crate::{ChannelStats, Stats, model::text::format_duration, sink::OVERDUE};

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
    /// In the order of the channels.
    pub(crate) channels: &'a [ChannelSigns],
}

/// The signs of one channel besides its counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelSigns {
    pub(crate) recipients: RecipientsView,
    /// Since when a notification waits that no budget or quiet hour holds back.
    pub(crate) waits_since: Option<SystemTime>,
    /// How many threads its sink blocks.
    pub(crate) blocked: usize,
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
        let unknown = ChannelSigns::default();
        let known = signs.channels.iter().chain(std::iter::repeat(&unknown));
        let mut working = 0;
        for (channel, signs) in stats.channels.iter().zip(known) {
            let (lines, works) = judge(channel, signs, age);
            found.extend(lines.into_iter().map(|line| (Degraded, format!("{}: {line}", channel.name))));
            working += usize::from(works);
        }
        if !stats.channels.is_empty() && working == 0 {
            let line = match stats.channels.len() {
                1 => "the only channel delivers nothing",
                _ => "no channel delivers anything",
            };
            found.push((Failing, line.to_owned()));
        }
        let status = found.iter().map(|(status, _)| *status).max().unwrap_or(HealthStatus::Ok);
        Self { status, reasons: found.into_iter().map(|(_, reason)| reason).collect() }
    }
}

/// Says what is wrong with a channel, and whether anything gets through it.
fn judge(
    channel: &ChannelStats,
    signs: &ChannelSigns,
    age: impl Fn(SystemTime) -> Duration,
) -> (Vec<String>, bool) {
    let mut lines = Vec::new();
    let RecipientsView { known, failing, named } = &signs.recipients;
    let of_whom = named.iter().map(|(recipient, reason)| match recipient.as_str() {
        "" => reason.to_string(),
        recipient => format!("`{recipient}`: {reason}"),
    });
    let of_whom = of_whom.collect::<Vec<_>>().join("; ");
    let more = failing.saturating_sub(named.len());
    let of_whom = if more > 0 { format!("{of_whom}; and {more} more") } else { of_whom };
    let nothing = *known > 0 && failing == known;
    if channel.is_held {
        let why = if of_whom.is_empty() { String::new() } else { format!(": {of_whom}") };
        lines.push(format!("cannot deliver until its settings or credentials are changed{why}"));
    } else if nothing {
        lines.push(format!("delivers nothing: {of_whom}"));
    } else if *failing > 0 {
        lines.push(format!(
            "nothing gets through to {failing} of {}: {of_whom}",
            counted(*known as u64, "recipient")
        ));
    } else if channel.breakers_open > 0 {
        let destinations = match channel.breakers_open {
            1 => "one of its destinations fails".to_owned(),
            many => format!("{many} of its destinations fail"),
        };
        lines.push(format!("{destinations} again and again"));
    }
    match signs.blocked {
        0 => {}
        1 => lines.push("its sink blocks a thread".to_owned()),
        many => lines.push(format!("its sink blocks {many} threads")),
    }
    let mut works = !channel.is_held && !nothing;
    if let Some(since) = signs.waits_since {
        let waited = age(since);
        if waited > OVERDUE && channel.last_success.is_none_or(|last| last < since) {
            works = false;
            let waits = match channel.pending {
                0 | 1 => "a notification waits".to_owned(),
                many => format!("{many} notifications wait"),
            };
            lines.push(format!("{waits}, and nothing was delivered for {}", format_duration(waited)));
        } else if waited > LATE {
            lines.push(format!("a notification waits for {}", format_duration(waited)));
        }
    }
    (lines, works)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

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
        let fresh = || {
            channel(|stats| {
                stats.last_success = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000))
            })
        };
        let failing = |known, failing| ChannelSigns {
            recipients: RecipientsView {
                known,
                failing,
                named: vec![("eve".to_owned(), Reason::new("no such user"))],
            },
            ..ChannelSigns::default()
        };
        let waits = |minutes| ChannelSigns { waits_since: ago(minutes), ..ChannelSigns::default() };
        let blocked = || ChannelSigns { blocked: 2, ..ChannelSigns::default() };
        let dead = || HealthInputs { worker_dead: true, ..HealthInputs::default() };
        let full = || HealthInputs { trouble: Some("disk full"), ..HealthInputs::default() };
        let old = |minutes| HealthInputs { oldest_critical: ago(minutes), ..HealthInputs::default() };
        // (channels and their signs, other signs, status, a word of a reason)
        let cases = [
            (vec![(good(), None)], HealthInputs::default(), Ok, ""),
            (vec![(good(), None), (held(), None)], HealthInputs::default(), Degraded, "credentials"),
            (
                vec![(good(), None), (broken(), None)],
                HealthInputs::default(),
                Degraded,
                "one of its destinations",
            ),
            (vec![(broken(), None)], HealthInputs::default(), Degraded, "again and again"),
            (vec![(held(), None)], HealthInputs::default(), Failing, "the only channel"),
            (
                vec![(good(), Some(failing(6, 1)))],
                HealthInputs::default(),
                Degraded,
                "1 of 6 recipients: `eve`: no such user",
            ),
            (
                vec![(good(), Some(failing(6, 6)))],
                HealthInputs::default(),
                Failing,
                "`eve`: no such user; and 5 more",
            ),
            (
                vec![(good(), Some(failing(1, 1))), (good(), None)],
                HealthInputs::default(),
                Degraded,
                "delivers nothing",
            ),
            (
                vec![(good(), Some(failing(1, 1))), (held(), None)],
                HealthInputs::default(),
                Failing,
                "no channel",
            ),
            (
                vec![(good(), Some(blocked())), (good(), None)],
                HealthInputs::default(),
                Degraded,
                "blocks 2 threads",
            ),
            (
                vec![(good(), Some(waits(2)))],
                HealthInputs::default(),
                Failing,
                "nothing was delivered for 2 min",
            ),
            (vec![(good(), Some(waits(0)))], HealthInputs::default(), Ok, ""),
            (vec![(fresh(), Some(waits(6)))], HealthInputs::default(), Degraded, "waits for 6 min"),
            (vec![(good(), None)], full(), Degraded, "disk full"),
            (vec![(good(), None)], dead(), Failing, "worker"),
            (vec![(good(), None)], old(11), Failing, "critical"),
            (vec![(good(), None)], old(9), Ok, ""),
        ];
        for (channels, inputs, status, word) in cases {
            let (channels, signs): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
            let signs: Vec<ChannelSigns> = signs.into_iter().map(Option::unwrap_or_default).collect();
            let stats = Stats { channels, queue_capacity: 10, ..Stats::default() };
            let health = Health::of(&stats, &HealthInputs { channels: &signs, ..inputs }, now);
            assert_eq!(health.status, status, "{health:?}");
            assert!(health.reasons.join("\n").contains(word), "{health:?}");
            assert_eq!(health.reasons.is_empty(), status == Ok);
        }
    }
}
