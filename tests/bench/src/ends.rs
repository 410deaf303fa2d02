//! Lines found after each way in which a process may end, for each durability of ours and beside tracing-appender.

#![expect(clippy::disallowed_methods, reason = "the program rests before it is killed")]

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tracing::{error, info};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt as _;
use watchfire_file::{Durability, LogFile};

const LINES: usize = 2000;
const SUBJECTS: [&str; 6] =
    ["Buffered", "EachLine", "SyncEvery(20 ms)", "SyncOnError", "tracing-appender", "appender, no guard"];
const ENDS: [(&str, &str); 7] = [
    ("return", "return from main"),
    ("exit", "process::exit"),
    ("panic", "panic"),
    ("abort", "abort"),
    ("error", "error, abort"),
    ("kill", "kill -9"),
    ("rest", "1 s, kill -9"),
];

pub fn run() {
    print!("| {LINES} lines sent |");
    ENDS.iter().for_each(|(_, title)| print!(" {title} |"));
    println!("\n|---{}|", "|--:".repeat(ENDS.len()));
    for subject in SUBJECTS {
        print!("| {subject} |");
        for (end, _) in ENDS {
            print!(" {} |", found(subject, end));
        }
        println!();
    }
    println!("\n`error, abort` sends one line more, an error.");
}

fn found(subject: &str, end: &str) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ends.log");
    let mut program = Command::new(std::env::current_exe().expect("this program"))
        .args(["file-ends", "--program", subject, end])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program starts");
    if matches!(end, "kill" | "rest") {
        let mut now = [0; 3];
        program.stdout.as_mut().expect("a pipe").read_exact(&mut now).expect("it says when");
        program.kill().expect("it is alive");
    }
    program.wait().expect("it ends");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    text.lines().filter(|line| line.contains('<') && line.ends_with('>')).count()
}

/// The program: writes its lines and ends as told.
#[expect(clippy::exit, reason = "one of the ends")]
pub fn play(subject: &str, end: &str, path: &str) {
    let path = Path::new(path);
    let mut guard = None;
    let durability = match subject {
        "EachLine" => Durability::EachLine,
        "SyncEvery(20 ms)" => Durability::SyncEvery(Duration::from_millis(20)),
        "SyncOnError" => Durability::SyncOnError,
        _ => Durability::Buffered,
    };
    if subject.contains("appender") {
        let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
        let (writer, worker) = tracing_appender::non_blocking(tracing_appender::rolling::never(folder, name));
        registry().with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)).init();
        // Without a guard: it is bound to `_` or leaked, as happens.
        if subject.contains("no guard") { std::mem::forget(worker) } else { guard = Some(worker) }
    } else {
        registry().with(LogFile::new(path).durability(durability).layer().expect("a file")).init();
    }
    for line in 0..LINES {
        info!("<{line}>");
    }
    match end {
        "exit" => std::process::exit(0),
        "panic" => panic!("the end"),
        "abort" => std::process::abort(),
        "error" => {
            error!("<{LINES}>");
            std::process::abort()
        }
        "kill" | "rest" => {
            if end == "rest" {
                std::thread::sleep(Duration::from_secs(1));
            }
            println!("now");
            std::thread::sleep(Duration::from_secs(60));
        }
        _ => drop(guard),
    }
}
