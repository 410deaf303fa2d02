//! Names and samples are data; the properties hold for any text.

mod names;
mod own;
mod properties;
mod samples;
