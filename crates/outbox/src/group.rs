//! Say each thing once: which alerts are of one kind, and when a channel speaks of them. Pure; time is an argument.

mod checkpoint;
mod desk;
mod fingerprint;
mod id;
mod places;
mod say;
mod scan;
mod state;

#[cfg(test)]
mod tests;

pub use id::GroupId;
pub(crate) use {
    checkpoint::Estate,
    desk::Desk,
    fingerprint::{Fingerprint, GROUP_FIELD, is_error_name},
    say::Say,
    scan::joins_digits,
};
