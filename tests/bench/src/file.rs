//! Lines written to a file by what people use today, and by ours.
//!
//! Everybody gets the same event with three fields. Throughput is whole lines in the file by the time from the first
//! call to the end of the last flush; every run counts them. Latency is what a single call takes while the program
//! rests 20 µs between calls.

#![expect(clippy::disallowed_methods, reason = "measuring is reading the clock")]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use slog::{Drain, Logger, o};
use tracing::{Dispatch, dispatcher, error, info, info_span};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;
use watchfire_core::Handler as _;
use watchfire_file::{FileHandler, LogFile};

use crate::measure::Shuffler;

const LINES: usize = 200_000;
const SINGLES: usize = 20_000;
const ERRORS: usize = 2_000;
const BASE: usize = 2;

type Start = fn(&Path) -> Subject;

const CONTESTANTS: [(&str, Start); 6] = [
    ("watchfire text", |path| watchfire(LogFile::new(path))),
    ("watchfire json", |path| watchfire(LogFile::new(path).json())),
    ("fmt json + tracing-appender", |path| {
        let (writer, guard) = appender(path);
        let layer = tracing_subscriber::fmt::layer().json().with_writer(writer);
        Subject::Appender(Dispatch::new(registry().with(layer)), guard)
    }),
    ("fmt text + tracing-appender", |path| {
        let (writer, guard) = appender(path);
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
        Subject::Appender(Dispatch::new(registry().with(layer)), guard)
    }),
    ("slog json, Mutex<BufWriter>", |path| {
        let (done, flushed) = mpsc::channel();
        Subject::Slog(Logger::root(Mutex::new(json(path, done)).fuse(), o!()), Mutex::new(flushed))
    }),
    ("slog json, slog-async", |path| {
        let (done, flushed) = mpsc::channel();
        let drain = slog_async::Async::new(json(path, done).fuse())
            .chan_size(128 * 1024)
            .overflow_strategy(slog_async::OverflowStrategy::Block)
            .build();
        Subject::Slog(Logger::root(drain.fuse(), o!()), Mutex::new(flushed))
    }),
];

/// Takes the event, with the user that it names, as often as it likes.
type Work<'a> = &'a mut dyn FnMut(&dyn Fn(u64));

enum Subject {
    Watchfire(Dispatch, FileHandler),
    Appender(Dispatch, WorkerGuard),
    Slog(Logger, Mutex<mpsc::Receiver<()>>),
}

#[derive(Default)]
struct Figures {
    alone: Vec<f64>,
    in_spans: Vec<f64>,
    threads: Vec<f64>,
    singles: Vec<u32>,
}

pub fn run(rounds: usize) {
    let mut random = Shuffler::new();
    let mut figures: Vec<Figures> = CONTESTANTS.iter().map(|_| Figures::default()).collect();
    for _ in 0..rounds {
        for index in random.order(CONTESTANTS.len()) {
            let (start, figures) = (CONTESTANTS[index].1, &mut figures[index]);
            figures.alone.push(throughput(start, 1, false));
            figures.in_spans.push(throughput(start, 1, true));
            figures.threads.push(throughput(start, 4, false));
            latency(start, &mut figures.singles);
        }
    }
    let base = figures.get_mut(BASE).map(row).expect("the base is measured");
    println!(
        "{:<30}{:>12}{:>7}{:>12}{:>7}{:>12}{:>7}{:>10}{:>12}",
        "", "1 thread", "×", "in 3 spans", "×", "4 threads", "×", "p50 ns", "p99.9 ns"
    );
    for ((name, _), figures) in CONTESTANTS.iter().zip(&mut figures) {
        let row = row(figures);
        print!("{name:<30}");
        for (ours, theirs) in row.rates.iter().zip(base.rates) {
            print!("{ours:>12.0}{:>7.2}", ours / theirs);
        }
        println!("{:>10}{:>12}", row.p50, row.p999);
    }
    println!(
        "lines per second, medians of {rounds} rounds of {LINES} lines; × is the ratio to {:?}",
        CONTESTANTS[BASE].0
    );
    println!("p50, p99.9: of {SINGLES} calls per round, one each 20 µs, the clock included");
    errors(rounds);
}

/// Prints how long the call of an ERROR takes, which is in the file when it returns.
fn errors(rounds: usize) {
    let mut took = Vec::new();
    for _ in 0..rounds {
        let folder = tempfile::tempdir().expect("a folder");
        let subject = watchfire(LogFile::new(folder.path().join("bench.log")).json());
        let Subject::Watchfire(dispatch, _) = &subject else { return };
        dispatcher::with_default(dispatch, || {
            for order in 0..ERRORS as u64 {
                let begin = Instant::now();
                error!(target: "app::http", order = black_box(order), "no stock");
                took.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
                while begin.elapsed() < Duration::from_micros(200) {
                    std::hint::spin_loop();
                }
            }
        });
        subject.finish();
    }
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "watchfire json, an ERROR, handed over and written before the call returns: p50 {} ns, p99.9 {} ns, of {ERRORS} calls per round, one each 200 µs",
        at(0.5),
        at(0.999)
    );
}

struct FileRow {
    rates: [f64; 3],
    p50: u32,
    p999: u32,
}

fn row(figures: &mut Figures) -> FileRow {
    let median = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    figures.singles.sort_unstable();
    let at = |part: f64| figures.singles[((figures.singles.len() - 1) as f64 * part) as usize];
    let (p50, p999) = (at(0.5), at(0.999));
    FileRow {
        rates: [median(&mut figures.alone), median(&mut figures.in_spans), median(&mut figures.threads)],
        p50,
        p999,
    }
}

fn throughput(start: Start, threads: usize, spans: bool) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bench.log");
    let subject = start(&path);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                subject.enter(spans, &mut |event| {
                    for line in 0..LINES / threads {
                        event(line as u64);
                    }
                });
            });
        }
    });
    subject.finish();
    let took = begin.elapsed();
    let written = std::fs::read(&path).expect("the file").iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(written, LINES, "lines are missing");
    LINES as f64 / took.as_secs_f64()
}

fn latency(start: Start, singles: &mut Vec<u32>) {
    let folder = tempfile::tempdir().expect("a folder");
    let subject = start(&folder.path().join("bench.log"));
    subject.enter(false, &mut |event| {
        for line in 0..SINGLES {
            let begin = Instant::now();
            event(line as u64);
            let took = begin.elapsed();
            singles.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
            while begin.elapsed() < Duration::from_micros(20) {
                std::hint::spin_loop();
            }
        }
    });
    subject.finish();
}

impl Subject {
    /// Hands the work a way to emit the event, within three spans or none.
    fn enter(&self, spans: bool, work: Work<'_>) {
        match self {
            Self::Watchfire(dispatch, _) | Self::Appender(dispatch, _) => {
                dispatcher::with_default(dispatch, || {
                    let event = |user: u64| {
                        info!(target: "app::http", user_id = black_box(user), path = "/api/v1/items", latency_ms = 1.25_f64, "request handled");
                    };
                    if spans {
                        let _request = info_span!("request", method = "POST", id = "7f3a").entered();
                        let _order = info_span!("order", order = 1017_u64, customer = "ada").entered();
                        let _payment = info_span!("payment", provider = "acme", attempt = 2_u64).entered();
                        work(&event);
                    } else {
                        work(&event);
                    }
                })
            }
            Self::Slog(logger, _) => {
                let logger = if spans {
                    logger
                        .new(o!("method" => "POST", "id" => "7f3a"))
                        .new(o!("order" => 1017_u64, "customer" => "ada"))
                        .new(o!("provider" => "acme", "attempt" => 2_u64))
                } else {
                    logger.clone()
                };
                work(&|user: u64| {
                    slog::info!(logger, "request handled"; "user_id" => black_box(user), "path" => "/api/v1/items", "latency_ms" => 1.25_f64);
                });
            }
        }
    }

    fn finish(self) {
        match self {
            Self::Watchfire(_, handler) => {
                let flushed = handler.flush(Instant::now() + Duration::from_secs(60));
                assert_eq!(flushed, watchfire_core::Flushed::Yes);
            }
            Self::Appender(_, guard) => drop(guard),
            Self::Slog(logger, flushed) => {
                drop(logger);
                flushed.into_inner().expect("one thread is left").recv().expect("the file is flushed");
            }
        }
    }
}

fn watchfire(file: LogFile) -> Subject {
    let layer = file.layer().expect("a file");
    let handler = layer.handler().clone();
    Subject::Watchfire(Dispatch::new(registry().with(layer)), handler)
}

fn appender(path: &Path) -> (tracing_appender::non_blocking::NonBlocking, WorkerGuard) {
    let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
    NonBlockingBuilder::default().lossy(false).finish(tracing_appender::rolling::never(folder, name))
}

fn json(path: &Path, done: mpsc::Sender<()>) -> slog_json::Json<Flushing> {
    let file = File::create(path).expect("a file");
    slog_json::Json::default(Flushing { file: BufWriter::with_capacity(64 * 1024, file), done })
}

/// Tells when the last owner is gone and everything is in the file.
struct Flushing {
    file: BufWriter<File>,
    done: mpsc::Sender<()>,
}

impl Write for Flushing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Flushing {
    fn drop(&mut self) {
        self.file.flush().expect("a disk");
        self.done.send(()).ok();
    }
}
