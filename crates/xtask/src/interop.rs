//! Checks against programs that others wrote. One file per peer; a new one joins in [`PEERS`].

mod logging;
mod node;
mod python;
mod sentry;
mod slack;
mod smtp;
mod twilio;

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use crate::Interop;
use crate::shell::{self, Paint, paint};
use crate::stage::Skipped;

/// One program of somebody else that ours must get on with.
struct Peer {
    /// How the filter of `cargo xtask test` finds it.
    name: &'static str,
    /// Installs the peer; an error means that it cannot be had, and is no failure of ours.
    prepare: fn() -> Result<()>,
    /// Meets it; an error is a failure.
    meet: fn() -> Result<()>,
}

const PEERS: &[Peer] = &[
    smtp::PEER,
    slack::PEER,
    twilio::REQUESTS,
    twilio::SEGMENTS,
    sentry::SCHEMA,
    sentry::BUGSINK,
    logging::FORMATS,
];

/// Meets all peers whose name contains the filter, and notes those that were skipped.
///
/// # Errors
/// When a check fails, or one is skipped although interop is required.
pub(crate) fn run(interop: Interop, filter: Option<&str>, skipped: &mut Vec<Skipped>) -> Result<()> {
    let chosen: Vec<&Peer> =
        PEERS.iter().filter(|peer| filter.is_none_or(|filter| peer.name.contains(filter))).collect();
    let before = skipped.len();
    let Tally { passed, failed } = meet_all(&chosen, interop, skipped);
    let word = if failed == 0 { paint(Paint::Good, "ok") } else { paint(Paint::Bad, "FAILED") };
    // The shape of the test harness's own closing line, so that one reader counts all.
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {} ignored; 0 measured; {} filtered out\n",
        skipped.len() - before,
        PEERS.len() - chosen.len()
    );
    if failed > 0 {
        bail!("{failed} interop check(s) failed");
    }
    Ok(())
}

/// Returns the folder of our scripts in other languages.
fn scripts() -> PathBuf {
    shell::root().join("crates/xtask/interop")
}

/// Builds an example, and returns the file that holds what it printed.
fn printed(package: &str, example: &str, arguments: &[&str]) -> Result<PathBuf> {
    let run = ["run", "--quiet", "--package", package, "--example", example, "--"];
    let text = shell::read(shell::cargo().args(run).args(arguments))?;
    let path = shell::tools().join(format!("{example}.jsonl"));
    std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
}

fn meet_all(peers: &[&Peer], interop: Interop, skipped: &mut Vec<Skipped>) -> Tally {
    println!("\nrunning {} interop checks", peers.len());
    let mut tally = Tally::default();
    for peer in peers {
        let prepared = if interop == Interop::Off { Err(anyhow!("--interop off")) } else { (peer.prepare)() };
        let told = match prepared {
            Err(error) if interop != Interop::Required => {
                skipped.push(Skipped { what: peer.name.to_owned(), why: format!("{error:#}") });
                paint(Paint::Note, "ignored")
            }
            prepared => match prepared.and_then(|()| (peer.meet)()) {
                Ok(()) => {
                    tally.passed += 1;
                    paint(Paint::Good, "ok")
                }
                Err(error) => {
                    tally.failed += 1;
                    format!("{}\n{error:#}", paint(Paint::Bad, "FAILED"))
                }
            },
        };
        println!("test {} ... {told}", peer.name);
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: Peer = Peer { name: "missing", prepare: || bail!("not to be had"), meet: || Ok(()) };
    const BROKEN: Peer = Peer { name: "broken", prepare: || Ok(()), meet: || bail!("does not get on") };
    const GOOD: Peer = Peer { name: "good", prepare: || Ok(()), meet: || Ok(()) };

    fn check(interop: Interop, passed: usize, failed: usize, expected: &[(&str, &str)]) {
        let mut skipped = Vec::new();
        let tally = meet_all(&[&MISSING, &BROKEN, &GOOD], interop, &mut skipped);
        assert_eq!(tally, Tally { passed, failed }, "{interop:?}");
        let skipped: Vec<_> = skipped.iter().map(|left| (left.what.as_str(), left.why.as_str())).collect();
        assert_eq!(skipped, expected, "{interop:?}");
    }

    #[test]
    fn a_missing_peer_is_skipped_with_its_reason() {
        check(Interop::Auto, 1, 1, &[("missing", "not to be had")]);
    }

    #[test]
    fn a_missing_peer_fails_when_interop_is_required() {
        check(Interop::Required, 1, 2, &[]);
    }

    #[test]
    fn nobody_is_met_when_interop_is_off() {
        let why = "--interop off";
        check(Interop::Off, 0, 0, &[("missing", why), ("broken", why), ("good", why)]);
    }
}
