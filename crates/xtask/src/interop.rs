//! Checks against programs that others wrote. One file per peer; a new one joins in [`PEERS`].

mod python;
mod smtp;

use anyhow::{Result, bail};

use crate::Interop;
use crate::shell::{Paint, paint};
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

const PEERS: &[Peer] = &[smtp::PEER];

/// Meets all peers whose name contains the filter, and returns those that were skipped.
///
/// # Errors
/// When a check fails, or one is skipped although interop is required.
pub(crate) fn run(interop: Interop, filter: Option<&str>) -> Result<Vec<Skipped>> {
    let chosen: Vec<&Peer> =
        PEERS.iter().filter(|peer| filter.is_none_or(|filter| peer.name.contains(filter))).collect();
    if interop == Interop::Off {
        let why = "--interop off".to_owned();
        return Ok(chosen
            .iter()
            .map(|peer| Skipped { what: peer.name.to_owned(), why: why.clone() })
            .collect());
    }
    let tally = meet_all(&chosen, interop);
    let Tally { passed, failed, skipped } = &tally;
    let word = if *failed == 0 { paint(Paint::Good, "ok") } else { paint(Paint::Bad, "FAILED") };
    // The shape of the test harness's own closing line, so that one reader counts all.
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {} ignored; 0 measured; {} filtered out\n",
        skipped.len(),
        PEERS.len() - chosen.len()
    );
    if *failed > 0 {
        bail!("{failed} interop check(s) failed");
    }
    Ok(tally.skipped)
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: Vec<Skipped>,
}

fn meet_all(peers: &[&Peer], interop: Interop) -> Tally {
    println!("\nrunning {} interop checks", peers.len());
    let mut tally = Tally::default();
    for peer in peers {
        let told = match (peer.prepare)() {
            Err(error) if interop == Interop::Auto => {
                tally.skipped.push(Skipped { what: peer.name.to_owned(), why: format!("{error:#}") });
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

    fn counts(interop: Interop) -> (usize, usize, usize) {
        let tally = meet_all(&[&MISSING, &BROKEN, &GOOD], interop);
        (tally.passed, tally.failed, tally.skipped.len())
    }

    #[test]
    fn a_missing_peer_is_skipped_with_its_reason() {
        assert_eq!(counts(Interop::Auto), (1, 1, 1));
        let tally = meet_all(&[&MISSING], Interop::Auto);
        assert_eq!(tally.skipped, [Skipped { what: "missing".into(), why: "not to be had".into() }]);
    }

    #[test]
    fn a_missing_peer_fails_when_interop_is_required() {
        assert_eq!(counts(Interop::Required), (1, 2, 0));
    }
}
