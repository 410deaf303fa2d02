//! The only place that touches files; a test puts one in its stead that fails at will.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    time::SystemTime,
};

/// Does with files what rotation, retention and compression need.
pub(crate) trait Filesystem: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn Handle>>;
    /// Looks at what stands at a path now.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Lists the names in a folder with what they are; what is no plain file is left out.
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Stat)>>;
    /// Renames a file; never called onto a name that is taken, but for finished compression.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and those above it.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Points a symbolic link to a file of the same folder, replacing an older link but nothing else.
    fn link(&self, target: &str, link: &Path) -> io::Result<()>;
    /// Makes renames in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Tries to lock a path against the other processes that do so; `None` if one of them holds it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// Is an open file.
pub(crate) trait Handle: Send {
    /// Writes some of the bytes; where the file is opened for appending, at its end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Reads some bytes.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;
    /// Tells whether the file is empty or ends with a whole line; if that cannot be read, that it does.
    fn ends_line(&mut self) -> bool;
    /// Tells what the open file is, wherever its name has gone.
    fn stat(&self) -> io::Result<Stat>;
    /// Cuts the file.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// Makes the content durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Tries to lock the file itself; `false` if another process holds it.
    fn try_lock(&self) -> io::Result<bool>;
    /// Sets when it was last written to.
    fn set_modified(&mut self, at: SystemTime) -> io::Result<()>;
}

/// Is a lock that ends when it is dropped, or when the process ends.
pub(crate) trait Lock: Send {}

/// Says how a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// For appending, made if missing, then with exactly these permissions.
    Append(Option<u32>),
    /// Made anew, must not be there, with these permissions.
    New(Option<u32>),
    /// For reading.
    Read,
}

/// Is what a file system tells of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Tells files apart, whatever their names: device and inode. `None` where the system has no such thing.
    pub(crate) id: Option<(u64, u64)>,
    pub(crate) len: u64,
    pub(crate) modified: SystemTime,
    /// The permission bits, where the system has them.
    pub(crate) mode: Option<u32>,
}

/// The file system of the machine.
#[derive(Debug)]
pub(crate) struct Disk;

impl Filesystem for Disk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn Handle>> {
        let file = match how {
            Open::Read => File::open(path)?,
            Open::New(mode) => create(path, mode)?,
            Open::Append(mode) => match create(path, mode) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // Read as well, to see how it ends; a file that may only be written to is one all the same.
                    match OpenOptions::new().read(true).append(true).open(path) {
                        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                            OpenOptions::new().append(true).open(path)?
                        }
                        opened => opened?,
                    }
                }
                made => made?,
            },
        };
        Ok(Box::new(file))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(stat(&fs::metadata(path)?))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Stat)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // A name that is no Unicode is none of ours; a file that has just gone is none at all.
            if let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata())
                && metadata.is_file()
            {
                found.push((name, stat(&metadata)));
            }
        }
        Ok(found)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    #[cfg(unix)]
    fn link(&self, target: &str, link: &Path) -> io::Result<()> {
        match fs::symlink_metadata(link) {
            Ok(found) if !found.is_symlink() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "is there and no link"));
            }
            Ok(_) if fs::read_link(link)?.as_path() == Path::new(target) => return Ok(()),
            _ => {}
        }
        let mut fresh = link.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = Path::new(&fresh);
        fs::remove_file(fresh).ok();
        std::os::unix::fs::symlink(target, fresh)?;
        fs::rename(fresh, link)
    }

    #[cfg(not(unix))]
    fn link(&self, _target: &str, _link: &Path) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "links need a Unix system"))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        // Its content is nothing; everybody who may write the log has to be able to open it.
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            // A file system without locks: better a line that another process may tear than none.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Some(Box::new(file)))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Lock for File {}

impl Handle for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Read::read(self, into)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(stat(&self.metadata()?))
    }

    fn ends_line(&mut self) -> bool {
        let mut last = [0];
        // Writing is not touched by this: it goes to the end of a file opened for appending.
        match self.seek(SeekFrom::End(-1)).and_then(|_| Read::read(self, &mut last)) {
            Ok(1) => last == *b"\n",
            _ => true,
        }
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn set_modified(&mut self, at: SystemTime) -> io::Result<()> {
        File::set_modified(self, at)
    }
}

/// Makes a file that must not be there. The permissions are exactly these, whatever the process masks.
fn create(path: &Path, mode: Option<u32>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    if let Some(mode) = mode {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        // Never wider than asked for, not even for a moment.
        let file = options.mode(mode).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        return Ok(file);
    }
    let _ = mode;
    options.open(path)
}

fn stat(metadata: &fs::Metadata) -> Stat {
    #[cfg(unix)]
    let (id, mode) = {
        use std::os::unix::fs::MetadataExt;
        (Some((metadata.dev(), metadata.ino())), Some(metadata.mode() & 0o7777))
    };
    #[cfg(not(unix))]
    let (id, mode) = (None, None);
    Stat { id, mode, len: metadata.len(), modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH) }
}

#[cfg(test)]
pub(crate) mod fake;
