//! Put the open file away and begin a new one.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Hold, Output, Topic, missing};
use crate::{
    archives::archives,
    fs::Open,
    order,
    plan::{LogLocation, WriteTrouble},
    prune, retention,
    rotation::{Packing, Period, RotationKey, shifts},
};

/// How long a rotation that failed waits.
const ROTATION_PAUSE: Duration = Duration::from_secs(5);

/// The names of rotated files that are taken.
struct TakenNames {
    taken: Vec<(RotationKey, Packing)>,
    /// The names of other things than rotated files, such as a folder or a link.
    foreign: Vec<RotationKey>,
}

impl Output {
    pub(super) fn is_due(&self, period: Period, instant: Instant) -> bool {
        let Some(open) = self.open.as_ref().filter(|_| self.place.is_some()) else { return false };
        let wanted = self.rotate_now || open.period.is_some_and(|of_file| of_file.ends_before(period));
        wanted && open.len > 0 && self.blocked_until.is_none_or(|until| instant >= until)
    }

    /// Rotates if lines of this period may not be in the open file.
    ///
    /// Where that fails the lines go on into the old file, which is better than losing them.
    pub(super) fn turn(&mut self, period: Period, hold: &Hold, instant: Instant) {
        if self.open.as_ref().is_some_and(|open| open.len == 0) {
            self.rotate_now = false;
        }
        if hold.may_rotate() && self.is_due(period, instant) {
            self.rotate(instant);
        }
    }

    /// Puts the open file away under the next name and opens a new one.
    pub(super) fn rotate(&mut self, instant: Instant) {
        match self.put_away() {
            Ok(()) => {
                self.rotate_now = false;
                self.blocked_until = None;
                self.untidy = true;
                self.rotations += 1;
            }
            Err(trouble) => {
                self.blocked_until = Some(instant + ROTATION_PAUSE);
                self.mishaps.push(trouble);
            }
        }
    }

    fn put_away(&mut self) -> Result<(), WriteTrouble> {
        let Some(place) = self.place.clone() else { return Err(missing()) };
        self.is_still_at(&place)?;
        let TakenNames { taken, foreign } = self.names_taken(&place)?;
        let rename = |from: PathBuf, to: PathBuf| {
            self.fs.rename(&from, &to).map_err(|error| WriteTrouble::new("rename for rotation", error))
        };
        let keys: Vec<RotationKey> = taken.iter().map(|(key, _)| key.clone()).collect();
        let moves = if place.names.schedule.is_none() { shifts(&keys, &foreign).1 } else { Vec::new() };
        for (from, to) in moves.iter().copied() {
            let name =
                |number, packing| place.folder.join(place.names.of(&RotationKey::Number(number), packing));
            let of_moved = || {
                taken.iter().filter(|(key, _)| *key == RotationKey::Number(from)).map(|(_, packing)| *packing)
            };
            // Both forms are there only where the last step of packing is missing. Moved one by one they could part.
            let is_plain = of_moved().any(|packing| packing == Packing::Plain);
            for packing in of_moved() {
                if is_plain && packing != Packing::Plain {
                    let removed = self.fs.remove(&name(from, packing));
                    removed
                        .map_err(|error| WriteTrouble::new("remove an unneeded compressed file", error))?;
                }
            }
            for packing in of_moved().filter(|packing| !is_plain || *packing == Packing::Plain) {
                rename(name(from, packing), name(to, packing))?;
            }
        }
        let period = self.open.as_ref().and_then(|open| open.period).unwrap_or(Period::ALWAYS);
        let key = place.names.next(period, &keys, &foreign);
        let archive = place.folder.join(place.names.of(&key, Packing::Plain));
        self.note_order(&place, &key)?;
        rename(place.path.clone(), archive.clone())?;
        let opened = self.fs.open(&place.path, Open::AppendPlain(self.plan.mode));
        match self.look_at(opened) {
            Ok(opened) => {
                self.take(opened);
                if let Some(rotated) = &self.rotated
                    && !rotated.note(key, &moves, &place)
                {
                    let reason = io::Error::other("the callback is too slow, and many files wait for it");
                    self.mishaps.push(WriteTrouble::new("tell the program of a rotated file", reason));
                }
            }
            Err(trouble) => {
                // Nothing to go on in: the old file gets its name back, unless somebody has taken that.
                self.fs.rename(&archive, &place.path).ok();
                return Err(trouble);
            }
        }
        if self.plan.sync_renames {
            let synced = self.fs.sync_folder(&place.folder);
            if let Err(error) = synced {
                self.mishaps.push(WriteTrouble::new("make a rename durable", error));
            }
        }
        Ok(())
    }

    /// Notes the order of the rotated files where a wrong clock hides it, so that the newest is not taken for the oldest.
    fn note_order(&self, place: &LogLocation, key: &RotationKey) -> Result<(), WriteTrouble> {
        if self.plan.keep.is_all() || place.names.schedule.is_none() {
            return Ok(());
        }
        let known = order::read(&*self.fs, place)?;
        let mut archives = prune::sequenced(&archives(&*self.fs, place)?, &known);
        let modified = self.open.as_ref().and_then(|open| open.handle.stat().ok()).map(|stat| stat.modified);
        let is_plain = archives.iter().all(|other| {
            key.is_newer_than(&other.key) && modified.is_some_and(|modified| modified >= other.modified)
        });
        if known.is_empty() && is_plain {
            return Ok(());
        }
        retention::sort(&mut archives);
        let mut keys: Vec<RotationKey> = archives.into_iter().map(|archive| archive.key).collect();
        keys.retain(|other| other != key);
        keys.push(key.clone());
        order::write(&*self.fs, place, &keys)
    }

    /// Makes sure that what is renamed is the file that was written to.
    fn is_still_at(&self, place: &LogLocation) -> Result<(), WriteTrouble> {
        let stat = self.fs.stat(&place.path).map_err(|error| WriteTrouble::new("look at", error))?;
        if self.open.as_ref().is_some_and(|open| open.stat.id == stat.id) {
            return Ok(());
        }
        let reason = io::Error::new(io::ErrorKind::NotFound, "another file has its name");
        Err(WriteTrouble::new("rotate the file", reason))
    }

    /// Lists the names of rotated files that are ours, and those that something else has.
    fn names_taken(&mut self, place: &LogLocation) -> Result<TakenNames, WriteTrouble> {
        let entries =
            self.fs.list(&place.folder).map_err(|error| WriteTrouble::new("list its folder", error))?;
        let (mut taken, mut foreign) = (Vec::new(), Vec::new());
        for entry in entries {
            let Some((key, packing)) = place.names.parse(&entry.name) else { continue };
            if entry.stat.is_some() {
                taken.push((key, packing));
            } else {
                let reason = io::Error::new(io::ErrorKind::AlreadyExists, "it is not a plain file");
                let doing = format!("use the name {} and takes another", entry.name);
                self.report_once(Topic::Names, WriteTrouble::new(doing, reason));
                foreign.push(key);
            }
        }
        taken.retain(|(key, _)| !foreign.contains(key));
        Ok(TakenNames { taken, foreign })
    }
}
