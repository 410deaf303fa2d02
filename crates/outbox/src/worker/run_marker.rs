//! Keep the mark of this program in the spool, and make the alert of one that was left behind.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use watchfire_core::{
    Alert, App, Severity, clock, counted,
    process::{self, try_lock_for_a_while},
};

use crate::{
    aggregate::GROUP_FIELD,
    model::{Timestamp, random, text::format_timestamp},
    spool::{Disk, LeftMarker, Marker, Owner, Runner},
};

/// How the end of a program is reported that ran no code: a crash, `kill -9`, the loss of power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UncleanEnd {
    /// As a warning.
    #[default]
    Warn,
    /// As critical.
    Critical,
    /// Not at all: the end of this program is not reported, and it reports no other.
    Off,
}

impl UncleanEnd {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Warn => Some(Severity::Warn),
            Self::Critical => Some(Severity::Critical),
            Self::Off => None,
        }
    }
}

/// The mark of this program, and how those of others are reported.
#[derive(Debug)]
pub(crate) struct RunMarker {
    /// `None` without a spool.
    inner: Option<Inner>,
}

#[derive(Debug)]
struct Inner {
    disk: Disk,
    runner: Runner,
    /// `None` if nothing is to be reported.
    severity: Option<Severity>,
    tag: u32,
    /// How often the process was forked when the mark was made.
    forks: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// The folder could not be written to, or the file was removed by hand.
    Missing,
    Set(Marker),
    /// The program ends in order: it is not set again.
    Ended,
}

impl RunMarker {
    /// Sets the mark.
    pub(crate) fn new(disk: Option<&Disk>, app: &App, report: UncleanEnd, now: SystemTime) -> Self {
        let severity = report.severity();
        let inner = disk.cloned().map(|disk| Inner {
            runner: Runner::this(app, &Owner::this(app.host_name()), severity.is_none(), now),
            disk,
            severity,
            tag: random::bits(),
            forks: process::forks(),
            state: Mutex::new(State::Missing),
        });
        if let Some(inner) = &inner {
            inner.set(&mut inner.state.lock().unwrap_or_else(PoisonError::into_inner), now);
        }
        Self { inner }
    }

    /// Says once a minute that the program lives.
    pub(crate) fn touch(&self, now: SystemTime) {
        let Some(inner) = &self.inner else { return };
        let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = match &mut *state {
            State::Set(marker) => marker.touch(now),
            State::Missing => false,
            State::Ended => true,
        };
        if !is_there {
            inner.set(&mut state, now);
        }
    }

    /// Removes the mark: the program ends in order.
    pub(crate) fn remove(&self) {
        // At the exit whoever holds the lock may be the thread that exits. In a forked child the mark is the parent's.
        if let Some(inner) = &self.inner
            && inner.forks == process::forks()
            && let Some(mut state) = try_lock_for_a_while(&inner.state)
            && let State::Set(marker) = std::mem::replace(&mut *state, State::Ended)
        {
            marker.remove();
        }
    }

    /// Finds the marks that programs have left behind.
    pub(crate) fn left(&self, now: SystemTime) -> Vec<LeftMarker> {
        self.inner
            .as_ref()
            .map_or_else(Vec::new, |inner| LeftMarker::find(inner.disk.root(), &inner.runner, now))
    }

    /// Makes the alert of a mark; `waiting` alerts are in the spool.
    pub(crate) fn alert(&self, left: &LeftMarker, waiting: usize) -> Option<Alert> {
        let severity = self.inner.as_ref()?.severity?;
        // A clock that was ahead, and has been set since.
        let last_seen = left.last_seen.min(clock::now());
        Some(alert(&left.runner, last_seen, severity, waiting))
    }
}

/// The last user of the outbox is gone, and its worker could not be started: also an orderly end.
impl Drop for RunMarker {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Inner {
    fn set(&self, state: &mut State, now: SystemTime) {
        // The spool says itself what is wrong with the folder.
        let marker = Marker::set(&self.disk, &self.runner, self.tag, now).ok();
        *state = marker.map_or(State::Missing, State::Set);
    }
}

fn alert(runner: &Runner, last_seen: SystemTime, severity: Severity, waiting: usize) -> Alert {
    let app = runner.app();
    let seen = format_timestamp(last_seen);
    let waiting = match waiting {
        0 => "no alerts waiting".to_owned(),
        n => format!("{} waiting", counted(n as u64, "alert")),
    };
    let message =
        format!("{} ended without an orderly exit: last seen alive at {seen}, {waiting}", app.name());
    // One group for all of a program: each says other times and numbers.
    let group = format!("unclean end of {}", app.name());
    Alert::new(Arc::new(app), severity, message)
        .target("watchfire::exit")
        .field("process", runner.pid.to_string())
        .field("started", format_timestamp(Timestamp::from_millis(runner.started).to_unix()))
        .field(GROUP_FIELD, group)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use watchfire_core::clock;

    use super::*;

    #[test]
    fn the_alert_names_the_program_that_has_ended() {
        let app = App::new("shop").environment("production").host("web-1").pid(4711);
        let seen = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_565_910);
        let runner = Runner::this(&app, &Owner::new("web-1", 4711, "1-2"), false, seen);
        // (alerts in the spool, what is said of them)
        for (waiting, said) in [(0, "no alerts"), (1, "1 alert"), (3, "3 alerts")] {
            let alert = alert(&runner, seen, Severity::Warn, waiting);
            assert_eq!(
                alert.message,
                format!(
                    "shop ended without an orderly exit: last seen alive at 2026-12-06T14:05:10Z, {said} waiting"
                )
            );
            assert_eq!(*alert.app, app);
            assert_eq!(alert.severity, Severity::Warn);
        }
    }

    #[test]
    fn a_program_that_wants_no_report_has_a_mark_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), "here").unwrap();
        let app = App::new("shop");
        let count = || std::fs::read_dir(folder.path().join("state/running")).map_or(0, Iterator::count);
        let none = RunMarker::new(None, &app, UncleanEnd::Warn, clock::now());
        none.touch(clock::now());
        assert_eq!(count(), 0, "without a spool");
        for report in [UncleanEnd::Off, UncleanEnd::Critical] {
            let marker = RunMarker::new(Some(&disk), &app, report, clock::now());
            assert_eq!(count(), 1, "{report:?}");
            marker.remove();
            marker.touch(clock::now());
            assert_eq!(count(), 0, "after its end it is not set again");
        }
    }
}
