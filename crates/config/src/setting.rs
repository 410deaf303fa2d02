//! Settings of any type, and tables of them, as a configuration holds them.

use std::{collections::HashMap, fmt};

/// One value of a configuration. Its `Debug` shows kind and length alone: it may be a credential.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// Several values.
    List(Vec<Self>),
    /// Named values.
    Table(Options),
    /// Stands where a reference to the environment or to a file could not be followed.
    Unresolved,
}

/// Named values in the order in which they were written; two that differ in nothing else are equal.
#[derive(Clone, Default)]
pub struct Options {
    entries: Vec<(String, Setting)>,
    /// The place of each key, kept for large tables only: a file may have very many keys.
    places: HashMap<String, usize>,
}

/// How many keys are looked for one after the other.
const FEW: usize = 32;

impl Setting {
    /// Returns the text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the whole number, if it is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// Returns the yes or no, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(on) = self { Some(*on) } else { None }
    }

    /// Returns the table, if it is one.
    #[must_use]
    pub fn as_table(&self) -> Option<&Options> {
        if let Self::Table(table) = self { Some(table) } else { None }
    }

    /// Returns the values of a list; one value that is none stands for a list of one.
    #[must_use]
    pub fn as_list(&self) -> &[Self] {
        if let Self::List(list) = self { list } else { std::slice::from_ref(self) }
    }

    /// Names the kind of value, as an error does.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a number with a fraction",
            Self::Bool(_) => "a bool",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Unresolved => "a reference",
        }
    }
}

impl Options {
    /// Makes an empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.entries.get(self.place(key)?).map(|(_, value)| value)
    }

    fn place(&self, key: &str) -> Option<usize> {
        match self.entries.len() {
            0..=FEW => self.entries.iter().position(|(known, _)| known == key),
            _ => self.places.get(key).copied(),
        }
    }

    fn note_places(&mut self) {
        self.places.clear();
        if self.entries.len() > FEW {
            let places = self.entries.iter().enumerate().map(|(place, (key, _))| (key.clone(), place));
            self.places.extend(places);
        }
    }

    /// Returns the text of `key`, if it is one.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    /// Returns the table of `key`, if it is one.
    #[must_use]
    pub fn table(&self, key: &str) -> Option<&Self> {
        self.get(key)?.as_table()
    }

    /// Returns the texts of `key`: those of a list, or the one.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<&str> {
        self.get(key).map(Setting::as_list).unwrap_or_default().iter().filter_map(Setting::as_text).collect()
    }

    /// Sets the value of `key`, in its old place if there was one.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Setting>) {
        let (key, value) = (key.into(), value.into());
        match self.place(&key).and_then(|place| self.entries.get_mut(place)) {
            Some(entry) => entry.1 = value,
            None => {
                self.entries.push((key.clone(), value));
                match self.places.is_empty() {
                    true => self.note_places(),
                    false => drop(self.places.insert(key, self.entries.len() - 1)),
                }
            }
        }
    }

    /// Sets a value and returns the table, to be chained.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Setting>) -> Self {
        self.set(key, value);
        self
    }

    /// Takes out the value of `key`.
    pub fn remove(&mut self, key: &str) -> Option<Setting> {
        let (_, value) = self.entries.remove(self.place(key)?);
        self.note_places();
        Some(value)
    }

    /// Walks the entries in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Walks the tables among the entries, to be changed.
    pub(crate) fn tables_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.entries.iter_mut().filter_map(|(_, value)| match value {
            Setting::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Tells whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Changes the table of `key`, which is made if it is missing or no table.
    pub(crate) fn edit(&mut self, key: &str, work: impl FnOnce(&mut Self)) {
        if let Some((_, Setting::Table(table))) =
            self.place(key).and_then(|place| self.entries.get_mut(place))
        {
            return work(table);
        }
        let mut table = Self::new();
        work(&mut table);
        self.set(key, table);
    }

    /// Lays `other` over this table: tables are merged, everything else is replaced.
    pub(crate) fn overlay(&mut self, other: &Self) {
        let known = self.index();
        let merged = |(key, value): (&str, &Setting)| {
            let under = known.get(key).copied().and_then(Setting::as_table);
            let value = match (under, value) {
                (Some(under), Setting::Table(over)) => {
                    let mut under = under.clone();
                    under.overlay(over);
                    Setting::Table(under)
                }
                _ => value.clone(),
            };
            (key.to_owned(), value)
        };
        let over: Vec<_> = other.iter().map(merged).collect();
        *self = std::mem::take(&mut self.entries).into_iter().chain(over).collect();
    }

    /// Returns the values by key: a file may have very many.
    fn index(&self) -> HashMap<&str, &Setting> {
        self.iter().collect()
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        let known = other.index();
        self.entries.len() == other.entries.len()
            && self
                .entries
                .iter()
                .all(|(key, value)| known.get(key.as_str()).is_some_and(|other| *other == value))
    }
}

impl FromIterator<(String, Setting)> for Options {
    fn from_iter<I: IntoIterator<Item = (String, Setting)>>(entries: I) -> Self {
        // A later value is in the place of the earlier one.
        let mut options = Self::new();
        entries.into_iter().for_each(|(key, value)| options.set(key, value));
        options
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Setting {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Setting {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for Setting {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Setting {
    fn from(on: bool) -> Self {
        Self::Bool(on)
    }
}

impl From<Options> for Setting {
    fn from(table: Options) -> Self {
        Self::Table(table)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Setting {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "<text, {} characters>", text.chars().count()),
            Self::Integer(_) | Self::Float(_) => f.write_str("<number>"),
            Self::Bool(_) => f.write_str("<bool>"),
            Self::List(list) => f.debug_list().entries(list).finish(),
            Self::Table(table) => fmt::Debug::fmt(table, f),
            Self::Unresolved => f.write_str("<unresolved>"),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Writes the value as TOML has it within a line.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_text(f, text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(on) => write!(f, "{on}"),
            Self::Unresolved => f.write_str("\"\""),
            Self::List(list) => {
                f.write_str("[")?;
                for (i, value) in list.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    value.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Table(table) => {
                f.write_str("{")?;
                for (i, (key, value)) in table.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { " " })?;
                    write!(f, "{} = {value}", quoted_key(key))?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Writes the whole table as a TOML document.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_table(f, self, &mut Vec::new())
    }
}

fn write_table(f: &mut fmt::Formatter<'_>, table: &Options, path: &mut Vec<String>) -> fmt::Result {
    let is_section = |value: &Setting| path.len() < 3 && value.as_table().is_some();
    let plain: Vec<_> = table.iter().filter(|(_, value)| !is_section(value)).collect();
    let sections: Vec<_> = table.iter().filter_map(|(key, value)| Some((key, value.as_table()?))).collect();
    if !path.is_empty() && (!plain.is_empty() || sections.is_empty() || path.len() >= 3) {
        writeln!(f, "\n[{}]", path.join("."))?;
    }
    for (key, value) in plain {
        writeln!(f, "{} = {value}", quoted_key(key))?;
    }
    if path.len() < 3 {
        for (key, section) in sections {
            path.push(quoted_key(key));
            write_table(f, section, path)?;
            path.pop();
        }
    }
    Ok(())
}

/// Returns the names of the tables of a section.
pub(crate) fn names<'a>(options: &'a Options, section: &str) -> Vec<&'a str> {
    options.table(section).into_iter().flat_map(Options::iter).map(|(name, _)| name).collect()
}

/// Quotes a key where TOML asks for it.
pub(crate) fn quoted_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        Setting::Text(key.to_owned()).to_string()
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}
