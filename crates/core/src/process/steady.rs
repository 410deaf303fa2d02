//! The time of the process: it follows elapsed time, whatever is done to the wall clock.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use crate::clock;

/// The wall clock at the first look, and the uptime then.
static BEGAN: OnceLock<(SystemTime, Duration)> = OnceLock::new();
/// How far the wall clock was set since then, in milliseconds.
static STEP: AtomicI64 = AtomicI64::new(0);

/// Returns the wall-clock time at the first call in this process, plus the time since then, suspends included.
///
/// A wall clock that is set forward or back changes nothing in it: ages, windows and pauses are measured with it.
#[must_use]
pub fn steady_now() -> SystemTime {
    let (began, uptime) = *BEGAN.get_or_init(|| (clock::now(), clock::uptime()));
    began + clock::uptime().saturating_sub(uptime)
}

/// Returns how far the wall clock was set since the first call of [`steady_now`], in milliseconds, as last noted.
///
/// Added to a time of [`steady_now`], it gives the time that people know.
#[must_use]
pub fn wall_step() -> i64 {
    STEP.load(Ordering::Relaxed)
}

/// Notes how far the wall clock was set.
pub fn note_wall_step(millis: i64) {
    STEP.store(millis, Ordering::Relaxed);
}
