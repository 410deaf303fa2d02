//! Know what processes that are gone have left, by reading the files of counts as their format is documented.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{Process, World};
use crate::{
    GroupId,
    sim::fake_disk::Mode,
    spool::{Owner, text_of},
};

/// The counts that a process has left for one channel.
#[derive(Clone, Debug)]
pub(super) struct LeftCounts {
    pub(super) channel: usize,
    pub(super) pending: u64,
    /// The groups that a message was made of.
    pub(super) told: BTreeSet<GroupId>,
    /// Whether they are counted in elsewhere, and only not removed yet: they are none then.
    is_counted: bool,
    /// Which others are counted in.
    parts: Vec<String>,
    /// Where it is, and under which name.
    home: String,
    name: String,
}

/// The last file of counts that a process that is gone is known to have forced to the disk, if it has.
#[derive(Debug)]
pub(super) struct Safe {
    pub(super) owner: Owner,
    pub(super) channel: usize,
    pub(super) name: String,
    pub(super) file: Option<Rc<Vec<u8>>>,
    /// Whether it died while it wrote another one, which a loss of power may take back: how many may then be lost again,
    /// and how many told again.
    pub(super) unsure: Option<(u64, u64)>,
}

impl LeftCounts {
    fn is_of(&self, process: &Process) -> bool {
        self.home == crate::spool::home_of(&process.owner.host)
    }
}

/// Reads how many alerts a file of counts has that were not reported, and of which groups a message was made.
pub(super) fn read_counts(file: &[u8]) -> (u64, BTreeSet<GroupId>) {
    let text = text_of(file).unwrap_or_default();
    let text = text.split_once('\n').map(|(_, text)| text).unwrap_or_default();
    let counts: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or_default();
    let groups = counts.get("groups").and_then(|groups| groups.as_array()).into_iter().flatten();
    let unsaid = |group: &serde_json::Value| group.get("unsaid").map(number).unwrap_or_default();
    let overflow =
        counts.get("overflow").and_then(|overflow| overflow.get(0)).map(number).unwrap_or_default();
    let told =
        groups.clone().filter(|group| group.get("owed").and_then(|owed| owed.as_bool()) == Some(false));
    let told = told.filter_map(|group| group.get("id")?.as_str()?.parse().ok()).collect();
    (overflow + groups.map(unsaid).sum::<u64>(), told)
}

/// Returns the processes that the first line of a file of counts names: whose it is, and which others are counted in.
fn head_of(file: &[u8]) -> Option<(Owner, Vec<String>)> {
    let text = text_of(file)?;
    let mut words = text.lines().next()?.split(' ');
    let owner = Owner::parse(words.next()?)?;
    Some((owner, words.map(str::to_owned).collect()))
}

impl World {
    /// Reads all counts in the folder that no living process has.
    pub(super) fn left_counts(&self) -> Vec<LeftCounts> {
        let disk = self.disk.borrow();
        let files: Vec<_> = disk
            .all()
            .filter_map(|path| {
                let (home, name) = path.split_once("/state/groups/")?;
                let file = disk.content(path)?;
                let (owner, parts) = head_of(&file)?;
                Some((home.to_owned(), name.to_owned(), file, owner, parts))
            })
            .collect();
        let mut counted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (_, name, _, _, parts) in &files {
            let channel = name.split('-').next().unwrap_or_default();
            counted.entry(channel).or_default().extend(parts.iter().map(String::as_str));
        }
        let living = self.living.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        files
            .iter()
            .filter(|(.., owner, _)| !living.contains(owner))
            .filter_map(|(home, name, file, _, parts)| {
                let (key, part) = name.split_once('-')?;
                let channel = self.channel_keys.iter().position(|known| known == key)?;
                let is_counted = counted.get(key).is_some_and(|parts| parts.contains(part));
                let (pending, told) = if is_counted { Default::default() } else { read_counts(file) };
                let (home, name, parts) = (home.clone(), name.clone(), parts.clone());
                Some(LeftCounts { channel, pending, told, is_counted, parts, home, name })
            })
            .collect()
    }

    /// Checks what a process has taken over, which it did if `adopts` says so: all that was left, and nothing twice.
    pub(super) fn note_adopted(
        &mut self,
        process: &mut Process,
        before: &[LeftCounts],
        adopted: &[u64],
        adopts: &[bool],
    ) -> Result<(), String> {
        if process.is_dead() {
            self.is_unsettled = true;
            return Ok(());
        }
        let after = self.left_counts();
        let is_sound = self.disk.borrow().mode == Mode::Sound;
        for (to, now) in process.adopted_counts().into_iter().enumerate() {
            let taken = now - adopted.get(to).copied().unwrap_or_default();
            self.is_unsettled |= taken > 0;
            let gone = before
                .iter()
                .filter(|left| left.channel == to && !after.iter().any(|other| other.name == left.name));
            let left: u64 = gone.clone().map(|left| left.pending).sum();
            if taken != left {
                return Err(format!("{left} were left for {to}, and {taken} were taken over"));
            }
            let Some(counting) = process.aggregators.get(to) else { continue };
            let is_known = |id: &&GroupId| counting.aggregator.known(**id).is_some_and(|(_, owed)| !owed);
            if let Some(id) = gone.flat_map(|left| &left.told).find(|id| !is_known(id)) {
                return Err(format!("{id} was told of by {to}, and the next process does not know"));
            }
            let is_due = is_sound && adopts.get(to).copied().unwrap_or_default();
            if let Some(left) = after
                .iter()
                .find(|left| is_due && left.channel == to && left.is_of(process) && !left.is_counted)
            {
                return Err(format!("{} of {to} were not taken over: {left:?}", left.pending));
            }
        }
        // Taken over for good, with what was counted in there: nothing may bring them back.
        let is_gone = |left: &&LeftCounts| !after.iter().any(|other| other.name == left.name);
        for left in before.iter().filter(is_gone) {
            self.note_parts(left.channel, &left.name, &left.parts);
            let names = self.counted_in(left.channel, &left.name);
            self.safe.retain(|safe| safe.channel != left.channel || !names.contains(&safe.name));
        }
        Ok(())
    }

    fn note_parts(&mut self, channel: usize, name: &str, parts: &[String]) {
        let key = name.split('-').next().unwrap_or_default();
        let parts = parts.iter().map(|part| format!("{key}-{part}"));
        self.counted_in.entry((channel, name.to_owned())).or_default().extend(parts);
    }

    /// Returns the names of a file of counts, of those counted in there, and of those counted in in these.
    fn counted_in(&self, channel: usize, name: &str) -> BTreeSet<String> {
        let (mut all, mut next) = (BTreeSet::new(), vec![name.to_owned()]);
        while let Some(name) = next.pop() {
            if all.insert(name.clone()) {
                next.extend(self.counted_in.get(&(channel, name)).into_iter().flatten().cloned());
            }
        }
        all
    }

    /// Checks that of what a process had forced to the disk all is there, or counted in elsewhere.
    pub(super) fn check_safe(&mut self) -> Result<(), String> {
        let mut files: Vec<(usize, String, Rc<Vec<u8>>)> = Vec::new();
        for path in self.disk.borrow().all() {
            let Some((_, name)) = path.split_once("/state/groups/") else { continue };
            let Some((key, _)) = name.split_once('-') else { continue };
            let channel = self.channel_keys.iter().position(|known| known == key);
            let (Some(channel), Some(file)) = (channel, self.disk.borrow().content(path)) else { continue };
            files.push((channel, name.to_owned(), file));
        }
        for (channel, name, file) in &files {
            let parts = head_of(file).map(|(_, parts)| parts).unwrap_or_default();
            self.note_parts(*channel, name, &parts);
        }
        // Counted in in what is named by a file that is there.
        let mut there: BTreeSet<(usize, String)> = BTreeSet::new();
        for (channel, name, file) in &files {
            let key = name.split('-').next().unwrap_or_default();
            for part in head_of(file).map(|(_, parts)| parts).unwrap_or_default() {
                let all = self.counted_in(*channel, &format!("{key}-{part}"));
                there.extend(all.into_iter().map(|name| (*channel, name)));
            }
        }
        for Safe { owner, channel, name, file, unsure } in &self.safe {
            let Some(file) = file else { continue };
            let found = files.iter().find(|(of, found, _)| of == channel && found == name);
            let is_there = match found {
                Some((.., found)) => unsure.is_some() || found == file,
                None => there.contains(&(*channel, name.clone())),
            };
            if !is_there {
                return Err(format!("what {owner} had written down of {channel} is gone"));
            }
        }
        Ok(())
    }
}
