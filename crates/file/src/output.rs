//! Write batches to the file, rotate it, notice that it was moved: one attempt at a time, told the time.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    batch::Batch,
    fs::{Filesystem, Handle, Open},
    plan::{Plan, Trouble},
    rotation::{Key, Packing, Period, shifts},
};

/// Owns the open file.
pub(crate) struct Output {
    fs: Arc<dyn Filesystem>,
    plan: Arc<Plan>,
    open: Option<Opened>,
    rotate_now: bool,
    /// A rotation that failed is not tried again before this.
    blocked_until: Option<Instant>,
    /// Whether there may be something to remove or to compress.
    untidy: bool,
    unsynced: bool,
    rotations: u64,
    /// What went wrong without keeping lines from being written.
    mishap: Option<Trouble>,
}

struct Opened {
    handle: Box<dyn Handle>,
    id: Option<(u64, u64)>,
    len: u64,
    /// What lines it holds; `None` while it is empty.
    period: Option<Period>,
    /// Whether somebody left half a line at its end.
    is_torn: bool,
}

/// How long a rotation that failed waits.
const ROTATION_PAUSE: Duration = Duration::from_secs(5);

impl Output {
    pub(crate) fn new(fs: Arc<dyn Filesystem>, plan: Arc<Plan>) -> Self {
        Self {
            fs,
            rotate_now: plan.at_start,
            plan,
            open: None,
            blocked_until: None,
            untidy: true,
            unsynced: false,
            rotations: 0,
            mishap: None,
        }
    }

    /// Opens the file, so that what is wrong with it is known before the first line; rotates it if it is of old.
    pub(crate) fn start(&mut self, now: SystemTime, instant: Instant) -> Result<(), Trouble> {
        let _lock = self.plan.lock(&*self.fs, false)?;
        self.refresh(None)?;
        self.turn(self.plan.period(now), instant)
    }

    /// Writes what is in the batch, rotating where its records or the size of the file say so.
    pub(crate) fn write(&mut self, batch: &mut Batch, instant: Instant) -> Result<(), Trouble> {
        if batch.is_empty() && !self.rotate_now {
            return Ok(());
        }
        let _lock = self.plan.lock(&*self.fs, self.rotate_now)?;
        self.refresh(Some(batch))?;
        let mut rotations = self.rotations;
        if self.rotate_now {
            let period = batch.period().or_else(|| self.open.as_ref()?.period).unwrap_or(Period::ALWAYS);
            self.turn(period, instant)?;
        }
        while let Some(period) = batch.period() {
            self.turn(period, instant)?;
            if self.rotations != rotations {
                rotations = self.rotations;
                batch.abandon_record();
                continue;
            }
            let Some(open) = &mut self.open else { return Err(missing()) };
            if open.is_torn {
                match open.handle.write(b"\n") {
                    Ok(0) => return Err(Trouble::new("write", io::ErrorKind::WriteZero.into())),
                    Ok(_) => {
                        open.len += 1;
                        open.is_torn = false;
                    }
                    Err(error) => return Err(Trouble::new("write", error)),
                }
            }
            let room = self.plan.max_size.map_or(u64::MAX, |max| max.saturating_sub(open.len));
            let too_big_is_better_than_lost = self.blocked_until.is_some_and(|until| instant < until);
            let piece = batch.piece(room, open.len == 0 || too_big_is_better_than_lost);
            if piece.is_empty() {
                self.rotate(instant)?;
                batch.abandon_record();
                continue;
            }
            match open.handle.write(piece) {
                Ok(0) => return Err(self.give_up(batch, io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    open.len += written as u64;
                    open.period.get_or_insert(period);
                    self.unsynced = true;
                    batch.advance(written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.give_up(batch, error)),
            }
        }
        Ok(())
    }

    /// Rotates a file whose time has come although no line has.
    pub(crate) fn tick(&mut self, now: SystemTime, instant: Instant) -> Result<(), Trouble> {
        let period = self.plan.period(now);
        if !self.is_due(period, instant) {
            return Ok(());
        }
        let _lock = self.plan.lock(&*self.fs, false)?;
        self.refresh(None)?;
        self.turn(period, instant)
    }

    /// Rotates with the next write, whatever the file's age and size.
    pub(crate) fn rotate_soon(&mut self) {
        self.rotate_now = true;
        self.blocked_until = None;
    }

    /// Tells whether that is still to come.
    pub(crate) fn rotates_soon(&self) -> bool {
        self.rotate_now
    }

    /// Opens the file anew with the next write.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> Result<(), Trouble> {
        if let Some(open) = self.open.as_mut().filter(|_| self.unsynced) {
            open.handle.sync().map_err(|error| Trouble::new("make durable", error))?;
            self.unsynced = false;
        }
        Ok(())
    }

    pub(crate) fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    pub(crate) fn take_untidy(&mut self) -> bool {
        std::mem::take(&mut self.untidy)
    }

    pub(crate) fn is_untidy(&self) -> bool {
        self.untidy
    }

    pub(crate) fn set_untidy(&mut self) {
        self.untidy = true;
    }

    pub(crate) fn rotations(&self) -> u64 {
        self.rotations
    }

    pub(crate) fn take_mishap(&mut self) -> Option<Trouble> {
        self.mishap.take()
    }

    /// Cuts a torn record off, if it is the last thing in the file, so that nobody finds half a line.
    fn give_up(&mut self, batch: &mut Batch, error: io::Error) -> Trouble {
        let torn = batch.torn() as u64;
        if let Some(open) = self.open.as_mut().filter(|_| torn > 0) {
            let is_last = open.handle.stat().is_ok_and(|stat| stat.len == open.len);
            if is_last && open.handle.truncate(open.len - torn).is_ok() {
                open.len -= torn;
                batch.restart_record();
            }
        }
        Trouble::new("write", error)
    }

    /// Makes sure that the open file is the one that has the name.
    fn refresh(&mut self, batch: Option<&mut Batch>) -> Result<(), Trouble> {
        let known = match self.fs.stat(&self.plan.path) {
            Ok(stat) => Some(stat),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Trouble::new("look at", error)),
        };
        match (&mut self.open, known) {
            (Some(open), Some(stat)) if open.id == stat.id => {
                if open.len != stat.len {
                    // Somebody else has written, or cut the file: what we may have begun does not go on there.
                    if let Some(batch) = batch {
                        let cut_after_all = open.len.checked_sub(batch.torn() as u64) == Some(stat.len);
                        if cut_after_all { batch.restart_record() } else { batch.abandon_record() }
                    }
                    open.len = stat.len;
                    open.is_torn = !open.handle.ends_line();
                }
                Ok(())
            }
            _ => {
                if let Some(batch) = batch {
                    batch.abandon_record();
                }
                self.reopen()
            }
        }
    }

    fn reopen(&mut self) -> Result<(), Trouble> {
        // A write that nobody could make durable any more is not kept waiting for.
        if self.unsynced
            && let Some(open) = &mut self.open
        {
            open.handle.sync().ok();
        }
        self.unsynced = false;
        self.open = None;
        let how = Open::Append(self.plan.mode);
        let opened = match self.fs.open(&self.plan.path, how) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.fs
                    .make_folder(&self.plan.folder)
                    .map_err(|error| Trouble::new("make its folder", error))?;
                self.fs.open(&self.plan.path, how)
            }
            opened => opened,
        };
        let mut handle = opened.map_err(|error| Trouble::new("open", error))?;
        let stat = handle.stat().map_err(|error| Trouble::new("look at", error))?;
        let period = (stat.len > 0).then(|| self.plan.period(stat.modified));
        let is_torn = stat.len > 0 && !handle.ends_line();
        self.open = Some(Opened { handle, id: stat.id, len: stat.len, period, is_torn });
        if let Some(link) = &self.plan.link
            && let Err(error) = self.fs.link(&self.plan.names.base, link)
        {
            self.mishap = Some(Trouble::new("point the link to the file", error));
        }
        Ok(())
    }

    fn is_due(&self, period: Period, instant: Instant) -> bool {
        let Some(open) = &self.open else { return false };
        let wanted = self.rotate_now || open.period.is_some_and(|of_file| of_file.ends_before(period));
        wanted && open.len > 0 && self.blocked_until.is_none_or(|until| instant >= until)
    }

    /// Rotates if lines of this period may not stand in the open file.
    ///
    /// Where that fails the lines go on into the old file, which is better than losing them.
    fn turn(&mut self, period: Period, instant: Instant) -> Result<(), Trouble> {
        if self.open.as_ref().is_some_and(|open| open.len == 0) {
            self.rotate_now = false;
        }
        if self.is_due(period, instant) { self.rotate(instant) } else { Ok(()) }
    }

    /// Puts the open file away under the next name and opens a new one.
    fn rotate(&mut self, instant: Instant) -> Result<(), Trouble> {
        match self.put_away() {
            Ok(()) => {
                self.rotate_now = false;
                self.blocked_until = None;
                self.untidy = true;
                self.rotations += 1;
                self.reopen()
            }
            Err(trouble) => {
                self.blocked_until = Some(instant + ROTATION_PAUSE);
                self.mishap = Some(trouble);
                Ok(())
            }
        }
    }

    fn put_away(&mut self) -> Result<(), Trouble> {
        let plan = &self.plan;
        let period = self.open.as_ref().and_then(|open| open.period).unwrap_or(Period::ALWAYS);
        let files = self.fs.list(&plan.folder).map_err(|error| Trouble::new("list its folder", error))?;
        let taken: Vec<(Key, Packing)> =
            files.iter().filter_map(|(name, _)| plan.names.parse(name)).collect();
        let rename = |from: PathBuf, to: PathBuf| {
            self.fs.rename(&from, &to).map_err(|error| Trouble::new("rename for rotation", error))
        };
        let numbers: Vec<u32> = taken.iter().filter_map(|(key, _)| number(key)).collect();
        for moved in shifts(&numbers) {
            let name = |number, packing| plan.folder.join(plan.names.of(&Key::Number(number), packing));
            let of_moved =
                || taken.iter().filter(|(key, _)| number(key) == Some(moved)).map(|(_, packing)| *packing);
            // Both forms are there only where the last step of packing is missing. Moved one by one they could part.
            let is_plain = of_moved().any(|packing| packing == Packing::Plain);
            for packing in of_moved() {
                if is_plain && packing != Packing::Plain {
                    let removed = self.fs.remove(&name(moved, packing));
                    removed.map_err(|error| Trouble::new("remove an unneeded compressed file", error))?;
                }
            }
            for packing in of_moved().filter(|packing| !is_plain || *packing == Packing::Plain) {
                rename(name(moved, packing), name(moved + 1, packing))?;
            }
        }
        let keys: Vec<Key> = taken.into_iter().map(|(key, _)| key).collect();
        let key = plan.names.next(period, &keys);
        rename(plan.path.clone(), plan.folder.join(plan.names.of(&key, Packing::Plain)))?;
        if plan.sync_renames {
            self.fs
                .sync_folder(&plan.folder)
                .map_err(|error| Trouble::new("make a rename durable", error))?;
        }
        Ok(())
    }
}

fn number(key: &Key) -> Option<u32> {
    match key {
        Key::Number(number) => Some(*number),
        Key::Date(..) => None,
    }
}

fn missing() -> Trouble {
    Trouble::new("open", io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests;
