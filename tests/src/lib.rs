//! Tests of the whole are in `tests/it`; here are what tries the ends of programs, and the README's Rust snippets.

pub mod exits;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
