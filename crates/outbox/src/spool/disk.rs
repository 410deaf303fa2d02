//! The spool's folder on the disk.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::files::{Files, HOSTS, OF_HOST, SHARED, home_of, in_spool};
use super::format;
use super::marker::is_same;

/// How often a lock that another process holds is asked for again, and after how long each time: it is held for the
/// time of a few syncs.
const TRIES: u32 = 50;
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// A spool's folder on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    home: String,
    /// How long each sync takes longer, for benchmarks and tests of a slow disk.
    #[cfg(feature = "sim")]
    slower: Duration,
}

impl Disk {
    /// Opens the folder for a host; makes it, and what is missing in it, readable for its owner only.
    pub(crate) fn open(root: &Path, host: &str) -> io::Result<Self> {
        let disk = Self::later(root, host);
        disk.make()?;
        Ok(disk)
    }

    /// Names a folder that cannot be opened yet: the first write that can makes it.
    pub(crate) fn later(root: &Path, host: &str) -> Self {
        Self {
            root: root.to_owned(),
            home: home_of(host),
            #[cfg(feature = "sim")]
            slower: Duration::ZERO,
        }
    }

    /// Makes each sync take longer.
    #[cfg(feature = "sim")]
    pub(crate) fn slower(mut self, by: Duration) -> Self {
        self.slower = by;
        self
    }

    fn force_file(&self, file: &File) -> io::Result<()> {
        #[cfg(feature = "sim")]
        #[expect(clippy::disallowed_methods, reason = "a slow disk, not a wait for something")]
        std::thread::sleep(self.slower);
        file.sync_all()
    }

    /// Makes a new file; `finish` gets it, and if that fails it is removed.
    fn make_file<T>(
        &self,
        path: &str,
        bytes: &[u8],
        finish: impl FnOnce(File) -> io::Result<T>,
    ) -> io::Result<T> {
        let path = self.path(path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = self.with_folder(&path, || options.open(&path))?;
        let made = file.write_all(bytes).and_then(|()| finish(file));
        if made.is_err() {
            // A full disk leaves half a file; what cannot be removed is cleaned up at the next start.
            fs::remove_file(&path).ok();
        }
        made
    }

    pub(super) fn make(&self) -> io::Result<()> {
        let format = format::check(&self.root)?;
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        for folder in SHARED.into_iter().chain(OF_HOST) {
            builder.create(self.path(folder))?;
        }
        match format {
            Some(format::VERSION) => Ok(()),
            _ => format::set(&self.root, &self.path("tmp")),
        }
    }

    /// Returns where a file is.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(in_spool(&self.home, path))
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
    pub(crate) fn existing(root: &Path, host: &str) -> io::Result<Self> {
        // Before there were folders of hosts it had a `cur`.
        fs::metadata(root.join(HOSTS)).or_else(|_| fs::metadata(root.join("cur")))?;
        format::check(root)?;
        Ok(Self::later(root, host))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Files for Disk {
    type Unforced = File;

    fn home(&self) -> &str {
        &self.home
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.make_file(path, bytes, |file| self.force_file(&file))
    }

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<File> {
        self.make_file(path, bytes, Ok)
    }

    fn open(&self, path: &str) -> io::Result<File> {
        File::open(self.path(path))
    }

    fn force(&self, file: &File) -> io::Result<()> {
        self.force_file(file)
    }

    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(path);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        self.with_folder(&path, || options.open(&path))?.write_all(bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.path(from), self.path(to));
        self.with_folder(&to, || fs::rename(&from, &to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        // Elsewhere a folder cannot be opened, and the file system's journal has to do.
        if !cfg!(unix) {
            return Ok(());
        }
        let path = self.path(folder);
        self.force_file(&self.with_folder(&path.join("file"), || File::open(&path))?)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(folder))? {
            // A name that is no text is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        let path = self.path(path);
        // A pipe would block, and a link leads elsewhere. The folder is its owner's: nobody else can change it meanwhile.
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file"));
        }
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any file of a spool"));
        }
        Ok(bytes)
    }

    fn remove_home(&self, home: &str) {
        let home = self.root.join(home);
        let is_empty =
            |folder: &str| fs::read_dir(home.join(folder)).is_ok_and(|mut all| all.next().is_none());
        if OF_HOST.iter().all(|folder| is_empty(folder) || !home.join(folder).exists()) {
            for file in ["heartbeat", "lock"] {
                fs::remove_file(home.join(file)).ok();
            }
            for folder in OF_HOST.into_iter().chain(["state", ""]) {
                fs::remove_dir(home.join(folder)).ok();
            }
        }
    }

    fn exclusively<T>(&self, lock: &str, work: impl FnOnce() -> T) -> Option<T> {
        let path = self.path(lock);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        for _ in 0..TRIES {
            let file = self.with_folder(&path, || options.open(&path)).ok()?;
            // A child that is forked meanwhile must not keep the lock.
            #[cfg(unix)]
            let _given_up = watchfire_core::process::give_up_in_child(std::os::fd::AsFd::as_fd(&file));
            match file.try_lock() {
                // It was removed with the folder of its host meanwhile.
                Ok(()) if !is_same(&file, &path) => {}
                Err(TryLockError::WouldBlock) => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "a lock has no bell, and `lock` no deadline"
                    )]
                    std::thread::sleep(TRY_AGAIN);
                }
                // Where the file system has no locks, processes do without.
                Ok(()) | Err(TryLockError::Error(_)) => return Some(work()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn only_regular_files_are_read() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::open(root.path(), "here").unwrap();
        let new = disk.path("new");
        disk.write("new/file", b"text").unwrap();
        assert_eq!(disk.read("new/file", 10).unwrap(), b"text");
        fs::create_dir(new.join("folder")).unwrap();
        std::os::unix::fs::symlink("file", new.join("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", new.join("device")).unwrap();
        std::os::unix::net::UnixListener::bind(new.join("socket")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(new.join("pipe")).status().unwrap().success());
        for name in ["folder", "link", "device", "socket", "pipe"] {
            assert!(disk.read(&format!("new/{name}"), 10).is_err(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_missing_in_part_is_made_again() {
        // Each of the folders by itself, and all of them.
        let all: Vec<&str> = SHARED.into_iter().chain(OF_HOST).collect();
        let gone = all.iter().map(|one| vec![*one]).chain([all.clone()]);
        for gone in gone {
            let root = tempfile::tempdir().unwrap();
            let disk = Disk::open(root.path(), "here").unwrap();
            for folder in &gone {
                fs::remove_dir(disk.path(folder)).unwrap();
            }
            for folder in &all {
                disk.write("tmp/1", b"text").unwrap();
                disk.rename("tmp/1", &format!("{folder}/2")).unwrap();
                disk.sync(folder).unwrap();
            }
        }
        // What somebody else has taken is still missing.
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::open(root.path(), "here").unwrap();
        assert_eq!(disk.rename("cur/1", "new/1").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
