//! Lists the groups that a spool's folder knows of, so that a short id can be looked up.

use std::{collections::BTreeSet, io};

use serde::Deserialize;

use crate::{GroupId, folder::SpoolFolder, spool::StateKind};

#[derive(Deserialize)]
struct Counted {
    groups: Vec<CountedGroup>,
}

#[derive(Deserialize)]
struct CountedGroup {
    id: String,
}

impl SpoolFolder {
    /// Returns the groups of the messages, receipts and counts in the folder: those that its programs have reported.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn groups(&self) -> io::Result<Vec<GroupId>> {
        let mut groups = BTreeSet::new();
        for (_, text) in self.spool.kept(StateKind::Receipts) {
            if let Ok((_, group, ..)) =
                serde_json::from_str::<(String, String, u64, serde_json::Value)>(&text)
            {
                groups.extend(group.parse::<GroupId>());
            }
        }
        let counts =
            self.spool.homes().into_iter().flat_map(|home| self.spool.texts(&format!("{home}/state/groups")));
        for (_, text) in counts {
            // The first line names the processes that counted.
            let counts = text.split_once('\n').map_or(text.as_str(), |(_, counts)| counts);
            if let Ok(counted) = serde_json::from_str::<Counted>(counts) {
                groups.extend(counted.groups.iter().filter_map(|group| group.id.parse::<GroupId>().ok()));
            }
        }
        for entry in self.list()?.iter().filter(|entry| !entry.is_alert()) {
            if let Ok((message, _)) = self.spool.message_and_origin(&entry.path()) {
                groups.insert(message.notification.group);
            }
        }
        Ok(groups.into_iter().collect())
    }
}
