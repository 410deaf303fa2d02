//! Programs that end without running any code, and who reports it.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use watchfire_core::clock;

use crate::ends::{lines, program};

const UNCLEAN: &str = "crashes ended without an orderly exit: last seen alive at ";

fn start(way: &str, file: &Path, spool: &Path, report: &str) -> Child {
    let mut command = Command::new(program("crashes"));
    command.arg(way).arg(file).arg(spool).arg(report);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts a program that lives until its input ends, and waits until it is there.
fn start_ready(way: &str, file: &Path, spool: &Path) -> Child {
    let mut child = start(way, file, spool, "warn");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{way}");
    child
}

/// Runs a program to its end, which a signal or the end of its input is for some.
fn run(way: &str, file: &Path, spool: &Path, report: &str) -> ExitStatus {
    let signal = match way {
        "kill" => "-KILL",
        "signal" | "flushed-signal" => "-TERM",
        _ => return start(way, file, spool, report).wait_with_output().unwrap().status,
    };
    let mut child = start_ready(way, file, spool);
    assert!(Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
    child.wait().unwrap()
}

fn unclean(file: &Path) -> Vec<String> {
    lines(file).into_iter().filter(|line| line.contains("orderly")).collect()
}

fn marks(spool: &Path) -> usize {
    std::fs::read_dir(spool.join("state/running")).unwrap().count()
}

#[test]
fn an_end_that_runs_no_code_is_reported_once_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    // (way, the signal that ends it)
    let ways = [("segv", 11), ("abort", 6), ("overflow", 6), ("kill", 9), ("signal", 15)];
    for (way, signal) in ways {
        let (down, spool) = (folder.path().join("down"), folder.path().join(way));
        assert_eq!(run(way, &down, &spool, "warn").signal(), Some(signal), "{way}");
        assert_eq!(marks(&spool), 1, "{way}");
        let file = folder.path().join(format!("{way}.lines"));
        for _ in 0..2 {
            assert!(run("drain", &file, &spool, "warn").success(), "{way}");
        }
        let found = unclean(&file);
        assert_eq!(found.len(), 1, "{way}: {found:?}");
        assert!(found[0].starts_with(&format!("WARN {UNCLEAN}")), "{way}: {found:?}");
        assert!(found[0].ends_with(", 1 alert waiting"), "{way}: {found:?}");
        assert!(lines(&file).contains(&"ERROR out of stock".to_owned()), "{way}: {:?}", lines(&file));
        assert_eq!(lines(&file).len(), 2, "{way}");
        assert_eq!(marks(&spool), 0, "{way}");
    }
}

#[test]
fn an_orderly_end_is_no_news() {
    let folder = tempfile::tempdir().unwrap();
    for way in ["return", "exit", "flushed-signal"] {
        for name in ["down", "up"] {
            let spool = folder.path().join(format!("{way}-{name}"));
            run(way, &folder.path().join(name), &spool, "warn");
            assert_eq!(marks(&spool), 0, "{way} {name}");
            let file = folder.path().join(format!("{way}-{name}.lines"));
            assert!(run("drain", &file, &spool, "warn").success(), "{way}");
            assert_eq!(unclean(&file), [""; 0], "{way} {name}");
        }
    }
}

#[test]
fn the_severity_of_the_report_is_chosen_by_who_reports() {
    let folder = tempfile::tempdir().unwrap();
    // (of the program that crashes, of the next start, the report)
    let cases = [("warn", "critical", Some("CRITICAL ")), ("warn", "off", None), ("off", "critical", None)];
    for (crashing, next, expected) in cases {
        let (file, spool) = (folder.path().join(format!("{crashing}-{next}")), folder.path().join("spool"));
        assert!(!run("abort", &folder.path().join("down"), &spool, crashing).success());
        assert!(run("drain", &file, &spool, next).success());
        let found = unclean(&file);
        assert_eq!(found.len(), usize::from(expected.is_some()), "{crashing} {next}: {found:?}");
        assert!(found.iter().all(|line| line.starts_with(expected.unwrap())), "{crashing} {next}: {found:?}");
        std::fs::remove_dir_all(&spool).unwrap();
    }
}

#[test]
fn of_several_processes_on_one_folder_one_reports_another() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let files = ["one", "two", "three"].map(|name| folder.path().join(name));
    let mut siblings = files.each_ref().map(|file| start_ready("wait", file, &spool));
    assert_eq!(marks(&spool), 3);
    let mut killed = start_ready("wait", &folder.path().join("down"), &spool);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let reports = || files.iter().flat_map(|file| unclean(file)).collect::<Vec<_>>();
    let patience = clock::instant() + std::time::Duration::from_secs(30);
    while reports().is_empty() && clock::instant() < patience {
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    for sibling in &mut siblings {
        drop(sibling.stdin.take());
        assert!(sibling.wait().unwrap().success());
    }
    let found = reports();
    assert_eq!(found.len(), 1, "none that lives, and the dead one once: {found:?}");
    assert_eq!(marks(&spool), 0);
}

#[test]
fn a_living_child_does_not_hide_the_death_of_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let (file, spool) = (folder.path().join("lines"), folder.path().join("spool"));
    let mut parent = start_ready("forked", &folder.path().join("down"), &spool);
    let input = parent.stdin.take();
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(run("drain", &file, &spool, "warn").success());
    // The child waits for the end of this until now.
    drop(input);
    assert_eq!(unclean(&file).len(), 1, "{:?}", lines(&file));
}

#[test]
fn what_is_critical_is_on_the_disk_before_the_next_line_runs() {
    let folder = tempfile::tempdir().unwrap();
    for time in 0..5 {
        let spool = folder.path().join(time.to_string());
        let status = run("patient-last-words-critical-0", &folder.path().join("down"), &spool, "warn");
        assert_eq!(status.signal(), Some(6));
        let file = folder.path().join(format!("{time}.lines"));
        assert!(run("drain", &file, &spool, "warn").success());
        let found = lines(&file);
        assert!(found.contains(&"CRITICAL the last words".to_owned()), "time {time}: {found:?}");
    }
}
