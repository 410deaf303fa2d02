//! Decide whether the end of a program is worth waiting for.

use super::Delivery;
use crate::{
    delivery::breaker::Breaker,
    model::{QueueKey, Timestamp},
};

impl Delivery {
    /// Tells whether anything may be delivered until `by`.
    ///
    /// Not what waits for a channel that is held or paused beyond that, or for a budget. What `is_safe` in the spool is
    /// also not waited for at a destination that has just failed: the next start delivers it.
    pub(crate) fn may_deliver_by(&self, by: Timestamp, is_safe: impl Fn(QueueKey) -> bool) -> bool {
        self.destinations.iter().any(|((channel, _), destination)| {
            if destination.busy.is_some() {
                return true;
            }
            let Some(pacing) = self.pacings.get(channel) else { return false };
            if pacing.held.is_open() || pacing.opens_at().max(destination.opens_at()) > by {
                return false;
            }
            let has_failed = destination.breaker != Breaker::Healthy;
            let mut waiting = destination.waiting.iter().filter_map(|key| self.tickets.get(key));
            waiting.any(|ticket| ticket.state.not_before <= by && !(has_failed && is_safe(ticket.key)))
        })
    }
}
