//! Keep in the spool's folder what a channel has counted, and read the silences that people put there.

use std::collections::BTreeSet;

use watchfire_core::AlertId;

use super::Dispatch;
use crate::{
    Silence,
    aggregate::Aggregator,
    model::{Timestamp, hash::Fnv128},
    spool::{Files, Owner, Spool, StateKind, lock},
};

/// How many alerts of earlier processes are known.
const ALERTS: usize = 10_000;
/// The largest file of a silence that is read, in bytes.
const SILENCE: u64 = 4_096;

/// The counts of processes that are gone, as far as they concern this one.
#[derive(Debug, Default)]
pub(crate) struct OrphanedCounts {
    /// Files that are counted in here, and could not be removed yet.
    leftovers: Vec<String>,
    /// The alerts that such counts are of: nobody knows here what was said of them, and where.
    pub(super) alerts: BTreeSet<AlertId>,
}

/// The result of looking for counts of processes that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adoption {
    /// There were none.
    Nothing,
    /// They are counted in, and that is on the disk.
    Kept,
    /// They are counted in, and the disk did not take that.
    NotKept,
    /// The disk takes nothing, or another process is about to do the same.
    Later,
}

impl<F: Files> Dispatch<F> {
    /// Tells whether what is kept survives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.spool.is_some()
    }

    /// Keeps what this process has counted for a channel; `false` if that did not work.
    pub(crate) fn keep_groups(&mut self, channel: &str, text: &str, now: Timestamp) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        spool.beat(now);
        self.orphans.keep(spool, &start(channel), text)
    }

    /// Counts in what processes of this host that are gone have counted for a channel; with `at_start` also what this
    /// process had before. `count_in` takes the texts, and returns the one that has them in it.
    ///
    /// All of it is one step: the counts are in a file of this process, on the disk, before the others are removed, and
    /// no other process takes them over meanwhile.
    pub(crate) fn adopt_groups(
        &mut self,
        channel: &str,
        at_start: bool,
        now: Timestamp,
        count_in: impl FnOnce(&[String]) -> String,
    ) -> Adoption {
        if at_start {
            // What a host has left that is gone is this host's then.
            self.release_stale(now);
        }
        let Some(spool) = &mut self.spool else { return Adoption::Nothing };
        spool.beat(now);
        let start = start(channel);
        if self.orphans.find(spool, &start, at_start).is_empty() {
            return Adoption::Nothing;
        }
        // A count that is written down as told must not be on the disk before its message.
        self.commit();
        let Some(spool) = &mut self.spool else { return Adoption::Nothing };
        let files = spool.files().clone();
        let orphans = &mut self.orphans;
        let adopt = || {
            // Somebody else may have been faster.
            let found = orphans.find(spool, &start, at_start);
            if found.is_empty() {
                return Adoption::Nothing;
            }
            if !spool.can_write() {
                return Adoption::Later;
            }
            let (mine, others): (Vec<Sheet>, Vec<Sheet>) =
                found.into_iter().partition(|sheet| sheet.owner == *spool.owner());
            let fresh = mine.iter().chain(&others).filter(|sheet| !sheet.is_counted);
            let fresh: Vec<String> = fresh.map(|sheet| sheet.text.clone()).collect();
            orphans.leftovers.extend(others.into_iter().map(|sheet| sheet.key));
            if orphans.keep(spool, &start, &count_in(&fresh)) { Adoption::Kept } else { Adoption::NotKept }
        };
        files.exclusively(&lock(files.home()), adopt).unwrap_or(Adoption::Later)
    }

    /// Returns where this process keeps what it has counted for a channel.
    #[cfg(feature = "sim")]
    pub(crate) fn groups_file(&self, channel: &str) -> Option<String> {
        let spool = self.spool.as_ref()?;
        Some(format!("{}/state/groups/{}", spool.files().home(), key(&start(channel), spool.owner())))
    }

    /// Notes of which alerts earlier processes have left counts.
    pub(crate) fn note_adopted(&mut self, alerts: Vec<AlertId>) {
        let known = &mut self.orphans.alerts;
        known.extend(alerts);
        while known.len() > ALERTS {
            // Ids begin with the time: the oldest.
            known.pop_first();
        }
    }

    /// Returns what all other processes have counted for a channel, living or not and on any host: to look at what they
    /// have spent of its budget.
    pub(crate) fn other_groups(&self, channel: &str) -> Vec<String> {
        let Some(spool) = &self.spool else { return Vec::new() };
        let start = start(channel);
        let homes = spool.homes().into_iter();
        let files = homes.flat_map(|home| spool.texts(&format!("{home}/state/groups")));
        let of_channel = files.filter(|(key, _)| key.starts_with(&start));
        of_channel.filter_map(|(_, text)| Some(text.split_once('\n')?.1.to_owned())).collect()
    }

    /// Returns the alerts that processes have counted, on any host: a loss of power may bring back the file of one.
    pub(super) fn counted_alerts(&self) -> BTreeSet<AlertId> {
        let homes =
            self.spool.iter().flat_map(|spool| spool.homes().into_iter().map(move |home| (spool, home)));
        let files = homes.flat_map(|(spool, home)| spool.texts(&format!("{home}/state/groups")));
        let counts = files.filter_map(|(_, text)| Some(Aggregator::alerts_of(text.split_once('\n')?.1)));
        counts.flatten().chain(self.orphans.alerts.iter().copied()).collect()
    }

    /// Reads the silences, and removes those that are over; `None` without a folder.
    pub(crate) fn silences(&self, now: Timestamp) -> Option<Vec<Silence>> {
        let files = self.spool.as_ref()?.files();
        let mut silences = Vec::new();
        for name in files.list("silences").ok()?.into_iter().take(1_024) {
            let path = format!("silences/{name}");
            let Ok(bytes) = files.read(&path, SILENCE) else { continue };
            // One that a person has not finished writing is read the next time.
            let Ok(silence) = String::from_utf8_lossy(&bytes).parse::<Silence>() else { continue };
            if silence.until <= now.into() {
                files.remove(&path).ok();
            } else {
                silences.push(silence);
            }
        }
        Some(silences)
    }
}

impl OrphanedCounts {
    /// Keeps the counts of a channel. With them goes which other files are counted in, until those are gone for good: a
    /// crash at any step leaves each count in one file that counts.
    fn keep<F: Files>(&mut self, spool: &mut Spool<F>, start: &str, text: &str) -> bool {
        let parts = self.leftovers.iter().filter_map(|key| key.strip_prefix(start));
        let head = std::iter::once(spool.owner().to_string()).chain(parts.map(str::to_owned));
        let head = head.collect::<Vec<_>>().join(" ");
        // What has become a credential since it was counted must not stop the counts from being kept.
        let text = format!("{head}\n{}", watchfire_core::process::mask_own_secrets(text));
        if spool.keep(StateKind::Groups, &key(start, spool.owner()), &text).is_err() {
            return false;
        }
        let before = self.leftovers.len();
        self.leftovers.retain(|key| !key.starts_with(start) || !spool.forget(StateKind::Groups, key));
        // Before the next text is kept, which does not name them any more.
        if self.leftovers.len() < before {
            spool.sync(StateKind::Groups).ok();
        }
        true
    }

    /// Finds the files of processes that are gone, and with `at_start` that of this process. Those that are counted in
    /// elsewhere are marked so.
    fn find<F: Files>(&self, spool: &Spool<F>, start: &str, at_start: bool) -> Vec<Sheet> {
        let mut found = sheets(spool, start);
        let parts: BTreeSet<String> = found.iter().flat_map(|sheet| sheet.parts.iter().cloned()).collect();
        let is_free = |sheet: &Sheet| match sheet.owner == *spool.owner() {
            true => at_start,
            false => !spool.is_alive(&sheet.owner) && !self.leftovers.contains(&sheet.key),
        };
        found.retain(is_free);
        for sheet in &mut found {
            sheet.is_counted = sheet.key.strip_prefix(start).is_some_and(|part| parts.contains(part));
        }
        found
    }
}

/// The counts of one process for a channel. The name of the file is `<channel>-<process>`, hashed.
struct Sheet {
    key: String,
    owner: Owner,
    /// Which others are counted in.
    parts: Vec<String>,
    /// Whether it is itself counted in elsewhere, and only not removed yet.
    is_counted: bool,
    text: String,
}

fn sheets<F: Files>(spool: &Spool<F>, start: &str) -> Vec<Sheet> {
    let read = |(key, text): (String, String)| {
        key.strip_prefix(start)?;
        let (head, text) = text.split_once('\n')?;
        let mut head = head.split(' ');
        Some(Sheet {
            owner: Owner::parse(head.next()?)?,
            parts: head.map(str::to_owned).collect(),
            is_counted: false,
            text: text.to_owned(),
            key,
        })
    };
    spool.kept(StateKind::Groups).into_iter().filter_map(read).collect()
}

fn start(channel: &str) -> String {
    format!("{:016x}-", Fnv128::new().part(channel.as_bytes()).finish_u64())
}

fn key(start: &str, owner: &Owner) -> String {
    format!("{start}{:016x}", Fnv128::new().part(owner.to_string().as_bytes()).finish_u64())
}
