//! Play what one channel says of some alerts, with the time as an argument: a storm of hours in an instant.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use watchfire_core::Alert;

use crate::{
    GroupId, Occasion, OccasionKind, Policy, Receipt, aggregate::Desk, aggregate::Purse,
    model::timestamp::Moment,
};

/// Takes alerts at their times, the earliest first, and hands what the channel says of them until `end` to `tell`; that
/// returns the receipts of what it delivered.
pub fn rehearse(
    channel: &str,
    policy: &Policy,
    alerts: Vec<Alert>,
    end: SystemTime,
    mut tell: impl FnMut(&Occasion<'_>) -> Vec<Receipt>,
) {
    let budget = Purse::new(&policy.noise.budget);
    let mut desk = Desk::new(channel, policy.noise.clone(), budget, policy.can_edit);
    let mut receipts: BTreeMap<GroupId, Vec<Receipt>> = BTreeMap::new();
    let mut said = Vec::new();
    let mut alerts = alerts.into_iter().peekable();
    let end = Moment::from(end);
    loop {
        let arrives = alerts.peek().map(|alert| Moment::from(alert.at));
        let next = [arrives, desk.due()].into_iter().flatten().min();
        let Some(now) = next.filter(|at| *at <= end) else { return };
        match alerts.next_if(|alert| Moment::from(alert.at) <= now) {
            Some(alert) => {
                desk.take(Arc::new(alert), None, 1, now, &mut said);
            }
            None => {
                let can_edit = |group| receipts.get(&group).is_some_and(|known| !known.is_empty());
                desk.tick(now, &can_edit, &mut said);
            }
        }
        for say in said.drain(..) {
            let first = say.kind == OccasionKind::First;
            let known = receipts.entry(say.group).or_default();
            let occasion = Occasion::first(&say.alert, channel, say.group, now.into())
                .of_kind(say.kind, say.number)
                .counts(say.counts)
                .outlook(say.outlook)
                .others(&say.mentions)
                .notes(&say.notes)
                .receipts(if first { &[] } else { known });
            let left = tell(&occasion);
            known.extend(left);
        }
    }
}
