//! Keep the open file the one that has the name.

use std::{io, sync::Arc};

use super::{Opened, Output, Topic};
use crate::{
    batch::Batch,
    fs::{FileKind, Handle, Open},
    plan::{LogLocation, WriteTrouble},
};

impl Output {
    /// Makes sure that the open file is the one that has the name.
    ///
    /// Where that cannot be, lines go on into the open file for as long as it has a name at all.
    pub(super) fn refresh(&mut self, batch: Option<&mut Batch>) -> Result<(), WriteTrouble> {
        let known = match self.fs.stat(&self.plan.path) {
            Ok(stat) => Some(stat),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return self.stay(batch, WriteTrouble::new("look at", error)),
        };
        match (&mut self.open, known) {
            (Some(open), Some(stat)) if open.stat.id == stat.id => {
                open.has_length(stat.len, batch);
                Ok(())
            }
            _ => match self.reopen() {
                Ok(()) => {
                    if let Some(batch) = batch {
                        batch.abandon_record();
                    }
                    Ok(())
                }
                Err(trouble) => self.stay(batch, trouble),
            },
        }
    }

    /// Goes on with the open file, although it may no longer be the one that has the name.
    fn stay(&mut self, batch: Option<&mut Batch>, trouble: WriteTrouble) -> Result<(), WriteTrouble> {
        match self.open.as_mut().map(|open| (open.handle.stat(), open)) {
            // Some file systems do not count names at all.
            Some((Ok(stat), open)) if stat.links > 0 || open.stat.links == 0 => {
                open.has_length(stat.len, batch);
                self.report_once(Topic::File, trouble);
                Ok(())
            }
            _ => {
                self.open = None;
                Err(trouble)
            }
        }
    }

    /// Opens what the configured path leads to. The open file is let go only if that works.
    pub(super) fn reopen(&mut self) -> Result<(), WriteTrouble> {
        let path = &self.plan.path;
        if let Some(place) = &self.place
            && let Ok(now) = self.fs.resolve(path)
            && now.is_strangers
            && now.path != place.path
        {
            let reason = "it has become a link of another user, which is not followed";
            return Err(WriteTrouble::new("open", io::Error::new(io::ErrorKind::PermissionDenied, reason)));
        }
        let how = Open::Append(self.plan.mode);
        let opened = match self.fs.open(path, how) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.fs
                    .make_folder(self.plan.folder())
                    .map_err(|error| WriteTrouble::new("make its folder", error))?;
                self.fs.open(path, how)
            }
            opened => opened,
        };
        let opened = self.look_at(opened)?;
        let place = self.place_of(&opened);
        let was_file = self.place.is_some() && opened.stat.kind != FileKind::File;
        self.take(opened);
        self.forget(Topic::File);
        if was_file {
            let reason = "the log is now a pipe or a device; lines are written to it without rotation";
            let reason = io::Error::new(io::ErrorKind::Unsupported, reason);
            self.report_once(Topic::File, WriteTrouble::new("rotate it", reason));
        }
        if place.is_none()
            || self.place.as_ref().map(|known| &known.path) != place.as_ref().map(|new| &new.path)
        {
            // The lock file of the same place is kept open.
            self.place = place;
        }
        Ok(())
    }

    /// Finds where the rotated files of an open file go; `None` if it cannot be rotated.
    fn place_of(&self, opened: &Opened) -> Option<Arc<LogLocation>> {
        if opened.stat.kind != FileKind::File {
            return None;
        }
        let found = self.fs.resolve(&self.plan.path).ok().filter(|found| !found.is_descriptor)?;
        let stat = self.fs.stat(&found.path).ok()?;
        if stat.id == opened.stat.id { LogLocation::new(&self.plan, &found.path) } else { None }
    }

    pub(super) fn look_at(&self, opened: io::Result<Box<dyn Handle>>) -> Result<Opened, WriteTrouble> {
        let mut handle = opened.map_err(|error| WriteTrouble::new("open", error))?;
        let stat = handle.stat().map_err(|error| WriteTrouble::new("look at", error))?;
        let holds_lines = stat.kind == FileKind::File && stat.len > 0;
        let period = holds_lines.then(|| self.plan.period(stat.modified));
        let is_torn = holds_lines && !handle.ends_line();
        Ok(Opened { handle, stat, len: stat.len, period, is_torn })
    }

    /// Goes on with another file.
    pub(super) fn take(&mut self, opened: Opened) {
        // A write that nobody could make durable any more is not kept waiting for.
        if self.unsynced
            && let Some(open) = &mut self.open
        {
            open.handle.sync().ok();
        }
        self.unsynced = false;
        self.open = Some(opened);
        if let Some(link) = &self.plan.link
            && let Err(error) = self.fs.link(&self.plan.names.base, link)
        {
            self.mishaps.push(WriteTrouble::new("point the link to the file", error));
        }
    }
}

impl Opened {
    /// Notes how long the file is now.
    fn has_length(&mut self, len: u64, batch: Option<&mut Batch>) {
        if self.len == len || self.stat.kind != FileKind::File {
            return;
        }
        // Somebody else has written, or cut the file: what we may have begun does not go on there.
        if let Some(batch) = batch {
            let cut_after_all = self.len.checked_sub(batch.torn() as u64) == Some(len);
            if cut_after_all { batch.restart_record() } else { batch.abandon_record() }
        }
        self.len = len;
        self.is_torn = !self.handle.ends_line();
    }

    /// Notes what was written just now. Returns whether its first record is whole.
    ///
    /// It is not where another process has died over half a line, or has come between the halves of this one.
    pub(super) fn has_written(&mut self, batch: &Batch, written: usize) -> bool {
        let end = self.len;
        let start = self.handle.last_start(written).unwrap_or(end);
        self.len = start + written as u64;
        let ends_line = |at: u64| self.handle.byte_at(at).is_none_or(|byte| byte == b'\n');
        if start == end {
            true
        } else if batch.torn() > 0 {
            // Whoever came in between may have ended the line, if only that was missing.
            batch.torn() + 1 == batch.next_record().len() && ends_line(end)
        } else {
            start.checked_sub(1).is_none_or(ends_line)
        }
    }

    /// Tells whether the open file has lost its last name.
    pub(super) fn is_removed(&self) -> bool {
        self.stat.links > 0 && self.handle.stat().is_ok_and(|stat| stat.links == 0)
    }
}
