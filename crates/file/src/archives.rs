//! List the rotated files of a log.

use crate::{
    fs::{Filesystem, Stat},
    plan::{Plan, Trouble},
    rotation::{Key, Packing},
};

/// A rotated file as it lies in the folder.
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) packing: Packing,
    pub(crate) stat: Stat,
}

/// Lists the rotated files of a plan and no other files.
pub(crate) fn archives(fs: &dyn Filesystem, plan: &Plan) -> Result<Vec<Found>, Trouble> {
    let files = fs.list(&plan.folder).map_err(|error| Trouble::new("list its folder", error))?;
    let found = files.into_iter().filter_map(|(name, stat)| {
        plan.names.parse(&name).map(|(key, packing)| Found { key, packing, stat })
    });
    Ok(found.collect())
}
