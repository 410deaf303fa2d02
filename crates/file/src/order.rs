//! The order in which dated files were rotated, noted where their dates and times do not show it.
//!
//! A clock that was wrong leaves dates in the future or the past. The note, `.shop.log.order`, has a name per line, the
//! oldest first; it is made only when it is needed, and only where files are removed at all.

use std::{io, path::PathBuf};

use crate::{
    fs::{Filesystem, Open},
    plan::{LogLocation, WriteTrouble},
    rotation::{Packing, RotationKey},
};

/// A note larger than this is not one of ours.
const MOST: usize = 16 << 20;

/// Reads the note; empty if there is none.
pub(crate) fn read(fs: &dyn Filesystem, place: &LogLocation) -> Result<Vec<RotationKey>, WriteTrouble> {
    let doing = |error| WriteTrouble::new("read the order of the rotated files", error);
    let mut file = match fs.open(&path(place, ""), Open::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(doing)?,
    };
    let (mut bytes, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) if bytes.len() + read <= MOST => {
                bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
            }
            Ok(_) => return Err(doing(io::ErrorKind::InvalidData.into())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(doing(error)),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(|name| place.names.parse(name)).map(|(key, _)| key).collect())
}

/// Replaces the note.
pub(crate) fn write(
    fs: &dyn Filesystem,
    place: &LogLocation,
    keys: &[RotationKey],
) -> Result<(), WriteTrouble> {
    let doing = |error| WriteTrouble::new("note the order of the rotated files", error);
    let fresh = path(place, ".new");
    match fs.remove(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(doing(error)),
        _ => {}
    }
    let mut file = fs.open(&fresh, Open::New(None)).map_err(doing)?;
    let text: String = keys.iter().map(|key| place.names.of(key, Packing::Plain) + "\n").collect();
    let mut left = text.as_bytes();
    while !left.is_empty() {
        match file.write(left) {
            Ok(0) => return Err(doing(io::ErrorKind::WriteZero.into())),
            Ok(written) => left = left.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(doing(error)),
        }
    }
    fs.replace(&fresh, &path(place, "")).map_err(doing)
}

fn path(place: &LogLocation, suffix: &str) -> PathBuf {
    place.folder.join(format!("{}{suffix}", place.names.order()))
}
