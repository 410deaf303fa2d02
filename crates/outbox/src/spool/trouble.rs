//! Why something cannot be kept in the folder, or had from it.

use std::{fmt, io};

use super::{Damaged, LARGEST};

/// Says why something cannot be kept on the disk.
#[derive(Debug)]
pub(crate) enum Trouble {
    Io(io::Error),
    /// It holds a credential of our own, which must not get there.
    Secret,
    TooLarge(u64),
}

/// Says why a letter cannot be had.
#[derive(Debug)]
pub(crate) enum Missing {
    /// Another process or an operator took it.
    Gone,
    Damaged(Damaged),
    Io(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Secret => f.write_str("it holds a credential of our own"),
            Self::TooLarge(size) => write!(f, "it has {size} bytes, {LARGEST} is the most"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("another process or an operator took it"),
            Self::Damaged(damage) => write!(f, "{damage}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}
