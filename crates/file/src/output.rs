//! Write batches to the file, rotate it, notice that it was moved: one attempt at a time, told the time.

use std::{
    collections::BTreeSet,
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    batch::Batch,
    fs::{FileKind, Filesystem, Handle, Stat},
    lock::{Attempt, Guard},
    plan::{FilePlan, LogLocation, WriteTrouble},
    rotation::Period,
    shared::Rotated,
};

mod reopen;
mod rotate;

/// The open file, and what is to be done with it.
pub(crate) struct Output {
    fs: Arc<dyn Filesystem>,
    plan: Arc<FilePlan>,
    /// The place of the open file; `None` for what is never rotated, such as a pipe.
    place: Option<Arc<LogLocation>>,
    open: Option<Opened>,
    rotate_now: bool,
    /// A rotation that failed is not tried again before this.
    blocked_until: Option<Instant>,
    /// Whether there may be something to remove or to compress.
    untidy: bool,
    unsynced: bool,
    rotations: u64,
    /// Since when somebody else has held the lock.
    busy_since: Option<Instant>,
    /// The reasons that were reported and still hold.
    reported: BTreeSet<(Topic, String)>,
    /// Problems that did not keep lines from being written.
    mishaps: Vec<WriteTrouble>,
    rotated: Option<Arc<Rotated>>,
}

struct Opened {
    handle: Box<dyn Handle>,
    /// As it was when it was opened.
    stat: Stat,
    len: u64,
    /// The period of the lines in it; `None` while it is empty.
    period: Option<Period>,
    /// Whether somebody left half a line at its end.
    is_torn: bool,
}

/// The subject of a report, which is over as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Lock,
    Lockless,
    File,
    Names,
}

/// The right to touch more than the end of the file.
enum Hold {
    /// Nobody else renames, removes or cuts.
    Alone(#[expect(dead_code, reason = "ends the lock when it is dropped")] Guard),
    /// The lock cannot be had: lines are added, and nothing else is done.
    Crowd,
    /// Nothing is ever renamed.
    Unneeded,
}

impl Hold {
    fn may_rotate(&self) -> bool {
        matches!(self, Self::Alone(_))
    }

    fn may_cut(&self) -> bool {
        !matches!(self, Self::Crowd)
    }
}

/// How long lines that are not urgent wait for a lock that others hold for a write.
const PATIENCE: Duration = Duration::from_millis(20);
/// Whoever holds the lock longer than this is stopped, stuck or a stranger, and people should know.
const LONG_BUSY: Duration = Duration::from_secs(5);
/// Pieces of this size are written to a pipe whole, or not at all (`PIPE_BUF` of Linux).
const PIPE_PIECE: u64 = 4096;
/// How many different reasons are remembered as reported.
const REASONS: usize = 64;

impl Output {
    pub(crate) fn new(fs: Arc<dyn Filesystem>, plan: Arc<FilePlan>, is_start: bool) -> Self {
        Self {
            fs,
            rotate_now: is_start && plan.at_start,
            plan,
            place: None,
            open: None,
            blocked_until: None,
            untidy: true,
            unsynced: false,
            rotations: 0,
            busy_since: None,
            reported: BTreeSet::new(),
            mishaps: Vec::new(),
            rotated: None,
        }
    }

    /// Notes rotated files for the program.
    pub(crate) fn tell(&mut self, rotated: Option<Arc<Rotated>>) {
        self.rotated = rotated;
    }

    /// Opens the file, so that what is wrong with it is known before the first line; rotates it if it is of old.
    pub(crate) fn start(&mut self, now: SystemTime, instant: Instant) -> Result<(), WriteTrouble> {
        if self.open.is_none() {
            self.reopen()?;
        }
        if self.place.is_none() && self.plan.rotates() {
            let reason = io::Error::new(io::ErrorKind::Unsupported, "it is not a plain file");
            self.report_once(Topic::File, WriteTrouble::new("rotate it", reason));
        }
        let hold = self.hold(false, true, instant)?;
        self.refresh(None)?;
        self.turn(self.plan.period(now), &hold, instant);
        Ok(())
    }

    /// Writes what is in the batch, rotating where its records or the size of the file say so.
    ///
    /// `may_wait` allows `WriteTrouble::Busy` for a moment, if others write at the same time.
    pub(crate) fn write(
        &mut self,
        batch: &mut Batch,
        may_wait: bool,
        instant: Instant,
    ) -> Result<(), WriteTrouble> {
        if batch.is_empty() && !self.rotate_now {
            return Ok(());
        }
        if self.open.is_none() {
            self.refresh(Some(batch))?;
        }
        let mut hold = self.hold(self.rotate_now, may_wait, instant)?;
        let locked = self.place.clone();
        self.refresh(Some(batch))?;
        if self.place.is_none() {
            // A file that is never rotated.
            self.rotate_now = false;
        }
        if self.place.as_ref().map(|place| &place.path) != locked.as_ref().map(|place| &place.path) {
            // The path leads elsewhere now, where we do not have the lock yet.
            hold = Hold::Crowd;
        }
        match hold {
            _ if self.open.as_ref().is_some_and(|open| open.stat.kind != FileKind::File) => {
                self.write_stream(batch)
            }
            Hold::Crowd => {
                let is_shared = self.share(batch)?;
                let written = self.write_file(batch, &hold, instant);
                if let Some(open) = self.open.as_ref().filter(|_| is_shared) {
                    open.handle.unlock();
                }
                written
            }
            hold => self.write_file(batch, &hold, instant),
        }
    }

    /// Rotates a file whose time has come although no line has.
    pub(crate) fn tick(&mut self, now: SystemTime, instant: Instant) -> Result<(), WriteTrouble> {
        let period = self.plan.period(now);
        if !self.is_due(period, instant) {
            return Ok(());
        }
        let hold = self.hold(false, true, instant)?;
        self.refresh(None)?;
        self.turn(period, &hold, instant);
        Ok(())
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
    pub(crate) fn sync(&mut self) -> Result<(), WriteTrouble> {
        if let Some(open) = self.open.as_mut().filter(|_| self.unsynced) {
            match open.handle.sync() {
                // A pipe or a terminal has nothing that could last.
                Err(error) if open.stat.kind == FileKind::File => {
                    return Err(WriteTrouble::new("make durable", error));
                }
                _ => self.unsynced = false,
            }
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

    /// Returns where the rotated files are, if the file is one that is rotated.
    pub(crate) fn place(&self) -> Option<Arc<LogLocation>> {
        self.place.clone()
    }

    pub(crate) fn take_mishaps(&mut self) -> Vec<WriteTrouble> {
        std::mem::take(&mut self.mishaps)
    }

    /// Waits until the file takes bytes again; for pipes and terminals.
    pub(crate) fn wait_until_writable(&self, at_most: Duration) {
        if let Some(open) = &self.open {
            open.handle.wait_until_writable(at_most);
        }
    }

    fn hold(
        &mut self,
        even_if_unneeded: bool,
        may_wait: bool,
        instant: Instant,
    ) -> Result<Hold, WriteTrouble> {
        let Some(place) = self.place.clone().filter(|_| self.plan.rotates() || even_if_unneeded) else {
            return Ok(Hold::Unneeded);
        };
        match place.lock(&*self.fs, self.open.as_ref().map(|open| &open.stat), instant) {
            Attempt::Held(guard) => {
                if self.busy_since.take().is_some() {
                    self.forget(Topic::Lock);
                }
                if let Some(error) = guard.lockless() {
                    let error = io::Error::new(error.kind(), error.to_string());
                    self.report_once(Topic::Lockless, place.has_no_locks(error));
                }
                Ok(Hold::Alone(guard))
            }
            Attempt::Busy => {
                let busy = instant.saturating_duration_since(*self.busy_since.get_or_insert(instant));
                if busy > LONG_BUSY {
                    let reason = io::Error::new(
                        io::ErrorKind::WouldBlock,
                        "another process has held the lock for seconds",
                    );
                    self.report_once(Topic::Lock, place.cannot_lock(reason));
                }
                if may_wait && busy < PATIENCE { Err(WriteTrouble::Busy) } else { Ok(Hold::Crowd) }
            }
            Attempt::Failed(error) => {
                self.busy_since.get_or_insert(instant);
                self.report_once(Topic::Lock, place.cannot_lock(error));
                Ok(Hold::Crowd)
            }
        }
    }

    /// Keeps the open file from being compressed and removed while lines are added without the lock.
    fn share(&mut self, batch: &mut Batch) -> Result<bool, WriteTrouble> {
        for _ in 0..3 {
            let Some(open) = &self.open else { return Err(missing()) };
            let is_shared = open.handle.try_lock_shared().unwrap_or(false);
            let id = open.stat.id;
            // It may have been put away before that.
            self.refresh(Some(batch))?;
            if self.open.as_ref().is_some_and(|open| open.stat.id == id) {
                return Ok(is_shared);
            }
        }
        Ok(false)
    }

    fn write_file(&mut self, batch: &mut Batch, hold: &Hold, instant: Instant) -> Result<(), WriteTrouble> {
        let mut rotations = self.rotations;
        if self.rotate_now {
            let period = batch.period().or_else(|| self.open.as_ref()?.period).unwrap_or(Period::ALWAYS);
            self.turn(period, hold, instant);
        }
        if batch.torn() > 0 && !hold.may_cut() {
            // Others may add lines at any time: half a record is not gone on with, but written anew below it.
            batch.abandon_record();
            if let Some(open) = &mut self.open {
                open.is_torn = true;
            }
        }
        while let Some(period) = batch.period() {
            self.turn(period, hold, instant);
            if self.rotations != rotations {
                rotations = self.rotations;
                batch.abandon_record();
                continue;
            }
            let Some(open) = &mut self.open else { return Err(missing()) };
            if open.is_torn {
                match open.handle.write(b"\n") {
                    Ok(0) => return Err(WriteTrouble::new("write", io::ErrorKind::WriteZero.into())),
                    Ok(_) => {
                        open.len += 1;
                        open.is_torn = false;
                    }
                    Err(error) => return Err(WriteTrouble::new("write", error)),
                }
            }
            // A file that is too big is better than a lost line.
            let may_rotate = hold.may_rotate() && self.blocked_until.is_none_or(|until| instant >= until);
            let room = match self.plan.max_size.filter(|_| may_rotate) {
                Some(max) => max.saturating_sub(open.len),
                None => u64::MAX,
            };
            let piece = batch.piece(room, open.len == 0);
            if piece.is_empty() {
                self.rotate(instant);
                batch.abandon_record();
                continue;
            }
            match open.handle.write(piece) {
                Ok(0) => return Err(self.give_up(batch, hold, io::ErrorKind::WriteZero.into())),
                Ok(_) if !hold.may_cut() && open.is_removed() => {
                    // Compressed and removed, or pruned, between the look at its name and the write.
                    batch.abandon_record();
                    self.open = None;
                    self.refresh(Some(batch))?;
                }
                Ok(written) => {
                    let is_whole = open.has_written(batch, written);
                    let spoilt = if is_whole { Vec::new() } else { batch.next_record().to_vec() };
                    open.period.get_or_insert(period);
                    self.unsynced = true;
                    let before = batch.records();
                    batch.advance(written);
                    let is_first_out = batch.records() < before;
                    if !is_whole && is_first_out {
                        batch.push(&spoilt, period);
                    }
                    if batch.torn() > 0 && (!is_whole || !hold.may_cut()) {
                        // Others may write behind it at any time.
                        if is_whole || is_first_out {
                            batch.abandon_record()
                        } else {
                            batch.restart_record()
                        }
                        open.is_torn = true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.give_up(batch, hold, error)),
            }
        }
        Ok(())
    }

    fn write_stream(&mut self, batch: &mut Batch) -> Result<(), WriteTrouble> {
        let Some(open) = &mut self.open else { return Err(missing()) };
        let most = if open.stat.kind == FileKind::Pipe { PIPE_PIECE } else { u64::MAX };
        while !batch.is_empty() {
            match open.handle.write(batch.piece(most, true)) {
                Ok(0) => return Err(WriteTrouble::new("write", io::ErrorKind::WriteZero.into())),
                Ok(written) => batch.advance(written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(WriteTrouble::Full),
                Err(error) => return Err(WriteTrouble::new("write", error)),
            }
        }
        Ok(())
    }

    /// Cuts a torn record off, if it is the last thing in the file, so that nobody finds half a line.
    fn give_up(&mut self, batch: &mut Batch, hold: &Hold, error: io::Error) -> WriteTrouble {
        let torn = batch.torn() as u64;
        if let Some(open) = self.open.as_mut().filter(|_| torn > 0 && hold.may_cut()) {
            let is_last = open.handle.stat().is_ok_and(|stat| stat.len == open.len);
            if is_last && open.handle.truncate(open.len - torn).is_ok() {
                open.len -= torn;
                batch.restart_record();
            }
        }
        WriteTrouble::new("write", error)
    }

    /// Reports a trouble unless it was reported already and nothing has got better since.
    fn report_once(&mut self, topic: Topic, trouble: WriteTrouble) {
        if self.reported.len() < REASONS && self.reported.insert((topic, trouble.to_string())) {
            self.mishaps.push(trouble);
        }
    }

    fn forget(&mut self, topic: Topic) {
        self.reported.retain(|(known, _)| *known != topic);
    }
}

fn missing() -> WriteTrouble {
    WriteTrouble::new("open", io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests;
