//! Disks that are full, files that may not be written to, and what is told of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, SelfLog, clock};
use watchfire_file::{Durability, LogFile};

use crate::peers::note;

/// A file system of its own of 64 KiB, unmounted at the end.
struct Small(PathBuf);

impl Small {
    fn mount(folder: &Path) -> Option<Self> {
        let options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(folder).output().ok()?.status.success();
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).output().unwrap();
    }
}

fn heard() -> (SelfLog, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    (SelfLog::to(move |line| sink.lock().unwrap().push(line.to_owned())), lines)
}

#[test]
fn a_full_disk_is_reported_and_the_file_shows_the_gap() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_small) = Small::mount(folder.path()) else {
        note("skipped: a file system cannot be mounted here");
        return;
    };
    let (self_log, heard) = heard();
    let path = folder.path().join("shop.log");
    let ballast = folder.path().join("ballast");
    let layer = LogFile::new(&path).json().buffer(8192).self_log(self_log).layer().unwrap();
    let handler = layer.handler().clone();
    let guard = tracing_subscriber::registry().with(layer).set_default();
    fs::write(&ballast, vec![b'x'; 40_000]).unwrap();
    for line in 0..1000 {
        tracing::info!(line, "filling the disk");
    }
    assert_eq!(handler.flush(clock::instant() + Duration::from_millis(200)), Flushed::TimedOut);
    let counts = handler.counts();
    assert!(counts.dropped > 0 && counts.failures > 0, "{counts:?}");
    // Half a line is there for a moment, until it is cut off.
    let deadline = clock::instant() + Duration::from_secs(10);
    while !fs::read_to_string(&path).unwrap().ends_with('\n') {
        assert!(clock::instant() < deadline, "half a line was left");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    fs::remove_file(&ballast).unwrap();
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    tracing::info!(line = 5000, "after");
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    drop(guard);
    let text = fs::read_to_string(&path).unwrap();
    let records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let missing = handler.counts().dropped;
    let gap = records.iter().position(|record| record["missing"].is_u64()).unwrap();
    assert_eq!(records[gap]["missing"], missing);
    assert_eq!(records[gap]["target"], "watchfire::file");
    let written: Vec<u64> = records[..gap].iter().map(|record| record["line"].as_u64().unwrap()).collect();
    assert_eq!(
        written,
        (0..1000 - missing).collect::<Vec<_>>(),
        "what is there before the gap is whole and in order"
    );
    assert_eq!(records[gap + 1]["line"], 5000);
    assert_eq!(records.len(), gap + 2);
    let heard = heard.lock().unwrap();
    assert!(heard[0].contains("cannot write") && heard[0].contains("shop.log"), "{heard:?}");
    assert!(heard.last().unwrap().contains("can be written to again"), "{heard:?}");
}

#[test]
fn a_read_only_file_system_loses_nothing_that_fits_the_buffer() {
    let folder = tempfile::tempdir().unwrap();
    let Some(small) = Small::mount(folder.path()) else {
        note("skipped: a file system cannot be mounted here");
        return;
    };
    let remount = |mode: &str| {
        let options = format!("remount,{mode}");
        assert!(
            Command::new("mount").args(["-o", &options]).arg(&small.0).output().unwrap().status.success()
        );
    };
    let (self_log, heard) = heard();
    let path = folder.path().join("shop.log");
    // Opened for each write, since a file system with a file open for writing cannot be made read-only.
    let layer = LogFile::daily(&path).self_log(self_log).layer().unwrap();
    let handler = layer.handler().clone();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    tracing::info!("<before>");
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    handler.reopen();
    remount("ro");
    tracing::error!("<during>");
    assert_eq!(handler.flush(clock::instant() + Duration::from_millis(50)), Flushed::TimedOut);
    remount("rw");
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("<before>") && text.contains("<during>"), "{text}");
    assert!(heard.lock().unwrap()[0].contains("cannot"), "{heard:?}");
}

#[test]
fn permissions_are_exact_and_the_link_points_to_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let layer = LogFile::new(&path).mode(0o666).link_current("current.log").layer().unwrap();
    let handler = layer.handler().clone();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o666);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::info!("one"));
    assert_eq!(handler.rotate(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    assert_eq!((mode(), handler.counts().rotations), (0o666, 1));
    assert!(fs::read_to_string(folder.path().join("shop.log.1")).unwrap().contains("one"));
    assert_eq!(fs::read_link(folder.path().join("current.log")).unwrap(), Path::new("shop.log"));
}

#[test]
fn a_hangup_does_not_end_the_program_and_lines_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let layer = LogFile::new(&path).reopen_on_hangup().layer().unwrap();
    let handler = layer.handler().clone();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let pid = std::process::id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    tracing::info!("alive");
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    assert!(fs::read_to_string(&path).unwrap().contains("alive"));
}

#[test]
fn without_a_thread_lines_are_written_by_the_calls_that_emit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let read = || fs::read_to_string(&path).unwrap();
    let layer = LogFile::daily(&path).threadless().flush_every(Duration::from_secs(3600)).layer().unwrap();
    let handler = layer.handler().clone();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    tracing::info!("one");
    assert_eq!(read(), "");
    tracing::error!("two");
    assert!(read().contains("one") && read().contains("two"));
    drop(handler);
    let layer = LogFile::new(&path).threadless().durability(Durability::EachLine).layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info!("three");
        assert!(read().contains("three"));
    });
}
