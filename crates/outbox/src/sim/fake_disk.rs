//! A disk in memory that fails and loses power.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    rc::Rc,
};

use super::random::SimRandom;
use crate::spool::{FOLDERS, Files};

/// A disk in memory: what programs see, and what would be left after a loss of power.
#[derive(Debug, Default)]
pub(super) struct FakeDisk {
    seen: BTreeMap<String, Rc<Vec<u8>>>,
    durable: BTreeMap<String, Rc<Vec<u8>>>,
    /// Changes of names that are not durable yet, in their order.
    journal: Vec<Change>,
    pub(super) mode: Mode,
    /// It has no journal: forcing a folder forces nothing but what concerns that folder.
    is_loose: bool,
}

/// Names what is wrong with a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Sound,
    Full,
    ReadOnly,
}

#[derive(Clone, Debug)]
enum Change {
    Create(String, Rc<Vec<u8>>),
    Rename(String, String, Rc<Vec<u8>>),
    Remove(String),
}

impl Change {
    fn touches(&self, folder: &str) -> bool {
        let within = |path: &str| path.rsplit_once('/').is_some_and(|(parent, _)| parent == folder);
        match self {
            Self::Create(path, _) | Self::Remove(path) => within(path),
            Self::Rename(from, to, _) => within(from) || within(to),
        }
    }
}

impl FakeDisk {
    pub(super) fn new(is_loose: bool) -> Self {
        Self { is_loose, ..Self::default() }
    }

    fn make_durable(&mut self, change: Change) {
        match change {
            Change::Create(path, bytes) => {
                self.durable.insert(path, bytes);
            }
            Change::Rename(from, to, bytes) => {
                self.durable.remove(&from);
                self.durable.insert(to, bytes);
            }
            Change::Remove(path) => {
                self.durable.remove(&path);
            }
        }
    }

    /// Loses the power: of the changes that were not forced to the disk some are there, some are not.
    pub(super) fn lose_power(&mut self, chance: &mut SimRandom) {
        let journal = std::mem::take(&mut self.journal);
        // A journal keeps a first part of them; without one any may be missing.
        let journaled = chance.percent(60) && !self.is_loose;
        let kept = chance.below(journal.len() as u64 + 1);
        for (i, change) in journal.into_iter().enumerate() {
            if if journaled { (i as u64) < kept } else { chance.percent(50) } {
                self.make_durable(change);
            }
        }
        self.seen = self.durable.clone();
    }

    /// Returns the names in a folder.
    pub(super) fn names(&self, folder: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{folder}/");
        self.seen
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .filter_map(|(path, _)| path.rsplit_once('/').map(|(_, name)| name))
    }

    /// Returns the paths of all files.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        self.seen.keys()
    }

    /// Reads a file as an operator does.
    pub(super) fn content(&self, path: &str) -> Option<Rc<Vec<u8>>> {
        self.seen.get(path).cloned()
    }

    /// Writes a file as an operator does, or removes it.
    pub(super) fn put(&mut self, path: &str, text: Option<String>) {
        for side in [&mut self.seen, &mut self.durable] {
            match &text {
                Some(text) => side.insert(path.to_owned(), Rc::new(text.clone().into_bytes())),
                None => side.remove(path),
            };
        }
    }

    /// Spoils a file.
    pub(super) fn damage(&mut self, path: &str, chance: &mut SimRandom) {
        if let Some(bytes) = self.seen.get(path) {
            let mut bytes = bytes.to_vec();
            let at = usize::try_from(chance.below(bytes.len() as u64)).unwrap_or_default();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x55;
            }
            let bytes = Rc::new(bytes);
            self.seen.insert(path.to_owned(), Rc::clone(&bytes));
            self.durable.insert(path.to_owned(), bytes);
        }
    }
}

/// One process's view of the disk; it ends in the middle of things when its fuel is used up.
#[derive(Clone, Debug)]
pub(super) struct FakeFiles {
    pub(super) disk: Rc<RefCell<FakeDisk>>,
    pub(super) fuel: Rc<Cell<Option<u64>>>,
    pub(super) dead: Rc<Cell<bool>>,
    /// The power goes when its fuel is used up.
    pub(super) with_power: Rc<Cell<bool>>,
}

impl FakeFiles {
    pub(super) fn new(disk: &Rc<RefCell<FakeDisk>>) -> Self {
        let disk = Rc::clone(disk);
        Self { disk, fuel: Rc::default(), dead: Rc::default(), with_power: Rc::default() }
    }

    /// Uses up fuel for a change; `Err` once the process is dead.
    fn burn(&self) -> io::Result<()> {
        if self.dead.get() {
            return Err(io::Error::other("dead"));
        }
        match self.fuel.get() {
            Some(0) => {
                self.dead.set(true);
                Err(io::Error::other("dead"))
            }
            Some(left) => {
                self.fuel.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn writable(&self) -> io::Result<()> {
        match self.disk.borrow().mode {
            Mode::ReadOnly => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            _ => Ok(()),
        }
    }
}

impl Files for FakeFiles {
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let was_dead = self.dead.get();
        let burnt = self.burn();
        let mut disk = self.disk.borrow_mut();
        if burnt.is_err() {
            // Killed in the middle of it.
            if !was_dead {
                let half = Rc::new(bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec());
                disk.seen.entry(path.to_owned()).or_insert(half);
            }
            return burnt;
        }
        if disk.mode != Mode::Sound {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if disk.seen.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let bytes = Rc::new(bytes.to_vec());
        disk.seen.insert(path.to_owned(), Rc::clone(&bytes));
        disk.journal.push(Change::Create(path.to_owned(), bytes));
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.burn()?;
        self.writable()?;
        let mut disk = self.disk.borrow_mut();
        let bytes = disk.seen.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.seen.insert(to.to_owned(), Rc::clone(&bytes));
        disk.journal.push(Change::Rename(from.to_owned(), to.to_owned(), bytes));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.burn()?;
        self.writable()?;
        let mut disk = self.disk.borrow_mut();
        disk.seen.remove(path).ok_or(io::ErrorKind::NotFound)?;
        disk.journal.push(Change::Remove(path.to_owned()));
        Ok(())
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        self.burn()?;
        let mut disk = self.disk.borrow_mut();
        let Some(last) = disk.journal.iter().rposition(|change| change.touches(folder)) else {
            return Ok(());
        };
        // A journal is written in order: what came before is durable too.
        let changes: Vec<Change> = disk.journal.drain(..=last).collect();
        let is_loose = disk.is_loose;
        let (durable, rest): (Vec<Change>, Vec<Change>) =
            changes.into_iter().partition(|change| !is_loose || change.touches(folder));
        durable.into_iter().for_each(|change| disk.make_durable(change));
        disk.journal.splice(0..0, rest);
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        debug_assert!(FOLDERS.contains(&folder));
        if self.dead.get() {
            return Err(io::Error::other("dead"));
        }
        Ok(self.disk.borrow().names(folder).map(str::to_owned).collect())
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        if self.dead.get() {
            return Err(io::Error::other("dead"));
        }
        let disk = self.disk.borrow();
        let bytes = disk.seen.get(path).ok_or(io::ErrorKind::NotFound)?;
        if bytes.len() as u64 > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.to_vec())
    }
}
