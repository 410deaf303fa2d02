//! Look at what a program that has ended left in the spool.

use std::collections::BTreeSet;

use watchfire_core::AlertId;

use super::Dispatch;
use crate::{
    model::hash::Fnv128,
    spool::{Files, Name, Owner},
};

/// How many messages are read to count the alerts that they are of; each one beyond that counts as one.
const MOST_READ: usize = 256;

impl<F: Files> Dispatch<F> {
    /// Counts the alerts that wait in the folder: what is free, and what the process `owner` had claimed.
    pub(crate) fn count_alerts(&self, owner: Option<&Owner>) -> usize {
        let Some(spool) = &self.spool else { return 0 };
        let claimed =
            spool.list("cur").into_iter().filter(|name| name.owner.is_some() && name.owner.as_ref() == owner);
        let paths = claimed.map(|name| format!("cur/{name}"));
        let paths: Vec<String> =
            paths.chain(spool.list("new").iter().map(|name| format!("new/{name}"))).collect();
        let (read, rest) = paths.split_at(paths.len().min(MOST_READ));
        let mut alerts: BTreeSet<AlertId> = BTreeSet::new();
        let mut others = rest.len();
        for path in read {
            match spool.letter(path) {
                Ok(message) => _ = alerts.insert(message.summary.alert.id),
                Err(_) => others += 1,
            }
        }
        alerts.len() + others
    }

    /// Tells whether a panic of this process has left an alert that is not reported yet.
    pub(crate) fn has_panic_alert_of(&self, writer: &Owner) -> bool {
        let Some(spool) = &self.spool else { return false };
        // In `new` the name has the writer; once claimed, the file has it.
        let is_free = |name: &Name| name.is_alert() && name.owner.as_ref() == Some(writer);
        let is_claimed = |name: &Name| {
            name.is_alert()
                && spool
                    .alert(&format!("cur/{name}"))
                    .is_ok_and(|(_, known, _)| known.as_ref() == Some(writer))
        };
        spool.list("new").iter().any(is_free) || spool.list("cur").iter().any(is_claimed)
    }
}

/// Returns the id of the alert that reports a marker: the same whoever reports it.
pub(crate) fn id_of_marker(name: &str) -> AlertId {
    AlertId::from_u128(Fnv128::new().part(b"unclean end").part(name.as_bytes()).finish())
}
