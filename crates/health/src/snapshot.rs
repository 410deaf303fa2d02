//! The content of the page, taken at one moment.

use std::{collections::BTreeMap, time::SystemTime};

use watchfire_core::clock;
use watchfire_outbox::{GroupId, Health, OutboxView, Silence, Stats};

/// How many messages of the backlog are looked at.
const MOST: usize = 500;

pub(crate) struct Snapshot {
    pub(crate) app: String,
    pub(crate) now: SystemTime,
    pub(crate) stats: Stats,
    pub(crate) health: Health,
    pub(crate) silences: Vec<Silence>,
    pub(crate) groups: Vec<GroupId>,
    /// The messages that wait, by channel and state.
    pub(crate) backlog: BTreeMap<(String, &'static str), usize>,
    /// The data that could not be read.
    pub(crate) trouble: Option<String>,
}

impl Snapshot {
    pub(crate) fn take(outbox: &OutboxView) -> Self {
        let mut snapshot = Self {
            app: outbox.app().name().to_owned(),
            now: clock::now(),
            stats: outbox.stats(),
            health: outbox.health(),
            silences: Vec::new(),
            groups: Vec::new(),
            backlog: BTreeMap::new(),
            trouble: None,
        };
        if let Some(folder) = outbox.spool_folder() {
            let read = folder.silences().and_then(|(silences, _)| {
                (snapshot.silences, snapshot.groups) = (silences, folder.groups()?);
                for entry in folder.list()?.into_iter().take(MOST) {
                    let state = page_state(&entry);
                    *snapshot.backlog.entry((entry.channel().to_owned(), state)).or_default() += 1;
                }
                Ok(())
            });
            snapshot.trouble = read.err().map(|error| format!("the spool's folder cannot be read: {error}"));
        }
        snapshot
    }
}

fn page_state(entry: &watchfire_outbox::folder::Entry) -> &'static str {
    use watchfire_outbox::folder::Place;
    match entry.place() {
        Place::Dead => "dead letter",
        Place::Damaged => "damaged",
        _ if entry.is_under_way() => "under way",
        _ => "waiting",
    }
}
