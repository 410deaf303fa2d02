//! The decisions about what is tried when, and what the end of an attempt means. Pure: time is an argument.

mod backoff;
mod breaker;
mod pacing;
pub(crate) mod receipts;
mod schedule;

pub(crate) use schedule::{Delivery, Fate, Judgement, Step};
