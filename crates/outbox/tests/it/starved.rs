//! Programs without descriptors or threads, and one whose worker died: what they are told is true.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::ends::program;

/// A program that does what its input says.
struct Starved {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Starved {
    /// Starts it by a shell, behind `limit`.
    fn start(limit: &str, program: &Path, spool: &Path) -> Self {
        let mut process = Command::new("sh")
            .args(["-c", &format!("{limit} \"$0\" \"$1\"")])
            .args([program, spool])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (orders, answers) = (process.stdin.take(), process.stdout.take().unwrap());
        Self { process, orders, answers: BufReader::new(answers) }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        self.line()
    }

    /// Sets how many descriptors it may have from now on.
    fn descriptors(&self, most: usize) {
        let pid = self.process.id().to_string();
        let limit = format!("--nofile={most}:");
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    }

    fn ends_well(mut self) {
        self.orders = None;
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        self.process.kill().unwrap_or_default();
    }
}

#[test]
fn a_start_without_threads_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    // No address space is large enough for a thread with such a stack: all starts of threads fail.
    let limit = "RUST_MIN_STACK=1000000000000000 exec";
    let mut starved = Starved::start(limit, &program("starved"), &folder.path().join("spool"));
    let said = starved.line();
    assert!(said.starts_with("not started: outbox: cannot start its thread: "), "{said}");
    starved.ends_well();
}

#[test]
#[cfg(target_os = "linux")]
fn a_start_beyond_the_limit_of_processes_is_an_error() {
    use std::os::unix::fs::PermissionsExt;

    // Somebody without any process, as the limit does not hold for root. Everybody may run a copy of the program.
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let copy = folder.path().join("starved");
    std::fs::copy(program("starved"), &copy).unwrap();
    let root = "setpriv --reuid=61234 --regid=61234 --clear-groups";
    let limit = format!("exec {} prlimit --nproc=1", if is_root { root } else { "" });
    let mut starved = Starved::start(&limit, &copy, &folder.path().join("spool"));
    let said = starved.line();
    assert!(said.starts_with("not started: outbox: cannot start its thread: "), "{said}");
    starved.ends_well();
}

#[test]
fn with_eight_descriptors_it_starts_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut starved = Starved::start("ulimit -n 8; exec", &program("starved"), &folder.path().join("spool"));
    let said = starved.line();
    if said == "started" {
        assert_eq!(starved.order("alert"), "alerted");
        let report = starved.order("flush");
        assert!(report.starts_with("complete=true pending=0 delivered=1"), "{report}");
    } else {
        assert!(said.starts_with("not started: outbox: cannot start its thread: "), "{said}");
    }
    starved.ends_well();
}

#[test]
#[cfg(target_os = "linux")]
fn without_descriptors_an_alert_waits_and_is_delivered_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut starved = Starved::start("exec", &program("starved"), &folder.path().join("spool"));
    assert_eq!(starved.line(), "started");
    starved.descriptors(3);
    assert_eq!(starved.order("alert"), "alerted");
    let report = starved.order("flush briefly");
    assert!(report.starts_with("complete=false pending=1 delivered=0 dropped=0"), "{report}");
    assert!(!report.contains("health=ok"), "{report}");
    starved.descriptors(1024);
    let report = starved.order("flush");
    assert!(report.starts_with("complete=true pending=0 delivered=1 dropped=0"), "{report}");
    starved.ends_well();
}

#[test]
fn after_the_death_of_the_worker_pushes_are_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut starved = Starved::start("exec", &program("starved"), &folder.path().join("spool"));
    assert_eq!(starved.line(), "started");
    assert_eq!(starved.order("alert"), "alerted");
    let report = starved.order("flush");
    assert!(report.starts_with("complete=true pending=0 delivered=1 dropped=0 health=ok"), "{report}");
    assert_eq!(starved.order("die"), "killed");
    // It dies within this flush, or before it.
    let report = starved.order("flush");
    assert!(report.starts_with("complete=false"), "{report}");
    assert_eq!(starved.order("alert"), "alerted");
    let report = starved.order("flush");
    assert!(report.starts_with("complete=false pending=0 delivered=1 dropped=1 health=failing"), "{report}");
    starved.ends_well();
}
