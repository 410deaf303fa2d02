//! Tests of the whole are in `tests/it`; here every Rust snippet of the README is compiled.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
