//! A folder with very many files at the start: the fresh alert leaves at once, the backlog follows, the severe first.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use watchfire_core::{Alert, App, SelfLog, Severity, clock};
use watchfire_outbox::{Outbox, OutboxBuilder, Outcome, Reason, SinkExt};

use crate::{contained::wait_until, sinks::Told};

const LONG: Duration = Duration::from_secs(60);
/// How long a fresh alert may take beside any backlog.
const SOON: Duration = Duration::from_secs(5);

/// Returns how many files the folder has: 100,000 when `TEST_FILES` says so, as many as are quickly made otherwise.
#[expect(clippy::disallowed_methods, reason = "a setting of this test")]
fn files() -> usize {
    std::env::var("TEST_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000)
}

fn outbox(folder: &Path) -> (OutboxBuilder, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let builder = Outbox::builder("shop")
        .spool(folder)
        .self_log(SelfLog::to(move |line| log.lock().unwrap().push(line.to_owned())));
    (builder, lines)
}

/// Leaves one message of each severity in the folder, as a program does that ends while its provider is down; returns
/// the names and contents of the files.
fn left(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let down = Told::new().answers([Outcome::Held(Reason::new("no such key"))]);
    let outbox = outbox(folder).0.start().unwrap();
    let layer = down.clone().layer(&outbox).unwrap();
    for (severity, text) in [(Severity::Error, "card declined"), (Severity::Critical, "on fire")] {
        outbox.alert(Alert::new(App::new("shop"), severity, text));
    }
    wait_until("both have a file", || outbox.stats().channels.iter().all(|channel| channel.spooled == 2));
    drop((layer, outbox));
    down.wait_for_the_end();
    let files = std::fs::read_dir(folder.join("new")).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = files
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// Fills the folder with copies, each with an id of its own.
fn fill(folder: &Path, content: impl Fn(usize) -> (String, Vec<u8>)) {
    for i in 0..files() {
        let (name, bytes) = content(i);
        let mut parts: Vec<&str> = name.splitn(3, '.').collect();
        let id = format!("{i:032x}");
        *parts.get_mut(1).unwrap() = &id;
        std::fs::write(folder.join("new").join(parts.join(".")), bytes).unwrap();
    }
}

/// Reports an alert beside what is in the folder, and returns how long it took to arrive: not long.
fn report_fresh(outbox: &Outbox, told: &Told) -> Duration {
    let began = clock::instant();
    outbox.alert(Alert::new(App::new("shop"), Severity::Error, "fresh"));
    wait_until("the fresh alert is delivered", || told.titles().iter().any(|title| title.contains("fresh")));
    let took = began.elapsed();
    assert!(took < SOON, "{took:?}");
    took
}

#[test]
fn a_fresh_alert_does_not_wait_for_a_large_backlog() {
    let folder = tempfile::tempdir().unwrap();
    let left = left(folder.path());
    // One of ten is critical.
    fill(folder.path(), |i| left[usize::from(i % 10 == 0)].clone());
    let critical = files() / 10;

    // A provider that takes a message each 2 ms.
    let told = Told::new().policy(|policy| policy.min_gap = Duration::from_millis(2));
    let (builder, lines) = outbox(folder.path());
    let outbox = builder.start().unwrap();
    let _layer = told.clone().layer(&outbox).unwrap();
    let took = report_fresh(&outbox, &told);
    wait_until("the backlog follows", || told.titles().len() > critical.min(500) + 100);
    let titles = told.titles();
    let of_backlog: Vec<&String> = titles.iter().filter(|title| !title.contains("fresh")).collect();
    let severe = of_backlog.iter().take_while(|title| title.contains("on fire")).count();
    assert!(severe >= critical.min(500) - 1, "{severe} critical messages of {critical} came first");
    let stats = outbox.stats();
    assert_eq!(stats.channels[0].dropped_spool, 0, "{stats:?}");
    assert!(stats.channels[0].pending < 1_000, "few are in memory: {stats:?}");
    assert_eq!(*lines.lock().unwrap(), [""; 0]);
    println!("the fresh alert took {took:?} beside {} files", files());
}

#[test]
fn very_many_damaged_files_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let left = left(folder.path());
    fill(folder.path(), |i| match i % 3 {
        0 => (left[0].0.clone(), b"watchfire-spool 1 10 10 00000000\n".to_vec()),
        1 => (left[0].0.clone(), Vec::new()),
        _ => (left[0].0.clone(), left[0].1[..left[0].1.len() / 2].to_vec()),
    });
    let told = Told::new();
    let (builder, lines) = outbox(folder.path());
    let outbox = builder.start().unwrap();
    let _layer = told.clone().layer(&outbox).unwrap();
    report_fresh(&outbox, &told);
    assert!(outbox.flush(LONG).is_complete, "{:?}", outbox.stats());
    assert_eq!(told.titles().len(), 3, "what is sound beside them is delivered");
    let lines = lines.lock().unwrap();
    let wanted = format!("{} damaged files set aside in the spool; the first: ", files());
    assert!(lines.len() == 1 && lines[0].starts_with(&wanted), "{lines:?}");
}
