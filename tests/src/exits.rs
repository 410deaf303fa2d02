//! The ends of a program and who is told: every kind of end, for every way of set-up, in a process each.

mod run;
mod table;

pub use run::{End, Ended, Runtime, SetUp, run};
pub use table::{Builds, FRAMES, Matrix, compare, frames, matrix, replace};
