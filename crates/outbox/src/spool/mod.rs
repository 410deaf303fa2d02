//! The folder of messages that survives the process: its files, their names and owners, and a look into it.

mod disk;
mod files;
pub mod folder;
mod format;
mod frame;
mod marker;
mod name;
mod owner;
mod record;
mod store;
mod trouble;

pub(crate) use disk::Disk;
pub(crate) use files::Files;
#[cfg(feature = "sim")]
pub(crate) use files::{HOSTS, home_of, in_spool};
pub(crate) use format::is_refused;
pub(crate) use frame::Damaged;
pub(crate) use marker::{LeftMarker, Marker, Runner, alive};
pub(crate) use name::Name;
pub(crate) use owner::Owner;
pub(crate) use record::masked;
#[cfg(feature = "sim")]
pub(crate) use store::text_of;
pub(crate) use store::{Alive, Found, LARGEST, LastFailure, Spool, StateKind, lock};
pub(crate) use trouble::{Missing, Trouble};
