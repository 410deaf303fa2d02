//! The disk, as the spool uses it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::files::{FOLDERS, Files};

/// A spool's folder on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    /// How long each sync takes longer, for benchmarks and tests of a slow disk.
    #[cfg(feature = "sim")]
    slower: std::time::Duration,
}

impl Disk {
    /// Opens the folder; makes it, and what is missing in it, readable for its owner only.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let disk = Self::later(root);
        disk.make()?;
        Ok(disk)
    }

    /// Names a folder that cannot be opened yet: the first write that can makes it.
    pub(crate) fn later(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            #[cfg(feature = "sim")]
            slower: std::time::Duration::ZERO,
        }
    }

    /// Makes each sync take longer.
    #[cfg(feature = "sim")]
    pub(crate) fn slower(mut self, by: std::time::Duration) -> Self {
        self.slower = by;
        self
    }

    fn force(&self, file: &File) -> io::Result<()> {
        #[cfg(feature = "sim")]
        #[expect(clippy::disallowed_methods, reason = "a slow disk, not a wait for something")]
        std::thread::sleep(self.slower);
        file.sync_all()
    }

    fn make(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        for folder in FOLDERS {
            builder.create(self.root.join(folder))?;
        }
        Ok(())
    }

    /// Tries again after making the folder of `path`, if that is missing: it could not be made at the start, or was
    /// removed by hand, all of it or in part.
    fn with_folder<T>(&self, path: &Path, attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match attempt() {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && path.parent().is_some_and(|p| !p.exists()) =>
            {
                self.make()?;
                attempt()
            }
            tried => tried,
        }
    }

    /// Opens the folder as it is, to look at it.
    pub(crate) fn existing(root: &Path) -> io::Result<Self> {
        fs::metadata(root.join("cur"))?;
        Ok(Self::later(root))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Files for Disk {
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = self.with_folder(&path, || options.open(&path))?;
        let written = file.write_all(bytes).and_then(|()| self.force(&file));
        if written.is_err() {
            drop(file);
            // A full disk leaves half a file; what cannot be removed is cleaned up at the next start.
            fs::remove_file(&path).ok();
        }
        written
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        self.with_folder(&to, || fs::rename(&from, &to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        // Elsewhere a folder cannot be opened, and the file system's journal has to do.
        if !cfg!(unix) {
            return Ok(());
        }
        let path = self.root.join(folder);
        self.force(&self.with_folder(&path.join("file"), || File::open(&path))?)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(folder))? {
            // A name that is no text is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        let file = File::open(self.root.join(path))?;
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any file of a spool"));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_missing_in_part_is_made_again() {
        // Each of the folders by itself, and all of them.
        let gone = FOLDERS.iter().map(|one| vec![*one]).chain([FOLDERS.to_vec()]);
        for gone in gone {
            let root = tempfile::tempdir().unwrap();
            let disk = Disk::open(root.path()).unwrap();
            for folder in &gone {
                fs::remove_dir(root.path().join(folder)).unwrap();
            }
            for folder in FOLDERS {
                disk.write("tmp/1", b"text").unwrap();
                disk.rename("tmp/1", &format!("{folder}/2")).unwrap();
                disk.sync(folder).unwrap();
            }
        }
        // What somebody else has taken is still missing.
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::open(root.path()).unwrap();
        assert_eq!(disk.rename("cur/1", "new/1").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
