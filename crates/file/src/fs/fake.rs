//! A file system in memory that fails, or ends the process, at will.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use super::*;

#[derive(Clone, Default)]
pub(crate) struct Fake {
    world: Arc<Mutex<FakeWorld>>,
    /// Whoever holds it keeps every write waiting: a disk that hangs.
    pub(crate) gate: Arc<Mutex<()>>,
    /// Whether another process holds the lock.
    pub(crate) is_locked: Arc<AtomicBool>,
    /// Whether the disk takes nothing.
    pub(crate) is_full: Arc<AtomicBool>,
    /// The steps of other processes in between, called before any operation; not while it runs itself.
    pub(crate) switch: Arc<Mutex<Option<Switch>>>,
    /// The time that passes, and what others do, while a write hangs: called before and after the bytes are written.
    pub(crate) hang: Arc<Mutex<Option<Switch>>>,
}

/// The steps of other processes between two operations of one.
pub(crate) type Switch = Box<dyn FnMut() + Send>;

#[derive(Default)]
pub(crate) struct FakeWorld {
    pub(crate) names: BTreeMap<String, u64>,
    pub(crate) nodes: BTreeMap<u64, Node>,
    pub(crate) now: Option<SystemTime>,
    /// Faults per 1,000 calls.
    pub(crate) faults: u64,
    pub(crate) chance: Chance,
    /// Once the process is dead, nothing it does has an effect.
    pub(crate) is_dead: bool,
    /// The files that lost their names, with those that were there at that moment.
    pub(crate) removed: Vec<Removed>,
    pub(crate) calls: u64,
    /// Names that something has which is not a plain file: a folder, a planted link.
    pub(crate) odd: BTreeSet<String>,
    /// Whether the file system has no locks.
    pub(crate) is_lockless: bool,
    /// Whether a fault ends no process.
    pub(crate) is_immortal: bool,
    /// The file that the name of the log leads to, if that is a link.
    pub(crate) link: Option<String>,
    /// The holders of the lock files, each by the number of the open file.
    lock_holders: BTreeMap<String, u64>,
    /// When each name was given to a file that was put away.
    rotated: BTreeMap<String, u64>,
    next: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Node {
    pub(crate) data: Vec<u8>,
    pub(crate) modified: Option<SystemTime>,
    /// The holders of a lock on it, by the number of the open file, and whether alone.
    locks: Vec<(u64, bool)>,
}

pub(crate) struct Removed {
    pub(crate) name: String,
    pub(crate) data: Vec<u8>,
    pub(crate) beside: Vec<String>,
    /// The files beside it that were rotated, or written to, later.
    pub(crate) newer: Vec<String>,
}

/// A splitmix generator: the same schedule for the same seed.
#[derive(Clone, Default)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

/// The effect of a fault.
#[derive(PartialEq)]
enum Fault {
    None,
    /// Nothing is done, and an error says so.
    Refuses,
    /// The operation is done and reported as failed, as a network file system may do with names.
    Lies,
    DiesBefore,
    DiesAfter,
}

impl Fake {
    /// Returns the number of a file that is being opened.
    fn number(&self) -> u64 {
        let mut world = self.world();
        world.next += 1;
        world.next
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, FakeWorld> {
        // A failed assertion leaves it as it is.
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Begins an operation: others may come first.
    fn begin(&self) -> MutexGuard<'_, FakeWorld> {
        between(&self.switch);
        self.world()
    }
}

/// Lets others come in between, unless they are what this is in between of.
fn between(switch: &Mutex<Option<Switch>>) {
    let taken = switch.lock().unwrap().take();
    if let Some(mut others) = taken {
        others();
        *switch.lock().unwrap() = Some(others);
    }
}

/// The name of the log, which may be a link.
pub(crate) const LOG: &str = "shop.log";

impl FakeWorld {
    pub(crate) fn put(&mut self, name: &str, data: &[u8]) {
        self.next += 1;
        let modified = self.now;
        self.nodes.insert(self.next, Node { data: data.to_vec(), modified, locks: Vec::new() });
        self.names.insert(name.to_owned(), self.next);
    }

    /// Returns the name that a path leads to.
    fn followed(&self, path: &Path) -> String {
        let name = name(path);
        match &self.link {
            Some(target) if name == LOG => target.clone(),
            _ => name,
        }
    }

    /// Makes sure that nobody renames or removes the link.
    fn spare_link(&self, path: &Path) {
        assert!(self.link.is_none() || name(path) != LOG, "the link was renamed or removed");
    }

    fn fault(&mut self) -> io::Result<Fault> {
        self.calls += 1;
        if self.is_dead {
            return Err(dead());
        }
        if self.chance.below(1000) >= self.faults {
            return Ok(Fault::None);
        }
        Ok(match self.chance.below(8) {
            0 if !self.is_immortal => Fault::DiesBefore,
            1 if !self.is_immortal => Fault::DiesAfter,
            2 => Fault::Lies,
            _ => Fault::Refuses,
        })
    }

    /// Does something that either happens or does not.
    fn act<R>(&mut self, act: impl FnOnce(&mut Self) -> io::Result<R>) -> io::Result<R> {
        match self.fault()? {
            Fault::None => act(self),
            Fault::Refuses => Err(self.error()),
            Fault::Lies => act(self).and_then(|_| Err(self.error())),
            Fault::DiesBefore => {
                self.is_dead = true;
                Err(dead())
            }
            Fault::DiesAfter => {
                let done = act(self);
                self.is_dead = true;
                done.and_then(|_| Err(dead()))
            }
        }
    }

    fn error(&mut self) -> io::Error {
        let kinds = [
            io::ErrorKind::StorageFull,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
            io::ErrorKind::Other,
            io::ErrorKind::Interrupted,
        ];
        io::Error::from(kinds[usize::try_from(self.chance.below(kinds.len() as u64)).unwrap()])
    }

    fn stat(&self, id: u64) -> Stat {
        let node = &self.nodes[&id];
        let modified = node.modified.unwrap_or(SystemTime::UNIX_EPOCH);
        let links = self.names.values().filter(|named| **named == id).count() as u64;
        Stat {
            id: Some((1, id)),
            kind: FileKind::File,
            len: node.data.len() as u64,
            modified,
            mode: None,
            owner: None,
            links,
        }
    }
}

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

impl Filesystem for Fake {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn Handle>> {
        let id = self.begin().act(|world| {
            let name = if matches!(how, Open::Append(_)) { world.followed(path) } else { name(path) };
            match (world.names.get(&name).copied(), how) {
                _ if world.odd.contains(&name) => Err(io::ErrorKind::InvalidInput.into()),
                (Some(_), Open::New(_)) => Err(io::ErrorKind::AlreadyExists.into()),
                (Some(id), _) => Ok(id),
                (None, Open::Read) => Err(io::ErrorKind::NotFound.into()),
                (None, _) => {
                    world.put(&name, b"");
                    Ok(world.next)
                }
            }
        })?;
        let number = self.number();
        Ok(Box::new(FakeFile { fake: self.clone(), number, id, read: 0, start: 0 }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.begin().act(|world| {
            let id = world.names.get(&world.followed(path)).ok_or(io::ErrorKind::NotFound)?;
            Ok(world.stat(*id))
        })
    }

    fn resolve(&self, path: &Path) -> io::Result<Resolved> {
        let path = path.with_file_name(self.begin().followed(path));
        Ok(Resolved { path, is_strangers: false, is_descriptor: false })
    }

    fn list(&self, _folder: &Path) -> io::Result<Vec<FolderEntry>> {
        self.begin().act(|world| {
            let files = world
                .names
                .iter()
                .map(|(name, id)| FolderEntry { name: name.clone(), stat: Some(world.stat(*id)) });
            let odd = world.odd.iter().map(|name| FolderEntry { name: name.clone(), stat: None });
            Ok(files.chain(odd).collect())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin().act(|world| {
            world.spare_link(from);
            if world.names.contains_key(&name(to)) || world.odd.contains(&name(to)) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let id = world.names.remove(&name(from)).ok_or(io::ErrorKind::NotFound)?;
            world.names.insert(name(to), id);
            let now = world.calls;
            let at = world.rotated.remove(&name(from)).unwrap_or(now);
            world.rotated.insert(name(to), at);
            Ok(())
        })
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin().act(|world| {
            let id = world.names.remove(&name(from)).ok_or(io::ErrorKind::NotFound)?;
            let replaced = world.names.insert(name(to), id);
            if let Some(at) = world.rotated.get(name(to).trim_end_matches(".gz")).copied() {
                world.rotated.insert(name(to), at);
            }
            let is_packed = name(to).ends_with(".gz") || name(to).ends_with(".zst");
            let is_packed = is_packed || name(to).ends_with(".order");
            assert!(replaced.is_none() || is_packed, "{} was overwritten", name(to));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.begin().act(|world| {
            world.spare_link(path);
            let id = world.names.remove(&name(path)).ok_or(io::ErrorKind::NotFound)?;
            let beside = world.names.keys().cloned().collect();
            let Node { data, modified, .. } = world.nodes[&id].clone();
            let at = world.rotated.get(&name(path));
            let newer = world
                .names
                .iter()
                .filter(|(other, id)| world.rotated.get(*other) > at || world.nodes[*id].modified > modified)
                .map(|(other, _)| other.clone())
                .collect();
            world.removed.push(Removed { name: name(path), data, beside, newer });
            Ok(())
        })
    }

    fn make_folder(&self, _path: &Path) -> io::Result<()> {
        self.begin().act(|_| Ok(()))
    }

    fn link(&self, _target: &str, _link: &Path) -> io::Result<()> {
        self.begin().act(|_| Ok(()))
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        self.begin().act(|_| Ok(()))
    }

    fn nap(&self) {}

    fn lock_file(&self, path: &Path, _log: Option<&Stat>) -> io::Result<Box<dyn LockFile>> {
        self.begin().act(|_| Ok(()))?;
        Ok(Box::new(FakeLock { fake: self.clone(), number: self.number(), name: name(path) }))
    }
}

struct FakeLock {
    fake: Fake,
    number: u64,
    name: String,
}

impl LockFile for FakeLock {
    fn try_lock(&self) -> io::Result<bool> {
        if self.fake.is_locked.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let mut world = self.fake.begin();
        if world.is_lockless {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if world.fault()? != Fault::None {
            return Err(world.error());
        }
        Ok(*world.lock_holders.entry(self.name.clone()).or_insert(self.number) == self.number)
    }

    fn unlock(&self) {
        let holders = &mut self.fake.world().lock_holders;
        if holders.get(&self.name) == Some(&self.number) {
            holders.remove(&self.name);
        }
    }

    fn is_at(&self, _path: &Path) -> bool {
        true
    }
}

struct FakeFile {
    fake: Fake,
    number: u64,
    id: u64,
    read: usize,
    /// Where the last write began.
    start: usize,
}

impl Handle for FakeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        drop(self.fake.gate.lock().unwrap());
        between(&self.fake.hang);
        if self.fake.is_full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut world = self.fake.begin();
        let fault = world.fault()?;
        let part = usize::try_from(world.chance.below(bytes.len() as u64)).unwrap();
        // A write that fails has written nothing, or tells how much it has; only death may cut it short in silence.
        let (written, result) = match fault {
            Fault::None => (bytes.len(), Ok(bytes.len())),
            Fault::Refuses => (0, Err(world.error())),
            Fault::Lies => (part, Ok(part)),
            Fault::DiesBefore => (part, Err(dead())),
            Fault::DiesAfter => (bytes.len(), Err(dead())),
        };
        world.is_dead |= fault == Fault::DiesBefore || fault == Fault::DiesAfter;
        let now = world.now;
        let node = world.nodes.get_mut(&self.id).unwrap();
        self.start = node.data.len();
        node.data.extend_from_slice(&bytes[..written]);
        node.modified = now;
        drop(world);
        between(&self.fake.hang);
        // It may have been ended while it hung.
        if self.fake.world().is_dead { Err(dead()) } else { result }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (id, from) = (self.id, self.read);
        let read = self.fake.begin().act(|world| {
            let data = &world.nodes[&id].data[from..];
            let size = data.len().min(into.len());
            into[..size].copy_from_slice(&data[..size]);
            Ok(size)
        })?;
        self.read += read;
        Ok(read)
    }

    fn last_start(&mut self, _written: usize) -> Option<u64> {
        Some(self.start as u64)
    }

    fn byte_at(&self, at: u64) -> Option<u8> {
        self.fake.world().nodes[&self.id].data.get(usize::try_from(at).ok()?).copied()
    }

    fn ends_line(&mut self) -> bool {
        self.fake.world().nodes[&self.id].data.last().is_none_or(|last| *last == b'\n')
    }

    fn stat(&self) -> io::Result<Stat> {
        self.fake.begin().act(|world| Ok(world.stat(self.id)))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut world = self.fake.world();
        match world.fault()? {
            Fault::None | Fault::Lies => {}
            Fault::Refuses => return Err(world.error()),
            Fault::DiesBefore | Fault::DiesAfter => {
                world.is_dead = true;
                return Err(dead());
            }
        }
        world.nodes.get_mut(&self.id).unwrap().data.truncate(usize::try_from(len).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.fake.begin().act(|_| Ok(()))
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.lock(true)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.lock(false)
    }

    fn unlock(&self) {
        let mut world = self.fake.world();
        world.nodes.get_mut(&self.id).unwrap().locks.retain(|(holder, _)| *holder != self.number);
    }

    fn wait_until_writable(&self, _at_most: Duration) {}

    fn set_modified(&mut self, at: SystemTime) -> io::Result<()> {
        self.fake.begin().act(|world| {
            world.nodes.get_mut(&self.id).unwrap().modified = Some(at);
            Ok(())
        })
    }
}

impl FakeFile {
    fn lock(&self, is_alone: bool) -> io::Result<bool> {
        let mut world = self.fake.begin();
        if world.is_lockless {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if world.fault()? != Fault::None {
            return Err(world.error());
        }
        let locks = &mut world.nodes.get_mut(&self.id).unwrap().locks;
        let is_free = locks.iter().all(|(holder, alone)| *holder == self.number || !(is_alone || *alone));
        if is_free {
            locks.retain(|(holder, _)| *holder != self.number);
            locks.push((self.number, is_alone));
        }
        Ok(is_free)
    }
}

impl Drop for FakeFile {
    fn drop(&mut self) {
        Handle::unlock(self);
    }
}
