//! The tables of the guide, and how a guide is compared with them.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::run::{Arrived, End, Ended, Runtime, SetUp, run};

/// How many programs run at the same time: they mostly wait.
const AT_ONCE: usize = 8;
/// The heading of the column that no run repeats.
const TIME: &str = "time";

const ENDS: [End; 14] = [
    End::new("return from `main`", "return"),
    End::new("`process::exit(0)`", "exit"),
    End::new("`main` returns an error", "error"),
    End::new("panic in `main`", "panic"),
    End::new("panic in a thread", "panic-thread"),
    End::new("panic in a tokio task", "panic-task"),
    End::new("panic in an axum handler, behind `CatchPanicLayer`", "panic-handler"),
    End::new("panic in an `extern \"C\"` function", "panic-c"),
    End::new("`process::abort()`", "abort"),
    End::by_signal("SIGTERM", "TERM"),
    End { is_flushed: true, ..End::by_signal("SIGTERM, with `flush_on_termination`", "TERM") },
    End::new("SIGSEGV", "fault"),
    End::new("stack overflow", "overflow"),
    End::by_signal("SIGKILL, as by the kernel when memory is short", "KILL"),
];

const EVENT: End = End { has_stacks: true, ..End::new("", "event") };

/// The rows of the table of first frames: what has a stack, and where it happens.
pub const FRAMES: [(&str, &str, End); 6] = [
    ("panic", "`main`", End::new("", "panic")),
    ("panic", "a thread", End::new("", "panic-thread")),
    ("panic", "an axum handler", End::new("", "panic-handler")),
    ("event, by `stacks_from`", "`main`", EVENT),
    ("event, by `stacks_from`", "a thread", End { word: "event-thread", ..EVENT }),
    ("event, by `stacks_from`", "an axum handler", End { word: "event-handler", ..EVENT }),
];

/// The builds of one program.
pub type Builds = [(&'static str, PathBuf)];

/// One table of ends.
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    /// The heading in the guide.
    pub heading: &'static str,
    /// Where the program's code runs.
    pub runtime: Runtime,
}

impl Matrix {
    /// The program as Cargo builds it.
    pub const PLAIN: Self = Self { heading: "A program without a runtime", runtime: Runtime::Plain };
    /// All of it in tokio.
    pub const TOKIO: Self = Self { heading: "In tokio's multi-thread runtime", runtime: Runtime::Tokio };
    /// Built with `panic = "abort"`.
    pub const ABORT: Self = Self { heading: "Built with `panic = \"abort\"`", runtime: Runtime::Plain };
    /// In a child.
    pub const FORKED: Self =
        Self { heading: "In a child that was forked after the set-up", runtime: Runtime::Forked };
}

/// Runs every end with every set-up, and returns the section of the guide.
///
/// # Errors
/// If one of them cannot be run.
pub fn matrix(program: &Path, matrix: Matrix) -> Result<String, Box<dyn Error>> {
    let jobs: Vec<_> = ENDS.iter().flat_map(|end| SetUp::ALL.map(|set_up| (end, set_up))).collect();
    let ended = in_parallel(&jobs, |(end, set_up)| run(program, *set_up, matrix.runtime, end))?;
    let mut text = format!(
        "### {}\n\n| end | set-up | ended with | file | Slack | mail | reported by | first frame | {TIME} |\n|---|---|---|---|---|---|---|---|---|\n",
        matrix.heading
    );
    for (end, runs) in ENDS.iter().zip(ended.chunks(SetUp::ALL.len())) {
        for (set_ups, ended) in merged(runs) {
            text.push_str(&row(end, &set_ups, &ended));
        }
    }
    Ok(text)
}

/// Runs the program of every build, and returns the table of first frames.
///
/// # Errors
/// If one of them cannot be run.
pub fn frames(builds: &Builds) -> Result<String, Box<dyn Error>> {
    let names: Vec<_> = builds.iter().map(|(name, _)| *name).collect();
    let mut text =
        format!("| what | where | {} |\n|---|---|{}\n", names.join(" | "), "---|".repeat(builds.len()));
    let jobs: Vec<_> = FRAMES.iter().flat_map(|row| builds.iter().map(move |build| (row, build))).collect();
    let ended = in_parallel(&jobs, |((.., end), (_, program))| {
        run(program, SetUp::Environment, Runtime::Plain, end)
    })?;
    for ((what, place, _), ended) in FRAMES.iter().zip(ended.chunks(builds.len())) {
        let frames: Vec<_> = ended.iter().map(|ended| code(&ended.frame)).collect();
        text.push_str(&format!("| {what} | {place} | {} |\n", frames.join(" | ")));
    }
    Ok(text)
}

/// Puts `section` between the marks of this name in a guide.
///
/// # Errors
/// If the guide has no such marks.
pub fn replace(guide: &str, name: &str, section: &str) -> Result<String, Box<dyn Error>> {
    let (before, _, after) = split(guide, name)?;
    Ok(format!("{before}\n{section}\n{after}"))
}

/// Compares the part of a guide between the marks of this name with a run, times aside.
///
/// # Errors
/// With the first line that differs.
pub fn compare(guide: &str, name: &str, section: &str) -> Result<(), Box<dyn Error>> {
    let (_, known, _) = split(guide, name)?;
    let (known, found) = (without_times(known.trim()), without_times(section.trim()));
    if known == found {
        return Ok(());
    }
    let differ = known.iter().zip(&found).find(|(known, found)| known != found);
    let (known, found) = differ.map_or(("", ""), |(known, found)| (known, found));
    Err(format!(
        "docs/guide/exits.md, {name}: the guide has\n  {known}\nand a run\n  {found}\n`cargo xtask exits --write` writes what is so"
    )
    .into())
}

fn split<'a>(guide: &'a str, name: &str) -> Result<(&'a str, &'a str, &'a str), Box<dyn Error>> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let missing = || format!("docs/guide/exits.md has no `{}`", begin.trim());
    let at = guide.find(&begin).ok_or_else(missing)? + begin.len();
    let (before, rest) = guide.split_at(at);
    let len = rest.find(&end).ok_or_else(missing)?;
    let (section, after) = rest.split_at(len);
    Ok((before, section, after))
}

/// Returns the lines without the cells of the column that is only for reading.
fn without_times(text: &str) -> Vec<String> {
    let has_times = text.contains(&format!("| {TIME} |"));
    let cut = |line: &str| match line.trim_end_matches('|').rsplit_once('|') {
        Some((rest, _)) if has_times => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(cut).collect()
}

/// Merges the set-ups that end alike; the longest of their times stands for all.
fn merged(runs: &[Ended]) -> Vec<(Vec<SetUp>, Ended)> {
    let mut rows: Vec<(Vec<SetUp>, Ended)> = Vec::new();
    for (set_up, ended) in SetUp::ALL.into_iter().zip(runs) {
        let same = |known: &Ended| Ended { took: ended.took, ..known.clone() } == *ended;
        match rows.iter_mut().find(|(_, known)| same(known)) {
            Some((set_ups, known)) => {
                set_ups.push(set_up);
                known.took = known.took.max(ended.took);
            }
            None => rows.push((vec![set_up], ended.clone())),
        }
    }
    rows
}

fn row(end: &End, set_ups: &[SetUp], ended: &Ended) -> String {
    let names: Vec<_> = set_ups.iter().map(|set_up| set_up.name()).collect();
    let set_ups = if set_ups.len() == SetUp::ALL.len() { "any".to_owned() } else { names.join(", ") };
    let arrived = |arrived: Arrived| format!("{} + {}", arrived.last_word, arrived.report);
    format!(
        "| {} | {set_ups} | {} | {} | {} | {} | {} | {} | {:.1} s |\n",
        end.name,
        ended.status,
        arrived(ended.file),
        arrived(ended.slack),
        arrived(ended.mail),
        ended.reported,
        code(&ended.frame),
        ended.took.as_secs_f64()
    )
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) }
}

/// Runs the jobs on a few threads, and returns the results in their order.
fn in_parallel<J: Sync, T: Send>(
    jobs: &[J],
    work: impl Fn(&J) -> Result<T, Box<dyn Error>> + Sync,
) -> Result<Vec<T>, Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { return };
                    let result = work(job).map_err(|error| error.to_string());
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect::<Result<_, _>>()?)
}
