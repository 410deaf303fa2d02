//! Locks that cannot be had cost no line: only rotation waits for them.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, SelfLog, clock};
use watchfire_file::{FileHandler, LogFile};

use crate::{
    peers::note,
    programs::{self, Obstacle, Steps, given, program_of_nobody, step},
};

fn said() -> (SelfLog, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    (SelfLog::to(move |line| sink.lock().unwrap().push(line.to_owned())), lines)
}

fn flushed(handler: &FileHandler) {
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(20)), Flushed::Yes);
}

/// Counts the lines with `text` in all files of a folder.
fn lines(folder: &Path, text: &str) -> usize {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap().lines().filter(|line| line.contains(text)).count())
        .sum()
}

#[test]
fn a_lock_that_a_stranger_holds_delays_only_rotation() {
    for is_alone in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.log");
        let layer = LogFile::new(&path).max_size(1000).layer().unwrap();
        let handler = layer.handler().clone();
        let _guard = tracing_subscriber::registry().with(layer).set_default();
        let lock = File::open(folder.path().join(".shop.log.lock")).unwrap();
        if is_alone {
            lock.try_lock().unwrap()
        } else {
            lock.try_lock_shared().unwrap()
        }
        for line in 0..500 {
            tracing::error!("<{line}>");
            assert!(fs::read_to_string(&path).unwrap().contains(&format!("<{line}>")), "line {line} waited");
        }
        assert_eq!((handler.counts().rotations, handler.counts().dropped), (0, 0));
        lock.unlock().unwrap();
        tracing::error!("<500>");
        flushed(&handler);
        assert!(handler.counts().rotations > 0, "rotation did not go on");
        assert_eq!(lines(folder.path(), "<"), 501);
    }
}

#[test]
fn a_lock_file_that_cannot_be_opened_is_reported_once() {
    let make: [Obstacle; 4] = [
        ("a folder", |lock, _| fs::create_dir(lock).unwrap()),
        ("a link", |lock, outside| symlink(outside.join("victim"), lock).unwrap()),
        ("a dangling link", |lock, outside| symlink(outside.join("made"), lock).unwrap()),
        ("a pipe", |lock, _| {
            assert!(Command::new("mkfifo").arg(lock).status().unwrap().success());
        }),
    ];
    for (what, make) in make {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("victim"), "untouched").unwrap();
        make(&folder.path().join(".shop.log.lock"), outside.path());
        let (self_log, said) = said();
        let path = folder.path().join("shop.log");
        let layer = LogFile::daily(&path).max_size(200).self_log(self_log).layer().unwrap();
        let handler = layer.handler().clone();
        let _guard = tracing_subscriber::registry().with(layer).set_default();
        for line in 0..50 {
            tracing::error!("<{line}>");
        }
        flushed(&handler);
        assert_eq!(fs::read_to_string(&path).unwrap().matches('<').count(), 50, "{what}");
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 1, "{what}: {said:?}");
        assert!(said[0].contains(".shop.log.lock") && said[0].contains("not a plain file"), "{said:?}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "{what} was followed");
        assert_eq!(fs::read_to_string(outside.path().join("victim")).unwrap(), "untouched");
    }
}

#[test]
fn the_lock_file_has_the_mode_and_the_owner_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    drop(LogFile::daily(&path).mode(0o640).layer().unwrap());
    let lock = fs::metadata(folder.path().join(".shop.log.lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o640);
    if !programs::is_root() {
        note("skipped in part: only root may give a log to another user");
        return;
    }
    use std::os::unix::fs::MetadataExt;
    let path = folder.path().join("nobodys.log");
    fs::write(&path, "").unwrap();
    chown(&path, Some(65534), Some(65534)).unwrap();
    drop(LogFile::daily(&path).layer().unwrap());
    let lock = fs::metadata(folder.path().join(".nobodys.log.lock")).unwrap();
    assert_eq!((lock.uid(), lock.gid()), (65534, 65534));
}

#[test]
fn a_lock_file_that_was_removed_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let lock = folder.path().join(".shop.log.lock");
    let layer = LogFile::daily(&path).layer().unwrap();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    fs::remove_file(&lock).unwrap();
    tracing::error!("<one>");
    assert!(lock.exists(), "others that start now would lock another file");
}

const PROGRAM: &str = "locks::plays_a_program";

#[test]
fn plays_a_program() {
    let Some(role) = given("ROLE") else { return };
    let path = PathBuf::from(given("PATH").unwrap());
    let layer = LogFile::daily(&path).max_size(2000).layer().unwrap();
    let handler = layer.handler().clone();
    tracing_subscriber::registry().with(layer).init();
    tracing::error!("<before>");
    step();
    let files: Vec<_> = match role.as_str() {
        // As many as there may be.
        "no descriptors" => std::iter::from_fn(|| File::open("/dev/null").ok()).collect(),
        _ => Vec::new(),
    };
    for line in 0..100 {
        tracing::info!("<{line}>");
    }
    tracing::error!("<after>");
    flushed(&handler);
    assert_eq!(handler.counts().dropped, 0);
    drop(files);
    step();
    tracing::error!("<last>");
    flushed(&handler);
}

#[test]
fn a_folder_that_is_closed_to_the_process_costs_no_line() {
    // A program that gives up its privileges, seen from outside.
    for mode in [0o555, 0o000] {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let set = |mode| fs::set_permissions(&logs, fs::Permissions::from_mode(mode)).unwrap();
        let Some(command) = program_of_nobody(PROGRAM, "closed folder", &logs.join("shop.log")) else {
            return;
        };
        if programs::is_root() {
            chown(&logs, Some(65534), Some(65534)).unwrap();
        }
        let mut program = Steps::start(command);
        program.reached();
        set(mode);
        program.go_on();
        program.reached();
        set(0o755);
        program.go_on();
        let stderr = program.end();
        assert_eq!(lines(&logs, "<"), 103, "{mode:o}");
        assert!(stderr.contains("Permission denied"), "{stderr}");
    }
}

#[test]
fn a_lock_file_of_root_that_may_be_read_is_enough() {
    if !programs::is_root() {
        note("skipped: only root can leave files of root");
        return;
    }
    for (mode, rotates) in [(0o644, true), (0o600, false)] {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let lock = folder.path().join(".shop.log.lock");
        fs::write(&lock, "").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(mode)).unwrap();
        let Some(command) = program_of_nobody(PROGRAM, "lock of root", &folder.path().join("shop.log"))
        else {
            return;
        };
        let mut program = Steps::start(command);
        program.reached();
        program.go_on();
        program.reached();
        program.go_on();
        let stderr = program.end();
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files > 2, rotates, "{mode:o}: {stderr}");
        assert_eq!(stderr.contains("Permission denied"), !rotates, "{stderr}");
        fs::remove_file(&lock).unwrap();
        assert_eq!(lines(folder.path(), "<"), 103);
    }
}

#[test]
fn a_process_without_descriptors_goes_on_writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let program = programs::program(PROGRAM, "no descriptors", &path);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]).arg(program.get_program());
    command.args(program.get_args()).envs(program.get_envs().map(|(key, value)| (key, value.unwrap())));
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut program = Steps::start(command);
    for _ in 0..2 {
        program.reached();
        program.go_on();
    }
    let stderr = program.end();
    assert_eq!(lines(folder.path(), "<"), 103, "{stderr}");
    assert!(stderr.contains("open files"), "{stderr}");
}
