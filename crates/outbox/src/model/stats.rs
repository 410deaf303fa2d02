//! Counters, and the snapshots of them that programs see.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use super::{OccasionKind, timestamp::Timestamp};

/// Says how a flush ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct FlushReport {
    /// Notifications delivered while the flush waited.
    pub delivered: u64,
    /// Alerts and notifications that still wait at its end, also for a budget, the end of a storm or of quiet hours.
    pub pending: u64,
    /// Of these, notifications that are in the spool and survive the end of the process.
    pub spooled: u64,
    /// Alerts and notifications dropped while the flush waited.
    pub dropped: u64,
    /// Whether all was done: nothing waits, and the spool was looked at, in which there may be more than is pending yet.
    pub is_complete: bool,
}

impl FlushReport {
    /// Lets go of a report where nobody is left to read it.
    pub(crate) fn nobody_reads(self) {}
}

/// The counters of the outbox, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// One entry per channel, in the order of their making.
    pub channels: Vec<ChannelStats>,
    /// Alerts that wait for the worker.
    pub queue_length: u64,
    /// How many alerts may wait for the worker.
    pub queue_capacity: u64,
    /// Alerts at or above `sync_from` that were not in the spool when the call that reported them returned.
    pub unsynced: u64,
    /// Panics heard of by the panic hook.
    pub panics: u64,
    /// Panics that were only counted, because one place panicked again and again.
    pub panics_counted: u64,
    /// Events that were left out because they only said again what a panic had said: logged by another panic hook, or by
    /// what caught the panic.
    pub panics_logged_again: u64,
    /// Reports of failed requests that were left out because the channel has an alert of the same request.
    pub requests_reported_again: u64,
}

/// The counters of one channel, at one moment.
///
/// In alerts: `captured + adopted = rendered + grouped + unreported + suppressed + dropped_full + dropped_render +
/// dropped_shutdown + queued`.
/// In notifications: `notifications + recovered = delivered + refused + dead + merged + failed_over + dropped_spool +
/// dropped_secret + taken + damaged + pending`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// The channel's name.
    pub name: String,
    /// Alerts that reached the channel.
    pub captured: u64,
    /// Alerts dropped because the queue was full.
    pub dropped_full: u64,
    /// Alerts that the sink could not render, not even stripped to one line, because it panicked.
    pub dropped_render: u64,
    /// Alerts dropped because there is no worker any more: the outbox is closed, or the process was forked.
    pub dropped_shutdown: u64,
    /// Panics of the sink's `render` that were caught.
    pub render_panics: u64,
    /// Alerts that a message has shown.
    pub rendered: u64,
    /// Alerts that a message has reported by their number.
    pub grouped: u64,
    /// Alerts that are counted, and reported by a later message.
    pub unreported: u64,
    /// The part of `unreported` without any message so far, because of a budget, a storm or quiet hours: it is pending.
    pub held_back: u64,
    /// Alerts of groups that had fewer of them than `min_count`.
    pub suppressed: u64,
    /// Notifications that had to wait for the budget of their channel or recipient, or for the end of quiet hours.
    pub deferred: u64,
    /// Alerts that earlier processes counted and did not report.
    pub adopted: u64,
    /// Groups that are open.
    pub groups: u64,
    /// Notifications made: one per recipient. [`of_kind`](Self::of_kind) tells them apart.
    pub notifications: u64,
    pub(crate) kinds: [u64; OccasionKind::ALL.len()],
    /// Notifications taken over from the spool: of an earlier life of the program, or of another process.
    pub recovered: u64,
    /// Notifications that were written into the spool when they were made.
    pub spooled: u64,
    /// Notifications that the provider took.
    pub delivered: u64,
    /// Notifications that were refused for their recipient.
    pub refused: u64,
    /// Notifications given up for another reason.
    pub dead: u64,
    /// Notifications that one message replaced, because they were too old to be sent one by one.
    pub merged: u64,
    /// Notifications withdrawn because other channels took them over.
    pub failed_over: u64,
    /// Notifications dropped because too much waits.
    pub dropped_spool: u64,
    /// Notifications that were not sent because each of their renderings held a credential of this program.
    pub dropped_secret: u64,
    /// Notifications that another process or an operator took out of the spool.
    pub taken: u64,
    /// Notifications whose file was damaged and set aside.
    pub damaged: u64,
    /// Notifications that wait.
    pub pending: u64,
    /// Their size in bytes.
    pub pending_bytes: u64,
    /// When the oldest of them was accepted.
    pub oldest_pending: Option<SystemTime>,
    /// Attempts made.
    pub attempts: u64,
    /// Attempts that failed and may go well later.
    pub transient: u64,
    /// Attempts that the provider asked to repeat later.
    pub rate_limited: u64,
    /// Attempts that failed until somebody changes something.
    pub held: u64,
    /// Attempts that may or may not have arrived.
    pub ambiguous: u64,
    /// Renderings that were refused, and replaced by a plainer one.
    pub degraded: u64,
    /// Destinations that are left alone for a while because they failed again and again.
    pub breakers_open: u64,
    /// Whether the channel waits for somebody to change something.
    pub is_held: bool,
    /// Until when the provider asked to wait.
    pub rate_limited_until: Option<SystemTime>,
    /// When a notification was last delivered.
    pub last_success: Option<SystemTime>,
    /// The time from acceptance to delivery, summed over all that were delivered.
    pub delay_sum: Duration,
    /// The longest time from acceptance to delivery.
    pub delay_max: Duration,
}

impl ChannelStats {
    /// Returns how many of the notifications made were of a kind.
    #[must_use]
    pub fn of_kind(&self, kind: OccasionKind) -> u64 {
        self.kinds.get(kind as usize).copied().unwrap_or_default()
    }
}

/// The state of one channel at one moment, for gauges and health.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DeliveryView {
    pub(crate) pending: u64,
    pub(crate) in_flight: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest: Option<Timestamp>,
    pub(crate) oldest_critical: Option<Timestamp>,
    pub(crate) breakers_open: u64,
    pub(crate) held: bool,
    pub(crate) paused_until: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) captured: AtomicU64,
    pub(crate) dropped_full: AtomicU64,
    pub(crate) dropped_render: AtomicU64,
    pub(crate) dropped_shutdown: AtomicU64,
    pub(crate) render_panics: AtomicU64,
    pub(crate) rendered: AtomicU64,
    pub(crate) grouped: AtomicU64,
    pub(crate) unreported: AtomicU64,
    pub(crate) held_back: AtomicU64,
    pub(crate) suppressed: AtomicU64,
    pub(crate) adopted: AtomicU64,
    pub(crate) groups: AtomicU64,
    /// Those that the aggregator suppressed; the sinks' own are in `suppressed`.
    pub(crate) few: AtomicU64,
    pub(crate) deferred: AtomicU64,
    pub(crate) notifications: AtomicU64,
    pub(crate) kinds: [AtomicU64; OccasionKind::ALL.len()],
    pub(crate) recovered: AtomicU64,
    pub(crate) spooled: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dead: AtomicU64,
    pub(crate) merged: AtomicU64,
    pub(crate) failed_over: AtomicU64,
    pub(crate) dropped_spool: AtomicU64,
    pub(crate) dropped_secret: AtomicU64,
    pub(crate) taken: AtomicU64,
    pub(crate) damaged: AtomicU64,
    pub(crate) attempts: AtomicU64,
    pub(crate) transient: AtomicU64,
    pub(crate) rate_limited: AtomicU64,
    pub(crate) held: AtomicU64,
    pub(crate) ambiguous: AtomicU64,
    pub(crate) degraded: AtomicU64,
    /// Drops that no message has told of yet.
    pub(crate) drops_to_note: AtomicU64,
    /// In milliseconds of Unix time; 0 if never.
    pub(crate) last_success: AtomicU64,
    pub(crate) delays: Delays,
}

/// Sums up delays, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    sum: AtomicU64,
    max: AtomicU64,
}

impl Delays {
    pub(crate) fn note(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.sum.fetch_add(millis, Ordering::AcqRel);
        self.max.fetch_max(millis, Ordering::AcqRel);
    }
}

impl Counters {
    pub(crate) fn snapshot(&self, name: &str, view: &DeliveryView) -> ChannelStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        // What leaves is read before what enters, so that a difference is never negative.
        let mut stats = ChannelStats {
            delivered: get(&self.delivered),
            refused: get(&self.refused),
            dead: get(&self.dead),
            merged: get(&self.merged),
            failed_over: get(&self.failed_over),
            dropped_spool: get(&self.dropped_spool),
            dropped_secret: get(&self.dropped_secret),
            taken: get(&self.taken),
            damaged: get(&self.damaged),
            dropped_full: get(&self.dropped_full),
            dropped_render: get(&self.dropped_render),
            dropped_shutdown: get(&self.dropped_shutdown),
            rendered: get(&self.rendered),
            grouped: get(&self.grouped),
            unreported: get(&self.unreported),
            held_back: get(&self.held_back),
            suppressed: get(&self.suppressed) + get(&self.few),
            deferred: get(&self.deferred),
            adopted: get(&self.adopted),
            groups: get(&self.groups),
            ..ChannelStats::default()
        };
        let left = stats.delivered
            + stats.refused
            + stats.dead
            + stats.merged
            + stats.failed_over
            + stats.dropped_spool
            + stats.dropped_secret
            + stats.taken
            + stats.damaged;
        stats.recovered = get(&self.recovered);
        stats.notifications = get(&self.notifications);
        stats.kinds = std::array::from_fn(|kind| self.kinds.get(kind).map_or(0, get));
        stats.pending = (stats.notifications + stats.recovered).saturating_sub(left);
        stats.captured = get(&self.captured);
        stats.name = name.to_owned();
        stats.render_panics = get(&self.render_panics);
        stats.spooled = get(&self.spooled);
        stats.attempts = get(&self.attempts);
        stats.transient = get(&self.transient);
        stats.rate_limited = get(&self.rate_limited);
        stats.held = get(&self.held);
        stats.ambiguous = get(&self.ambiguous);
        stats.degraded = get(&self.degraded);
        stats.last_success =
            Some(get(&self.last_success)).filter(|at| *at > 0).map(|at| Timestamp::from_millis(at).into());
        stats.delay_sum = Duration::from_millis(get(&self.delays.sum));
        stats.delay_max = Duration::from_millis(get(&self.delays.max));
        stats.pending_bytes = view.bytes;
        stats.oldest_pending = view.oldest.map(SystemTime::from);
        stats.breakers_open = view.breakers_open;
        stats.is_held = view.held;
        stats.rate_limited_until = view.paused_until.map(SystemTime::from);
        stats
    }

    /// Counts everything that was dropped or given up.
    pub(crate) fn dropped(&self) -> u64 {
        let all = [
            &self.dropped_full,
            &self.dropped_render,
            &self.dropped_shutdown,
            &self.dropped_spool,
            &self.dropped_secret,
            &self.refused,
            &self.dead,
            &self.damaged,
        ];
        all.iter().map(|counter| counter.load(Ordering::Acquire)).sum()
    }
}

pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::AcqRel);
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::AcqRel);
}
