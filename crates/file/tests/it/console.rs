//! Tests of the console.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing_core::LevelFilter;
use tracing_subscriber::prelude::*;
use watchfire_file::{Console, LogFile, MemoryHandler, Template};

#[derive(Clone, Default)]
struct ShownLines(Arc<Mutex<Vec<u8>>>);

impl Write for ShownLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ShownLines {
    fn text(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

fn plain(shown: &ShownLines) -> Console {
    // On a busy machine the thread of the stream may be late.
    let patient = Console::stream(shown.clone()).block_at_most(std::time::Duration::from_secs(20));
    patient.format(Template::new("{level} {message} {n}").unwrap())
}

#[test]
fn a_stream_gets_info_and_up_unless_told_otherwise() {
    let shown = ShownLines::default();
    let layer = plain(&shown).layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info!(n = 1, "a");
        tracing::debug!(n = 2, "b");
    });
    assert_eq!(shown.text(), "INFO a 1\n");
    let layer = plain(&shown).level(LevelFilter::TRACE).layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::trace!("c"));
    assert_eq!(shown.text(), "TRACE c -\n");
}

#[test]
fn pretty_shows_what_a_mail_would_and_colour_only_when_asked() {
    let shown = ShownLines::default();
    let emit = || {
        let _request = tracing::info_span!("request", id = 7).entered();
        tracing::warn!(target: "shop", order = 1, "slow");
    };
    let layer = Console::stream(shown.clone())
        .block_at_most(std::time::Duration::from_secs(20))
        .pretty()
        .layer()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), emit);
    let text = shown.text();
    let (_, rest) = text.split_once(' ').unwrap();
    let lines: Vec<&str> = rest.lines().collect();
    assert_eq!((lines[0], lines[2], lines[3]), ("WARN     slow", "    order = 1", "    request: id = 7"));
    assert!(lines[1].starts_with("    in shop at ") && lines[1].contains("console.rs:"), "{text}");
    assert!(!text.contains('\u{1b}'));
    let layer = Console::stream(shown.clone())
        .block_at_most(std::time::Duration::from_secs(20))
        .text()
        .colored()
        .layer()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), emit);
    assert!(shown.text().contains("\u{1b}[33mWARN\u{1b}[0m"));
}

#[test]
fn a_memory_hands_the_last_lines_on_when_an_error_comes() {
    let shown = ShownLines::default();
    let memory = MemoryHandler::new(plain(&shown).handler().unwrap()).capacity(2);
    let subscriber = tracing_subscriber::registry().with(memory.layer());
    tracing::subscriber::with_default(subscriber, || {
        for n in 0..5 {
            tracing::debug!(n, "step");
        }
        assert_eq!(shown.text(), "");
        tracing::error!("failed");
        assert_eq!(shown.text(), "DEBUG step 3\nDEBUG step 4\nERROR failed -\n");
        tracing::info!("left");
    });
    assert_eq!(shown.text(), "INFO left -\n");
}

#[test]
fn a_memory_can_hand_on_when_it_is_full_and_forget_at_the_end() {
    let shown = ShownLines::default();
    let memory = MemoryHandler::new(plain(&shown).handler().unwrap())
        .capacity(2)
        .flush_when_full()
        .without_flush_on_close();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(memory.layer()), || {
        for n in 0..4 {
            tracing::debug!(n, "step");
        }
    });
    assert_eq!(shown.text(), "DEBUG step 0\nDEBUG step 1\nDEBUG step 2\n");
}

#[test]
fn pythons_options_are_checked_when_the_layer_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let field = |file: LogFile| file.layer().map(drop).map_err(|error| error.field().to_owned());
    assert_eq!(field(LogFile::timed_rotating(&path, "s", 1)), Err("file.when".to_owned()));
    assert_eq!(field(LogFile::timed_rotating(&path, "w6", 0)), Ok(()));
    assert_eq!(field(LogFile::rotating(&path, 100, 0)), Err("file.keep".to_owned()));
    assert_eq!(field(LogFile::watched(&path).template("{oops")), Err("file.format".to_owned()));
}

#[test]
fn plays_a_program() {
    if crate::programs::given("ROLE").is_none() {
        return;
    }
    let flags = rustix::fs::fcntl_getfl(io::stdout()).unwrap();
    rustix::fs::fcntl_setfl(io::stdout(), flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    let layer = Console::stdout().text().layer().unwrap();
    let handler = layer.handler().clone();
    tracing_subscriber::registry().with(layer).init();
    for line in 0..5000 {
        tracing::info!("<{line}> {}", "x".repeat(line % 150));
    }
    assert_eq!(handler.lost(), 0);
    io::stderr().write_all(b"all are logged\n").unwrap();
}

#[test]
fn a_full_pipe_that_does_not_block_loses_no_line() {
    use std::io::{BufRead, BufReader, Read};
    let mut child =
        crate::programs::program("console::plays_a_program", "console", std::path::Path::new("-"))
            .spawn()
            .unwrap();
    let (mut stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut said = String::new();
    BufReader::new(stderr).read_line(&mut said).unwrap();
    assert_eq!(said, "all are logged\n", "the caller waits for the reader");
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let numbers: Vec<usize> =
        text.lines().filter_map(|line| line.split_once('<')?.1.split_once("> ")?.0.parse().ok()).collect();
    assert_eq!(numbers, (0..5000).collect::<Vec<_>>());
}
