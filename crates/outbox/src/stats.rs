use std::sync::atomic::{AtomicU64, Ordering};

/// Says how a flush ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct FlushReport {
    /// Notifications delivered while the flush waited.
    pub delivered: u64,
    /// Alerts and notifications that still wait at its end.
    pub pending: u64,
    /// Alerts and notifications dropped while the flush waited.
    pub dropped: u64,
}

/// Is what the outbox counts, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// One entry per channel, in the order of their making.
    pub channels: Vec<ChannelStats>,
}

/// Is what the outbox counts of one channel, at one moment.
///
/// In alerts: `captured = dropped_full + dropped_render + rendered + queued`. In notifications:
/// `notifications = delivered + refused + dead + pending`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Panics of the sink's `render` that were caught.
    pub render_panics: u64,
    /// Alerts that were rendered.
    pub rendered: u64,
    /// Notifications made: one per recipient.
    pub notifications: u64,
    /// Notifications that the provider took.
    pub delivered: u64,
    /// Notifications that were refused for their recipient.
    pub refused: u64,
    /// Notifications given up for another reason.
    pub dead: u64,
    /// Notifications that wait.
    pub pending: u64,
    /// Attempts made.
    pub attempts: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) captured: AtomicU64,
    pub(crate) dropped_full: AtomicU64,
    pub(crate) dropped_render: AtomicU64,
    pub(crate) render_panics: AtomicU64,
    pub(crate) rendered: AtomicU64,
    pub(crate) notifications: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dead: AtomicU64,
    pub(crate) attempts: AtomicU64,
    /// Drops that no message has told of yet.
    pub(crate) unreported: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self, name: &str) -> ChannelStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        // What leaves is read before what enters, so that a difference is never negative.
        let (delivered, refused, dead) = (get(&self.delivered), get(&self.refused), get(&self.dead));
        let notifications = get(&self.notifications);
        let (dropped_full, rendered) = (get(&self.dropped_full), get(&self.rendered));
        ChannelStats {
            name: name.to_owned(),
            captured: get(&self.captured),
            dropped_full,
            dropped_render: get(&self.dropped_render),
            render_panics: get(&self.render_panics),
            rendered,
            notifications,
            delivered,
            refused,
            dead,
            pending: notifications.saturating_sub(delivered + refused + dead),
            attempts: get(&self.attempts),
        }
    }
}

pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::AcqRel);
}
