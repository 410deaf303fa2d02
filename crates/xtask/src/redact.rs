//! The benchmark of redaction: instructions per byte by callgrind, nanoseconds per byte by the clock.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{instructions, shell};

/// What is redacted, with what it stands for.
const SUBJECTS: [(&str, &str); 5] = [
    ("prose", "clean prose: no byte with which a secret could begin"),
    ("json", "dense JSON: a name every few bytes"),
    ("access", "lines of an access log"),
    ("names", "field names, judged once per callsite"),
    ("json-rules", "dense JSON, with a name, a path and a pattern of the user"),
];

/// The rounds of the short and the long run; the difference has no start and no end in it.
const ROUNDS: (u64, u64) = (200, 1_200);
/// The rounds of a run by the clock.
const TIMED: u64 = 200_000;

const HELP: &str = "\
Counts the instructions per byte of redaction under callgrind, and takes the time.

Fails above a limit of tests/bench/instructions.toml (instructions per 1,000 bytes), or 3 % above the figure recorded
there for the same toolchain.

Usage: cargo xtask bench redact [--record]

  --record  Writes the figures of this toolchain.";

/// Runs the command line `cargo xtask bench redact ..`.
///
/// # Errors
/// When valgrind is missing, the program does not build, or a figure is too high.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let record = match args {
        [] => false,
        [flag] if flag == "--record" => true,
        [flag] if flag == "--help" || flag == "-h" => {
            println!("{HELP}");
            return Ok(());
        }
        _ => bail!("expected no option but --record"),
    };
    if let Some(why) = instructions::missing() {
        bail!("{why}");
    }
    let program = instructions::build("redact")?;
    let mut counted = BTreeMap::new();
    println!("per byte: instructions, nanoseconds");
    for (subject, about) in SUBJECTS {
        let (few, many) = ROUNDS;
        let (bytes, least) = count(&program, subject, few)?;
        let (_, most) = count(&program, subject, many)?;
        let per_1000 = most.saturating_sub(least) * 1_000 / (bytes * (many - few));
        let nanoseconds = time(&program, subject)?;
        println!(
            "{:<12}{:>5}.{:02}{nanoseconds:>9}  {about}",
            subject,
            per_1000 / 1_000,
            per_1000 % 1_000 / 10
        );
        counted.insert(format!("redact {subject}"), per_1000);
    }
    instructions::compare(counted, record)
}

/// Counts the instructions of a run; returns the bytes of a round with them.
fn count(program: &Path, subject: &str, rounds: u64) -> Result<(u64, u64)> {
    let output = shell::command("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([subject, &rounds.to_string()])
        .output()
        .context("valgrind could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`redact {subject} {rounds}` failed under valgrind\n{said}");
    }
    let bytes = String::from_utf8_lossy(&output.stdout).trim().parse().context("it names no bytes")?;
    let count = instructions::collected(&said);
    Ok((bytes, count.with_context(|| format!("callgrind names no count:\n{said}"))?))
}

fn time(program: &Path, subject: &str) -> Result<String> {
    let said = shell::read(shell::command(program).args([subject, &TIMED.to_string(), "time"]))?;
    Ok(said.lines().nth(1).unwrap_or("-").to_owned())
}
