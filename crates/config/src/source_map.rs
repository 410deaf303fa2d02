//! Where in a file each value stands.

use std::{collections::HashMap, fmt, ops::Range};

use crate::{excerpt::Scalar, setting::quoted_key};

/// The way to a value: keys, and the numbers of list entries, from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().map(str::to_owned).collect())
    }

    pub(crate) fn child(&self, key: impl fmt::Display) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.to_string());
        Self(keys)
    }

    pub(crate) fn last(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }

    /// Tells whether it is a key of the root.
    pub(crate) fn is_top(&self) -> bool {
        self.0.len() == 1
    }

    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, key) in self.0.iter().enumerate() {
            if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) && i > 0 {
                write!(f, "[{key}]")?;
                continue;
            }
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(&quoted_key(key))?;
        }
        Ok(())
    }
}

/// Knows the bytes of each key and value.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceMap(HashMap<Path, SourceEntry>);

#[derive(Clone, Debug)]
struct SourceEntry {
    key: Option<Range<usize>>,
    value: Range<usize>,
    /// Set for a value that is neither a list nor a table.
    scalar: Option<Scalar>,
}

impl SourceMap {
    pub(crate) fn note(
        &mut self,
        path: Path,
        key: Option<Range<usize>>,
        value: Range<usize>,
        scalar: Option<Scalar>,
    ) {
        self.0.insert(path, SourceEntry { key, value, scalar });
    }

    /// Returns all values that are neither lists nor tables, in the order of the text.
    pub(crate) fn scalars(&self) -> Vec<(Range<usize>, Scalar)> {
        let mut scalars: Vec<_> =
            self.0.values().filter_map(|place| Some((place.value.clone(), place.scalar?))).collect();
        scalars.sort_unstable_by_key(|(range, _)| range.start);
        scalars
    }

    /// Returns the bytes of a key; of something without one, of its value or of what it would stand in.
    pub(crate) fn key(&self, path: &Path) -> Option<Range<usize>> {
        self.nearest(path, |place| place.key.clone().unwrap_or_else(|| place.value.clone()))
    }

    /// Returns the bytes of a value; of something that is not there, of the table that it would stand in.
    pub(crate) fn value(&self, path: &Path) -> Option<Range<usize>> {
        match self.0.get(path) {
            Some(place) => Some(place.value.clone()),
            None => self.key(path),
        }
    }

    fn nearest(&self, path: &Path, part: impl Fn(&SourceEntry) -> Range<usize>) -> Option<Range<usize>> {
        let mut path = path.clone();
        loop {
            if let Some(place) = self.0.get(&path) {
                return Some(part(place));
            }
            path = path.parent()?;
        }
    }
}
