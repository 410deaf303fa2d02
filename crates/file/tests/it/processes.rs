//! Several processes on one file, and the ways in which a process may end.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, clock};
use watchfire_file::{Compression, Durability, FileHandler, LogFile, RotationInterval};

/// Starts this test binary again, as the program that `child` plays.
fn child(role: &str, path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "processes::plays_a_program", "--nocapture", "--test-threads=1"])
        .env("WATCHFIRE_FILE_ROLE", role)
        .env("WATCHFIRE_FILE_PATH", path)
        .env("WATCHFIRE_FILE_ARGUMENTS", arguments.join(" "))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

#[expect(clippy::disallowed_methods, reason = "how the program is told its role")]
fn told(name: &str) -> Option<String> {
    std::env::var(format!("WATCHFIRE_FILE_{name}")).ok()
}

/// Makes the layer the global default, as a program does.
fn install(file: LogFile) -> FileHandler {
    let layer = file.layer().unwrap();
    let handler = layer.handler().clone();
    tracing_subscriber::registry().with(layer).init();
    handler
}

fn rotating(path: &Path, mode: &str) -> LogFile {
    let file = LogFile::new(path).max_size(20_000).compress(Compression::Gzip);
    if mode == "time" { file.every(RotationInterval::Minute) } else { file }
}

#[test]
#[expect(clippy::exit, reason = "this is the program of the other tests")]
fn plays_a_program() {
    let Some(role) = told("ROLE") else { return };
    let path = PathBuf::from(told("PATH").unwrap());
    let arguments = told("ARGUMENTS").unwrap();
    let arguments: Vec<&str> = arguments.split(' ').collect();
    match role.as_str() {
        "writer" => {
            let handler = install(rotating(&path, arguments[1]));
            for line in 0..arguments[2].parse().unwrap() {
                tracing::info!(target: "writer", "<{} {line} {}>", arguments[0], "x".repeat(line % 60));
            }
            assert_eq!(handler.flush(clock::instant() + Duration::from_secs(60)), Flushed::Yes);
        }
        "end" => {
            let durability = match arguments[1] {
                "each-line" => Durability::EachLine,
                "sync-every" => Durability::SyncEvery(Duration::from_millis(20)),
                "sync-on-error" => Durability::SyncOnError,
                _ => Durability::Buffered,
            };
            let handler = install(LogFile::new(&path).durability(durability));
            for line in 0..2000 {
                tracing::info!("<{line}>");
            }
            match arguments[0] {
                "exit" => std::process::exit(0),
                "abort" => std::process::abort(),
                "error-abort" => {
                    tracing::error!("<2000>");
                    std::process::abort()
                }
                "kill" => {
                    println!("now");
                    std::thread::park();
                }
                "rest-kill" => {
                    std::thread::park_timeout(Duration::from_millis(1500));
                    println!("now");
                    std::thread::park();
                }
                "panic" => panic!("the end"),
                _ => drop(handler),
            }
        }
        "reentrant" => {
            struct Logs;
            impl std::fmt::Debug for Logs {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    tracing::error!("from within");
                    f.write_str("<inner>")
                }
            }
            let own = |record: &watchfire_file::Record<'_>, out: &mut String| {
                tracing::error!("from the format");
                out.push_str(record.message());
                record.with_field("field", &mut |value| writeln!(out, " {value:?}").unwrap());
            };
            let handler = install(LogFile::new(&path).format(own));
            for _ in 0..10 {
                tracing::error!(field = ?Logs, "outer");
            }
            drop(handler);
        }
        role => panic!("unknown role {role}"),
    }
}

/// Reads the active file and all rotated ones.
fn read_all(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut text = String::new();
        if name.starts_with('.') {
            continue;
        } else if name.ends_with(".gz") {
            flate2::read::GzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
            assert!(!path.with_extension("").exists(), "{name} is there in both forms");
        } else {
            text = fs::read_to_string(&path).unwrap();
        }
        assert!(text.is_empty() || text.ends_with('\n'), "{name} ends with half a line");
        all.push_str(&text);
    }
    all
}

#[test]
fn four_processes_write_whole_lines_to_one_rotating_file() {
    for mode in ["size", "time"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.log");
        let children: Vec<_> = (0..4)
            .map(|writer| child("writer", &path, &[&writer.to_string(), mode, "3000"]).spawn().unwrap())
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        // Whoever comes next ends the compression that the others died in.
        drop(rotating(&path, mode).threadless().layer().unwrap());
        let mut seen: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for line in read_all(folder.path()).lines() {
            let (_, text) = line.split_once("writer: <").unwrap();
            let mut words = text.strip_suffix('>').unwrap().split(' ');
            let mut number = || words.next().unwrap().parse().unwrap();
            let key = (number(), number());
            assert_eq!(words.next().unwrap().len(), key.1 as usize % 60);
            *seen.entry(key).or_default() += 1;
        }
        assert_eq!(seen.len(), 12_000, "{mode}");
        assert!(seen.values().all(|times| *times == 1));
        assert!(fs::read_dir(folder.path()).unwrap().count() > 20, "it was not rotated");
    }
}

fn count(path: &Path) -> usize {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .filter(|line| line.contains('<') && line.ends_with('>'))
        .count()
}

/// Runs a program to its end and returns how many of its 2,000 lines (2,001 with an error) are in the file.
fn found_after(end: &str, durability: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let mut program = child("end", &path, &[end, durability]).spawn().unwrap();
    if end.ends_with("kill") {
        let mut told = [0; 4096];
        let mut all = String::new();
        while !all.contains("now") {
            let read = program.stdout.as_mut().unwrap().read(&mut told).unwrap();
            all.push_str(&String::from_utf8_lossy(told.get(..read).unwrap()));
        }
        program.kill().unwrap();
    }
    program.wait().unwrap();
    count(&path)
}

#[test]
fn what_is_left_after_each_end_is_what_the_durability_promises() {
    for durability in ["buffered", "each-line", "sync-every", "sync-on-error"] {
        for end in ["return", "exit", "panic"] {
            assert_eq!(found_after(end, durability), 2000, "{end} with {durability}");
        }
        assert_eq!(
            found_after("error-abort", durability),
            2001,
            "an error takes with it what came before it"
        );
    }
    for end in ["abort", "kill"] {
        assert_eq!(found_after(end, "each-line"), 2000, "{end}");
    }
    assert_eq!(found_after("rest-kill", "buffered"), 2000, "lines older than the pause are written");
}

/// Prints the table of the guide: `cargo test -p watchfire-file --test it -- --ignored --nocapture table`.
#[test]
#[ignore = "prints a table; its promises are tested above"]
fn prints_the_durability_table() {
    let ends = ["return", "exit", "panic", "abort", "error-abort", "kill", "rest-kill"];
    let mut table = format!("| durability | {} |\n|---|{}\n", ends.join(" | "), "---|".repeat(ends.len()));
    for durability in ["buffered", "each-line", "sync-every", "sync-on-error"] {
        let found: Vec<String> = ends.iter().map(|end| found_after(end, durability).to_string()).collect();
        writeln!(table, "| {durability} | {} |", found.join(" | ")).unwrap();
    }
    println!("{table}");
}

#[test]
fn a_debug_or_format_that_logs_neither_hangs_nor_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    assert!(child("reentrant", &path, &["-"]).status().unwrap().success());
    assert_eq!(fs::read_to_string(&path).unwrap(), "outer Debug(\"<inner>\")\n".repeat(10));
}
