//! The silences in a spool, for operators.

use std::io;

use crate::{
    GroupId, Silence,
    folder::{FolderError, SpoolFolder},
    spool::Files,
};

const FOLDER: &str = "silences";
/// The largest file of a silence, in bytes.
const LARGEST: u64 = 4_096;

impl SpoolFolder {
    /// Lists the silences, those that end first in front, and the files that cannot be read as one.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn silences(&self) -> io::Result<(Vec<Silence>, Vec<String>)> {
        let (mut silences, mut bad) = (Vec::new(), Vec::new());
        for (path, silence) in self.silence_files()? {
            match silence {
                Some(silence) => silences.push(silence),
                None => bad.push(path),
            }
        }
        silences.sort_by_key(|silence| silence.until);
        Ok((silences, bad))
    }

    /// Silences a group, in place of an earlier silence of it. Programs hear of it within 2 s.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or its reason holds a credential of this process.
    pub fn silence(&mut self, silence: &Silence) -> Result<(), FolderError> {
        let path = format!("{FOLDER}/{}", silence.group);
        self.spool.place(silence.to_string().as_bytes(), &path)?;
        // Of two silences the longer counts: one that a person wrote under another name must not stay.
        self.remove_silences(silence.group, &path)?;
        self.spool.files().sync(FOLDER).map_err(FolderError::Io)
    }

    /// Ends the silence of a group; `false` if there was none. What was counted meanwhile is said.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written.
    pub fn end_silence(&mut self, group: GroupId) -> Result<bool, FolderError> {
        self.remove_silences(group, "")
    }

    fn remove_silences(&self, group: GroupId, but: &str) -> Result<bool, FolderError> {
        let mut ended = false;
        for (path, silence) in self.silence_files().map_err(FolderError::Io)? {
            if path != but && silence.is_some_and(|silence| silence.group == group) {
                match self.spool.files().remove(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(FolderError::Io(error));
                    }
                    _ => ended = true,
                }
            }
        }
        Ok(ended)
    }

    fn silence_files(&self) -> io::Result<Vec<(String, Option<Silence>)>> {
        let files = self.spool.files();
        let mut found = Vec::new();
        for name in files.list(FOLDER)? {
            let path = format!("{FOLDER}/{name}");
            match files.read(&path, LARGEST) {
                Ok(bytes) => found.push((path, String::from_utf8_lossy(&bytes).parse().ok())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => found.push((path, None)),
            }
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }
}
