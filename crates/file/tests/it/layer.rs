//! Tests of the file layer in a registry.

use std::{error::Error, fmt, fs, path::Path, time::Duration};

use tempfile::TempDir;
use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, Limits, SelfLog, clock};
use watchfire_file::{FileHandler, LogFile};

/// Runs `work` with a layer for `file`, flushes, and returns the handler.
fn run(file: LogFile, work: impl FnOnce()) -> FileHandler {
    let layer = file.layer().unwrap();
    let handler = layer.handler().clone();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    handler
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[derive(Debug)]
struct Failed(Option<Box<Failed>>);
impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "card declined" } else { "connection reset\nby peer" })
    }
}
impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|cause| cause as _)
    }
}

#[test]
fn a_text_line_has_all_parts_of_an_event() {
    let folder = folder();
    let path = folder.path().join("shop.log");
    run(LogFile::daily(&path), || {
        let _request = tracing::info_span!("request", id = 7).entered();
        let _charge = tracing::info_span!("charge", attempt = 2, password = "hunter2").entered();
        let error = Failed(Some(Box::new(Failed(None))));
        tracing::error!(target: "shop::pay", order = 4711, card = "a b", error = &error as &dyn Error, "charge failed");
        tracing::debug!("not heard without a filter");
    });
    let text = fs::read_to_string(&path).unwrap();
    let (time, rest) = text.split_once(' ').unwrap();
    assert_eq!(time.len(), "2026-11-20T21:48:12.123456Z".len());
    assert_eq!(
        rest,
        "ERROR    shop::pay: charge failed order=4711 card=\"a b\" error=card declined | request{id=7} > charge{attempt=2 password=[redacted]}\n    \
         caused by: connection reset\n        by peer\n"
    );
}

#[test]
fn a_json_line_is_one_object_with_typed_values() {
    let folder = folder();
    let path = folder.path().join("shop.log");
    run(LogFile::new(&path).json(), || {
        let _request = tracing::info_span!("request", id = 7).entered();
        tracing::warn!(order = 4711, ok = false, level = "sly", "two\nlines");
    });
    let text = fs::read_to_string(&path).unwrap();
    let (_, rest) = text.split_once(',').unwrap();
    assert_eq!(
        rest,
        "\"level\":\"WARN\",\"target\":\"it::layer\",\"message\":\"two\\nlines\",\"order\":4711,\"ok\":false,\
         \"level_\":\"sly\",\"spans\":[{\"name\":\"request\",\"id\":7}]}\n"
    );
}

#[test]
fn size_rotation_numbers_the_files_and_keeps_the_newest() {
    let folder = folder();
    let path = folder.path().join("shop.log");
    let handler = run(LogFile::new(&path).max_size(400).keep(3), || {
        for line in 0..100 {
            tracing::info!(line, "a line of about eighty bytes");
        }
    });
    drop(handler);
    let kept: Vec<String> = ["shop.log.3", "shop.log.2", "shop.log.1", "shop.log"]
        .iter()
        .map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
        .collect();
    assert!(kept.iter().all(|text| text.len() <= 400));
    let lines: Vec<u64> =
        kept.concat().lines().map(|line| line.rsplit_once('=').unwrap().1.parse().unwrap()).collect();
    assert_eq!(lines, (100 - lines.len() as u64..100).collect::<Vec<_>>());
}

#[test]
fn a_file_of_yesterday_is_rotated_at_start_under_its_date() {
    let folder = folder();
    let path = folder.path().join("shop.log");
    fs::write(&path, "of old\n").unwrap();
    let old = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    run(LogFile::daily(&path), || tracing::info!("new"));
    assert_eq!(names(folder.path()), ["shop.log", "shop.log.2023-11-14"]);
    assert_eq!(fs::read_to_string(folder.path().join("shop.log.2023-11-14")).unwrap(), "of old\n");
}

#[test]
fn a_moved_or_removed_file_is_made_anew_with_its_folder() {
    let folder = folder();
    let path = folder.path().join("deep/er/shop.log");
    let layer = LogFile::new(&path).layer().unwrap();
    let handler = layer.handler().clone();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let flush = || assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
    tracing::info!("one");
    flush();
    fs::rename(&path, folder.path().join("deep/er/moved")).unwrap();
    tracing::info!("two");
    flush();
    assert!(fs::read_to_string(&path).unwrap().contains("two"));
    fs::remove_dir_all(folder.path().join("deep")).unwrap();
    tracing::info!("three");
    flush();
    assert!(fs::read_to_string(&path).unwrap().contains("three"));
}

#[test]
fn a_mistake_is_an_error_that_names_the_field() {
    let folder = folder();
    let path = folder.path().join("shop.log");
    let quiet = || SelfLog::to(|_| {});
    let blocked = folder.path().join("file");
    fs::write(&blocked, "").unwrap();
    let cases = [
        (LogFile::new(&path).keep(0), "file.keep"),
        (LogFile::new(&path).max_size(0), "file.max_size"),
        (LogFile::daily(&path).at(24, 0), "file.at"),
        (LogFile::new("/"), "file.path"),
        (LogFile::new(blocked.join("shop.log")), "file.path"),
        (LogFile::daily(&path).zone("Mars/Olympus"), "file.zone"),
    ];
    for (file, field) in cases {
        assert_eq!(file.self_log(quiet()).layer().unwrap_err().field(), field);
    }
    assert_eq!(names(folder.path()), ["file"]);
}

/// Waits until the file has the text; the thread that writes it is woken by nobody else.
fn wait_for(path: &Path, text: &str) {
    let deadline = clock::instant() + Duration::from_secs(20);
    while !fs::read_to_string(path).unwrap().contains(text) {
        assert!(clock::instant() < deadline, "{text} never came");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn lines_arrive_by_themselves_after_an_urgent_one() {
    let folder = folder();
    let path = folder.path().join("shop.log");
    let layer = LogFile::new(&path).flush_every(Duration::from_millis(10)).layer().unwrap();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    for round in 0..20 {
        tracing::info!("<a {round}>");
        wait_for(&path, &format!("<a {round}>"));
        tracing::error!("<b {round}>");
        assert!(fs::read_to_string(&path).unwrap().contains(&format!("<b {round}>")));
        tracing::info!("<c {round}>");
        wait_for(&path, &format!("<c {round}>"));
    }
}

#[test]
fn a_file_has_whole_what_was_logged_up_to_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    for (limit, is_whole) in [(None, true), (Some(100), false)] {
        let path = folder.path().join(format!("{is_whole}.log"));
        let file = LogFile::new(&path).json();
        let layer = limit.map_or(file.clone(), |limit| file.max_text(limit)).layer().unwrap();
        let body = "body ".repeat(20_000) + "end";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::error!(%body, "request refused");
            tracing::error!("request refused: {body}");
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("body end").count(), if is_whole { 2 } else { 0 });
        assert_eq!(text.matches(" bytes more]").count(), if is_whole { 0 } else { 2 });
    }
}

#[test]
fn a_callback_gets_the_path_of_each_rotated_file() {
    for (is_packed, threadless) in [(false, false), (true, false), (true, true)] {
        let folder = folder();
        let path = folder.path().join("shop.log");
        let (told, paths) = std::sync::mpsc::channel();
        let calls = std::sync::atomic::AtomicU32::new(0);
        let mut file =
            LogFile::new(&path).rotated_name("{stem}.{number}{extension}").on_rotation(move |path| {
                told.send((path.to_owned(), fs::read(path).unwrap().len())).unwrap();
                assert_eq!(
                    calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2,
                    0,
                    "a panic ends here"
                );
            });
        file = file.self_log(SelfLog::to(|_| {}));
        file = if is_packed { file.compress(watchfire_file::Compression::Gzip) } else { file };
        file = if threadless { file.threadless() } else { file };
        let layer = file.layer().unwrap();
        let handler = layer.handler().clone();
        let _guard = tracing_subscriber::registry().with(layer).set_default();
        for round in 0..3 {
            tracing::info!("<{round}>");
            assert_eq!(handler.rotate(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
            let (rotated, length) = paths.recv_timeout(Duration::from_secs(20)).unwrap();
            let name = if is_packed { "shop.1.log.gz" } else { "shop.1.log" };
            assert_eq!(rotated, folder.path().join(name));
            assert!(length > 0);
        }
    }
}

#[test]
fn a_callback_that_hangs_delays_neither_lines_nor_retention() {
    let folder = folder();
    let path = folder.path().join("shop.log");
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let file = LogFile::new(&path).max_size(300).keep(2).on_rotation(move |_| {
        held.lock().unwrap().recv().ok();
    });
    let handler = run(file, || {
        for line in 0..50 {
            tracing::error!("<{line}>");
        }
    });
    assert!(handler.counts().rotations > 0);
    let deadline = clock::instant() + Duration::from_secs(20);
    while names(folder.path()).len() > 3 {
        assert!(clock::instant() < deadline, "{:?} were not removed", names(folder.path()));
        std::thread::park_timeout(Duration::from_millis(5));
    }
    drop(let_go);
}

#[test]
fn every_format_has_the_place_of_a_panic() {
    let folder = folder();
    let line = line!() + 8;
    type SetFormat = fn(LogFile) -> LogFile;
    // (file, its name, what it has of the place)
    let cases: [(SetFormat, &str, String); 3] = [
        (|file| file, "text", format!("    at {}:{line}\n", file!())),
        (LogFile::json, "json", format!("\"file\":\"{}\",\"line\":{line}", file!())),
        (LogFile::logfmt, "logfmt", format!(" at={}:{line}\n", file!())),
    ];
    let fail = || panic!("the quail is out of stock");
    for (format, name, place) in cases {
        let path = folder.path().join(name);
        let handler = run(format(LogFile::new(&path)), || assert!(std::panic::catch_unwind(fail).is_err()));
        // The hook waits for handlers for a moment only, which on a loaded machine may be too short.
        let until = clock::instant() + Duration::from_secs(20);
        let mut text = String::new();
        while text.is_empty() && clock::instant() < until {
            let _flushed = handler.flush(until);
            text = fs::read_to_string(&path).unwrap();
            std::thread::yield_now();
        }
        assert!(text.contains("the quail is out of stock") && text.contains(&place), "{name}: {text}");
    }
}

#[test]
fn spans_beyond_the_limit_are_counted() {
    let folder = folder();
    type SetFormat = fn(LogFile) -> LogFile;
    // (file, its name, what it says of the three spans too many)
    let cases: [(SetFormat, &str, &str); 3] = [
        (|file| file, "text", "… [3 spans more]"),
        (LogFile::json, "json", "\"… [3 spans more]\""),
        (LogFile::logfmt, "logfmt", "… [3 spans more]"),
    ];
    for (format, name, said) in cases {
        let path = folder.path().join(name);
        run(format(LogFile::new(&path)), || {
            let spans: Vec<_> = (0..35).map(|depth| tracing::info_span!("deep", depth).entered()).collect();
            tracing::error!("no stock");
            // The innermost first: that is how they were entered.
            spans.into_iter().rev().for_each(drop);
        });
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(said) && text.contains("34"), "{name}: {text}");
    }
}

#[test]
fn fields_beyond_the_limit_are_counted() {
    let folder = folder();
    let mut limits = Limits::default();
    limits.fields = 2;
    type SetFormat = fn(LogFile) -> LogFile;
    // (file, its name, what it says of the two fields too many of the span, and of the three of the event)
    let cases: [(SetFormat, &str, &str, &str); 4] = [
        (|file| file, "text", "fields_left_out=2", "fields_left_out=3"),
        (LogFile::json, "json", "\"fields_left_out\":2", "\"fields_left_out\":3"),
        (LogFile::logfmt, "logfmt", "fields_left_out=2", "fields_left_out=3"),
        (
            |file| file.template("{message} {fields} {spans}"),
            "template",
            "fields_left_out=2",
            "fields_left_out=3",
        ),
    ];
    for (format, name, of_span, of_event) in cases {
        let path = folder.path().join(name);
        let layer = format(LogFile::new(&path)).layer().unwrap().limits(limits);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("order", a = 1, b = 2, c = 3, d = 4).entered();
            tracing::error!(a = "x", b = true, c = 1_i64, d = 0.5, e = ?"debug", "no stock");
        });
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(of_span) && text.contains(of_event), "{name}: {text}");
        assert!(text.contains("no stock") && !text.contains("debug"), "{name}: {text}");
    }
}
