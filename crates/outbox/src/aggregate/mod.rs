//! The decisions about which alerts are of one kind and when a channel reports them. Pure: time is an argument.

mod aggregator;
pub(crate) mod callsite_limiter;
mod cardinality_limit;
mod checkpoint;
mod emission;
mod fingerprint;
mod group;
mod normalize;
mod rate_limiter;
mod silences;
mod token_bucket;

#[cfg(test)]
mod tests;

pub(crate) use {
    aggregator::Aggregator,
    emission::Emission,
    fingerprint::{Fingerprint, GROUP_FIELD, is_error_name},
    normalize::joins_digits,
    rate_limiter::RateLimiter,
    silences::Silences,
};
