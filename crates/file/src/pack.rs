//! Compress rotated files, so that a crash at any moment leaves either the old or the new file whole.

use std::{
    io::{self, Read, Write},
    path::Path,
};

use crate::{
    fs::{Filesystem, Handle, Open},
    plan::{Plan, Trouble},
    prune::archives,
    rotation::Packing,
};

/// Is how rotated files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// As `.gz`, at gzip's usual level.
    Gzip,
    /// As `.zst`, at zstd's fastest level.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    fn packing(self) -> Packing {
        match self {
            Self::Gzip => Packing::Gzip,
            #[cfg(feature = "zstd")]
            Self::Zstd => Packing::Zstd,
        }
    }

    fn copy(self, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::default());
                io::copy(from, &mut encoder)?;
                encoder.finish()?;
                Ok(())
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                // Its encoder panics at an error, so it is told of none; both are asked for theirs afterwards.
                let (mut from, mut to) = (Calm::new(from), Calm::new(to));
                ruzstd::encoding::compress(&mut from, &mut to, ruzstd::encoding::CompressionLevel::Fastest);
                from.error.or(to.error).map_or(Ok(()), Err)
            }
        }
    }
}

/// Compresses every rotated file that is not yet, and removes what a crash left half-done.
pub(crate) fn all(fs: &dyn Filesystem, plan: &Plan, compression: Compression) -> Result<(), Trouble> {
    let mut found = archives(fs, plan)?;
    found.retain(|file| file.packing == Packing::Plain);
    // The oldest first: the newest may still be looked at by people.
    found.sort_by(|a, b| a.key.is_newer_than(&b.key).cmp(&b.key.is_newer_than(&a.key)));
    for file in &found {
        one(fs, plan, compression, &plan.folder.join(plan.names.of(&file.key, Packing::Plain)))?;
    }
    sweep(fs, plan)
}

fn one(fs: &dyn Filesystem, plan: &Plan, compression: Compression, path: &Path) -> Result<(), Trouble> {
    let doing = |error| Trouble::new("compress a rotated file", error);
    let mut source = match fs.open(path, Open::Read) {
        // Moved on or removed since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(doing)?,
    };
    // Another process may be at it; the lock ends with the handle.
    if !source.try_lock().map_err(doing)? {
        return Ok(());
    }
    let stat = source.stat().map_err(doing)?;
    let id = stat.id.unwrap_or_default();
    let unfinished = plan.folder.join(plan.names.unfinished(id.1));
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
    let _lock = plan.lock_soon(fs)?;
    // Under the lock: it may have been renamed, pruned, or (by a stranger) written to.
    let now = archives(fs, plan)?
        .into_iter()
        .find(|file| file.packing == Packing::Plain && file.stat.id == stat.id);
    let Some(now) = now.filter(|file| file.stat.len == stat.len) else {
        return fs.remove(&unfinished).map_err(doing);
    };
    let name = |packing| plan.folder.join(plan.names.of(&now.key, packing));
    fs.rename(&unfinished, &name(compression.packing())).map_err(doing)?;
    // From here on there are both; whoever finds both makes the packed one anew.
    fs.sync_folder(&plan.folder).map_err(doing)?;
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
fn sweep(fs: &dyn Filesystem, plan: &Plan) -> Result<(), Trouble> {
    let _lock = plan.lock_soon(fs)?;
    let files = fs.list(&plan.folder).map_err(|error| Trouble::new("list its folder", error))?;
    for (name, _) in &files {
        let Some(id) = plan.names.parse_unfinished(name) else { continue };
        let is_at_work = files.iter().any(|(name, stat)| {
            stat.id.unwrap_or_default().1 == id
                && plan.names.parse(name).is_some_and(|(_, packing)| packing == Packing::Plain)
        });
        if !is_at_work {
            fs.remove(&plan.folder.join(name)).map_err(|error| Trouble::new("remove half a file", error))?;
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

/// Keeps the first error to itself and goes on as if nothing had been.
#[cfg(feature = "zstd")]
struct Calm<'a, T: ?Sized> {
    inner: &'a mut T,
    error: Option<io::Error>,
}

#[cfg(feature = "zstd")]
impl<'a, T: ?Sized> Calm<'a, T> {
    fn new(inner: &'a mut T) -> Self {
        Self { inner, error: None }
    }
}

#[cfg(feature = "zstd")]
impl<T: Read + ?Sized> Read for Calm<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error.get_or_insert(error);
                    return Ok(0);
                }
                read => return read,
            }
        }
    }
}

#[cfg(feature = "zstd")]
impl<T: Write + ?Sized> Write for Calm<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none()
            && let Err(error) = self.inner.write_all(bytes)
        {
            self.error = Some(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..20_000).flat_map(|line| format!("line {line} of a log\n").into_bytes()).collect()
    }

    #[test]
    fn gzip_reads_back() {
        let mut packed = Vec::new();
        Compression::Gzip.copy(&mut &*text(), &mut packed).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut read).unwrap();
        assert!(read == text() && packed.len() < read.len() / 4);
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_reads_back_and_an_error_is_one_and_no_panic() {
        let mut packed = Vec::new();
        Compression::Zstd.copy(&mut &*text(), &mut packed).unwrap();
        let mut read = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(&*packed).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == text() && packed.len() < read.len() / 3, "{}", packed.len());
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = Compression::Zstd.copy(&mut &*text(), &mut Full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
