//! The file system of the machine.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use super::{FileKind, Filesystem, FolderEntry, Handle, LockFile, Open, Resolved, Stat};

/// The file system of the machine.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Filesystem for RealDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn Handle>> {
        let file = match how {
            Open::Read => calm(OpenOptions::new().read(true), true).open(path)?,
            Open::New(mode) => create(path, mode)?,
            Open::Append(mode) => append(path, mode, false)?,
            Open::AppendPlain(mode) => append(path, mode, true)?,
        };
        Ok(Box::new(file))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(stat(&fs::metadata(path)?))
    }

    fn resolve(&self, path: &Path) -> io::Result<Resolved> {
        let mut found = Resolved { path: path.to_owned(), is_strangers: false, is_descriptor: false };
        // As many links as the system follows.
        for _ in 0..40 {
            found.is_descriptor |= is_descriptor(&found.path);
            let link = match fs::symlink_metadata(&found.path) {
                Ok(link) if link.is_symlink() && !found.is_descriptor => link,
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => break,
            };
            found.is_strangers |= is_strangers(&found.path, &link);
            let folder = found.path.parent().unwrap_or(Path::new("/"));
            found.path = folder.join(fs::read_link(&found.path)?);
        }
        Ok(found)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // A name that is not Unicode is not one of ours; a file that has just gone is not there.
            if let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) {
                found.push(FolderEntry { name, stat: metadata.is_file().then(|| stat(&metadata)) });
            }
        }
        Ok(found)
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Network file systems do not have the flag, old kernels not the call.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_after_look(from, to),
            done => done.map_err(io::Error::from),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        rename_after_look(from, to)
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
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
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "is there and is not a link"));
            }
            Ok(_) if fs::read_link(link)?.as_path() == Path::new(target) => return Ok(()),
            _ => {}
        }
        let mut fresh = link.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = Path::new(&fresh);
        if fs::symlink_metadata(fresh).is_ok_and(|found| found.is_symlink()) {
            fs::remove_file(fresh)?;
        }
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

    fn lock_file(&self, path: &Path, log: Option<&Stat>) -> io::Result<Box<dyn LockFile>> {
        let readable = match create(path, log.and_then(|log| log.mode)) {
            Ok(file) => {
                adopt_owner(&file, log);
                open_lock(path, false)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_lock(path, false),
            Err(error) => Err(error),
        };
        Ok(Box::new(DiskLock { path: path.to_owned(), readable: readable?, writable: OnceLock::new() }))
    }
}

/// A lock file, open for reading: a file system with a file open for writing cannot be made read-only, and who may only
/// read the lock file of another user can lock it too.
struct DiskLock {
    path: PathBuf,
    readable: File,
    /// Network file systems lock only what is open for writing.
    writable: OnceLock<File>,
}

impl DiskLock {
    fn file(&self) -> &File {
        self.writable.get().unwrap_or(&self.readable)
    }
}

impl LockFile for DiskLock {
    fn try_lock(&self) -> io::Result<bool> {
        match tried(self.file().try_lock()) {
            Err(error) if self.writable.get().is_none() && is_unwritable(&error) => {
                let file = open_lock(&self.path, true)?;
                tried(self.writable.get_or_init(|| file).try_lock())
            }
            tried => tried,
        }
    }

    fn unlock(&self) {
        self.file().unlock().ok();
    }

    fn is_at(&self, path: &Path) -> bool {
        let same =
            || -> io::Result<bool> { Ok(stat(&self.file().metadata()?).id == stat(&fs::metadata(path)?).id) };
        // A file that cannot be looked at, as after privileges were dropped, is taken for unchanged.
        same().unwrap_or_else(|error| error.kind() != io::ErrorKind::NotFound)
    }
}

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

    fn last_start(&mut self, written: usize) -> Option<u64> {
        // An appending write leaves the file's position after the new bytes.
        self.stream_position().ok()?.checked_sub(written as u64)
    }

    #[cfg(unix)]
    fn byte_at(&self, at: u64) -> Option<u8> {
        let mut byte = [0];
        let read = std::os::unix::fs::FileExt::read_at(self, &mut byte, at);
        if matches!(read, Ok(1)) { Some(byte[0]) } else { None }
    }

    #[cfg(not(unix))]
    fn byte_at(&self, _at: u64) -> Option<u8> {
        None
    }

    fn ends_line(&mut self) -> bool {
        // A write of another process shows page by page: half a line is one only if nothing comes behind it.
        for _ in 0..HALF_A_LINE {
            let mut last = [0];
            // Writing is not touched by this: it goes to the end of a file opened for appending.
            match self.seek(SeekFrom::End(-1)).and_then(|_| Read::read(self, &mut last)) {
                Ok(1) if last != *b"\n" => std::thread::park_timeout(Duration::from_millis(1)),
                _ => return true,
            }
        }
        false
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        tried(Self::try_lock(self))
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        // Elsewhere a lock keeps other processes from writing.
        if cfg!(unix) { tried(Self::try_lock_shared(self)) } else { Ok(true) }
    }

    fn unlock(&self) {
        if cfg!(unix) {
            Self::unlock(self).ok();
        }
    }

    fn set_modified(&mut self, at: SystemTime) -> io::Result<()> {
        Self::set_modified(self, at)
    }

    #[cfg(unix)]
    fn wait_until_writable(&self, at_most: Duration) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(self, PollFlags::OUT)];
        let timeout = Timespec::try_from(at_most).ok();
        // An error, as an interruption, only means that the write is tried early.
        poll(&mut fds, timeout.as_ref()).ok();
    }

    #[cfg(not(unix))]
    fn wait_until_writable(&self, at_most: Duration) {
        std::thread::park_timeout(at_most);
    }
}

/// How often a look, a millisecond apart, has to find half a line at the end of a file.
const HALF_A_LINE: u32 = 10;

fn tried(result: Result<(), TryLockError>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Renames where the system cannot refuse to replace: those who obey the lock do not come in between.
fn rename_after_look(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

/// Sets that opening does not wait for the reader of a pipe and does not make a terminal the process's own.
fn calm(options: &mut OpenOptions, is_plain: bool) -> &OpenOptions {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        flags.set(OFlags::NOFOLLOW, is_plain);
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    }
    let _ = is_plain;
    options
}

/// Opens for appending; makes the file if nothing is there.
fn append(path: &Path, mode: Option<u32>, is_plain: bool) -> io::Result<File> {
    match create(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let open = |options: &mut OpenOptions| calm(options.append(true), is_plain).open(path);
    // Read as well, to see how it ends; a file that may only be written to is one all the same.
    let opened = match open(OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open(&mut OpenOptions::new()),
        // A link to what is not there yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_plain => {
            open(OpenOptions::new().read(true).create(true))
        }
        opened => opened,
    };
    let file = opened.map_err(|error| explained(path, is_plain, error))?;
    refuse_odd(&file.metadata()?, is_plain)?;
    Ok(file)
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

/// Says what is at a path that cannot be opened, where the error of the system does not.
fn explained(path: &Path, is_plain: bool, error: io::Error) -> io::Error {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() && is_plain => not_plain(),
        _ => match fs::metadata(path).and_then(|found| refuse_odd(&found, is_plain)) {
            Err(reason) if reason.kind() == io::ErrorKind::InvalidInput => reason,
            _ => error,
        },
    }
}

/// Refuses what lines cannot, or must not, be written to.
fn refuse_odd(found: &Metadata, is_plain: bool) -> io::Result<()> {
    let what = match stat(found).kind {
        FileKind::Other if found.is_dir() => "it is a folder",
        FileKind::Other => "it is a socket or a disk",
        FileKind::Pipe | FileKind::Device if is_plain => return Err(not_plain()),
        _ => return Ok(()),
    };
    let reason = format!("{what}; expected a file, a named pipe or a terminal");
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

fn open_lock(path: &Path, is_writable: bool) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(not_plain());
    }
    let file = calm(OpenOptions::new().read(true).append(is_writable), true).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_plain()) }
}

/// Tells whether a lock was refused because the file is not open for writing.
fn is_unwritable(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        error.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

fn not_plain() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "something that is not a plain file has its name")
}

/// Gives a new lock file to the owner of the log, so that a process of that user can lock it later.
fn adopt_owner(file: &File, log: Option<&Stat>) {
    #[cfg(unix)]
    if let (Some(log), Ok(own)) = (log, file.metadata())
        && let (Some((user, group)), own) = (log.owner, stat(&own).owner)
        && own != log.owner
    {
        // Only root may, and the group may be one that this process is not in.
        if std::os::unix::fs::fchown(file, Some(user), Some(group)).is_err() {
            std::os::unix::fs::fchown(file, None, Some(group)).ok();
        }
    }
    let _ = (file, log);
}

fn is_descriptor(path: &Path) -> bool {
    path.starts_with("/proc")
        || ["/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|known| path.starts_with(known))
}

#[cfg(unix)]
fn is_strangers(path: &Path, link: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok()).map(|folder| folder.uid());
    let own = rustix::process::geteuid().as_raw();
    ![Some(0), Some(own), folder].contains(&Some(link.uid()))
}

#[cfg(not(unix))]
fn is_strangers(_path: &Path, _link: &Metadata) -> bool {
    false
}

fn stat(metadata: &Metadata) -> Stat {
    #[cfg(unix)]
    let (id, mode, owner, links, kind) = {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let kind = match metadata.file_type() {
            kind if kind.is_file() => FileKind::File,
            kind if kind.is_fifo() => FileKind::Pipe,
            kind if kind.is_char_device() => FileKind::Device,
            _ => FileKind::Other,
        };
        (
            Some((metadata.dev(), metadata.ino())),
            Some(metadata.mode() & 0o7777),
            Some((metadata.uid(), metadata.gid())),
            metadata.nlink(),
            kind,
        )
    };
    #[cfg(not(unix))]
    let (id, mode, owner, links, kind) = {
        let kind = if metadata.is_dir() { FileKind::Other } else { FileKind::File };
        (None, None, None, 1, kind)
    };
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Stat { id, kind, len: metadata.len(), modified, mode, owner, links }
}
