//! How long a program takes to end, in processes of their own.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use watchfire_core::clock;

use crate::ends::program;

/// What a program may take beyond its deadlines. `exits` has 1.5 s for a drop and 1 s for an exit.
const SLACK: Duration = Duration::from_millis(500);

struct Ended {
    status: ExitStatus,
    took: Duration,
    said: String,
    errors: String,
}

/// Runs it, ends it by `signal` if there is one, and takes the time from then on.
fn run(way: &str, provider: &str, spool: Option<&Path>, signal: Option<&str>) -> Ended {
    let mut child = Command::new(program("exits"))
        .args([way, provider])
        .args(spool)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{way} {provider}");
    let began: Instant = clock::instant();
    if let Some(signal) = signal {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }
    let mut said = String::new();
    out.read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    let took = began.elapsed();
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    Ended { status, took, said, errors }
}

#[test]
fn every_end_keeps_its_deadline_whatever_the_providers_do() {
    let folder = tempfile::tempdir().unwrap();
    // (way, signal, its deadline in ms)
    let ways = [("return", None, 1_500), ("exit", None, 1_000), ("signal", Some("TERM"), 1_000)];
    for (way, signal, deadline) in ways {
        for provider in ["healthy", "down", "held", "hanging", "blocking"] {
            for in_spool in [true, false] {
                let spool = folder.path().join(format!("{way}-{provider}"));
                let ended = run(way, provider, in_spool.then_some(spool.as_path()), signal);
                let what = format!("{way}, {provider}, spool: {in_spool}: {:?}", ended.took);
                println!("{what}");
                assert!(ended.took < Duration::from_millis(deadline) + SLACK, "{what}");
                // Nothing can come of it: it is not waited for.
                let in_vain = provider == "held" || (provider == "down" && in_spool);
                if provider == "healthy" || in_vain {
                    assert!(ended.took < Duration::from_millis(deadline), "{what}");
                }
                assert_eq!(
                    ended.errors.contains("3 messages not delivered when"),
                    provider != "healthy",
                    "{what}"
                );
                if in_spool {
                    // Given back, or left to whoever finds that their process is gone.
                    let count = |folder| std::fs::read_dir(spool.join(folder)).unwrap().count();
                    assert_eq!(
                        count("new") + crate::ends::of_hosts(&spool, "cur").len(),
                        if provider == "healthy" { 0 } else { 3 },
                        "{what}"
                    );
                }
            }
        }
    }
}

/// Two outboxes are dropped, or end, before the one that this asks: their providers hang.
#[test]
fn several_outboxes_share_one_deadline() {
    // (way, signal, its deadline in ms, the provider of the last outbox)
    let cases = [
        ("return-others", None, 1_500, "hanging"),
        ("return-others", None, 1_500, "healthy"),
        ("exit-others", None, 1_000, "hanging"),
        ("exit-others", None, 1_000, "healthy"),
        ("signal-others", Some("TERM"), 1_000, "hanging"),
        ("signal-others", Some("TERM"), 1_000, "healthy"),
    ];
    for (way, signal, deadline, provider) in cases {
        let ended = run(way, provider, None, signal);
        let what = format!("{way}, {provider}: {:?}", ended.took);
        println!("{what}");
        assert!(ended.took < Duration::from_millis(deadline) + SLACK, "{what}");
        // The others have one message each, which is lost.
        assert_eq!(
            ended.errors.matches("1 message not delivered when").count(),
            2,
            "{what}: {}",
            ended.errors
        );
        assert_eq!(ended.errors.contains("3 messages not delivered when"), provider != "healthy", "{what}");
    }
}

#[test]
fn no_deadline_and_one_for_ever_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    for provider in ["down", "held", "hanging", "blocking"] {
        let ended = run("at-once", provider, Some(&folder.path().join(provider)), None);
        assert!(ended.took < SLACK, "{provider}: {:?}", ended.took);
        assert!(ended.status.success(), "{provider}: {}", ended.errors);
    }
    for provider in ["healthy", "down", "held"] {
        let spool = folder.path().join(format!("forever-{provider}"));
        let ended = run("forever", provider, Some(&spool), None);
        assert!(ended.status.success(), "{provider}: {}", ended.errors);
        assert!(!ended.errors.contains("panicked"), "{provider}: {}", ended.errors);
    }
}

#[test]
fn a_signal_that_the_program_handles_itself_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    for way in ["own-before", "own-after"] {
        let ended = run(way, "healthy", Some(&folder.path().join(way)), Some("TERM"));
        assert_eq!(ended.said, "ended by itself\n", "{way}");
        assert!(ended.status.success(), "{way}: {:?}", ended.status);
    }
    let ended = run("signal", "healthy", Some(&folder.path().join("signal")), Some("TERM"));
    assert_eq!(ended.status.signal(), Some(15), "as without us");
}
