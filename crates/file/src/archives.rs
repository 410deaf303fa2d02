//! List the rotated files of a log.

use crate::{
    fs::{Filesystem, Stat},
    plan::{LogLocation, WriteTrouble},
    rotation::{Packing, RotationKey},
};

/// A rotated file as it lies in the folder.
pub(crate) struct FoundFile {
    pub(crate) key: RotationKey,
    pub(crate) packing: Packing,
    pub(crate) stat: Stat,
}

/// Lists the rotated files of a log and no other files.
pub(crate) fn archives(fs: &dyn Filesystem, place: &LogLocation) -> Result<Vec<FoundFile>, WriteTrouble> {
    let files = fs.list(&place.folder).map_err(|error| WriteTrouble::new("list its folder", error))?;
    let found = files.into_iter().filter_map(|file| {
        let (key, packing) = place.names.parse(&file.name)?;
        file.stat.map(|stat| FoundFile { key, packing, stat })
    });
    Ok(found.collect())
}
