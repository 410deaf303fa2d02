//! Any path: links, pipes, devices, and what stands in the way of a rotation.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{FileTypeExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, SelfLog, clock};
use watchfire_file::{Compression, FileHandler, LogFile};

use crate::programs::{Obstacle, given, program};

fn said() -> (SelfLog, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    (SelfLog::to(move |line| sink.lock().unwrap().push(line.to_owned())), lines)
}

fn flushed(handler: &FileHandler) {
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(20)), Flushed::Yes);
}

/// Logs lines of about 50 bytes, and returns the handler.
fn log(file: LogFile, lines: usize) -> FileHandler {
    let layer = file.layer().unwrap();
    let handler = layer.handler().clone();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for line in 0..lines {
            tracing::info!("<{line}>");
            flushed(&handler);
        }
    });
    handler
}

fn count(folder: &Path) -> usize {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap().matches('<').count())
        .sum()
}

#[test]
fn the_target_of_a_link_is_rotated_and_the_link_stays() {
    let cases: [(&str, &[(&str, &str)]); 4] = [
        ("relative", &[("log/shop.log", "../volume/shop.log")]),
        ("to another name", &[("log/shop.log", "../volume/data")]),
        ("two in a row", &[("log/shop.log", "middle.log"), ("log/middle.log", "../volume/shop.log")]),
        ("dangling until the start", &[("log/shop.log", "../volume/new.log")]),
    ];
    for (what, links) in cases {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir(at("log")).unwrap();
        fs::create_dir(at("volume")).unwrap();
        if !what.starts_with("dangling") {
            fs::write(at("volume").join(Path::new(links.last().unwrap().1).file_name().unwrap()), "")
                .unwrap();
        }
        for (link, target) in links {
            symlink(target, at(link)).unwrap();
        }
        let file = LogFile::new(at("log/shop.log")).max_size(300).compress(Compression::Gzip).threadless();
        let handler = log(file, 20);
        assert!(handler.counts().rotations > 2, "{what}");
        drop(handler);
        for (link, target) in links {
            assert_eq!(fs::read_link(at(link)).unwrap(), Path::new(target), "{what}");
        }
        assert_eq!(
            fs::read_dir(at("log")).unwrap().count(),
            links.len(),
            "{what}: something is beside the link"
        );
        let mut all = String::new();
        for entry in fs::read_dir(at("volume")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "gz") {
                flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut all).unwrap();
            } else {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
        assert_eq!(all.matches('<').count(), 20, "{what}");
    }
}

#[test]
fn a_link_that_is_pointed_elsewhere_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for volume in ["a", "b"] {
        fs::create_dir(at(volume)).unwrap();
    }
    symlink("a/shop.log", at("shop.log")).unwrap();
    let layer = LogFile::new(at("shop.log")).max_size(300).layer().unwrap();
    let handler = layer.handler().clone();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for line in 0..10 {
            if line == 5 {
                symlink("b/shop.log", at("new")).unwrap();
                fs::rename(at("new"), at("shop.log")).unwrap();
            }
            tracing::info!("<{line}>");
            flushed(&handler);
        }
    });
    assert_eq!((count(&at("a")), count(&at("b"))), (5, 5));
}

#[test]
fn what_has_the_name_of_an_archive_is_left_alone() {
    let make: [Obstacle; 3] = [
        ("a folder", |name, _| fs::create_dir(name).unwrap()),
        ("a link", |name, outside| symlink(outside.join("victim"), name).unwrap()),
        ("a dangling link", |name, outside| symlink(outside.join("made"), name).unwrap()),
    ];
    for (what, make) in make {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("victim"), "untouched").unwrap();
        let path = folder.path().join("shop.log");
        let in_the_way = folder.path().join("shop.log.1");
        make(&in_the_way, outside.path());
        let before = fs::symlink_metadata(&in_the_way).unwrap().file_type();
        let (self_log, said) = said();
        let handler = log(LogFile::new(&path).max_size(300).self_log(self_log), 20);
        assert!(handler.counts().rotations > 2, "{what} stopped the rotation");
        assert_eq!(count(folder.path()), 20, "{what}");
        assert_eq!(fs::symlink_metadata(&in_the_way).unwrap().file_type(), before, "{what}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "{what} was followed");
        assert_eq!(fs::read_to_string(outside.path().join("victim")).unwrap(), "untouched");
        let said = said.lock().unwrap();
        assert!(
            said.len() == 1 && said[0].contains("shop.log.1") && said[0].contains("not a plain file"),
            "{said:?}"
        );
    }
}

#[test]
fn what_cannot_be_written_to_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir(at("folder")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("missing/shop.log", at("nowhere")).unwrap();
    let cases = [
        ("folder", "it is a folder; expected a file, a named pipe or a terminal"),
        ("socket", "it is a socket or a disk; expected a file, a named pipe or a terminal"),
        ("loop", "symbolic links"),
        ("nowhere", "No such file"),
    ];
    for (name, reason) in cases {
        let error = LogFile::daily(at(name)).layer().unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains(name), "{name}: {error}");
    }
}

#[test]
fn a_pipe_is_not_rotated_and_opening_it_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let (self_log, said) = said();
    let layer = LogFile::daily(&path).max_size(100).self_log(self_log).layer().unwrap();
    let handler = layer.handler().clone();
    let output = tempfile::NamedTempFile::new().unwrap();
    let into = Stdio::from(output.reopen().unwrap());
    let mut reader = Command::new("head").args(["-n", "1000"]).arg(&path).stdout(into).spawn().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for line in 0..1000 {
            tracing::info!("<{line}> {}", "x".repeat(line % 200));
        }
        flushed(&handler);
    });
    assert!(reader.wait().unwrap().success());
    let text = fs::read_to_string(output.path()).unwrap();
    let numbers: Vec<usize> = text
        .lines()
        .map(|line| line.split_once('<').unwrap().1.split_once('>').unwrap().0.parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    assert!(fs::metadata(&path).unwrap().file_type().is_fifo(), "the pipe was renamed");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let said = said.lock().unwrap();
    assert!(said.len() == 1 && said[0].contains("cannot rotate it"), "{said:?}");
}

#[test]
fn a_file_that_becomes_a_pipe_is_reported_and_lines_go_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let (self_log, said) = said();
    let layer = LogFile::daily(&path).self_log(self_log).layer().unwrap();
    let handler = layer.handler().clone();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    tracing::info!("<file>");
    flushed(&handler);
    fs::rename(&path, folder.path().join("moved")).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut reader =
        Command::new("head").args(["-n", "1"]).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    tracing::info!("<pipe>");
    flushed(&handler);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reader.stdout.take().unwrap(), &mut text).unwrap();
    assert!(reader.wait().unwrap().success() && text.contains("<pipe>"), "{text}");
    let said = said.lock().unwrap();
    assert!(said.len() == 1 && said[0].contains("the log is now a pipe or a device"), "{said:?}");
}

#[test]
fn devices_are_written_without_rotation() {
    let (self_log, said) = said();
    let handler = log(LogFile::daily("/dev/null").max_size(100).self_log(self_log), 10);
    assert_eq!((handler.counts().written, handler.counts().rotations), (10, 0));
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    drop(handler);
    assert_eq!(said.lock().unwrap().len(), 1);
    let (self_log, said) = self::said();
    let layer = LogFile::new("/dev/full").buffer(500).self_log(self_log).layer().unwrap();
    let handler = layer.handler().clone();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for line in 0..100 {
            tracing::info!("<{line}>");
        }
    });
    assert!(handler.counts().dropped > 0);
    assert!(said.lock().unwrap()[0].contains("No space left"), "{said:?}");
}

const PROGRAM: &str = "paths::plays_a_program";

#[test]
fn plays_a_program() {
    let Some(_role) = given("ROLE") else { return };
    let path = PathBuf::from(given("PATH").unwrap());
    log(LogFile::daily(path).max_size(100), 20);
}

#[test]
fn a_descriptor_is_not_rotated_whatever_it_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("access.log");
    symlink("/dev/stdout", &link).unwrap();
    for path in [Path::new("/dev/stdout"), Path::new("/proc/self/fd/1"), &link] {
        let output = folder.path().join("output");
        fs::write(&output, "from before\n").unwrap();
        let file = File::options().append(true).open(&output).unwrap();
        let ended = program(PROGRAM, "stdout", path).stdout(file).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(fs::read_to_string(&output).unwrap().matches('<').count(), 20, "{path:?}");
        let piped = program(PROGRAM, "stdout", path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&piped.stdout).matches('<').count(), 20, "{path:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "something was renamed");
    }
}
