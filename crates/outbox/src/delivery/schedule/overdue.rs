//! Know what is held up: for a budget, a message is heard when it arrives, whenever it was paid for.

use std::collections::{BTreeMap, BTreeSet};

use super::Delivery;
use crate::{model::Timestamp, sink::OVERDUE};

impl Delivery {
    /// Counts what each recipient of a channel was to have heard a while ago; under the empty name, what nobody has heard
    /// of the channel as a whole.
    pub(crate) fn overdue(&self, channel: usize, now: Timestamp) -> BTreeMap<String, u32> {
        let mut overdue: BTreeMap<String, u32> = BTreeMap::new();
        let mut occasions = BTreeSet::new();
        let all = self.tickets.values().filter(|ticket| ticket.channel == channel);
        for ticket in all.filter(|ticket| ticket.is_paid_for() && now.since(ticket.paid) >= OVERDUE) {
            let is_new = !self.is_heard(ticket.occasion) && occasions.insert(ticket.occasion);
            *overdue.entry(String::new()).or_default() += u32::from(is_new);
            if !ticket.recipient.is_empty() {
                *overdue.entry(ticket.recipient.clone()).or_default() += 1;
            }
        }
        overdue
    }

    /// Tells whether an occasion, of which so many wait to be admitted, has reached others or is on its way to them.
    pub(crate) fn has_left(&self, occasion: u64, waiting: usize) -> bool {
        self.siblings.get(&occasion).is_some_and(|siblings| siblings.delivered || siblings.open > waiting)
    }

    /// Tells whether an occasion has reached one of its recipients, while it is on its way to others.
    pub(crate) fn is_heard(&self, occasion: u64) -> bool {
        self.siblings.get(&occasion).is_some_and(|siblings| siblings.delivered)
    }
}
