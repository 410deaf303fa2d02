//! Play what one channel says of some alerts, with the time as an argument: a storm of hours in an instant.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use watchfire_core::Alert;

use crate::{
    DeliveryPolicy, GroupId, Occasion, OccasionKind, Receipt,
    aggregate::{Aggregator, RateLimiter},
    model::Timestamp,
};

/// Takes alerts at their times, the earliest first, and hands what the channel says of them until `end` to `tell`; that
/// returns the receipts of what it delivered.
pub fn simulate_week(
    channel: &str,
    policy: &DeliveryPolicy,
    alerts: Vec<Alert>,
    end: SystemTime,
    mut tell: impl FnMut(&Occasion<'_>) -> Vec<Receipt>,
) {
    let budget = RateLimiter::new(&policy.notifications.budget);
    let mut aggregator = Aggregator::new(channel, policy.notifications.clone(), budget, policy.can_edit);
    let mut receipts: BTreeMap<GroupId, Vec<Receipt>> = BTreeMap::new();
    let mut said = Vec::new();
    let mut alerts = alerts.into_iter().peekable();
    let end = Timestamp::from(end);
    loop {
        let arrives = alerts.peek().map(|alert| Timestamp::from(alert.at));
        let next = [arrives, aggregator.due()].into_iter().flatten().min();
        let Some(now) = next.filter(|at| *at <= end) else { return };
        match alerts.next_if(|alert| Timestamp::from(alert.at) <= now) {
            Some(alert) => {
                aggregator.take(Arc::new(alert), None, 1, now, &mut said);
            }
            None => {
                let can_edit = |group| receipts.get(&group).is_some_and(|known| !known.is_empty());
                aggregator.tick(now, &can_edit, &mut said);
            }
        }
        for emission in said.drain(..) {
            let first = emission.summary.kind == OccasionKind::First;
            let known = receipts.entry(emission.summary.group).or_default();
            let occasion =
                Occasion::new(&emission.summary, channel, now.into()).spool(Some("/var/lib/shop/watchfire"));
            let occasion = occasion.receipts(if first { &[] } else { known });
            let left = tell(&occasion);
            known.extend(left);
        }
    }
}
