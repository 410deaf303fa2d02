//! The ledger of everything that was ever accepted.

use std::collections::{BTreeMap, BTreeSet};

use crate::NotificationId;

/// The account of everything that was ever accepted: the other side of the books.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Accepted, and not known to have ended.
    open: BTreeSet<NotificationId>,
    ended: BTreeSet<NotificationId>,
    /// Which catch-ups stand for it: that of a process that died may have been lost, and the one before found again.
    merged: BTreeMap<NotificationId, BTreeSet<NotificationId>>,
    pub(super) accepted: u64,
}

impl Ledger {
    pub(super) fn accept(&mut self, id: NotificationId) {
        if !self.ended.contains(&id) && self.open.insert(id) {
            self.accepted += 1;
        }
    }

    pub(super) fn end(&mut self, id: NotificationId) {
        self.open.remove(&id);
        self.ended.insert(id);
    }

    /// Notes that a catch-up stands for it.
    pub(super) fn merge(&mut self, id: NotificationId, into: NotificationId) {
        self.merged.entry(id).or_default().insert(into);
    }

    /// Closes what has ended; returns what is neither ended nor anywhere.
    pub(super) fn lost(
        &mut self,
        got: impl Fn(NotificationId) -> bool,
        there: impl Fn(NotificationId) -> bool,
    ) -> Option<NotificationId> {
        let open: Vec<NotificationId> = self.open.iter().copied().collect();
        for id in open {
            let (mut ended, mut present) = (false, false);
            let mut seen = BTreeSet::from([id]);
            let mut next = vec![id];
            while let Some(at) = next.pop() {
                ended |= got(at) || self.ended.contains(&at);
                present |= there(at);
                let into = self.merged.get(&at).into_iter().flatten();
                next.extend(into.copied().filter(|into| seen.insert(*into)));
            }
            // One that stands for it was said: that is once, whatever else may still come.
            if ended {
                self.end(id);
            } else if !present {
                return Some(id);
            }
        }
        None
    }

    /// Tells what is known of one.
    pub(super) fn story(&self, id: NotificationId) -> String {
        format!("merged into {:?}", self.merged.get(&id))
    }

    pub(super) fn still_open(&self) -> usize {
        self.open.len()
    }
}
