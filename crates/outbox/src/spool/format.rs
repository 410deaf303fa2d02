//! The version of a spool's folder, in its file `FORMAT`.
//!
//! A reader ignores fields that it does not know, and a field that is missing has a default. The version goes up only when
//! an older program would lose something that a newer one has written.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use crate::model::random;

/// The version that this program writes. Version 1 had no file, and no folders of hosts.
pub(super) const VERSION: u32 = 2;
const FILE: &str = "FORMAT";
/// What the file begins with; the version follows.
const MAGIC: &str = "watchfire-spool ";

/// The reason why this program must leave a folder alone.
#[derive(Debug)]
enum Refused {
    Newer(u32),
    Damaged,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(found) => write!(
                f,
                "the folder has format {found}, of a newer version of watchfire; expected {VERSION} or older: update this \
                 program, or give it another folder"
            ),
            Self::Damaged => {
                write!(
                    f,
                    "the file `{FILE}` is damaged; expected `{MAGIC}{VERSION}`: correct it, or remove it"
                )
            }
        }
    }
}

impl std::error::Error for Refused {}

/// Reads the version of a folder; `None` if it has none yet.
///
/// # Errors
///
/// If this program cannot read it.
pub(super) fn check(root: &Path) -> io::Result<Option<u32>> {
    let mut text = String::new();
    match File::open(root.join(FILE)) {
        Ok(file) => _ = file.take(100).read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    match text.trim_end().strip_prefix(MAGIC).and_then(|version| version.parse().ok()) {
        Some(version) if version <= VERSION => Ok(Some(version)),
        Some(version) => Err(io::Error::new(io::ErrorKind::Unsupported, Refused::Newer(version))),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, Refused::Damaged)),
    }
}

/// Writes the version of this program. A crash leaves the file whole, or none; `tmp` is the folder for what is written.
pub(super) fn set(root: &Path, tmp: &Path) -> io::Result<()> {
    let draft = tmp.join(format!("{:x}-format", random::bits()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        writeln!(file, "{MAGIC}{VERSION}")?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&draft, root.join(FILE))).inspect_err(|_| _ = fs::remove_file(&draft))
}

/// Tells whether a folder must be left alone, and not only could not be opened.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Refused>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Disk;

    #[test]
    fn a_folder_of_a_newer_version_is_refused_and_left_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        drop(Disk::open(root.path(), "here").unwrap());
        let file = root.path().join(FILE);
        assert_eq!(fs::read_to_string(&file).unwrap(), "watchfire-spool 2\n");
        // (text, what is wrong with it)
        let cases = [
            ("watchfire-spool 1\n", None),
            ("watchfire-spool 2", None),
            ("watchfire-spool 3\n", Some("has format 3, of a newer version")),
            ("watchfire-spool 4294967295 and more\n", Some("is damaged")),
            ("", Some("is damaged")),
        ];
        for (text, wrong) in cases {
            fs::write(&file, text).unwrap();
            for opened in [Disk::open(root.path(), "here"), Disk::existing(root.path(), "here")] {
                let error = opened.err();
                assert_eq!(error.is_some(), wrong.is_some(), "{text:?}");
                assert_eq!(error.as_ref().is_some_and(is_refused), wrong.is_some(), "{text:?}");
                assert!(error.is_none_or(|error| error.to_string().contains(wrong.unwrap())), "{text:?}");
            }
            let after = if wrong.is_none() { "watchfire-spool 2" } else { text };
            assert!(fs::read_to_string(&file).unwrap().starts_with(after), "{text:?}");
        }
    }
}
