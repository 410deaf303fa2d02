//! The gate on the cost of a line: instructions per event, counted by callgrind.
//!
//! Times differ between machines and moments; instruction counts are the same to within 1 % for one compiler. The
//! program that is counted is `lines` of tests/bench, built as a default release build: no LTO, 16 codegen units.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{bench, shell};

/// The limits that hold for every toolchain, and the figures recorded for some.
const FIGURES: &str = "tests/bench/instructions.toml";
const LIMITS: &str = "limits";

/// The counted cases: subject and scene.
const GATED: [(&str, &str); 7] = [
    ("json", "plain"),
    ("json", "spans"),
    ("json", "new-spans"),
    ("text", "plain"),
    ("logfmt", "plain"),
    ("template", "plain"),
    ("custom", "plain"),
];
const PEERS: [&str; 4] = ["nothing", "visits", "slog", "stock"];
const SCENES: [&str; 3] = ["plain", "spans", "new-spans"];

/// The events of the short and the long run; the difference has no start and no end in it.
const EVENTS: (u64, u64) = (3_000, 12_000);

/// How often the same is counted at most.
const MOST_RUNS: usize = 6;

/// How far above the recorded figure a count may lie, in percent.
const TOLERANCE: u64 = 3;

const HELP: &str = "\
Counts the instructions per event of the file layer under callgrind.

Fails above a limit of tests/bench/instructions.toml, or 3 % above the figure recorded there for the same toolchain.

Usage: cargo xtask bench instructions [--record] [--peers]

  --record  Writes the figures of this toolchain.
  --peers   Counts the peers too; nothing is compared with theirs.";

type Figures = BTreeMap<String, BTreeMap<String, u64>>;

/// Runs the command line `cargo xtask bench instructions ..`.
///
/// # Errors
/// When valgrind is missing, the program does not build, or a figure is too high.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--help") || has("-h") {
        println!("{HELP}");
        return Ok(());
    }
    if let Some(unknown) = args.iter().find(|arg| !matches!(arg.as_str(), "--record" | "--peers")) {
        bail!("`{unknown}` is not an option; expected --record or --peers");
    }
    check(has("--record"), has("--peers"))
}

/// Returns why nothing can be counted here, if nothing can.
pub(crate) fn missing() -> Option<&'static str> {
    let found = shell::read(shell::command("valgrind").arg("--version")).is_ok();
    (!found).then_some("valgrind is missing; install it, for example by `apt-get install valgrind`")
}

fn check(record: bool, peers: bool) -> Result<()> {
    if let Some(why) = missing() {
        bail!("{why}");
    }
    println!("instructions per event");
    let program = build("lines")?;
    let mut counted = BTreeMap::new();
    for (subject, scene) in GATED {
        counted.insert(format!("{subject} {scene}"), count(&program, subject, scene)?);
    }
    if peers {
        for subject in PEERS {
            for scene in SCENES {
                println!("{:<20}{:>8}", format!("{subject} {scene}"), count(&program, subject, scene)?);
            }
        }
    }
    compare(counted, record)
}

/// Compares counts with the limits and with the figures of this toolchain, or records them.
///
/// # Errors
/// When one is too high.
pub(crate) fn compare(counted: BTreeMap<String, u64>, record: bool) -> Result<()> {
    let toolchain = toolchain()?;
    let path = shell::root().join(FIGURES);
    let mut figures = read(&path)?;
    println!("{toolchain}");
    let table = judge(&counted, figures.get(LIMITS), figures.get(&toolchain).filter(|_| !record));
    print!("{}", table.text);
    if record {
        figures.entry(toolchain).or_default().extend(counted);
        std::fs::write(&path, written(&figures)).with_context(|| format!("{FIGURES} was not written"))?;
    } else if !figures.contains_key(&toolchain) {
        println!("no figures are recorded for this toolchain; --record adds them");
    }
    if table.too_high > 0 {
        bail!("{} figures are too high", table.too_high);
    }
    Ok(())
}

struct Table {
    text: String,
    too_high: usize,
}

fn judge(
    counted: &BTreeMap<String, u64>,
    limits: Option<&BTreeMap<String, u64>>,
    recorded: Option<&BTreeMap<String, u64>>,
) -> Table {
    let mut text = format!("{:<20}{:>8}{:>8}{:>10}\n", "", "counted", "limit", "recorded");
    let mut too_high = 0;
    for (name, count) in counted {
        let limit = limits.and_then(|limits| limits.get(name)).copied();
        let before = recorded.and_then(|recorded| recorded.get(name)).copied();
        let is_high = limit.is_some_and(|limit| *count > limit)
            || before.is_some_and(|before| *count > before + before * TOLERANCE / 100);
        too_high += usize::from(is_high);
        let shown = |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
        let verdict = if is_high { "  too high" } else { "" };
        text.push_str(&format!("{name:<20}{count:>8}{:>8}{:>10}{verdict}\n", shown(limit), shown(before)));
    }
    Table { text, too_high }
}

/// Builds a program of tests/bench, and returns its path.
pub(crate) fn build(name: &str) -> Result<PathBuf> {
    shell::run(shell::cargo().args([
        "build",
        "--quiet",
        "--profile",
        "instructions",
        "--manifest-path",
        bench::MANIFEST,
        "--bin",
        name,
    ]))?;
    let metadata = shell::read(shell::cargo().args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--manifest-path",
        bench::MANIFEST,
    ]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).context("cargo's metadata")?;
    let target = metadata["target_directory"].as_str().context("cargo names no target directory")?;
    Ok(Path::new(target).join("instructions").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn count(program: &Path, subject: &str, scene: &str) -> Result<u64> {
    let (few, many) = EVENTS;
    let fewest = |events| fewest(|| run_once(program, subject, scene, events));
    Ok(fewest(many)?.saturating_sub(fewest(few)?) / (many - few))
}

/// Runs until the two lowest counts differ by at most one in two thousand, and returns the lowest.
///
/// The writer's thread counts too, and what it does depends on when it runs: on a busy machine a run may cost more, and
/// none costs less.
fn fewest(mut run: impl FnMut() -> Result<u64>) -> Result<u64> {
    let mut counts = vec![run()?];
    while counts.len() < MOST_RUNS {
        counts.push(run()?);
        counts.sort_unstable();
        if let [lowest, next, ..] = counts.as_slice()
            && next - lowest <= lowest / 2_000
        {
            break;
        }
    }
    counts.into_iter().min().context("nothing was counted")
}

fn run_once(program: &Path, subject: &str, scene: &str, events: u64) -> Result<u64> {
    let file = program.with_file_name(format!("{subject}-{scene}-{events}.log"));
    // Left behind, perhaps, by a run that was ended.
    drop(std::fs::remove_file(&file));
    let output = shell::command("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([subject, scene, &events.to_string()])
        .arg(&file)
        .output()
        .context("valgrind could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`lines {subject} {scene} {events}` failed under valgrind\n{said}");
    }
    check_lines(&file, subject, events)?;
    collected(&said).with_context(|| format!("callgrind names no count:\n{said}"))
}

/// Checks that the counted program wrote what it is counted for, and masked the secret that it planted.
fn check_lines(file: &Path, subject: &str, events: u64) -> Result<()> {
    if matches!(subject, "nothing" | "visits") {
        return Ok(());
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("{subject} wrote no file"))?;
    drop(std::fs::remove_file(file));
    let is_ours = !PEERS.contains(&subject);
    let lines = text.lines().count() as u64;
    if lines != events + u64::from(is_ours) {
        bail!("{subject} wrote {lines} lines of {events}");
    }
    if is_ours && (text.contains("hunter2") || !text.contains("planted")) {
        bail!("{subject} does not mask the planted secret");
    }
    Ok(())
}

/// Reads the count out of `==1== Collected : 123`.
pub(crate) fn collected(said: &str) -> Option<u64> {
    let (_, count) = said.lines().find(|line| line.contains("Collected"))?.split_once(" : ")?;
    count.trim().parse().ok()
}

/// Names the compiler and its host, as figures are kept by them.
fn toolchain() -> Result<String> {
    let said = shell::read(shell::command("rustc").arg("-vV"))?;
    let version = said.lines().next().context("rustc names no version")?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(format!("{version} {host}"))
}

fn read(path: &Path) -> Result<Figures> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{FIGURES} cannot be read"))?;
    toml::from_str(&text).with_context(|| format!("{FIGURES} is not a table of figures"))
}

fn written(figures: &Figures) -> String {
    let mut text =
        "# Instructions per event. `cargo xtask bench instructions` compares, `--record` writes.\n"
            .to_owned();
    let (limits, toolchains): (Vec<_>, Vec<_>) = figures.iter().partition(|(name, _)| *name == LIMITS);
    for (name, row) in limits.into_iter().chain(toolchains) {
        text.push_str(&format!("\n[{name:?}]\n"));
        row.iter().for_each(|(name, count)| text.push_str(&format!("{name:?} = {count}\n")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(count: u64) -> BTreeMap<String, u64> {
        [("json plain".to_owned(), count)].into()
    }

    #[test]
    fn a_busy_machine_costs_runs_and_raises_no_figure() {
        // (what the runs count, how many are made, the figure)
        let cases: [(&[u64], usize, u64); 4] = [
            (&[40_000, 40_010], 2, 40_000),
            (&[41_000, 40_000, 40_001], 3, 40_000),
            (&[40_000, 43_000, 42_000, 40_019], 4, 40_000),
            (&[50_000, 49_000, 48_000, 47_000, 46_000, 45_000, 44_000], MOST_RUNS, 45_000),
        ];
        for (counts, runs, expected) in cases {
            let mut left = counts.iter().copied();
            let figure = fewest(|| left.next().context("no more")).unwrap();
            assert_eq!((counts.len() - left.len(), figure), (runs, expected), "{counts:?}");
        }
    }

    #[test]
    fn a_figure_above_limit_or_record_is_too_high() {
        for (limit, recorded, expected) in [
            (None, None, 0),
            (Some(1000), None, 0),
            (Some(999), None, 1),
            (None, Some(971), 0),
            (None, Some(970), 1),
            (Some(999), Some(1000), 1),
        ] {
            let table = judge(&row(1000), limit.map(row).as_ref(), recorded.map(row).as_ref());
            assert_eq!(table.too_high, expected, "{limit:?} {recorded:?}");
        }
    }

    #[test]
    fn figures_are_read_as_they_were_written() {
        let figures: Figures = [(LIMITS.to_owned(), row(2900)), ("rustc 1.0.0".to_owned(), row(2500))].into();
        assert_eq!(toml::from_str::<Figures>(&written(&figures)).unwrap(), figures);
    }

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 3921345\n==7==\n";
        assert_eq!(collected(said), Some(3_921_345));
        assert_eq!(collected("==7== killed"), None);
    }
}
