//! The promises of the layer together with the filters.
//!
//! Behaviour with a global default subscriber is tested in a process of its own, see [`alone`].

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may panic and print, also outside of test functions"
)]

mod alone;
mod kept;
mod sites;

mod composition;
mod context;
mod default_level;
mod fields_targets_samples;
mod filters;
mod foreign_layers;
mod hostile_values;
mod log_records;
mod lost_events;
mod price;
mod same_as_env_filter;
