//! The ticket of a queued message: all that decides when it is sent, and nothing of what it says.

use std::time::Duration;

use watchfire_core::Severity;

use super::{GroupId, NotificationId, OccasionKind, Reason, timestamp::Timestamp};

/// The delivery's view of a notification: all that decides when it is sent, nothing of its content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) key: QueueKey,
    /// The number of the channel.
    pub(crate) channel: usize,
    pub(crate) recipient: String,
    pub(crate) group: GroupId,
    /// The same for all recipients of one occasion on one channel.
    pub(crate) occasion: u64,
    pub(crate) kind: OccasionKind,
    pub(crate) severity: Severity,
    /// How many bytes it takes.
    pub(crate) size: u64,
    /// How many renderings its ladder has.
    pub(crate) steps: u8,
    pub(crate) state: DeliveryState,
    /// When it was found in the spool, if it was.
    pub(crate) recovered: Option<Timestamp>,
    /// When it was paid for: from then on it is owed.
    pub(crate) paid: Timestamp,
    /// When other channels are to say it.
    pub(crate) deadline: Option<Timestamp>,
    /// What the last attempt came to.
    pub(crate) last: Option<Reason>,
    /// How often the plainest rendering was refused.
    pub(crate) refusals: u32,
    /// How many attempts may have arrived.
    pub(crate) doubts: u32,
}

/// Identifies a notification and orders it: by its acceptance in microseconds, unique in a process, then by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueueKey {
    pub(crate) accepted: u64,
    pub(crate) id: NotificationId,
}

/// The state that changes while a notification waits. The spool keeps it in the file's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeliveryState {
    pub(crate) not_before: Timestamp,
    /// Attempts started.
    pub(crate) attempts: u32,
    /// Which rendering of the ladder is tried next.
    pub(crate) step: u8,
    /// An earlier attempt may have arrived.
    pub(crate) maybe_duplicate: bool,
    /// The channel cannot deliver until somebody changes something.
    pub(crate) held: bool,
    /// Other channels were asked to say it, in vain.
    pub(crate) failed_over: bool,
    /// An attempt is under way.
    pub(crate) in_flight: bool,
    /// The channel's budget had no room for it, or it came in quiet hours: it waits to be admitted.
    pub(crate) deferred: bool,
}

impl QueueKey {
    /// Returns when it was accepted.
    pub(crate) fn accepted_at(self) -> Timestamp {
        Timestamp::from_millis(self.accepted / 1_000)
    }
}

/// For how long a message that was found in the spool lets new ones go first.
const GIVES_WAY: Duration = Duration::from_secs(600);

impl Ticket {
    /// Tells whether somebody hears it, within the budget: an edit pings nobody, and what is deferred is not paid for.
    pub(crate) fn is_paid_for(&self) -> bool {
        !self.state.deferred && !matches!(self.kind, OccasionKind::Edit | OccasionKind::Quiet)
    }

    /// Returns by when it goes among those that may go: its age, with a head start for the severe.
    ///
    /// A head start and not an order: under a flow of critical ones the others still get their turn. For the same reason
    /// what was found in the spool lets what is new go first only for a while.
    pub(crate) fn turn(&self) -> (Timestamp, QueueKey) {
        let head_start = match self.severity {
            Severity::Critical => Duration::from_secs(300),
            Severity::Error => Duration::from_secs(60),
            _ => Duration::ZERO,
        };
        match (self.recovered, self.severity) {
            (None, _) => (self.key.accepted_at() - head_start, self.key),
            // Behind what is critical and new, and before all else after a minute.
            (Some(found), Severity::Critical) => (found, self.key),
            (Some(found), _) => (found + GIVES_WAY - head_start, self.key),
        }
    }

    /// Orders by what is lost with it: what repeats goes first, what stands for many last; then the less severe, then the
    /// older.
    pub(crate) fn value(&self) -> (u8, Severity, QueueKey) {
        let rank = match self.kind {
            OccasionKind::Digest | OccasionKind::Edit | OccasionKind::Quiet => 0,
            OccasionKind::CatchUp => 2,
            _ => 1,
        };
        (rank, self.severity, self.key)
    }
}
