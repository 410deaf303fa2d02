//! The reports of watchfire about itself, on stderr or in a callback.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Says what nobody else can be told: on stderr, once a minute per kind, without a secret. Clones share the pace.
///
/// It is not `tracing`: what goes wrong with an alert must not become an alert.
#[derive(Clone, Default)]
pub struct SelfLog(Arc<SelfLogShared>);

#[derive(Default)]
struct SelfLogShared {
    hook: Option<Hook>,
    said: Mutex<HashMap<String, LastReport>>,
}

type Hook = Box<dyn Fn(&str) + Send + Sync>;

struct LastReport {
    at: Instant,
    held: u64,
}

/// How long one kind of line stays quiet after it was said.
const PACE: Duration = Duration::from_secs(60);
/// How many kinds are told apart; beyond that all share one.
const KINDS: usize = 256;

impl SelfLog {
    /// Hands the lines to `hook` instead of stderr.
    pub fn to(hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(SelfLogShared { hook: Some(Box::new(hook)), said: Mutex::default() }))
    }

    /// Says `line` now, whatever was said before.
    pub fn say(&self, line: impl fmt::Display) {
        let line = line.to_string();
        let line = crate::process::mask_own_secrets(&line);
        match &self.0.hook {
            // A hook that panics costs a line, and never the thread that says it.
            Some(hook) => crate::guard::caught(|| hook(&line)).unwrap_or_default(),
            None => crate::process::write_stderr(&format!("watchfire: {line}\n")),
        }
    }

    /// Says `line`, unless one of this `kind` was said in the last minute; then it is counted and said with the next.
    pub fn say_paced(&self, kind: &str, now: Instant, line: impl fmt::Display) {
        // In a forked child the lock may be held for ever: then the line is not said.
        let Some(mut said) = crate::process::try_lock_for_a_while(&self.0.said) else { return };
        let kind = if said.len() >= KINDS && !said.contains_key(kind) { "other" } else { kind };
        let held = match said.get_mut(kind) {
            Some(last) if now.saturating_duration_since(last.at) < PACE => {
                last.held += 1;
                return;
            }
            Some(last) => {
                last.at = now;
                std::mem::take(&mut last.held)
            }
            None => {
                said.insert(kind.to_owned(), LastReport { at: now, held: 0 });
                0
            }
        };
        // The hook is a user's: no lock of ours while it runs.
        drop(said);
        match held {
            0 => self.say(line),
            n => self.say(format_args!("{line} ({n} more like this in between)")),
        }
    }
}

impl fmt::Debug for SelfLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfLog").field("hook", &self.0.hook.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_a_kind_once_a_minute_and_counts_the_rest() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let log = SelfLog::to(move |line| sink.lock().unwrap().push(line.to_owned()));
        let start = crate::clock::instant();
        for second in [0, 1, 59, 60, 61] {
            log.say_paced("slack down", start + Duration::from_secs(second), format_args!("at {second}"));
        }
        log.say_paced("mail down", start, "mail");
        assert_eq!(*lines.lock().unwrap(), ["at 0", "at 60 (2 more like this in between)", "mail"]);
    }

    #[test]
    fn a_hook_that_panics_harms_nobody() {
        let log = SelfLog::to(|line| assert!(line.is_empty(), "no"));
        log.say("a line");
        log.say_paced("kind", crate::clock::instant(), "a line");
    }
}
