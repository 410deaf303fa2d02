//! The program that `cargo xtask bench instructions` counts under callgrind: one subject, one scene, a number of events.
//!
//! The counter checks the file: every line is there, and one more of ours, whose secrets are masked.

#![expect(clippy::disallowed_methods, reason = "a deadline for the last flush")]
#![expect(clippy::exit, reason = "what was asked for does not exist")]

use std::fmt;
use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use slog::{Drain as _, Logger, o};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Subscriber, dispatcher, info, info_span};
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;
use watchfire_core::{Flushed, Handler as _};
use watchfire_file::{LogFile, Record};

const SECRET: &str = "hunter2-but-longer";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [subject, scene, events, path] = args.as_slice() else { usage() };
    let events: u64 = events.parse().unwrap_or_else(|_| usage());
    let path = Path::new(path);
    match subject.as_str() {
        "json" => ours(LogFile::daily(path).json(), scene, events),
        "text" => ours(LogFile::daily(path), scene, events),
        "logfmt" => ours(LogFile::daily(path).logfmt(), scene, events),
        "template" => {
            let template = "{time} {level:<8} {target}: {message} {fields} {spans}";
            ours(LogFile::daily(path).template(template), scene, events)
        }
        "custom" => ours(LogFile::daily(path).format(custom), scene, events),
        "stock" => stock(path, scene, events),
        "slog" => slog(path, scene, events),
        "visits" => {
            play(&Dispatch::new(registry().with(Visits)), scene, events);
        }
        "nothing" => {
            play(&Dispatch::new(registry().with(Nothing)), scene, events);
        }
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!(
        "usage: lines json|text|logfmt|template|custom|stock|slog|visits|nothing plain|spans|new-spans EVENTS FILE"
    );
    std::process::exit(2);
}

/// Emits the events; in `new-spans` three of them in three spans of their own.
fn play(dispatch: &Dispatch, scene: &str, events: u64) {
    let event = |user: u64| {
        info!(target: "app::http", user_id = black_box(user), path = "/api/v1/items", latency_ms = 1.25_f64, "request handled");
    };
    let in_spans = |work: &dyn Fn()| {
        let _request = info_span!("request", method = "POST", id = "7f3a").entered();
        let _order = info_span!("order", order = 1017_u64, customer = "ada").entered();
        let _payment = info_span!("payment", provider = "acme", attempt = 2_u64).entered();
        work();
    };
    dispatcher::with_default(dispatch, || match scene {
        "plain" => (0..events).for_each(event),
        "spans" => in_spans(&|| (0..events).for_each(event)),
        "new-spans" => {
            for request in 0..events / 3 {
                in_spans(&|| (0..3).for_each(|nth| event(request * 3 + nth)));
            }
        }
        _ => usage(),
    });
}

fn ours(file: LogFile, scene: &str, events: u64) {
    let layer = file.layer().expect("a file");
    let handler = layer.handler().clone();
    let dispatch = Dispatch::new(registry().with(layer));
    play(&dispatch, scene, events);
    dispatcher::with_default(&dispatch, || {
        info!(password = SECRET, url = %format_args!("https://ada:{SECRET}@example.com/"), "planted");
    });
    assert_eq!(handler.flush(Instant::now() + Duration::from_secs(60)), Flushed::Yes);
}

fn custom(record: &Record<'_>, out: &mut String) {
    use fmt::Write as _;
    record.write_time(out);
    write!(out, " {} {}", record.target(), record.message()).expect("a string");
    for (name, value) in record.fields() {
        write!(out, " {name}={value:?}").expect("a string");
    }
    out.push('\n');
}

fn stock(path: &Path, scene: &str, events: u64) {
    let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
    let appender = tracing_appender::rolling::never(folder, name);
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(appender);
    let layer = tracing_subscriber::fmt::layer().json().with_writer(writer);
    play(&Dispatch::new(registry().with(layer)), scene, events);
    drop(guard);
}

fn slog(path: &Path, scene: &str, events: u64) {
    let file = BufWriter::with_capacity(64 * 1024, File::create(path).expect("a file"));
    let root = Logger::root(Mutex::new(slog_json::Json::default(file)).fuse(), o!());
    let in_spans = || {
        root.new(o!("method" => "POST", "id" => "7f3a"))
            .new(o!("order" => 1017_u64, "customer" => "ada"))
            .new(o!("provider" => "acme", "attempt" => 2_u64))
    };
    let event = |logger: &Logger, user: u64| {
        slog::info!(logger, "request handled"; "user_id" => black_box(user), "path" => "/api/v1/items", "latency_ms" => 1.25_f64);
    };
    match scene {
        "plain" => (0..events).for_each(|user| event(&root, user)),
        "spans" => {
            let logger = in_spans();
            (0..events).for_each(|user| event(&logger, user));
        }
        "new-spans" => {
            for request in 0..events / 3 {
                let logger = in_spans();
                (0..3).for_each(|nth| event(&logger, request * 3 + nth));
            }
        }
        _ => usage(),
    }
}

/// A layer that visits the fields of each event, and writes nothing.
struct Visits;

impl<S: Subscriber> Layer<S> for Visits {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = MessageText(String::with_capacity(256));
        event.record(&mut text);
        black_box(text.0);
    }
}

struct MessageText(String);

impl Visit for MessageText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        write!(self.0, "{}={value:?} ", field.name()).expect("a string");
    }
}

/// A layer that does nothing.
struct Nothing;

impl<S: Subscriber> Layer<S> for Nothing {}
