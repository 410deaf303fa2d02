//! Stages in a row, timed, and the table that says how long each took.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::shell::{Paint, paint};

/// Something that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) what: String,
    pub(crate) why: String,
}

/// The work of a stage; it notes what it leaves out, whether or not it then fails.
type Run<'a> = Box<dyn FnOnce(&mut Vec<Skipped>) -> Result<()> + 'a>;

/// One stage.
pub(crate) struct Stage<'a> {
    name: &'static str,
    run: Run<'a>,
}

impl<'a> Stage<'a> {
    /// Names a stage.
    pub(crate) fn new(name: &'static str, run: impl FnOnce(&mut Vec<Skipped>) -> Result<()> + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Runs the stages in order and prints the table; stops at the first failure unless told to keep going.
pub(crate) fn run_all(stages: Vec<Stage<'_>>, keep_going: bool) -> Result<()> {
    let mut rows = Vec::new();
    let mut skipped = Vec::new();
    let mut failed = false;
    for stage in stages {
        if failed && !keep_going {
            rows.push(StageRow { name: stage.name, state: StageState::NotRun });
            continue;
        }
        println!("{} {}", paint(Paint::Note, "==>"), stage.name);
        let (done, took) = timed(|| (stage.run)(&mut skipped));
        let state = match done {
            Ok(()) => StageState::Passed(took),
            Err(error) => {
                eprintln!("{} {}: {error:#}", paint(Paint::Bad, "error:"), stage.name);
                failed = true;
                StageState::Failed(took)
            }
        };
        rows.push(StageRow { name: stage.name, state });
    }
    print!("\n{}", table(&rows, &skipped));
    if failed {
        bail!("not every stage passed");
    }
    Ok(())
}

struct StageRow {
    name: &'static str,
    state: StageState,
}

enum StageState {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

fn table(rows: &[StageRow], skipped: &[Skipped]) -> String {
    let mut text = format!("{:<10}{:>9}\n", "stage", "seconds");
    let mut total = Duration::ZERO;
    for row in rows {
        let (took, word) = match &row.state {
            StageState::Passed(took) => (Some(*took), paint(Paint::Good, "passed")),
            StageState::Failed(took) => (Some(*took), paint(Paint::Bad, "failed")),
            StageState::NotRun => (None, paint(Paint::Note, "not run")),
        };
        total += took.unwrap_or_default();
        let seconds = took.map_or_else(|| "-".to_owned(), |took| format!("{:.1}", took.as_secs_f64()));
        text.push_str(&format!("{:<10}{seconds:>9}  {word}\n", row.name));
    }
    text.push_str(&format!("{:<10}{:>9.1}\n", "total", total.as_secs_f64()));
    if skipped.is_empty() {
        text.push_str("skipped: nothing\n");
    }
    for Skipped { what, why } in skipped {
        text.push_str(&format!("{} {what}: {why}\n", paint(Paint::Note, "skipped:")));
    }
    text
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    #[expect(clippy::disallowed_methods, reason = "the table of stages is what reads the clock here")]
    let start = std::time::Instant::now();
    let done = run();
    (done, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing<'a>() -> Stage<'a> {
        Stage::new("good", |_| Ok(()))
    }

    fn failing<'a>() -> Stage<'a> {
        Stage::new("bad", |_| bail!("broken"))
    }

    #[test]
    fn stops_at_the_first_failure() {
        let mut reached = false;
        let last = Stage::new("last", |_| {
            reached = true;
            Ok(())
        });
        assert!(run_all(vec![passing(), failing(), last], false).is_err());
        assert!(!reached);
    }

    #[test]
    fn keeps_going_when_told_and_still_fails() {
        let mut reached = false;
        let last = Stage::new("last", |_| {
            reached = true;
            Ok(())
        });
        assert!(run_all(vec![failing(), last], true).is_err());
        assert!(reached);
    }

    #[test]
    fn says_what_was_skipped_last() {
        let rows = [
            StageRow { name: "fmt", state: StageState::Passed(Duration::from_millis(1250)) },
            StageRow { name: "test", state: StageState::NotRun },
        ];
        let skipped = [Skipped { what: "advisories".into(), why: "no database".into() }];
        let text = table(&rows, &skipped);
        assert_eq!(
            text,
            "stage       seconds\n\
             fmt             1.2  passed\n\
             test              -  not run\n\
             total           1.2\n\
             skipped: advisories: no database\n"
        );
    }
}
