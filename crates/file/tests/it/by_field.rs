//! One file per value of a field.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, SelfLog, clock};
use watchfire_file::{FileHandler, LogFile};

/// Runs `work` with these files, flushes, and returns the handler.
fn run(file: LogFile, work: impl FnOnce()) -> FileHandler {
    let layer = file.layer().unwrap();
    let handler = layer.handler().clone();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(20)), Flushed::Yes);
    handler
}

/// Returns how many lines each file of a folder has.
fn lines(folder: &Path) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.starts_with('.') {
            lines.insert(name, fs::read_to_string(entry.path()).unwrap().lines().count());
        }
    }
    lines
}

#[test]
fn each_value_has_a_file_and_an_event_without_one_goes_to_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenants/{tenant}.log");
    let evil = ["../../evil", "/etc/evil", "", "..", "nul", "a\0b", "Acme", "acme"];
    run(LogFile::daily(&path), || {
        for tenant in evil {
            tracing::info!(tenant, "own");
        }
        let span = tracing::info_span!("request", tenant = "acme").entered();
        tracing::info!("of the span");
        tracing::info!(tenant = 7, "the event's own goes before");
        drop(span);
        tracing::info!("of nobody");
        tracing::info!(tenant = "none", "of somebody called so");
    });
    let names = [
        ("%.log", 1),
        ("%2e%2e.log", 1),
        ("%2e.%2f..%2fevil.log", 1),
        ("%2fetc%2fevil.log", 1),
        ("%41cme.log", 1),
        ("%6eone.log", 1),
        ("%6eul.log", 1),
        ("7.log", 1),
        ("a%00b.log", 1),
        ("acme.log", 2),
        ("none.log", 1),
    ];
    let expected: BTreeMap<String, usize> = names.map(|(name, lines)| (name.to_owned(), lines)).into();
    assert_eq!(lines(&folder.path().join("tenants")), expected);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something is outside");
}

#[test]
fn a_secret_is_in_no_files_name() {
    let folder = tempfile::tempdir().unwrap();
    run(LogFile::new(folder.path().join("{password}.log")), || {
        tracing::info!(password = "hunter2hunter2", "oops");
    });
    let names: Vec<String> = lines(folder.path()).into_keys().collect();
    assert_eq!(names, ["%5bredacted%5d.log"]);
}

/// Returns how many of the files below a folder this process has open, without the lock files.
#[cfg(target_os = "linux")]
fn open_files(folder: &Path) -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap();
    let paths = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
    paths.filter(|path| path.starts_with(folder) && !path.to_str().unwrap().ends_with(".lock")).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_bounded_number_of_files_is_open_and_idle_ones_are_closed() {
    for threadless in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let file = LogFile::new(folder.path().join("{tenant}.log")).open_files(4);
        let file = file.close_idle_after(Duration::from_millis(200));
        let layer = if threadless { file.threadless() } else { file }.layer().unwrap();
        let handler = layer.handler().clone();
        let _guard = tracing_subscriber::registry().with(layer).set_default();
        let mut most = 0;
        for line in 0..300 {
            tracing::info!(tenant = line % 30, "<{line}>");
            most = most.max(open_files(folder.path()));
        }
        // A thread that ends closes its file a moment later.
        assert!(most <= 16, "{most} were open");
        assert_eq!(handler.flush(clock::instant() + Duration::from_secs(20)), Flushed::Yes);
        let all = lines(folder.path());
        assert!(all.len() == 30 && all.values().all(|lines| *lines == 10), "{all:?}");
        assert_eq!((handler.counts().written, handler.counts().dropped), (300, 0));
        let deadline = clock::instant() + Duration::from_secs(20);
        while open_files(folder.path()) > usize::from(threadless) {
            assert!(clock::instant() < deadline, "{} are still open", open_files(folder.path()));
            std::thread::park_timeout(Duration::from_millis(20));
            if threadless {
                // Without a thread the next line closes them.
                tracing::info!(tenant = 0, "again");
            }
        }
    }
}

#[test]
fn threads_of_many_values_lose_no_line_while_files_close() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::new(folder.path().join("{tenant}.log")).open_files(3);
    let layer = file.close_idle_after(Duration::from_millis(1)).layer().unwrap();
    let handler = layer.handler().clone();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let dispatch = &dispatch;
            scope.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    for line in 0..300 {
                        tracing::info!(tenant = (line + thread) % 8, "<{line}>");
                    }
                });
            });
        }
    });
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(20)), Flushed::Yes);
    assert_eq!(lines(folder.path()).values().sum::<usize>(), 1200);
    assert_eq!((handler.counts().written, handler.counts().dropped), (1200, 0));
}

#[test]
fn a_file_that_cannot_be_opened_has_its_lines_in_none() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("acme.log")).unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&said);
    let self_log = SelfLog::to(move |line| sink.lock().unwrap().push(line.to_owned()));
    let handler = run(LogFile::new(folder.path().join("{tenant}.log")).self_log(self_log), || {
        for _ in 0..10 {
            tracing::info!(tenant = "acme", "one");
        }
    });
    assert_eq!(fs::read_to_string(handler.path()).unwrap().lines().count(), 10);
    assert_eq!(handler.counts().dropped, 0);
    let said = said.lock().unwrap();
    assert!(said.len() == 1 && said[0].contains("acme.log") && said[0].contains("folder"), "{said:?}");
}

#[test]
fn a_path_with_a_field_rotates_each_file_and_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("{tenant}.log");
    let file = LogFile::new(&path).rotated_name("{stem}.{number}{extension}").rotate_at_start();
    let handler = run(file, || {
        tracing::info!(tenant = "a", "one");
        tracing::info!(tenant = "b", "one");
    });
    assert_eq!(handler.rotate(clock::instant() + Duration::from_secs(20)), Flushed::Yes);
    let names: Vec<String> = lines(folder.path()).into_keys().collect();
    assert_eq!(names, ["a.1.log", "a.log", "b.1.log", "b.log"]);
    for (file, field) in [
        (LogFile::new(&path).open_files(0), "file.open_files"),
        (LogFile::new(&path).link_current("now.log"), "file.link"),
        (LogFile::new(&path).rotated_name("a.{number}.log"), "file.rotate.name"),
        (LogFile::new(folder.path().join("{tenant.log")), "file.path"),
    ] {
        assert_eq!(file.check().unwrap_err().field(), field);
    }
}
