//! Let the simulator look: only summary, none of the decisions that it checks.

use std::collections::BTreeSet;

use watchfire_core::Severity;

use super::Aggregator;
use crate::{GroupId, model::Timestamp};

impl Aggregator {
    /// Returns the highest severity of a group, and whether a first message of it is still owed.
    pub(crate) fn known(&self, id: GroupId) -> Option<(Severity, bool)> {
        self.groups.get(&id).map(|group| (group.severity, group.owed))
    }

    /// Tells whether new groups are told of together at the moment.
    pub(crate) fn is_stormy(&self) -> bool {
        self.storm.is_some()
    }

    pub(crate) fn is_silenced(&self, id: GroupId, now: Timestamp) -> bool {
        self.silences.of(id, now).is_some()
    }

    /// Returns the groups that a message has told of.
    pub(crate) fn told_groups(&self) -> BTreeSet<GroupId> {
        self.groups.iter().filter(|(_, group)| !group.owed).map(|(id, _)| *id).collect()
    }

    /// Says what a group waits for, in the aggregator's own words.
    pub(crate) fn story(&self, id: GroupId) -> String {
        let of = |group: &super::Group| format!("{:?} until {:?}", group.late, group.due);
        self.groups.get(&id).map_or_else(String::new, of)
    }

    /// Returns the groups of which a first message is owed, with their severity.
    pub(crate) fn owed_groups(&self) -> impl Iterator<Item = (GroupId, Severity)> {
        self.groups.iter().filter(|(_, group)| group.owed).map(|(id, group)| (*id, group.severity))
    }
}
