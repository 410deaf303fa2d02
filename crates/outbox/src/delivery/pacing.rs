//! The pace of attempts to one destination.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    DeliveryPolicy,
    delivery::breaker::Breaker,
    model::{QueueKey, Timestamp},
};

/// One destination: a recipient of a channel.
#[derive(Debug, Default)]
pub(super) struct Destination {
    pub(super) waiting: BTreeSet<QueueKey>,
    pub(super) busy: Option<QueueKey>,
    /// Until when the provider asked to wait.
    pub(super) paused_until: Option<Timestamp>,
    /// Until when we wait for our own pace.
    pub(super) paced_until: Timestamp,
    pub(super) breaker: Breaker,
}

/// The pause that all destinations of a channel share.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    pub(super) policy: DeliveryPolicy,
    pub(super) fail_over: Option<Duration>,
    pub(super) paused_until: Timestamp,
    /// Open while the channel cannot deliver until somebody changes something.
    pub(super) held: Breaker,
    /// How many attempts are under way.
    pub(super) under_way: usize,
    /// The recipient of the last attempt.
    pub(super) last: String,
}

impl Destination {
    /// Returns from when on something may go.
    pub(super) fn opens_at(&self) -> Timestamp {
        let breaker = self.breaker.opens_at().unwrap_or_default();
        self.paused_until.unwrap_or_default().max(self.paced_until).max(breaker)
    }

    /// Tells whether nothing is known of it that a fresh one would not say.
    pub(super) fn is_forgettable(&self) -> bool {
        self.waiting.is_empty()
            && self.busy.is_none()
            && self.paused_until.is_none()
            && self.paced_until == Timestamp::default()
            && self.breaker == Breaker::Healthy
    }
}

impl Pacing {
    /// Returns from when on something may go.
    pub(super) fn opens_at(&self) -> Timestamp {
        self.paused_until.max(self.held.opens_at().unwrap_or_default())
    }

    /// Tells whether one message is under way to find out whether the channel works again.
    pub(super) fn is_on_trial(&self) -> bool {
        matches!(self.held, Breaker::Trial { .. })
    }
}
