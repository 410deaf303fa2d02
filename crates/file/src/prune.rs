//! Remove what is no longer kept and compress the rest. Runs beside the writing, under the same lock as a rotation.

use crate::{
    archives::{FoundFile, archives},
    fs::Filesystem,
    order, pack,
    plan::{FilePlan, LogLocation, WriteTrouble},
    retention::{Archive, Keep},
    rotation::RotationKey,
};

use std::{io, time::SystemTime};

/// Does all there is to do.
pub(crate) fn run(
    fs: &dyn Filesystem,
    plan: &FilePlan,
    place: &LogLocation,
    keep: Keep,
    now: SystemTime,
) -> Result<(), WriteTrouble> {
    prune(fs, place, keep, now)?;
    match plan.compression {
        Some(compression) => pack::all(fs, plan, place, compression),
        None => Ok(()),
    }
}

/// Removes the rotated files that are too many, too old or too big.
pub(crate) fn prune(
    fs: &dyn Filesystem,
    place: &LogLocation,
    keep: Keep,
    now: SystemTime,
) -> Result<(), WriteTrouble> {
    if keep.is_all() {
        return Ok(());
    }
    let _lock = place.lock_soon(fs)?;
    let found = archives(fs, place)?;
    let archives = sequenced(&found, &order::read(fs, place)?);
    for key in keep.doomed(archives, now) {
        for file in found.iter().filter(|file| file.key == key) {
            match fs.remove(&place.folder.join(place.names.of(&key, file.packing))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(WriteTrouble::new("remove a rotated file", error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Joins the forms of each rotated file, and adds its place in the noted order.
pub(crate) fn sequenced(found: &[FoundFile], order: &[RotationKey]) -> Vec<Archive> {
    let mut archives: Vec<Archive> = Vec::new();
    for file in found {
        match archives.iter_mut().find(|archive| archive.key == file.key) {
            Some(archive) => {
                archive.bytes = archive.bytes.saturating_add(file.stat.len);
                archive.modified = archive.modified.max(file.stat.modified);
            }
            None => archives.push(Archive {
                key: file.key.clone(),
                bytes: file.stat.len,
                modified: file.stat.modified,
                sequence: order.iter().rposition(|key| *key == file.key),
            }),
        }
    }
    archives
}
