//! Compress rotated files, so that a crash at any moment leaves either the old or the new file whole.

use std::{
    io::{self, Read, Write},
    path::Path,
};

use crate::{
    Compression,
    archives::archives,
    fs::{Filesystem, Handle, Open},
    plan::{FilePlan, LogLocation, WriteTrouble},
    rotation::Packing,
};

/// Compresses every rotated file that is not yet, and removes what a crash left half-done.
pub(crate) fn all(
    fs: &dyn Filesystem,
    plan: &FilePlan,
    place: &LogLocation,
    compression: Compression,
) -> Result<(), WriteTrouble> {
    // Work that could not be finished is not begun.
    drop(place.lock_soon(fs)?);
    let mut found = archives(fs, place)?;
    found.retain(|file| file.packing == Packing::Plain);
    // The oldest first: the newest may still be looked at by people.
    found.sort_by(|a, b| a.key.is_newer_than(&b.key).cmp(&b.key.is_newer_than(&a.key)));
    for file in &found {
        one(fs, plan, place, compression, &place.folder.join(place.names.of(&file.key, Packing::Plain)))?;
    }
    sweep(fs, place)
}

fn one(
    fs: &dyn Filesystem,
    plan: &FilePlan,
    place: &LogLocation,
    compression: Compression,
    path: &Path,
) -> Result<(), WriteTrouble> {
    let doing = |error| WriteTrouble::new("compress a rotated file", error);
    let mut source = match fs.open(path, Open::Read) {
        // Moved on or removed since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(doing)?,
    };
    // Another process may be at it, or still add lines to it; the lock ends with the handle. Where there are no locks,
    // nobody can tell.
    if !source.try_lock().unwrap_or(true) {
        return Err(WriteTrouble::Busy);
    }
    let stat = source.stat().map_err(doing)?;
    let id = stat.id.unwrap_or_default();
    let unfinished = place.folder.join(place.names.unfinished(id.1));
    match fs.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(doing(error)),
        _ => {}
    }
    let written = write_packed(fs, compression, &mut *source, &unfinished, plan.mode.or(stat.mode));
    if let Err(error) = written {
        // A disk that is full is not made fuller by half a file; what cannot be removed is swept next time.
        fs.remove(&unfinished).ok();
        return Err(doing(error));
    }
    let _lock = place.lock_soon(fs)?;
    // Under the lock: it may have been renamed, pruned, or (by a stranger) written to.
    let now = archives(fs, place)?
        .into_iter()
        .find(|file| file.packing == Packing::Plain && file.stat.id == stat.id);
    let Some(now) = now.filter(|file| file.stat.len == stat.len) else {
        return fs.remove(&unfinished).map_err(doing);
    };
    let name = |packing| place.folder.join(place.names.of(&now.key, packing));
    fs.replace(&unfinished, &name(compression.packing())).map_err(doing)?;
    // From here on there are both; whoever finds both makes the packed one anew.
    fs.sync_folder(&place.folder).map_err(doing)?;
    fs.remove(&name(Packing::Plain)).map_err(doing)
}

fn write_packed(
    fs: &dyn Filesystem,
    compression: Compression,
    source: &mut dyn Handle,
    path: &Path,
    mode: Option<u32>,
) -> io::Result<()> {
    let modified = source.stat()?.modified;
    let mut target = fs.open(path, Open::New(mode))?;
    {
        let mut to = io::BufWriter::new(Io(&mut *target));
        compression.copy(&mut Io(source), &mut to)?;
        to.flush()?;
    }
    // For those who keep files by age.
    target.set_modified(modified)?;
    target.sync()
}

/// Removes files half-compressed whose source is gone.
fn sweep(fs: &dyn Filesystem, place: &LogLocation) -> Result<(), WriteTrouble> {
    let _lock = place.lock_soon(fs)?;
    let files = fs.list(&place.folder).map_err(|error| WriteTrouble::new("list its folder", error))?;
    for file in files.iter().filter(|file| file.stat.is_some()) {
        let Some(id) = place.names.parse_unfinished(&file.name) else { continue };
        let is_at_work = files.iter().any(|other| {
            other.stat.is_some_and(|stat| stat.id.unwrap_or_default().1 == id)
                && place.names.parse(&other.name).is_some_and(|(_, packing)| packing == Packing::Plain)
        });
        if !is_at_work {
            fs.remove(&place.folder.join(&file.name))
                .map_err(|error| WriteTrouble::new("remove half a file", error))?;
        }
    }
    Ok(())
}

struct Io<'a, H: ?Sized>(&'a mut H);

impl<H: Handle + ?Sized> Read for Io<'_, H> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<H: Handle + ?Sized> Write for Io<'_, H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
