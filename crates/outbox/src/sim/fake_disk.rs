//! A disk in memory that crashes at every step and loses what was not forced to it.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    io,
    rc::Rc,
};

use super::random::SimRandom;
use crate::spool::{Files, HOSTS, home_of, in_spool};

/// A disk in memory: what programs see, and what would be left after a loss of power.
#[derive(Debug, Default)]
pub(super) struct FakeDisk {
    seen: BTreeMap<String, Rc<Vec<u8>>>,
    durable: BTreeMap<String, Rc<Vec<u8>>>,
    /// Changes of names that are not durable yet, in their order.
    journal: Vec<Change>,
    /// Contents that were not forced to the disk: a loss of power may leave half of them.
    unforced: Vec<Rc<Vec<u8>>>,
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
        let unforced = std::mem::take(&mut self.unforced);
        for bytes in self.durable.values_mut() {
            if unforced.iter().any(|known| Rc::ptr_eq(known, bytes)) && chance.percent(50) {
                *bytes = half(bytes);
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

    /// Returns the names of the claims of all hosts.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        self.seen
            .keys()
            .filter_map(|path| path.strip_prefix(HOSTS)?.split_once("/cur/"))
            .map(|(_, name)| name)
    }

    /// Returns the path of a claim.
    pub(super) fn claim(&self, name: &str) -> Option<&String> {
        self.seen.keys().find(|path| path.starts_with(HOSTS) && path.ends_with(&format!("/cur/{name}")))
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
    home: String,
    pub(super) disk: Rc<RefCell<FakeDisk>>,
    pub(super) fuel: Rc<Cell<Option<u64>>>,
    pub(super) dead: Rc<Cell<bool>>,
    /// The power goes when its fuel is used up.
    pub(super) with_power: Rc<Cell<bool>>,
}

impl FakeFiles {
    pub(super) fn new(disk: &Rc<RefCell<FakeDisk>>, host: &str) -> Self {
        let disk = Rc::clone(disk);
        Self {
            home: home_of(host),
            disk,
            fuel: Rc::default(),
            dead: Rc::default(),
            with_power: Rc::default(),
        }
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

    fn make(&self, path: &str, bytes: &[u8]) -> io::Result<Rc<Vec<u8>>> {
        let path = &in_spool(&self.home, path);
        let was_dead = self.dead.get();
        let burnt = self.burn();
        let mut disk = self.disk.borrow_mut();
        if burnt.is_err() {
            // Killed in the middle of it.
            if !was_dead {
                disk.seen.entry(path.clone()).or_insert_with(|| half(bytes));
            }
            burnt?;
        }
        if disk.mode != Mode::Sound {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if disk.seen.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let bytes = Rc::new(bytes.to_vec());
        disk.seen.insert(path.clone(), Rc::clone(&bytes));
        disk.journal.push(Change::Create(path.clone(), Rc::clone(&bytes)));
        Ok(bytes)
    }

    fn writable(&self) -> io::Result<()> {
        match self.disk.borrow().mode {
            Mode::ReadOnly => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            _ => Ok(()),
        }
    }
}

fn half(bytes: &[u8]) -> Rc<Vec<u8>> {
    Rc::new(bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec())
}

impl Files for FakeFiles {
    type Unforced = Rc<Vec<u8>>;

    fn home(&self) -> &str {
        &self.home
    }

    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if self.dead.get() || self.disk.borrow().mode != Mode::Sound {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // After a loss of power it is gone.
        self.disk.borrow_mut().seen.insert(in_spool(&self.home, path), Rc::new(bytes.to_vec()));
        Ok(())
    }

    fn remove_home(&self, _: &str) {}

    fn exclusively<T>(&self, _: &str, work: impl FnOnce() -> T) -> Option<T> {
        // No process makes a step while another one does.
        Some(work())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.make(path, bytes).map(drop)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<Rc<Vec<u8>>> {
        let bytes = self.make(path, bytes)?;
        self.disk.borrow_mut().unforced.push(Rc::clone(&bytes));
        Ok(bytes)
    }

    fn open(&self, path: &str) -> io::Result<Rc<Vec<u8>>> {
        let content = self.disk.borrow().content(&in_spool(&self.home, path));
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn force(&self, file: &Rc<Vec<u8>>) -> io::Result<()> {
        self.burn()?;
        self.disk.borrow_mut().unforced.retain(|known| !Rc::ptr_eq(known, file));
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (&in_spool(&self.home, from), &in_spool(&self.home, to));
        self.burn()?;
        self.writable()?;
        let mut disk = self.disk.borrow_mut();
        let bytes = disk.seen.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.seen.insert(to.clone(), Rc::clone(&bytes));
        disk.journal.push(Change::Rename(from.clone(), to.clone(), bytes));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = &in_spool(&self.home, path);
        self.burn()?;
        self.writable()?;
        let mut disk = self.disk.borrow_mut();
        disk.seen.remove(path).ok_or(io::ErrorKind::NotFound)?;
        disk.journal.push(Change::Remove(path.clone()));
        Ok(())
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        let folder = &in_spool(&self.home, folder);
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
        if self.dead.get() {
            return Err(io::Error::other("dead"));
        }
        let disk = self.disk.borrow();
        if folder == HOSTS {
            let hosts = disk.all().filter_map(|path| path.strip_prefix("hosts/")?.split('/').next());
            return Ok(hosts.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect());
        }
        Ok(disk.names(&in_spool(&self.home, folder)).map(str::to_owned).collect())
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        if self.dead.get() {
            return Err(io::Error::other("dead"));
        }
        let disk = self.disk.borrow();
        let bytes = disk.seen.get(&in_spool(&self.home, path)).ok_or(io::ErrorKind::NotFound)?;
        if bytes.len() as u64 > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.to_vec())
    }
}
