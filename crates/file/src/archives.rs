//! List the rotated files of a log.

use crate::{
    fs::{Filesystem, Stat},
    plan::{Place, Trouble},
    rotation::{Key, Packing},
};

/// A rotated file as it lies in the folder.
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) packing: Packing,
    pub(crate) stat: Stat,
}

/// Lists the rotated files of a log and no other files.
pub(crate) fn archives(fs: &dyn Filesystem, place: &Place) -> Result<Vec<Found>, Trouble> {
    let files = fs.list(&place.folder).map_err(|error| Trouble::new("list its folder", error))?;
    let found = files.into_iter().filter_map(|file| {
        let (key, packing) = place.names.parse(&file.name)?;
        file.stat.map(|stat| Found { key, packing, stat })
    });
    Ok(found.collect())
}
