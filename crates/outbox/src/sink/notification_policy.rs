//! The policy of a channel on when to notify.

use std::time::Duration;

use watchfire_core::Severity;

use crate::{QuietHours, Rate};

/// Says how much a channel may speak: when it repeats itself, and how often at most. Each kind of sink has its own
/// defaults; the guide's page "NotificationPolicy" has them in tables.
///
/// ```
/// use std::time::Duration;
/// use watchfire_outbox::{NotificationPolicy, Rate};
/// let noise = NotificationPolicy::mail().digests([Duration::from_secs(600)]).budget([Rate::hourly(12)]);
/// assert_eq!(noise.digests.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NotificationPolicy {
    /// After which times what was counted of a group is told; the last one repeats.
    pub digests: Vec<Duration>,
    /// Whether a digest comes early when the total reaches 10, 100, 1,000 and so on.
    pub early: bool,
    /// How often at most the first message is edited to show the present count, where the provider can edit.
    pub edit_every: Duration,
    /// What is done when a group has been quiet for a whole digest.
    pub quiet: QuietNote,
    /// How many messages may go out, to each recipient and in all; every rate holds.
    pub budget: Vec<Rate>,
    /// From which severity on a group is told of at once; below it, only when [`min_count`](Self::min_count) is reached.
    pub first_from: Severity,
    /// How many alerts a group needs before it is told of, within how long. What is critical does not wait for it.
    pub min_count: Option<MinCount>,
    /// When only what is critical is said; the rest follows when they end.
    pub quiet_hours: Option<QuietHours>,
    /// Sends every alert of a group, up to this rate, for a provider that groups by itself; the rest is counted.
    pub every: Option<Rate>,
}

/// A number of alerts within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MinCount {
    /// How many.
    pub count: u32,
    /// Within how long.
    pub within: Duration,
}

/// Says what a channel does when a group has become quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuietNote {
    /// Nothing.
    None,
    /// It edits the first message, where the provider can edit; nobody is pinged.
    Edit,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

impl Default for NotificationPolicy {
    /// Digests after 5 min, 15 min, 1 h, then every 4 h; at most 60 messages in any hour, 20 of them at once.
    fn default() -> Self {
        Self {
            digests: vec![MINUTE * 5, MINUTE * 15, HOUR, HOUR * 4],
            early: true,
            edit_every: Duration::from_secs(30),
            quiet: QuietNote::None,
            budget: vec![Rate::hourly(60).burst(20)],
            first_from: Severity::Trace,
            min_count: None,
            quiet_hours: None,
            every: None,
        }
    }
}

impl NotificationPolicy {
    /// For mail: at most 30 in any hour, 10 of them at once.
    #[must_use]
    pub fn mail() -> Self {
        Self { budget: vec![Rate::hourly(30).burst(10)], ..Self::default() }
    }

    /// For a chat that can edit its messages and has threads: the first message counts, digests go into its thread.
    #[must_use]
    pub fn chat() -> Self {
        Self { quiet: QuietNote::Edit, ..Self::default() }
    }

    /// For a chat that can only post: as [`mail`](Self::mail).
    #[must_use]
    pub fn webhook() -> Self {
        Self::mail()
    }

    /// For a messenger that can edit: as [`chat`](Self::chat), with 30 messages in any hour.
    #[must_use]
    pub fn messenger() -> Self {
        Self { budget: vec![Rate::hourly(30).burst(10)], ..Self::chat() }
    }

    /// For what wakes people and costs money: only what is critical, or has reached its `min_count`; at most one message
    /// of a group in an hour, 5 in any hour, 20 in any day.
    #[must_use]
    pub fn sms() -> Self {
        Self {
            digests: vec![HOUR],
            early: false,
            budget: vec![Rate::hourly(5).burst(3), Rate::daily(20).burst(10)],
            first_from: Severity::Critical,
            ..Self::default()
        }
    }

    /// For a provider that groups by itself: every alert, up to 100 a minute of each group; the rest is counted, and
    /// told with the next one or after a minute.
    #[must_use]
    pub fn tracker() -> Self {
        Self {
            digests: vec![MINUTE],
            early: false,
            budget: Vec::new(),
            every: Some(Rate::new(100, MINUTE).burst(100)),
            ..Self::default()
        }
    }

    /// Sets after which times what was counted is told; the last one repeats. None at all means never.
    #[must_use]
    pub fn digests(mut self, after: impl IntoIterator<Item = Duration>) -> Self {
        self.digests = after.into_iter().collect();
        self
    }

    /// Sets how many messages may go out. None at all means no bound.
    #[must_use]
    pub fn budget(mut self, rates: impl IntoIterator<Item = Rate>) -> Self {
        self.budget = rates.into_iter().collect();
        self
    }

    /// Sets how many alerts a group needs before it is told of, within how long.
    #[must_use]
    pub fn min_count(mut self, count: u32, within: Duration) -> Self {
        self.min_count = Some(MinCount { count: count.clamp(1, 1000), within });
        self
    }

    /// Sets when only what is critical is said.
    #[must_use]
    pub fn quiet_hours(mut self, hours: QuietHours) -> Self {
        self.quiet_hours = Some(hours);
        self
    }

    /// Sets from which severity on a group is told of at once.
    #[must_use]
    pub fn first_from(mut self, severity: Severity) -> Self {
        self.first_from = severity;
        self
    }

    /// Returns how long the window after `step` digests is.
    pub(crate) fn window(&self, step: u8) -> Duration {
        let last = self.digests.last().copied();
        let window = self.digests.get(usize::from(step)).copied().or(last);
        // Nothing is told, but the group must end some day.
        window.unwrap_or(HOUR).max(Duration::from_secs(1))
    }
}
