//! Tell the program of files that were rotated.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use watchfire_core::clock;

use super::{
    FileShared,
    locks::{calmly, lock},
};
use crate::{
    fs::{FileKind, Filesystem},
    plan::{LogLocation, WriteTrouble},
    rotation::{Packing, RotationKey},
};

/// A callback of the program that gets the path of a rotated file.
pub(crate) type OnRotation = dyn Fn(&Path) + Send + Sync;

/// The rotated files that the program is still to be told of.
pub(crate) struct Rotated {
    then: Arc<OnRotation>,
    waiting: Mutex<VecDeque<NotedRotation>>,
    is_at_work: AtomicBool,
}

struct NotedRotation {
    key: RotationKey,
    place: Arc<LogLocation>,
    /// Whether it is compressed, or cannot be.
    is_ready: bool,
}

/// How many files wait at most for the callback.
const MOST: usize = 256;

impl Rotated {
    pub(super) fn new(then: Arc<OnRotation>) -> Arc<Self> {
        Arc::new(Self { then, waiting: Mutex::default(), is_at_work: AtomicBool::new(false) })
    }

    /// Notes a rotation in which numbered files moved. Returns `false` if too many wait, and this one is left out.
    pub(crate) fn note(&self, key: RotationKey, moves: &[(u32, u32)], place: &Arc<LogLocation>) -> bool {
        let mut waiting = lock(&self.waiting);
        for known in &mut *waiting {
            if let RotationKey::Number(number) = &mut known.key
                && let Some((_, to)) = moves.iter().find(|(from, _)| from == number)
            {
                *number = *to;
            }
        }
        let has_room = waiting.len() < MOST;
        if has_room {
            waiting.push_back(NotedRotation { key, place: Arc::clone(place), is_ready: false });
        }
        has_room
    }

    /// Returns how many files wait.
    pub(super) fn noted(&self) -> usize {
        lock(&self.waiting).iter().filter(|noted| !noted.is_ready).count()
    }

    /// Marks the first `count` files that were not ready: the program is told of them now.
    pub(super) fn make_ready(&self, count: usize) {
        let mut waiting = lock(&self.waiting);
        waiting
            .iter_mut()
            .filter(|noted| !noted.is_ready)
            .take(count)
            .for_each(|noted| noted.is_ready = true);
    }

    /// Takes the path of the next file that is ready and still there.
    fn next(&self, fs: &dyn Filesystem) -> Option<PathBuf> {
        loop {
            // The name is good for as long as the lock is held, during which no file is rotated.
            let mut waiting = lock(&self.waiting);
            waiting.front().filter(|noted| noted.is_ready)?;
            let NotedRotation { key, place, .. } = waiting.pop_front()?;
            let paths = [Packing::Gzip, Packing::Zstd, Packing::Plain]
                .map(|packing| place.folder.join(place.names.of(&key, packing)));
            let is_there = |path: &PathBuf| fs.stat(path).is_ok_and(|stat| stat.kind == FileKind::File);
            if let Some(path) = paths.into_iter().find(is_there) {
                return Some(path);
            }
        }
    }
}

impl FileShared {
    /// Calls the program back for each rotated file, on a thread of its own, so that a call that hangs delays no other
    /// work.
    pub(super) fn tell_of_rotated_beside(self: &Arc<Self>) {
        let Some(rotated) = &self.rotated else { return };
        if lock(&rotated.waiting).is_empty() || rotated.is_at_work.swap(true, Ordering::AcqRel) {
            return;
        }
        let teller = Arc::clone(self);
        let thread = std::thread::Builder::new().name("watchfire-callback".to_owned());
        let started = thread.spawn(move || {
            watchfire_core::mute_thread();
            teller.tell_of_rotated();
        });
        if started.is_err() {
            self.tell_of_rotated();
        }
    }

    /// Calls the program back for each rotated file.
    pub(super) fn tell_of_rotated(&self) {
        let Some(rotated) = &self.rotated else { return };
        while let Some(path) = rotated.next(&*self.fs) {
            if calmly(|| (rotated.then)(&path)).is_none() {
                let reason = std::io::Error::other("the callback has panicked");
                let doing = format!("tell the program of {}", path.display());
                self.report(&WriteTrouble::new(doing, reason), clock::instant());
            }
        }
        rotated.is_at_work.store(false, Ordering::Release);
    }
}
