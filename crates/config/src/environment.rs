//! Read the environment and files. The one file here that does; everything else takes them as arguments.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use watchfire_core::clock;

/// The largest file that is read. No configuration and no secret comes near it; `/dev/zero` has no end.
const LARGEST: u64 = 16 << 20;
/// How long the writer of a pipe is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the reader of a pipe sleeps while nothing is there.
const NAP: Duration = Duration::from_millis(20);

/// Reads a variable.
#[expect(clippy::disallowed_methods, reason = "configuration comes from the environment, by this file")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the names of all variables that are set and begin with `prefix`.
pub(crate) fn variables(prefix: &str) -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_unstable();
    names
}

/// Returns a file's path in one spelling, so that two names of one file are the same.
pub(crate) fn one_spelling(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(real) = absolute.canonicalize() {
        return real;
    }
    // A log that is not there yet, in a folder that may be.
    match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

/// Tells whether every user of the machine may write to a file.
pub(crate) fn is_writable_by_all(path: &Path) -> bool {
    #[cfg(unix)]
    let is_writable = std::fs::metadata(path)
        .is_ok_and(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o002 != 0);
    #[cfg(not(unix))]
    let is_writable = false;
    is_writable
}

/// Reads a file. A pipe is read too, and waited for at most 5 s: a reload must not hang.
pub(crate) fn file(path: &Path) -> io::Result<String> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Without this the opening of a named pipe waits for a writer.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    let mut bytes = Vec::new();
    let until = clock::instant() + PATIENCE;
    loop {
        let room = (LARGEST + 1).saturating_sub(bytes.len() as u64);
        match (&file).take(room).read_to_end(&mut bytes) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if clock::instant() > until {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "its end did not come within 5 s"));
                }
                std::thread::park_timeout(NAP);
            }
            Err(error) => return Err(error),
        }
    }
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 16 MiB"));
    }
    if bytes.is_empty() && !file.metadata()?.is_file() {
        let reason = "it is not a regular file, and nothing was in it";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not valid UTF-8"))
}

/// Returns the name of the program's file.
pub(crate) fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_stem().map_or_else(|| "program".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_not_a_regular_file_hangs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let kind = |path: &Path| file(path).unwrap_err().kind();
        assert_eq!(kind(&fifo), io::ErrorKind::InvalidInput, "nobody writes to it");
        // Somebody has it open for writing, and writes nothing.
        let idle = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        assert_eq!(kind(&fifo), io::ErrorKind::TimedOut);
        drop(idle);
        assert_eq!(kind(folder.path()), io::ErrorKind::IsADirectory);
        assert_eq!(kind(Path::new("/dev/zero")), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(Path::new("/dev/null")), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_pipe_with_a_writer_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let script = "exec 3> \"$1\"; echo opened; read go; echo 'version = 1' >&3";
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(&fifo)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // The shell's open waits for a reader, ours does not: held open until the text is there.
        let held = OpenOptions::new().read(true).open(&fifo).unwrap();
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || file(&fifo)
        });
        drop(shell.stdin.take());
        assert_eq!(reader.join().unwrap().unwrap(), "version = 1\n");
        drop(held);
        assert!(shell.wait().unwrap().success());
    }
}
