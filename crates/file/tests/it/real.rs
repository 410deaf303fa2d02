//! File systems that are real: one that hangs, and those that need root, in a user namespace of their own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, SelfLog, clock};
use watchfire_file::{Compression, FileHandler, LogFile};

use crate::{
    peers::note,
    programs::{given, program},
};

/// A FUSE file system that answers nothing while it is told to hang; unmounted at the end.
struct Hanging {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Hanging {
    fn mount(folder: &Path) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/hanging_fuse.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            note("skipped: there is no python3");
            return None;
        };
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut hanging = Self { child, stdin, stdout };
        if hanging.reads() == "ready\n" {
            return Some(hanging);
        }
        note("skipped: /dev/fuse is missing, or a FUSE file system may not be mounted here");
        None
    }

    fn reads(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn tell(&mut self, what: &str) {
        self.stdin.as_mut().unwrap().write_all(what.as_bytes()).unwrap();
        assert_eq!(self.reads(), "done\n");
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.child.wait().unwrap();
    }
}

fn took(work: impl FnOnce()) -> Duration {
    let began = clock::instant();
    work();
    clock::instant() - began
}

fn soon() -> Instant {
    clock::instant() + Duration::from_secs(30)
}

#[test]
fn a_file_system_that_hangs_holds_no_caller_and_loses_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut hanging) = Hanging::mount(folder.path()) else { return };
    let path = folder.path().join("shop.log");
    let patience = Duration::from_millis(300);
    let layer = LogFile::daily(&path).block_at_most(patience).self_log(SelfLog::to(|_| {})).layer().unwrap();
    let handler = layer.handler().clone();
    let guard = tracing_subscriber::registry().with(layer).set_default();
    tracing::error!("<0>");
    assert!(fs::read_to_string(&path).unwrap().contains("<0>"));
    hanging.tell("hang\n");
    let first = took(|| tracing::error!("<1>"));
    assert!(first < patience * 10, "an error waited for {first:?}");
    let others = took(|| {
        for line in 2..500 {
            tracing::info!("<{line}>");
            if line % 50 == 0 {
                tracing::error!("<error {line}>");
            }
        }
    });
    assert!(others < patience * 10, "lines after it waited for {others:?}");
    let late = took(|| assert_eq!(handler.flush(clock::instant() + patience), Flushed::TimedOut));
    assert!(late < patience * 10, "a flush took {late:?}");
    hanging.tell("go\n");
    assert_eq!(handler.flush(soon()), Flushed::Yes);
    let text = fs::read_to_string(&path).unwrap();
    let counts = handler.counts();
    assert_eq!((text.matches('<').count(), counts.dropped), (509, 0), "{counts:?}");
    drop((guard, handler));
    drop(hanging);
}

#[test]
fn opening_a_file_on_a_file_system_that_hangs_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut hanging) = Hanging::mount(folder.path()) else { return };
    hanging.tell("hang\n");
    let path = folder.path().join("shop.log");
    let mut said = String::new();
    let waited = took(|| said = LogFile::daily(&path).layer().unwrap_err().to_string());
    assert!(said.contains("has not answered for 5 s"), "{said}");
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    hanging.tell("go\n");
}

const PROGRAM: &str = "real::plays_a_program";

/// Runs this binary in a role as root of a user namespace, with mounts of its own.
fn in_namespace(role: &str) {
    let tried = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        note("skipped: unshare is missing, or user namespaces are not allowed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = program(PROGRAM, role, folder.path());
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]).arg(program.get_program());
    command.args(program.get_args()).envs(program.get_envs().map(|(key, value)| (key, value.unwrap())));
    let ended = command.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{role}: {said}");
    for line in said.lines().filter(|line| line.starts_with("skipped")) {
        note(line);
    }
}

#[test]
fn plays_a_program() {
    let Some(role) = given("ROLE") else { return };
    let folder = PathBuf::from(given("PATH").unwrap());
    match role.as_str() {
        "overlay" => on_an_overlay(&folder),
        "full" => on_a_full_disk(&folder),
        "read-only" => on_a_disk_turned_read_only(&folder),
        role => panic!("unknown role {role}"),
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).output().unwrap().status.success()
}

fn open(file: LogFile) -> (FileHandler, tracing::subscriber::DefaultGuard) {
    let layer = file.self_log(SelfLog::to(|_| {})).layer().unwrap();
    let handler = layer.handler().clone();
    (handler, tracing_subscriber::registry().with(layer).set_default())
}

/// Counts the lines in all files of a folder.
fn lines(folder: &Path) -> usize {
    let mut sum = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let mut text = String::new();
        if path.extension().is_some_and(|extension| extension == "gz") {
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*bytes), &mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        sum += text.lines().filter(|line| line.contains('<') && line.ends_with('>')).count();
    }
    sum
}

/// A log of the lower layer is copied up when it is opened, and is another file then.
fn on_an_overlay(folder: &Path) {
    assert!(mount(&["-t", "tmpfs", "tmpfs"], folder));
    let at = |name: &str| folder.join(name);
    for name in ["lower", "upper", "work", "merged"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::write(at("lower/shop.log"), "2026-11-20T00:00:00Z <of the image>\n").unwrap();
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    let options =
        format!("lowerdir={},upperdir={},workdir={},userxattr", text("lower"), text("upper"), text("work"));
    if !mount(&["-t", "overlay", "overlay", "-o", &options], &at("merged")) {
        note("skipped: an overlay cannot be mounted here");
        return;
    }
    let file = LogFile::new(at("merged/shop.log")).max_size(5000).compress(Compression::Gzip).threadless();
    let (handler, guard) = open(file);
    for line in 0..500 {
        tracing::info!("<{line}>");
    }
    assert_eq!(handler.flush(soon()), Flushed::Yes);
    assert!(handler.counts().rotations > 3, "{:?}", handler.counts());
    drop(guard);
    assert_eq!(lines(&at("merged")), 501);
}

fn on_a_full_disk(folder: &Path) {
    assert!(mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], folder));
    let ballast = folder.join("ballast");
    let (handler, _guard) = open(LogFile::new(folder.join("shop.log")).buffer(8192));
    fs::write(&ballast, vec![b'x'; 40_000]).unwrap();
    for line in 0..2000 {
        tracing::info!("<{line}>");
    }
    assert_eq!(handler.flush(clock::instant() + Duration::from_millis(200)), Flushed::TimedOut);
    // Half a line is there for a moment, until it is cut off.
    let deadline = soon();
    while !fs::read_to_string(folder.join("shop.log")).unwrap().ends_with('\n') {
        assert!(clock::instant() < deadline, "half a line was left");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    fs::remove_file(&ballast).unwrap();
    assert_eq!(handler.flush(soon()), Flushed::Yes);
    tracing::error!("<after>");
    let counts = handler.counts();
    assert!(counts.dropped > 0, "{counts:?}");
    let text = fs::read_to_string(folder.join("shop.log")).unwrap();
    let said: u64 = text.lines().filter_map(|line| line.split_once("missing=")?.1.parse::<u64>().ok()).sum();
    assert_eq!((said, text.matches('<').count() as u64), (counts.dropped, 2001 - counts.dropped));
}

fn on_a_disk_turned_read_only(folder: &Path) {
    assert!(mount(&["-t", "tmpfs", "tmpfs"], folder));
    let (handler, _guard) = open(LogFile::daily(folder.join("shop.log")));
    tracing::error!("<before>");
    handler.reopen();
    assert!(mount(&["-o", "remount,ro"], folder));
    tracing::error!("<during>");
    tracing::info!("<during>");
    assert_eq!(handler.flush(clock::instant() + Duration::from_millis(50)), Flushed::TimedOut);
    assert!(mount(&["-o", "remount,rw"], folder));
    assert_eq!(handler.flush(soon()), Flushed::Yes);
    assert_eq!(lines(folder), 3);
}

#[test]
fn on_an_overlay_a_log_of_the_lower_layer_goes_on_and_rotates() {
    in_namespace("overlay");
}

#[test]
fn in_a_namespace_a_full_disk_is_counted_and_reported() {
    in_namespace("full");
}

#[test]
fn in_a_namespace_a_disk_turned_read_only_loses_nothing() {
    in_namespace("read-only");
}
