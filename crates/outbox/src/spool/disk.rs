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
        let mut file = match options.open(&path) {
            // It could not be made at the start, or was removed by hand.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make()?;
                options.open(&path)?
            }
            opened => opened?,
        };
        let written = file.write_all(bytes).and_then(|()| self.force(&file));
        if written.is_err() {
            drop(file);
            // A full disk leaves half a file; what cannot be removed is cleaned up at the next start.
            fs::remove_file(&path).ok();
        }
        written
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        // Elsewhere a folder cannot be opened, and the file system's journal has to do.
        if cfg!(unix) { self.force(&File::open(self.root.join(folder))?) } else { Ok(()) }
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
